"""Run livequal under load for a while, killing its worker now and then, and see that nothing is lost or grows.

    .venv/bin/python soak/running.py [--minutes 10] [--rate 5] [--kill-every 45]

Starts an installation of its own with demo data, keeps uploading recordings and asking for pages, kills the worker with
SIGKILL, and at the end waits until every job has ended. Exits with 1 when a page failed, a job died, a recording was
lost, or the web server's memory grew by more than 40 % after warming up.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "bench"))

from site_under_test import ROOT, Browser, Site, site

GROWTH = 1.4
UPLOAD_EVERY_S = 60.0
PATIENCE_S = 900.0


def main() -> int:
    """Load, kill, wait, judge."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--minutes", type=float, default=10)
    options.add_argument("--rate", type=float, default=5)
    options.add_argument("--kill-every", type=float, default=45)
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as folder, site() as running:
        moderator = running.sign_in("moderator")
        statuses: Counter[int] = Counter()
        kills, uploads, memory = _load(running, moderator, statuses, Path(folder), asked)
        left = _wait_until_idle(running)
        metrics = running.metrics()
        dead = int(metrics['livequal_jobs{state="dead"}'])
        ready = sum(_is_ready(moderator, number) for number in range(3, uploads + 3))
    warm = memory[len(memory) // 4]
    print(f"pages asked {statuses.total()}, by status {dict(statuses)}; worker killed {kills} times")
    print(f"recordings uploaded {uploads}, ready {ready}; jobs dead {dead}, not ended {left}")
    print(f"web server's memory: {warm:.0f} MB warm, {memory[-1]:.0f} MB at the end, {max(memory):.0f} MB at most")
    well = set(statuses) == {200} and not dead and not left and ready == uploads and memory[-1] < GROWTH * warm
    print("well" if well else "NOT well")
    return 0 if well else 1


def _load(
    running: Site, moderator: Browser, statuses: Counter[int], folder: Path, asked: argparse.Namespace
) -> tuple[int, int, list[float]]:
    begun = time.monotonic()
    kill_at, upload_at = begun + asked.kill_every, begun
    kills, uploads, memory = 0, 0, []
    pages = [
        "/",
        "/queue",
        "/recordings",
        "/recordings/1",
        "/recordings/1/transcript.json",
        "/search?q=%E4%BB%B7",
        "/account",
    ]
    number = 0
    while time.monotonic() < begun + 60 * asked.minutes:
        statuses[_status(moderator, pages[number % len(pages)])] += 1
        number += 1
        if time.monotonic() >= upload_at:
            uploads += 1
            moderator.upload(_stream(folder, uploads), f"soak {uploads}")
            upload_at = time.monotonic() + UPLOAD_EVERY_S
        if time.monotonic() >= kill_at and "worker" in (children := running.children()):
            os.kill(children["worker"], signal.SIGKILL)
            kills += 1
            kill_at = time.monotonic() + asked.kill_every
        memory.append(_megabytes(running))
        time.sleep(1 / asked.rate)
    return kills, uploads, memory


def _status(moderator: Browser, page: str) -> int:
    status, _content = moderator.get(page)
    # Nothing to show before the demo's own recording was heard: that is an answer, too.
    return 200 if status == 404 and page.endswith(".json") else status


def _stream(folder: Path, number: int) -> Path:
    path = folder / f"stream-{number}.flac"
    command = [sys.executable, str(ROOT / "bench" / "make_stream.py"), str(path), "--minutes", str(1 + number / 20)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return path


def _wait_until_idle(running: Site) -> int:
    until = time.monotonic() + PATIENCE_S
    while True:
        metrics = running.metrics()
        left = int(metrics['livequal_jobs{state="queued"}'] + metrics['livequal_jobs{state="running"}'])
        if not left or time.monotonic() > until:
            return left
        time.sleep(2)


def _is_ready(moderator: Browser, recording_id: int) -> bool:
    return b'"state":"ready"' in moderator.get(f"/recordings/{recording_id}/progress")[1].replace(b" ", b"")


def _megabytes(running: Site) -> float:
    """Resident memory of the web server and its own children."""
    web = running.children().get("web", 0)
    out = subprocess.run(
        ["ps", "-o", "rss=", "--ppid", str(web), "-p", str(web)], capture_output=True, text=True, check=False
    )
    return sum(int(kilobytes) for kilobytes in out.stdout.split()) / 1024


if __name__ == "__main__":
    sys.exit(main())
