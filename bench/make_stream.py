"""Make a long stream out of the short spoken clips of tests/media: for measuring, for load, for killing workers.

    .venv/bin/python bench/make_stream.py OUT.flac --minutes 20 [--music-db 15]

OUT may end in .flac, .wav, .ogg, .m4a, .mp4 (the last with a picture). Beside it OUT.json says what is spoken when.
The same arguments give the same sound.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from fractions import Fraction
from itertools import cycle
from pathlib import Path
from typing import Any

import av
import numpy as np

CLIPS = Path(__file__).resolve().parent.parent / "tests" / "media"
RATE = 48_000
CODECS = {".flac": "flac", ".wav": "pcm_s16le", ".ogg": "libopus", ".m4a": "aac", ".mp4": "aac"}
MUXERS = {".m4a": "mp4", ".mp4": "mp4", ".ogg": "ogg", ".wav": "wav", ".flac": "flac"}
# C, A minor, F, G in close position, as steps above A4.
CHORDS = ((-9, -5, -2), (-12, -9, -5), (-16, -12, -9), (-14, -10, -7))
BEAT_S = 0.5
PAUSES_S = (0.5, 0.8, 1.2, 0.6, 2.0)
GAP_EVERY, GAP_S = 20, 8.0


def music(seconds: float, rate: int = RATE, seed: int = 1) -> Any:
    """Synthetic dance music of root mean square 1: chords, a bass, a melody and drums, 120 beats a minute."""
    chance = np.random.default_rng(seed)
    count = round(seconds * rate)
    out = np.zeros(count + rate, dtype=np.float64)
    for beat in range(int(seconds / BEAT_S) + 1):
        start = round(beat * BEAT_S * rate)
        chord = CHORDS[beat // 4 % len(CHORDS)]
        for step in chord:
            _add(out, start, _tone(step, BEAT_S * 1.1, rate, overtones=4) * 0.22)
        _add(out, start, _tone(chord[0] - 24, BEAT_S, rate, overtones=3) * 0.5)
        for half in (0, 1):
            step = int(chance.choice(chord)) + 12
            _add(out, start + round(half * BEAT_S / 2 * rate), _tone(step, BEAT_S / 2, rate, overtones=6) * 0.3)
            hiss = chance.standard_normal(round(0.06 * rate)) * np.exp(-np.linspace(0, 8, round(0.06 * rate)))
            _add(out, start + round(half * BEAT_S / 2 * rate), hiss * 0.25)
        at = np.arange(round(0.15 * rate)) / rate
        _add(out, start, np.sin(2 * np.pi * (50 * at + 4 * (1 - np.exp(-at * 30)))) * np.exp(-at * 22) * 0.9)
    out = out[:count]
    return (out / max(1e-9, float(np.sqrt(np.mean(out**2))))).astype(np.float32)


def loudness(sound: Any) -> float:
    """Root mean square of what is not silence."""
    loud = sound[np.abs(sound) > 0.01]
    return float(np.sqrt(np.mean(np.square(loud, dtype=np.float64)))) if len(loud) else 0.0


def _tone(step: int, seconds: float, rate: int, overtones: int) -> Any:
    at = np.arange(round(seconds * rate)) / rate
    pitch = 440.0 * 2 ** (step / 12)
    wave = sum(np.sin(2 * np.pi * pitch * n * at) / n for n in range(1, overtones + 1) if pitch * n < rate / 2)
    return wave * np.exp(-at * 3) * np.minimum(1, at * 200)


def _add(out: Any, start: int, sound: Any) -> None:
    end = min(len(out), start + len(sound))
    if end > start:
        out[start:end] += sound[: end - start]


def decoded(path: Path, rate: int = RATE) -> Any:
    """A file's sound as mono samples from -1 to 1."""
    resampler = av.AudioResampler(format="flt", layout="mono", rate=rate)
    with av.open(str(path)) as container:
        frames = [made for frame in container.decode(audio=0) for made in resampler.resample(frame)]
    frames += resampler.resample(None)
    return np.concatenate([frame.to_ndarray().reshape(-1) for frame in frames])


def written(path: Path, blocks: Iterator[Any], *, bit_rate: int = 64_000, rate: int = RATE) -> int:
    """Encode blocks of mono samples into a file, in constant memory; answers how many samples there were."""
    kind = path.suffix
    total = 0
    with av.open(str(path), "w", format=MUXERS[kind], options={"fflags": "+bitexact"}) as container:
        picture: Any = None
        if kind == ".mp4":
            picture = container.add_stream("mpeg4", rate=1)
            picture.width, picture.height, picture.pix_fmt = 64, 48, "yuv420p"
        stream: Any = container.add_stream(CODECS[kind], rate=rate, layout="mono")
        if kind in {".ogg", ".m4a", ".mp4"}:
            stream.bit_rate = bit_rate
        shown = 0
        for block in blocks:
            frame = av.AudioFrame.from_ndarray(
                (np.clip(block, -1, 1) * 32767).astype(np.int16).reshape(1, -1), format="s16", layout="mono"
            )
            frame.rate, frame.pts, frame.time_base = rate, total, Fraction(1, rate)
            total += len(block)
            # The encoder's own format and frame size are the library's to see to.
            container.mux(stream.encode(frame))
            while picture is not None and shown < total // rate:
                image = av.VideoFrame.from_ndarray(np.full((48, 64, 3), shown % 255, dtype=np.uint8), format="rgb24")
                image.pts, image.time_base = shown, Fraction(1, 1)
                container.mux(picture.encode(image))
                shown += 1
        container.mux(stream.encode(None))
        if picture is not None:
            container.mux(picture.encode(None))
    return total


def stream(minutes: float, music_db: float | None, lines: list[dict[str, Any]]) -> Iterator[Any]:
    """Blocks of sound: clips with pauses between, a gap without speech now and then, music below when asked for.

    `lines` is filled with what is spoken when; `music_db` is how much louder the speech is.
    """
    clips = [(json.loads(path.read_text(encoding="utf-8")), path) for path in sorted(CLIPS.glob("*.json"))]
    sounds = [(told, decoded(path.with_name(told["file"]))) for told, path in clips]
    speech = float(np.mean([loudness(sound) for _told, sound in sounds]))
    bed = None if music_db is None else music(32.0) * speech * 10 ** (-music_db / 20)
    pauses = cycle(PAUSES_S)
    position, end = 0, round(minutes * 60 * RATE)
    for turn, (told, sound) in enumerate(cycle(sounds)):
        gap = GAP_S if turn % GAP_EVERY == GAP_EVERY - 1 else next(pauses)
        block = np.concatenate([sound, np.zeros(round(gap * RATE), dtype=np.float32)])[: end - position]
        start_ms = round(position * 1000 / RATE)
        for line in told["lines"]:
            times = {key: start_ms + line[key] for key in ("start_ms", "end_ms")}
            if times["end_ms"] <= minutes * 60_000:
                lines.append({**line, **times})
        if bed is not None:
            block = block + np.take(bed, np.arange(position, position + len(block)), mode="wrap")
        yield block
        position += len(block)
        if position >= end:
            return


def main() -> None:
    """Make one stream."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--music-db", type=float, help="how much louder the speech is than the music below it")
    asked = parser.parse_args()
    if asked.out.suffix not in CODECS:
        parser.error(f"OUT must end in one of {', '.join(CODECS)}")
    lines: list[dict[str, Any]] = []
    samples = written(asked.out, stream(asked.minutes, asked.music_db, lines))
    told = {"file": asked.out.name, "duration_ms": round(samples * 1000 / RATE), "lines": lines}
    asked.out.with_suffix(".json").write_text(json.dumps(told, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    print(f"{asked.out}: {samples / RATE:.1f} s, {len(lines)} sentences, {asked.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
