from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from livequal.accounts.rules import SYSTEM
from livequal.audit.models import AuditEvent
from livequal.jobs import service, work
from livequal.jobs.events import JobCancelled, JobDied
from livequal.jobs.models import Job
from livequal.jobs.rules import LEASE, MAX_FAILURES, JobState, back_off
from livequal.jobs.run import Run
from livequal.kernel import bus
from livequal.kernel.clock import frozen, now
from livequal.kernel.db import db, edge
from livequal.kernel.errors import NotFound, WrongState

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def heard(app: Flask) -> Any:
    """Events that were emitted, instead of what flow makes of them."""
    from livequal.flow import FLOW

    events: list[object] = []
    bus.connect({JobDied: (events.append,), JobCancelled: (events.append,)})
    yield events
    bus.connect(FLOW)


def queued(name: str = "scan", **more: Any) -> int:
    with edge():
        return service.enqueue(name, {"n": 1}, **more).id


def claimed(worker: str = "w1") -> Job:
    with edge():
        job = service.claim(worker)
    assert job is not None
    return job


def row(job_id: int) -> Job:
    with edge(write=False):
        return service.get(job_id)


def test_a_claimed_job_runs_under_a_lease_with_a_new_token(app: Flask) -> None:
    with frozen(START):
        job_id = queued()
        job = claimed()
    assert (job.id, job.state, job.worker, job.token) == (job_id, JobState.RUNNING, "w1", 1)
    assert job.lease_until == START + LEASE


def test_nothing_is_claimed_twice_while_the_lease_holds(app: Flask) -> None:
    queued()
    claimed()
    with edge():
        assert service.claim("w2") is None


def test_the_next_job_is_the_most_urgent_then_the_oldest(app: Flask) -> None:
    later, urgent, first = queued(), queued(priority=1), queued()
    assert [claimed().id for _ in range(3)] == [urgent, later, first]


def test_a_job_that_is_not_due_waits(app: Flask) -> None:
    with frozen(START):
        queued(after=timedelta(minutes=5))
        with edge():
            assert not service.due()
            assert service.claim("w1") is None
    with frozen(START + timedelta(minutes=5)):
        assert claimed().state == JobState.RUNNING


def test_an_expired_lease_lets_another_worker_go_on_from_the_checkpoint(app: Flask) -> None:
    with frozen(START):
        queued()
        first = claimed("w1")
        with edge():
            service.advance(first.id, first.token, checkpoint={"windows": 7}, done=7, total=9)
    with frozen(START + LEASE + timedelta(seconds=1)):
        second = claimed("w2")
    assert (second.id, second.worker, second.checkpoint) == (first.id, "w2", {"windows": 7})
    assert second.token == first.token + 1


@pytest.mark.parametrize(
    "late",
    [
        service.heartbeat,
        service.advance,
        service.finish,
        service.release,
        service.stop,
        lambda job_id, token: service.fail(job_id, token, "late"),
    ],
)
def test_a_zombies_late_write_is_refused(app: Flask, late: Callable[[int, int], None]) -> None:
    with frozen(START):
        queued()
        zombie = claimed("w1")
    with frozen(START + LEASE + timedelta(seconds=1)):
        holder = claimed("w2")
        with pytest.raises(service.LeaseLost), edge():
            late(zombie.id, zombie.token)
    job = row(holder.id)
    assert (job.state, job.worker, job.token, job.error) == (JobState.RUNNING, "w2", holder.token, "")


def test_a_heartbeat_prolongs_the_lease(app: Flask) -> None:
    with frozen(START):
        queued()
        job = claimed()
    later = START + LEASE - timedelta(seconds=1)
    with frozen(later), edge():
        service.heartbeat(job.id, job.token)
    assert row(job.id).lease_until == later + LEASE


def test_a_failed_try_waits_longer_each_time_and_ends_with_the_dead_letters(app: Flask, heard: list[object]) -> None:
    at = START
    with frozen(at):
        job_id = queued(subject="recording:3")
    for failures in range(1, MAX_FAILURES + 1):
        with frozen(at):
            job = claimed()
            with edge():
                service.fail(job.id, job.token, f"ValueError: {failures}")
        job = row(job_id)
        if failures < MAX_FAILURES:
            assert (job.state, job.run_after) == (JobState.QUEUED, at + back_off(failures))
            at = job.run_after
    assert (job.state, job.error, job.finished_at) == (JobState.DEAD, "ValueError: 5", at)
    assert heard == [JobDied(job_id, "scan", "recording:3", "ValueError: 5")]


def test_a_checkpoint_forgets_earlier_failures(app: Flask) -> None:
    queued()
    job = claimed()
    with edge():
        service.advance(job.id, job.token, checkpoint={"at": 1})
    assert row(job.id).failures == 0


def test_a_hopeless_job_goes_straight_to_the_dead_letters(app: Flask) -> None:
    queued()
    job = claimed()
    with edge():
        service.fail(job.id, job.token, "no such recording", final=True)
    assert row(job.id).state == JobState.DEAD


def test_a_job_that_kills_its_worker_every_time_is_buried_instead_of_killing_one_more(
    app: Flask, heard: list[object]
) -> None:
    at = START
    with frozen(at):
        job_id = queued()
    for _ in range(MAX_FAILURES):
        with frozen(at):
            claimed()
        at += LEASE + timedelta(seconds=1)
    with frozen(at):
        other = queued()
        assert claimed().id == other
    assert row(job_id).state == JobState.DEAD
    assert [type(event) for event in heard] == [JobDied]


def test_a_released_job_can_be_claimed_at_once_and_counts_as_no_failure(app: Flask) -> None:
    queued()
    job = claimed()
    with edge():
        service.release(job.id, job.token)
    assert row(job.id).failures == 0
    assert claimed("w2").failures == 1


def test_a_waiting_job_is_cancelled_at_once(app: Flask, heard: list[object]) -> None:
    job_id = queued(subject="recording:3")
    with edge():
        service.cancel(service.get(job_id), by=SYSTEM)
    assert row(job_id).state == JobState.CANCELLED
    assert heard == [JobCancelled(job_id, "scan", "recording:3")]
    with edge():
        assert service.claim("w1") is None


def test_a_running_job_hears_of_its_cancellation_at_the_next_step_and_heartbeat(
    app: Flask, heard: list[object]
) -> None:
    queued()
    job = claimed()
    with edge():
        service.cancel(service.get(job.id), by=SYSTEM)
    for step in (service.heartbeat, service.advance):
        with pytest.raises(service.CancelAsked), edge():
            step(job.id, job.token)
    with edge():
        service.stop(job.id, job.token)
    assert row(job.id).state == JobState.CANCELLED
    assert len(heard) == 1


def test_what_has_ended_can_not_be_cancelled_and_what_runs_can_not_be_retried(app: Flask) -> None:
    queued()
    job = claimed()
    with pytest.raises(WrongState), edge():
        service.retry(service.get(job.id), by=SYSTEM)
    with edge():
        service.finish(job.id, job.token)
    with pytest.raises(WrongState), edge():
        service.cancel(service.get(job.id), by=SYSTEM)


def test_a_retried_dead_job_goes_on_from_its_checkpoint_and_the_record_says_who_did_it(app: Flask) -> None:
    queued()
    job = claimed()
    with edge():
        service.advance(job.id, job.token, checkpoint={"at": 4})
    with edge():
        service.fail(job.id, job.token, "broken", final=True)
    with edge():
        service.retry(service.get(job.id), by=SYSTEM)
    again = claimed()
    assert (again.id, again.checkpoint, again.failures, again.finished_at) == (job.id, {"at": 4}, 1, None)
    with edge(write=False):
        assert db.session.scalars(select(AuditEvent.action)).all() == ["job.retry"]


def test_there_is_no_job_of_an_unknown_number(app: Flask) -> None:
    with pytest.raises(NotFound):
        service.get(4711)


def test_a_periodic_job_is_queued_once_until_its_time_has_come_again(app: Flask) -> None:
    minute = timedelta(minutes=1)
    with frozen(START):
        with edge():
            assert service.enqueue_periodic("tidy", minute) is not None
            assert service.enqueue_periodic("tidy", minute) is None
        job = claimed()
        with edge():
            service.finish(job.id, job.token)
        with edge():
            assert service.enqueue_periodic("tidy", minute) is None
    with frozen(START + minute), edge():
        assert service.enqueue_periodic("tidy", minute) is not None
        assert len(db.session.scalars(service.listed()).all()) == 1


def test_fifty_threads_that_claim_at_once_take_each_job_exactly_once(app: Flask) -> None:
    jobs = {queued() for _ in range(50)}
    taken: list[tuple[int, int]] = []
    failed: list[BaseException] = []
    together = threading.Barrier(50)

    def take(number: int) -> None:
        together.wait()
        try:
            with app.app_context():
                while True:
                    with edge():
                        job = service.claim(f"w{number}")
                        if job is None and not service.due():
                            return
                    if job is not None:
                        taken.append((job.id, job.token))
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=take, args=(number,)) for number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert sorted(taken) == sorted((job_id, 1) for job_id in jobs)


def test_workers_that_have_not_been_seen_for_long_are_forgotten(app: Flask) -> None:
    with frozen(START), edge():
        service.worker_seen("old", 2, {})
    with frozen(START + timedelta(days=2)), edge():
        service.worker_seen("new", 2, {})
        service.forget_workers(now() - timedelta(days=1))
        assert [worker.name for worker in service.workers(START)] == ["new"]


def test_what_is_passed_over_stays_for_others(app: Flask) -> None:
    job_id = queued("transcribe")
    with edge():
        assert not service.due(frozenset({"transcribe"}))
        assert service.claim("w1", frozenset({"transcribe"})) is None
    assert claimed().id == job_id


def test_an_equal_job_that_nobody_has_begun_is_not_queued_twice(app: Flask) -> None:
    def once(number: int) -> int:
        with edge():
            return service.enqueue_once("scan", {"n": number}, subject="recording:3").id

    first = once(1)
    assert once(1) == first
    assert once(2) != first
    assert claimed().id == first
    assert once(1) != first, "one that has begun may have read what was before"


def test_thirty_corrections_are_one_scan(app: Flask) -> None:
    from livequal.streams.events import TranscriptChanged

    for _ in range(30):
        with edge():
            bus.emit(TranscriptChanged(recording_id=3, transcript_id=4))
    with edge(write=False):
        jobs = db.session.scalars(select(Job)).all()
    assert [(job.name, job.priority, job.payload) for job in jobs] == [
        ("scan", 2, {"recording_id": 3, "transcript_id": 4})
    ]


def test_jobs_done_long_ago_are_removed_and_failed_ones_stay(app: Flask) -> None:
    with frozen(START):
        done, failed = queued(), queued("broken")
        for job in (claimed(), claimed()):
            with edge():
                if job.id == done:
                    service.finish(job.id, job.token)
                else:
                    service.fail(job.id, job.token, "x", final=True)
    with frozen(START + timedelta(days=30)):
        queued("forget_done_jobs")
        work.forget_done_jobs(Run(claimed()))
        assert row(done).state == JobState.DONE
    with frozen(START + timedelta(days=30, seconds=1)):
        queued("forget_done_jobs", priority=1)
        work.forget_done_jobs(Run(claimed()))
        with pytest.raises(NotFound):
            row(done)
    assert row(failed).state == JobState.DEAD
