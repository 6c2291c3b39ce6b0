"""Twenty requests a second over the five busiest pages, while two files are transcribed.

    .venv/bin/python bench/load.py [--rate 20] [--seconds 60] [--minutes 20] [--idle]

Starts a livequal of its own with demo data, uploads two recordings of so many minutes, and asks at fixed moments,
whether or not earlier answers are there. Prints times to answer for each page; exits with 1 when p95 is above 200 ms
or anything but 200 came. --idle measures the same without transcribing, in the same table's form.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from pathlib import Path
from statistics import quantiles

from site_under_test import ROOT, Browser, Site, site

LIMIT_MS = 200


def main() -> int:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rate", type=float, default=20)
    options.add_argument("--seconds", type=float, default=60)
    options.add_argument("--minutes", type=float, default=20)
    options.add_argument("--idle", action="store_true")
    asked = options.parse_args()
    with site(LIVEQUAL_JOB_SLOTS="2") as running:
        moderator = running.sign_in("moderator")
        ready = _first_ready(running, moderator)
        if not asked.idle:
            _two_files_transcribing(moderator, asked.minutes)
        pages = ["/", "/queue", "/recordings", ready, f"{ready}/transcript.json"]
        times, statuses = _measure(moderator, pages, asked.rate, asked.seconds)
        running_jobs = running.metrics()['livequal_jobs{state="running"}']
    return _report(times, statuses, int(running_jobs), idle=asked.idle)


def _first_ready(running: Site, moderator: Browser) -> str:
    """The demo's first recording, when it can be reviewed."""
    until = time.monotonic() + 900
    while time.monotonic() < until:
        metrics = running.metrics()
        if not metrics['livequal_jobs{state="queued"}'] and not metrics['livequal_jobs{state="running"}']:
            assert moderator.get("/recordings/1/transcript.json")[0] == 200
            return "/recordings/1"
        time.sleep(1)
    raise SystemExit("The demo's recordings were not ready after 15 minutes.")


def _two_files_transcribing(moderator: Browser, minutes: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for number in (1, 2):
            path = Path(folder) / f"stream-{number}.flac"
            made = [
                sys.executable,
                str(ROOT / "bench" / "make_stream.py"),
                str(path),
                "--minutes",
                str(minutes + number / 10),
            ]
            subprocess.run(made, check=True, stdout=subprocess.DEVNULL)
            page = moderator.upload(path, f"load {number}")
            while json.loads(moderator.get(f"{page}/progress")[1])["state"] == "waiting":
                time.sleep(0.5)
    # Checked and converted first; then both are heard.
    time.sleep(20)


def _measure(
    moderator: Browser, pages: list[str], rate: float, seconds: float
) -> tuple[dict[str, list[float]], list[tuple[str, int]]]:
    times: dict[str, list[float]] = {page: [] for page in pages}
    statuses: list[tuple[str, int]] = []
    lock = threading.Lock()

    def ask(page: str, due: float) -> None:
        status, _content = Browser(moderator.port, moderator.cookies).get(page)
        with lock:
            # From the moment it was due: an answer that came late because others were waiting counts as late.
            times[page].append((time.monotonic() - due) * 1000)
            statuses.append((page, status))

    begun = time.monotonic()
    with ThreadPoolExecutor(64) as pool:
        for number, page in enumerate(cycle(pages)):
            due = begun + number / rate
            if due > begun + seconds:
                break
            time.sleep(max(0.0, due - time.monotonic()))
            pool.submit(ask, page, due)
    return times, statuses


def _report(times: dict[str, list[float]], statuses: list[tuple[str, int]], running_jobs: int, *, idle: bool) -> int:
    print(f"{'page':<34}{'asked':>7}{'p50 ms':>9}{'p95 ms':>9}{'p99 ms':>9}{'max ms':>9}")
    worst = 0.0
    every = [one for of_page in times.values() for one in of_page]
    for page, taken in [*times.items(), ("all", every)]:
        cuts = quantiles(taken, n=100)
        worst = max(worst, cuts[94])
        print(f"{page:<34}{len(taken):>7}{cuts[49]:>9.1f}{cuts[94]:>9.1f}{cuts[98]:>9.1f}{max(taken):>9.1f}")
    bad = Counter(f"{page}: {status}" for page, status in statuses if status != 200)
    print(f"answers other than 200: {dict(bad) or 'none'}; jobs still running at the end: {running_jobs}")
    if not idle and not running_jobs:
        print("The transcriptions ended before the measurement did: use more --minutes.")
        return 1
    return int(worst > LIMIT_MS or bool(bad))


if __name__ == "__main__":
    sys.exit(main())
