"""Five hundred people in one exam: one save each 20 s, then a burst in which all save at once.

    .venv/bin/python bench/training_load.py [--people 500] [--seconds 60] [--every 20]

Starts a livequal of its own; people are signed in and have begun the entry course's exam. Saves are asked for at fixed
moments, whether or not earlier answers are there. Exits with 1 when p95 is above 300 ms, the burst takes more than
10 s, or the database does not hold every answer sent exactly once.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from itertools import cycle
from pathlib import Path
from statistics import quantiles
from typing import Any

from site_under_test import ROOT, Browser, Site, site

LIMIT_MS = 300
BURST_S = 10
# As often as a browser's queue tries again before a person would worry.
TRIES = 5


@dataclass
class Learner:
    """Somebody in the exam room, with the answers she gives over and over."""

    browser: Browser
    attempt: int
    answers: list[list[Any]]
    seq: int = 0
    times_ms: list[float] = field(default_factory=list)
    failed: int = 0

    def enter(self) -> None:
        """Open the room; takes its token."""
        status, page = self.browser.get(f"/learn/exams/{self.attempt}")
        found = re.search(rb'name="csrf-token" content="([^"]+)"', page)
        assert status == 200, (status, page[:300])
        assert found is not None
        self.browser.token = found.group(1).decode()

    def save(self, due: float) -> None:
        """Save the next answer; like a browser, try again what did not arrive."""
        slot, answer = self.answers[self.seq % len(self.answers)]
        step = {"seq": self.seq, "slot": slot, "answer": answer}
        self.seq += 1
        body = json.dumps({"client": "bench", "steps": [step]}).encode()
        headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "X-CSRFToken": self.browser.token,
            "X-Requested-With": "fetch",
        }
        for _try in range(TRIES):
            try:
                status, said = self.browser.ask("POST", f"/learn/exams/{self.attempt}/steps", body, headers)
            except OSError:
                status, said = 0, b""
            if status == 200 and step["seq"] in json.loads(said)["kept"]:
                break
            self.failed += 1
            time.sleep(0.5)
        # From the moment it was due: an answer that came late because others were waiting counts as late.
        self.times_ms.append((time.monotonic() - due) * 1000)


def main() -> int:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--people", type=int, default=500)
    options.add_argument("--seconds", type=float, default=60)
    options.add_argument("--every", type=float, default=20)
    asked = options.parse_args()
    with site(LIVEQUAL_DEMO="0") as running:
        learners = _begun(running, asked.people)
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(Learner.enter, learners))
        print(f"{len(learners)} people are in the exam; load of the machine {os.getloadavg()[0]:.1f}", flush=True)
        steady = _steady(learners, asked.seconds, asked.every)
        burst, taken = _burst(learners)
        kept, _attempts = _seed(running, "count")
    sent, failed = sum(one.seq for one in learners), sum(one.failed for one in learners)
    print(f"{'':<28}{'saves':>7}{'p50 ms':>9}{'p95 ms':>9}{'p99 ms':>9}{'max ms':>9}")
    for name, times in ((f"one save per {asked.every:g} s each", steady), ("all at once", burst)):
        cuts = quantiles(times, n=100)
        print(f"{name:<28}{len(times):>7}{cuts[49]:>9.1f}{cuts[94]:>9.1f}{cuts[98]:>9.1f}{max(times):>9.1f}")
    print(f"the burst took {taken:.1f} s (limit {BURST_S} s)")
    print(f"{sent} answers sent, {kept} kept; {failed} had to be sent again")
    print(f"load of the machine at the end {os.getloadavg()[0]:.1f}")
    return int(quantiles(steady, n=100)[94] > LIMIT_MS or taken > BURST_S or kept != sent)


def _begun(running: Site, people: int) -> list[Learner]:
    facts = _seed(running, "begin", str(people))
    found = []
    for one in facts["people"]:
        browser = Browser(running.port, SimpleCookie({facts["name"]: one["cookie"]}))
        found.append(Learner(browser, one["attempt"], one["answers"]))
    return found


def _seed(running: Site, *arguments: str) -> Any:
    environ = os.environ | {"LIVEQUAL_VAR": str(running.var), "LIVEQUAL_DEMO": "0", "PYTHONPATH": str(ROOT)}
    script = str(Path(__file__).with_name("exam_made.py"))
    run = subprocess.run([sys.executable, script, *arguments], env=environ, stdout=subprocess.PIPE, check=True)
    return json.loads(run.stdout.splitlines()[-1])


def _steady(learners: list[Learner], seconds: float, every: float) -> list[float]:
    apart, begun = every / len(learners), time.monotonic()
    with ThreadPoolExecutor(64) as pool:
        for number, learner in enumerate(cycle(learners)):
            due = begun + number * apart
            if due > begun + seconds:
                break
            time.sleep(max(0.0, due - time.monotonic()))
            pool.submit(learner.save, due)
    return [one for learner in learners for one in learner.times_ms]


def _burst(learners: list[Learner]) -> tuple[list[float], float]:
    before = {id(learner): len(learner.times_ms) for learner in learners}
    start = threading.Barrier(len(learners) + 1)

    def save(learner: Learner) -> None:
        start.wait()
        learner.save(time.monotonic())

    threads = [threading.Thread(target=save, args=(learner,)) for learner in learners]
    for thread in threads:
        thread.start()
    start.wait()
    begun = time.monotonic()
    for thread in threads:
        thread.join()
    taken = time.monotonic() - begun
    return [one for learner in learners for one in learner.times_ms[before[id(learner)] :]], taken


if __name__ == "__main__":
    sys.exit(main())
