"""How fast speech is recognised and how much memory it takes, beside OpenAI's own implementation.

.venv/bin/python bench/speech_speed.py [--data DIR] [--long-minutes 120] [--whisper-python PYTHON]

Three runs, each in a process of its own: 20 minutes (speed), two hours (memory), and two minutes through both engines
with the same weights at beam 5 (ratio). OpenAI's implementation needs requirements-whisper.txt; where it is installed
in another environment, --whisper-python names that one's python.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from speech_measure import DEFAULT_SPEECH, ROOT, looped, spoken_clips, write_sound

LIMIT_RTF = 0.10
LIMIT_MB = 700
LIMIT_RATIO = 3.0


@dataclass(frozen=True, slots=True)
class Run:
    """What one process measured: `seconds` of sound, `spent` seconds of work without loading, `peak_mb`.

    `cpu` is the processor time of the work: where the machine is shared it says what `spent` can't.
    """

    label: str
    seconds: float
    spent: float
    cpu: float
    peak_mb: float
    characters: int

    @property
    def rtf(self) -> float:
        """Seconds of work per second of sound."""
        return self.spent / self.seconds


def main() -> int:
    """Print the table; exit code 1 when a limit is missed."""
    asked = _arguments()
    if asked.child:
        _measure(asked)
        return 0
    clips = [clip for clip in spoken_clips(asked.data) if clip.group != "stream-dev"]
    with tempfile.TemporaryDirectory(prefix="livequal-bench-") as folder:
        sound = Path(folder) / "sound.wav"
        write_sound(sound, looped(clips, asked.minutes * 60))
        runs = [_run(asked, "faster_whisper", sound, f"{asked.minutes} min")]
        write_sound(sound, looped(clips, asked.long_minutes * 60))
        runs.append(_run(asked, "faster_whisper", sound, f"{asked.long_minutes} min"))
        write_sound(sound, looped(clips, asked.pair_seconds))
        pair = [_run(asked, "faster_whisper", sound, "pair"), _run(asked, "openai_whisper", sound, "pair")]
    return _report(runs, pair)


def _report(runs: list[Run | None], pair: list[Run | None]) -> int:
    print(
        f"{'run':<28}{'sound s':>9}{'work s':>9}{'cpu s':>8}{'RTF':>8}{'peak MB':>9}{'chars':>8}{'times as fast':>15}"
    )
    ours, reference = pair
    for run in [*runs, *pair]:
        if run is not None:
            ratio = f"{reference.rtf / run.rtf:.2f}" if reference is not None and run in pair else ""
            print(
                f"{run.label:<28}{run.seconds:>9.0f}{run.spent:>9.1f}{run.cpu:>8.1f}{run.rtf:>8.3f}{run.peak_mb:>9.0f}"
                f"{run.characters:>8}{ratio:>15}"
            )
    short, long, *_rest = runs
    missed = []
    if short is None or short.rtf > LIMIT_RTF:
        missed.append(f"real-time factor over {LIMIT_RTF}")
    if long is None or long.peak_mb > LIMIT_MB:
        missed.append(f"peak memory over {LIMIT_MB} MB")
    if reference is None or ours is None:
        print("OpenAI's implementation was not measured: it is not installed (requirements-whisper.txt).")
    elif reference.rtf / ours.rtf < LIMIT_RATIO:
        missed.append(f"less than {LIMIT_RATIO} times as fast as OpenAI's implementation")
    print("missed: " + "; ".join(missed) if missed else "all limits held")
    return int(bool(missed))


def _run(asked: argparse.Namespace, engine: str, sound: Path, label: str) -> Run | None:
    python = asked.whisper_python if engine == "openai_whisper" else sys.executable
    command = [python, __file__, "--child", engine, "--sound", str(sound), "--models", str(asked.models)]
    command += ["--model", asked.model, "--threads", str(asked.threads)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(asked.threads)} if engine == "openai_whisper" else None
    ran = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if ran.returncode != 0:
        print(f"{engine}: {(ran.stderr or ran.stdout).strip().splitlines()[-1:]}", file=sys.stderr)
        return None
    return Run(label=f"{engine} {label}", **json.loads(ran.stdout.splitlines()[-1]))


def _measure(asked: argparse.Namespace) -> None:
    from livequal.streams.engines import open_engine

    engine = open_engine(asked.child, asked.models, asked.model, asked.threads)
    begun, processor = time.perf_counter(), time.process_time()
    end_ms = characters = 0
    for window in engine.transcribe(asked.sound):
        end_ms = window.end_ms
        characters += sum(len(segment.text) for segment in window.segments)
    spent, cpu = time.perf_counter() - begun, time.process_time() - processor
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    measured = {"seconds": end_ms / 1000, "spent": spent, "cpu": cpu, "peak_mb": peak_mb, "characters": characters}
    print(json.dumps(measured))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DEFAULT_SPEECH)
    parser.add_argument("--models", type=Path, default=ROOT / "var" / "models")
    parser.add_argument("--model", default="base")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--minutes", type=int, default=20)
    parser.add_argument("--long-minutes", type=int, default=120)
    parser.add_argument("--pair-seconds", type=int, default=120)
    parser.add_argument("--whisper-python", default=sys.executable)
    parser.add_argument("--child", choices=("faster_whisper", "openai_whisper"), help=argparse.SUPPRESS)
    parser.add_argument("--sound", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
