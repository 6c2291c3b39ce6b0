"""Speak the clips of courses: every clip review whose words have no sound yet, or other words than its sound.

    python bench/make_clips.py MODEL_DIR [COURSE_DIR …]

MODEL_DIR is made by the Mandarin speaker (LIVEQUAL_SPEAKER names its script, ../shared/speech/tts.py unless set), whose
packages must be installed. Each item gets clips/<item>.m4a and, beside it, the times of its sentences, tied to their
words and to the sound by digests; `flask courses check` names what is missing or stale.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import sys
from pathlib import Path
from typing import Any

import av
import numpy as np

from livequal.training.content import Item, ItemType, read_library
from livequal.training.content.clips import words_sha256

ROOT = Path(__file__).resolve().parent.parent
RATE = 16_000
PAUSE_S = 0.45
LEAD_S = 0.25
VOICES = ("zf_xiaoxiao", "zm_yunxi", "zf_xiaoyi", "zm_yunyang")


def main(arguments: list[str]) -> int:
    """Speak what is missing; answer how many items could not be spoken."""
    if not arguments:
        print(__doc__, file=sys.stderr)
        return 2
    speaker = _speaker(Path(arguments[0]))
    folders = [Path(one) for one in arguments[1:]] or [ROOT / "courses"]
    library, _faults = read_library(folders, whole=False)
    homes = {course.id: folder for course in library.courses for folder in _homes(folders, course.id)}
    silent = [
        (course.id, item)
        for course in library.courses
        for item in course.items
        if item.type is ItemType.CLIP_REVIEW and item.clip is None
    ]
    for number, (slug, item) in enumerate(silent, 1):
        seconds = speak(item, homes[slug], speaker)
        print(f"{number}/{len(silent)} {item.id}: {seconds:.1f} s", flush=True)
    return 0


def speak(item: Item, home: Path, speaker: Any) -> float:
    """Write an item's sound and times below its course; answers the sound's length in seconds."""
    voice = VOICES[int(hashlib.sha256(item.id.encode()).hexdigest(), 16) % len(VOICES)]
    parts, times, at = [np.zeros(int(LEAD_S * RATE), dtype=np.float32)], [], int(LEAD_S * RATE)
    for segment in item.body["segments"]:
        wave = speaker.say(segment["text"], voice)
        start, at = at, at + len(wave)
        times.append({"id": segment["id"], "start_ms": start * 1000 // RATE, "end_ms": at * 1000 // RATE})
        pause = np.zeros(int(PAUSE_S * RATE), dtype=np.float32)
        parts += [wave, pause]
        at += len(pause)
    folder = home / "clips"
    folder.mkdir(exist_ok=True)
    path = folder / f"{item.id}.m4a"
    sound = np.concatenate(parts)
    _write_m4a(path, sound)
    told = {
        "words_sha256": words_sha256(item.body["segments"]),
        "sound_sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "voice": voice,
        "segments": times,
    }
    path.with_suffix(".json").write_text(json.dumps(told, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return len(sound) / RATE


def _write_m4a(path: Path, sound: Any) -> None:
    """AAC in MP4: the one sound that every phone plays, WeChat on an iPhone included."""
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as output:
        stream = output.add_stream("aac", rate=RATE, bit_rate=48_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(sound.astype(np.float32).reshape(1, -1), format="fltp", layout="mono")
        frame.sample_rate = RATE
        fifo = av.AudioFifo()
        fifo.write(frame)
        while chunk := fifo.read(1024) or fifo.read(partial=True):
            output.mux(stream.encode(chunk))
        output.mux(stream.encode(None))


def _homes(folders: list[Path], slug: str) -> list[Path]:
    below = [folder / slug for folder in folders] + [folder for folder in folders if folder.name == slug]
    return [path for path in below if (path / "course.yaml").is_file()]


def _speaker(model_dir: Path) -> Any:
    script = Path(os.environ.get("LIVEQUAL_SPEAKER") or ROOT.parent / "shared" / "speech" / "tts.py")
    spec = importlib.util.spec_from_file_location("speaker", script)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Speaker(model_dir)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
