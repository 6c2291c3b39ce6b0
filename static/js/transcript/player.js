/* The sound. Events: time (every frame while playing, and after each jump), state (play, pause, waiting, rate, error). */

const BEFORE_MS = 3000;

export class Player extends EventTarget {
  constructor(audio) {
    super();
    this.audio = audio;
    this.failed = false;
    for (const name of ["play", "pause", "waiting", "playing", "ended", "ratechange", "loadedmetadata"]) {
      audio.addEventListener(name, () => this.dispatchEvent(new Event("state")));
    }
    audio.addEventListener("error", () => {
      this.failed = Boolean(audio.getAttribute("src"));
      this.dispatchEvent(new Event("state"));
    });
    audio.addEventListener("play", () => this.tick());
    audio.addEventListener("seeking", () => this.dispatchEvent(new Event("time")));
    audio.addEventListener("timeupdate", () => audio.paused && this.dispatchEvent(new Event("time")));
  }

  load(url, durationMs) {
    this.durationMs = durationMs;
    if (url && this.audio.getAttribute("src") !== url) this.audio.src = url;
    this.dispatchEvent(new Event("state"));
  }

  get ready() {
    return Boolean(this.audio.getAttribute("src")) && !this.failed;
  }

  get playing() {
    return !this.audio.paused;
  }

  get ms() {
    return this.audio.currentTime * 1000;
  }

  set rate(rate) {
    this.audio.playbackRate = rate;
    this.audio.defaultPlaybackRate = rate;
  }

  tick() {
    if (this.audio.paused) return;
    this.dispatchEvent(new Event("time"));
    requestAnimationFrame(() => this.tick());
  }

  seek(ms) {
    if (!this.ready) return;
    this.audio.currentTime = Math.max(0, Math.min(ms, this.durationMs)) / 1000;
    this.dispatchEvent(new Event("time"));
  }

  async play() {
    if (!this.ready) return;
    try {
      await this.audio.play();
    } catch (error) {
      if (error.name !== "AbortError" && error.name !== "NotAllowedError") this.failed = true;
      this.dispatchEvent(new Event("state"));
    }
  }

  /* A claim is heard with what came before it. */
  playBefore(ms) {
    this.seek(ms - BEFORE_MS);
    return this.play();
  }

  toggle() {
    if (this.playing) this.audio.pause();
    else this.play();
  }

  retry() {
    const at = this.audio.currentTime;
    this.failed = false;
    this.audio.load();
    this.audio.currentTime = at;
    return this.play();
  }
}
