from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from livequal.accounts.rules import SYSTEM
from livequal.config import Settings
from livequal.jobs import service
from livequal.jobs.models import Job
from livequal.jobs.rules import Hopeless, JobState, NotYet
from livequal.jobs.run import Run
from livequal.kernel.clock import now
from livequal.kernel.db import db, edge
from livequal.notifications.models import Mail
from livequal.worker import Worker

from .crew import JOBS

PATIENCE_S = 20


@contextmanager
def at_work(app: Flask, functions: dict[str, Callable[[Run], None]], **more: Any) -> Iterator[Worker]:
    worker = Worker(app, functions, slots=more.pop("slots", 2), **more)
    worker.start()
    try:
        yield worker
    finally:
        worker.leave()


def queued(name: str, **payload: Any) -> int:
    with edge():
        return service.enqueue(name, payload).id


def row(job_id: int) -> Job:
    with edge(write=False):
        return service.get(job_id)


def wait_for(condition: Callable[[], Any]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < until, "it took too long"
        time.sleep(0.02)


def wait_for_state(job_id: int, state: JobState) -> Job:
    wait_for(lambda: row(job_id).state == state)
    return row(job_id)


def numbers() -> list[int]:
    with edge(write=False):
        return [int(subject) for subject in db.session.scalars(select(Mail.subject).order_by(Mail.id))]


def test_a_job_runs_and_shows_how_far_it_got(app: Flask) -> None:
    job_id = queued("count", upto=3)
    with at_work(app, JOBS):
        job = wait_for_state(job_id, JobState.DONE)
    assert (job.done, job.total, job.stage, job.error, job.lease_until) == (3, 3, "counting", "", None)
    assert numbers() == [0, 1, 2]


def test_many_jobs_run_side_by_side_in_the_slots_and_each_once(app: Flask) -> None:
    inside, most, lock, ran = 0, 0, threading.Lock(), []

    def busy(run: Run) -> None:
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        time.sleep(0.05)
        with lock:
            inside -= 1
            ran.append(run.job_id)

    jobs = [queued("busy") for _ in range(8)]
    with at_work(app, {"busy": busy}, slots=3):
        wait_for(lambda: all(row(job_id).state == JobState.DONE for job_id in jobs))
    assert sorted(ran) == jobs
    assert 2 <= most <= 3


def test_a_failing_job_is_tried_again_later_and_its_row_says_why(app: Flask) -> None:
    def broken(run: Run) -> None:
        raise ValueError(f"no sound in {run.payload['what']}")

    job_id = queued("broken", what="it")
    with at_work(app, {"broken": broken}):
        wait_for(lambda: row(job_id).error)
    job = row(job_id)
    assert (job.state, job.failures, job.error) == (JobState.QUEUED, 1, "ValueError: no sound in it")
    assert job.run_after > now()


def test_a_hopeless_job_and_an_unknown_one_go_to_the_dead_letters_at_once(app: Flask) -> None:
    def hopeless(run: Run) -> None:
        raise Hopeless("This recording was removed.")

    one, other = queued("hopeless"), queued("nobody-knows")
    with at_work(app, {"hopeless": hopeless}):
        assert wait_for_state(one, JobState.DEAD).error == "This recording was removed."
        assert wait_for_state(other, JobState.DEAD).error == "There is no job named 'nobody-knows'."


def test_a_job_that_lacks_something_waits_for_it_without_counting_a_failure(app: Flask) -> None:
    def lacking(run: Run) -> None:
        raise NotYet("There is no speech model.")

    job_id = queued("lacking")
    with at_work(app, {"lacking": lacking}):
        wait_for(lambda: bool(row(job_id).error))
    job = row(job_id)
    assert (job.state, job.failures, job.error) == (JobState.QUEUED, 0, "There is no speech model.")
    assert job.run_after > job.created_at + NotYet.LOOKS_AGAIN / 2


def test_a_cancelled_job_stops_at_its_next_step(app: Flask) -> None:
    job_id = queued("count", upto=100_000)
    with at_work(app, JOBS):
        wait_for(lambda: row(job_id).done > 2)
        with edge():
            service.cancel(service.get(job_id), by=SYSTEM)
        job = wait_for_state(job_id, JobState.CANCELLED)
    assert job.done < 1000


def test_a_job_that_makes_no_step_hears_of_its_cancellation_by_the_heartbeat(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("livequal.worker.HEARTBEAT_S", 0.1)

    def stubborn(run: Run) -> None:
        run.ended.wait(PATIENCE_S)
        run.check()

    job_id = queued("stubborn")
    with at_work(app, {"stubborn": stubborn}):
        wait_for_state(job_id, JobState.RUNNING)
        with edge():
            service.cancel(service.get(job_id), by=SYSTEM)
        wait_for_state(job_id, JobState.CANCELLED)


def test_a_leaving_worker_gives_its_jobs_back_and_the_next_one_goes_on(app: Flask) -> None:
    job_id = queued("count", upto=60)
    with at_work(app, JOBS):
        wait_for(lambda: row(job_id).done > 3)
    job = row(job_id)
    assert (job.state, job.failures) == (JobState.QUEUED, 0)
    with at_work(app, JOBS):
        wait_for_state(job_id, JobState.DONE)
    assert numbers() == list(range(60))


def test_a_worker_whose_thread_is_stuck_gives_the_job_back_and_refuses_its_late_result(app: Flask) -> None:
    begun, go_on, late = threading.Event(), threading.Event(), []

    def stuck(run: Run) -> None:
        begun.set()
        go_on.wait(PATIENCE_S)
        run.ended.clear()
        try:
            with run.step(checkpoint={"late": True}):
                pass
        except service.LeaseLost:
            late.append("refused")

    job_id = queued("stuck")
    worker = Worker(app, {"stuck": stuck}, slots=1)
    worker.start()
    wait_for_state(job_id, JobState.RUNNING)
    assert begun.wait(PATIENCE_S)
    assert worker.leave(patience_s=0.1) is False
    assert row(job_id).state == JobState.QUEUED
    go_on.set()
    wait_for(lambda: late)
    assert (late, row(job_id).checkpoint) == (["refused"], {})


def test_a_heartbeat_keeps_a_long_job_from_being_taken_away(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("livequal.worker.HEARTBEAT_S", 0.1)
    monkeypatch.setattr("livequal.jobs.service.LEASE", timedelta(seconds=1))
    tries = []

    def long(run: Run) -> None:
        tries.append(run.token)
        assert not run.ended.wait(1.8)

    job_id = queued("long")
    with at_work(app, {"long": long}), at_work(app, {"long": long}):
        wait_for_state(job_id, JobState.DONE)
    assert tries == [1]


def test_periodic_jobs_are_queued_by_themselves(app: Flask) -> None:
    ran = threading.Event()
    with at_work(app, {"tidy": lambda run: ran.set()}, periodic={"tidy": 3600}):
        assert ran.wait(PATIENCE_S)


def test_a_worker_at_work_is_seen(app: Flask) -> None:
    def seen() -> list[tuple[str, int]]:
        with edge(write=False):
            return [(worker.name, worker.slots) for worker in service.workers(now() - timedelta(seconds=30))]

    with at_work(app, {}, name="w1"):
        wait_for(seen)
        assert seen() == [("w1", 2)]


def crew(settings: Settings) -> subprocess.Popen[bytes]:
    environ = os.environ | {"LIVEQUAL_VAR": str(settings.var), "LIVEQUAL_DATABASE_URL": settings.database_url}
    root = Path(__file__).parent.parent.parent
    return subprocess.Popen([sys.executable, "-m", "tests.jobs.crew"], cwd=root, env=environ, stderr=subprocess.DEVNULL)


def test_a_worker_killed_twice_leaves_a_result_without_gap_or_repetition(
    app: Flask, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("livequal.jobs.service.LEASE", timedelta(seconds=1))
    job_id = queued("count", upto=90)
    for goal in (10, 30):
        process = crew(settings)
        try:
            wait_for(lambda goal=goal: row(job_id).done >= goal)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
        assert row(job_id).state == JobState.RUNNING
    with at_work(app, JOBS):
        job = wait_for_state(job_id, JobState.DONE)
    assert numbers() == list(range(90))
    assert job.token >= 3


def test_a_worker_that_is_told_to_leave_ends_within_seconds_and_gives_its_job_back(
    app: Flask, settings: Settings
) -> None:
    job_id = queued("count", upto=100_000)
    process = crew(settings)
    wait_for(lambda: row(job_id).done > 3)
    asked = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=10) == 0
    assert time.monotonic() - asked < 6
    assert row(job_id).state == JobState.QUEUED


def test_a_worker_that_claims_its_own_expired_job_again_keeps_the_later_run(app: Flask) -> None:
    go_on, begun = threading.Event(), []

    def slow(run: Run) -> None:
        begun.append(run)
        wait_for(lambda: go_on.is_set() if run.token == 1 else run.over())

    job_id = queued("slow")
    with at_work(app, {"slow": slow, "short": lambda run: None}):
        wait_for(lambda: len(begun) == 1)
        with edge():
            db.session.execute(update(Job).values(lease_until=now() - timedelta(minutes=1)))
        wait_for(lambda: len(begun) == 2)
        after = queued("short")
        go_on.set()
        wait_for_state(after, JobState.DONE)  # only the slot of the earlier run can have taken it
    assert begun[1].over(), "the worker left without ending the later run"
    assert row(job_id).state == JobState.QUEUED


def test_short_jobs_run_while_long_ones_hold_every_slot(app: Flask) -> None:
    go_on, inside = threading.Event(), []

    def long(run: Run) -> None:
        inside.append(run.job_id)
        wait_for(go_on.is_set)

    jobs = [queued("long") for _ in range(4)]
    with at_work(app, {"long": long, "short": lambda run: None}, slots=2, long=frozenset({"long"})):
        wait_for(lambda: len(inside) == 2)
        wait_for_state(queued("short"), JobState.DONE)
        assert len(inside) == 2
        go_on.set()
        for job_id in jobs:
            wait_for_state(job_id, JobState.DONE)
