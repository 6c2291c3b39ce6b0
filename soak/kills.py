"""Transcribe a file undisturbed, then with its worker killed again and again: the transcripts must be identical.

    .venv/bin/python soak/kills.py [--minutes 20] [--kills 5] [--seed 1] [--database sqlite|postgresql|both]

Each run has an installation of its own. SIGKILL comes at random points of the progress shown; `flask serve` starts the
worker again, and the lease of its jobs runs out. Compared are all columns of all segments, the flags and the cases.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from installation import (
    Installation,
    databases,
    digest,
    emptied,
    installation,
    make_stream,
    progress,
    segments,
    upload,
    wait_until,
    without,
)

PATIENCE_S = 3600
NUMBERED = {"id", "transcript_id", "recording_id", "flag_id", "segment_id", "end_segment_id", "pack_id", "read_text_id"}
TIMED = {"opened_at", "raised_at"}


@dataclass(frozen=True)
class Outcome:
    """What one run left: digests, and how it went."""

    segments: str
    flags: str
    count: int
    flag_count: int
    seconds: float
    killed_at: tuple[int, ...]
    problems: tuple[str, ...]


def main() -> int:
    """Compare on each database; 1 when anything differs."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--minutes", type=float, default=20)
    options.add_argument("--kills", type=int, default=5)
    options.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10_000))
    options.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    asked = options.parse_args()
    luck = random.Random(asked.seed)
    # A short file has few windows: late in it, the next thing shown may be its end.
    latest = 96 if asked.minutes >= 5 else 40
    print(f"{asked.minutes:g} minutes, {asked.kills} kills, seed {asked.seed}")
    well = True
    calm: Outcome | None = None
    with tempfile.TemporaryDirectory(prefix="livequal-kills-") as folder:
        path = Path(folder) / "long.flac"
        make_stream(path, asked.minutes)
        for kind, url in databases(asked.database, "kills"):
            if calm is None:
                with installation(database=url, LIVEQUAL_JOB_SLOTS="1") as place:
                    calm = _told(f"undisturbed, {kind}", _run(place, path, []))
                emptied(url)
            moments = sorted(luck.randrange(2, latest) for _kill in range(asked.kills))
            with installation(database=url, LIVEQUAL_JOB_SLOTS="1") as place:
                killed = _told(f"killed, {kind}", _run(place, path, moments))
            well = _same(calm, killed, asked.kills) and well
    print("identical" if well else "NOT identical")
    return 0 if well else 1


def _run(place: Installation, path: Path, moments: list[int]) -> Outcome:
    moderator = place.sign_in()
    begun = time.monotonic()
    recording_id = upload(moderator, path)
    killed: list[int] = []
    until = begun + PATIENCE_S
    while (shown := progress(moderator, recording_id))["state"] != "ready":
        if time.monotonic() > until or shown["state"] in {"failed", "refused", "cancelled"}:
            raise SystemExit(f"The recording did not get ready: {shown}\n{place.log.read_text()[-3000:]}")
        if len(killed) < len(moments) and shown["state"] == "working" and shown["percent"] >= moments[len(killed)]:
            killed.append(_kill(place, shown["percent"]))
        time.sleep(0.2)
    seconds = time.monotonic() - begun
    wait_until(
        lambda: place.value("SELECT count(*) FROM job WHERE state IN ('queued','running')") == 0, 120, "all jobs ended"
    )
    rows, flags = segments(place, recording_id), _flags(place, recording_id)
    problems = [*place.leavings(), *place.complaints()]
    return Outcome(digest(rows), digest(flags), len(rows), len(flags), seconds, tuple(killed), tuple(problems))


def _kill(place: Installation, percent: int) -> int:
    pid = wait_until(place.worker, 30, "there is a worker to kill")
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: place.worker() not in {0, pid}, 30, "another worker is there")
    # Until its lease has run out, the job still looks as if somebody worked on it: the next kill must meet real work.
    before = place.value("SELECT max(token) FROM job WHERE state = 'running'")
    wait_until(
        lambda: (
            (place.value("SELECT max(token) FROM job WHERE state = 'running'") or 0) > before
            or not place.value("SELECT count(*) FROM job WHERE state = 'running'")
        ),
        120,
        "the job was taken up again",
    )
    return percent


def _flags(place: Installation, recording_id: int) -> list[dict[str, Any]]:
    flags = place.rows(
        "SELECT f.* FROM flag f JOIN transcript t ON t.id = f.transcript_id WHERE t.recording_id = :id "
        "ORDER BY f.start_ms, f.end_ms, f.category, f.rule, f.quote",
        id=recording_id,
    )
    cases = place.rows(
        "SELECT * FROM review_case WHERE recording_id = :id ORDER BY start_ms, end_ms, kind, category", id=recording_id
    )
    return without(flags + cases, NUMBERED | TIMED)


def _told(name: str, outcome: Outcome) -> Outcome:
    print(
        f"{name:22} {outcome.seconds:7.1f} s  {outcome.count:5} segments {outcome.segments[:16]}  "
        f"{outcome.flag_count:4} flags and cases {outcome.flags[:16]}  killed at {list(outcome.killed_at)} %",
        *outcome.problems,
        sep="\n" if outcome.problems else "",
        flush=True,
    )
    return outcome


def _same(calm: Outcome, killed: Outcome, kills: int) -> bool:
    equal = (calm.segments, calm.flags) == (killed.segments, killed.flags)
    return equal and calm.count > 0 and len(killed.killed_at) == kills and not killed.problems


if __name__ == "__main__":
    sys.exit(main())
