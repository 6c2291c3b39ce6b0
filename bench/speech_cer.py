"""Character error rate and speed of a speech engine on each set of clips.

.venv/bin/python bench/speech_cer.py [--data DIR] [--engine faster_whisper] [--model base] [--jsonl FILE]
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from speech_measure import DEFAULT_SPEECH, ROOT, Spoken, error_rate, spoken_clips

from livequal.streams.engines import ENGINES, Transcriber, open_engine
from livequal.streams.engines.errors import NoEngine, NoModel

# What faster-whisper alone reached with the same weights (base, int8, beam 5, temperature 0, same repetition guards;
# the stream with its voice filter). The product must not be worse.
PEER = {"aishell-1": 18.0, "aishell-3": 17.5, "spoken by tts.py": 12.0, "stream-dev": 15.3}


def main() -> int:
    """Print the table; exit code 1 when a set is worse than the peer."""
    asked = _arguments()
    try:
        engine = open_engine(asked.engine, asked.models, asked.model, asked.threads)
    except (NoModel, NoEngine) as missing:
        print(missing)
        return 1
    groups: dict[str, list[Spoken]] = defaultdict(list)
    for clip in spoken_clips(asked.data):
        groups[clip.group].append(clip)
    rows = []
    worse = False
    print(f"{engine.engine} {engine.model}: {engine.version}\n")
    print(f"{'set':<20}{'files':>6}{'CER %':>8}{'peer %':>8}{'ratio':>7}{'unclear %':>11}{'RTF':>8}")
    for group, clips in groups.items():
        heard, unclear, spent = _hear(engine, clips)
        rate = error_rate([(clip.text, text) for clip, text in zip(clips, heard, strict=True)])
        seconds = sum(clip.seconds for clip in clips)
        peer = PEER.get(group, float("nan"))
        worse = worse or rate > peer + 0.05
        share = 100 * unclear / seconds
        print(
            f"{group:<20}{len(clips):>6}{rate:>8.1f}{peer:>8.1f}{rate / peer:>7.2f}{share:>11.1f}"
            f"{spent / seconds:>8.3f}"
        )
        rows += [{"file": clip.sound.name, "text": text} for clip, text in zip(clips, heard, strict=True)]
    if asked.jsonl:
        asked.jsonl.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    print("\nRTF: seconds of work per second of sound; short clips pay for a whole window each.")
    return int(worse)


def _hear(engine: Transcriber, clips: list[Spoken]) -> tuple[list[str], float, float]:
    """The texts, the seconds marked as not understood, the seconds it took."""
    texts, unclear = [], 0.0
    begun = time.perf_counter()
    for clip in clips:
        segments = [segment for window in engine.transcribe(clip.sound) for segment in window.segments]
        texts.append("".join(segment.text for segment in segments))
        unclear += sum((s.end_ms - s.start_ms) / 1000 for s in segments if s.unintelligible)
    return texts, unclear, time.perf_counter() - begun


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DEFAULT_SPEECH)
    parser.add_argument("--models", type=Path, default=ROOT / "var" / "models")
    parser.add_argument("--engine", choices=ENGINES[:2], default="faster_whisper")
    parser.add_argument("--model", default="base")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--jsonl", type=Path, help="also write {file, text} rows")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
