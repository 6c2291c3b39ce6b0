"""Queue, claim, run and end jobs. Every write of a running job is fenced by its token."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, and_, func, or_, select, update

from ..audit import service as audit
from ..kernel.clock import now
from ..kernel.db import db
from ..kernel.errors import NotFound, WrongState
from .models import Job, Worker
from .rules import LEASE, MAX_FAILURES, MOVES, JobState, back_off


class LeaseLost(Exception):
    """Another worker holds the job now: whatever this one still has must not be written."""


class CancelAsked(Exception):
    """Somebody asked to stop this job."""


def enqueue(
    name: str, payload: Mapping[str, Any], *, subject: str = "", priority: int = 5, after: timedelta = timedelta(0)
) -> Job:
    """Add a job in the caller's transaction. Lower `priority` runs first."""
    at = now()
    job = Job(name=name, payload=dict(payload), subject=subject, priority=priority, run_after=at + after, created_at=at)
    db.session.add(job)
    db.session.flush()
    return job


def claim(worker: str) -> Job | None:
    """Take the next job that is due, or one whose lease ran out; None when there is nothing to do."""
    at = now()
    due = or_(
        and_(Job.state == JobState.QUEUED, Job.run_after <= at),
        and_(Job.state == JobState.RUNNING, Job.lease_until < at),
    )
    job = db.session.scalars(select(Job).where(due).order_by(Job.priority, Job.run_after, Job.id).limit(1)).first()
    if job is None:
        return None
    if job.failures >= MAX_FAILURES:
        # Its worker died with it that many times: it goes to the dead letters instead of taking one more along.
        end = {
            "state": JobState.DEAD,
            "error": job.error or "The worker ended while running this job.",
            "finished_at": at,
        }
        db.session.execute(_fenced(job.id, job.token, job.state).values(**end, token=Job.token + 1))
        return None
    won = db.session.execute(
        _fenced(job.id, job.token, job.state).values(
            state=JobState.RUNNING,
            worker=worker,
            token=Job.token + 1,
            failures=Job.failures + 1,
            lease_until=at + LEASE,
            started_at=func.coalesce(Job.started_at, at),
        )
    )
    if _count(won) != 1:
        return None
    db.session.refresh(job)
    return job


def heartbeat(job_id: int, token: int) -> None:
    """Prolong the lease.

    Raises: LeaseLost, CancelAsked.
    """
    held = db.session.execute(
        _fenced(job_id, token).values(lease_until=now() + LEASE).returning(Job.cancel_asked)
    ).first()
    if held is None:
        raise LeaseLost(job_id)
    if held[0]:
        raise CancelAsked(job_id)


def advance(
    job_id: int,
    token: int,
    *,
    checkpoint: Mapping[str, Any] | None = None,
    stage: str = "",
    done: int = 0,
    total: int = 0,
) -> None:
    """Keep how far the job is; a checkpoint also forgets earlier failures, for it brought progress.

    Raises: LeaseLost, CancelAsked.
    """
    values: dict[str, Any] = {"stage": stage, "done": done, "total": total, "lease_until": now() + LEASE}
    if checkpoint is not None:
        values |= {"checkpoint": dict(checkpoint), "failures": 0}
    held = db.session.execute(_fenced(job_id, token).values(**values).returning(Job.cancel_asked)).first()
    if held is None:
        raise LeaseLost(job_id)
    if held[0]:
        raise CancelAsked(job_id)


def finish(job_id: int, token: int) -> None:
    """The job is done.

    Raises: LeaseLost.
    """
    _end(job_id, token, state=JobState.DONE, error="", finished_at=now(), lease_until=None)


def fail(job_id: int, token: int, error: str, *, final: bool = False) -> None:
    """The try failed: wait and try again, or (after too many, or `final`) to the dead letters.

    Raises: LeaseLost.
    """
    job = db.session.get_one(Job, job_id, populate_existing=True)
    at = now()
    if final or job.failures >= MAX_FAILURES:
        _end(job_id, token, state=JobState.DEAD, error=error, finished_at=at, lease_until=None)
    else:
        _end(job_id, token, state=JobState.QUEUED, error=error, run_after=at + back_off(job.failures), lease_until=None)


def release(job_id: int, token: int) -> None:
    """Give a job back at once (the worker is being stopped); it counts as no failure."""
    _end(job_id, token, state=JobState.QUEUED, run_after=now(), lease_until=None, failures=0)


def stop(job_id: int, token: int) -> None:
    """The running job obeyed a request to stop."""
    _end(job_id, token, state=JobState.CANCELLED, finished_at=now(), lease_until=None)


def cancel(job: Job, *, by: audit.By) -> None:
    """Ask a job to stop; one that waits ends at once.

    Raises: WrongState when it has already ended.
    """
    if job.state not in {JobState.QUEUED, JobState.RUNNING}:
        raise WrongState("This job has already ended.")
    job.cancel_asked = True
    if job.state == JobState.QUEUED:
        job.state, job.finished_at = JobState.CANCELLED, now()
    audit.record("job.cancel", job, by=by, after={"name": job.name, "subject": job.subject})
    db.session.flush()


def retry(job: Job, *, by: audit.By) -> None:
    """Queue a dead or cancelled job again; it goes on from its checkpoint.

    Raises: WrongState.
    """
    if JobState.QUEUED not in MOVES[JobState(job.state)]:
        raise WrongState("Only a job that failed or was cancelled can run again.")
    job.state, job.failures, job.run_after, job.cancel_asked = JobState.QUEUED, 0, now(), False
    job.finished_at = None
    audit.record("job.retry", job, by=by, after={"name": job.name, "subject": job.subject})
    db.session.flush()


def get(job_id: int) -> Job:
    """One job.

    Raises: NotFound.
    """
    job = db.session.get(Job, job_id)
    if job is None:
        raise NotFound("There is no such job.")
    return job


def listed(state: str = "") -> Select[tuple[Job]]:
    """Jobs, newest first."""
    query = select(Job).order_by(Job.id.desc())
    return query.where(Job.state == state) if state else query


def active_for(subject: str) -> Job | None:
    """The newest job about a subject such as `recording:12`, ended or not."""
    return db.session.scalars(select(Job).where(Job.subject == subject).order_by(Job.id.desc()).limit(1)).first()


def counts() -> dict[str, int]:
    """Jobs per state."""
    return {state: number for state, number in db.session.execute(select(Job.state, func.count()).group_by(Job.state))}


def worker_seen(name: str, slots: int, facts: Mapping[str, Any]) -> None:
    """A worker says it is alive."""
    at = now()
    row = db.session.get(Worker, name)
    if row is None:
        db.session.add(Worker(name=name, started_at=at, seen_at=at, slots=slots, facts=dict(facts)))
        db.session.flush()
    else:
        row.seen_at, row.slots, row.facts = at, slots, dict(facts)


def workers(since: datetime) -> list[Worker]:
    """Workers that were alive since a moment."""
    return list(db.session.scalars(select(Worker).where(Worker.seen_at >= since).order_by(Worker.name)))


def _fenced(job_id: int, token: int, state: str = JobState.RUNNING) -> Any:
    return (
        update(Job)
        .where(Job.id == job_id, Job.token == token, Job.state == state)
        .execution_options(synchronize_session=False)
    )


def _end(job_id: int, token: int, **values: Any) -> None:
    if _count(db.session.execute(_fenced(job_id, token).values(**values))) != 1:
        raise LeaseLost(job_id)


def _count(result: Any) -> int:
    return int(result.rowcount)
