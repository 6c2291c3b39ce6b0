"""Queue, claim, run and end jobs. Every write of a running job is fenced by its token."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, and_, case, delete, func, or_, select, update

from ..audit import service as audit
from ..kernel import bus
from ..kernel.clock import now
from ..kernel.db import db
from ..kernel.errors import NotFound, WrongState
from ..kernel.i18n import gettext
from .events import JobCancelled, JobDied
from .models import Job, Worker
from .rules import ENDED_BADLY, LEASE, MAX_FAILURES, JobState, NotYet, back_off


class LeaseLost(Exception):
    """Another worker holds the job now: whatever this one still has must not be written."""


class CancelAsked(Exception):
    """Somebody asked to stop this job."""


class WorkerLeaves(Exception):
    """The worker is being stopped; the job goes on elsewhere, from its checkpoint."""


def enqueue(
    name: str, payload: Mapping[str, Any], *, subject: str = "", priority: int = 5, after: timedelta = timedelta(0)
) -> Job:
    """Add a job in the caller's transaction. Lower `priority` runs first."""
    at = now()
    job = Job(name=name, payload=dict(payload), subject=subject, priority=priority, run_after=at + after, created_at=at)
    db.session.add(job)
    db.session.flush()
    return job


def enqueue_once(name: str, payload: Mapping[str, Any], *, subject: str, **more: Any) -> Job:
    """Add a job as `enqueue` does, unless an equal one waits that nobody has begun; answers the one that stands."""
    # Locked until the caller commits: a worker that claims it then sees what the caller wrote.
    waiting = select(Job).where(Job.subject == subject, Job.name == name, Job.state == JobState.QUEUED, Job.token == 0)
    rows = db.session.scalars(waiting.with_for_update().execution_options(populate_existing=True))
    same = next((job for job in rows.all() if job.payload == dict(payload)), None)
    return same or enqueue(name, payload, subject=subject, **more)


def due(but: frozenset[str] = frozenset()) -> bool:
    """Whether there may be something to claim (a reading question, asked before the writer's lock is taken)."""
    return db.session.scalars(select(Job.id).where(_claimable(now(), but)).limit(1)).first() is not None


def claim(worker: str, but: frozenset[str] = frozenset()) -> Job | None:
    """Take the next job that is due, or one whose lease ran out; None when there is nothing to do.

    Jobs of the names in `but` are passed over.
    """
    at = now()
    next_one = select(Job).where(_claimable(at, but)).order_by(Job.priority, Job.run_after, Job.id).limit(1)
    # PostgreSQL: rows that another worker is claiming right now are passed over. SQLite has one writer anyway.
    next_one = next_one.with_for_update(skip_locked=True).execution_options(populate_existing=True)
    while (job := db.session.scalars(next_one).first()) is not None:
        if job.failures < MAX_FAILURES:
            return job if _take(job, worker, at) else None
        _bury(job, at)
    return None


def _claimable(at: datetime, but: frozenset[str]) -> Any:
    ready = or_(
        and_(Job.state == JobState.QUEUED, Job.run_after <= at),
        and_(Job.state == JobState.RUNNING, Job.lease_until < at),
    )
    return and_(ready, Job.name.not_in(sorted(but))) if but else ready


def _take(job: Job, worker: str, at: datetime) -> bool:
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
        return False
    db.session.refresh(job)
    return True


def _bury(job: Job, at: datetime) -> None:
    # Its worker died with it that many times: it goes to the dead letters instead of taking one more along.
    error = job.error or "The worker ended while running this job."
    end = {"state": JobState.DEAD, "error": error, "finished_at": at, "lease_until": None, "token": Job.token + 1}
    if _count(db.session.execute(_fenced(job.id, job.token, job.state).values(**end))) == 1:
        bus.emit(JobDied(job.id, job.name, job.subject, error))


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
        bus.emit(JobDied(job_id, job.name, job.subject, error))
    else:
        _end(job_id, token, state=JobState.QUEUED, error=error, run_after=at + back_off(job.failures), lease_until=None)


def release(job_id: int, token: int) -> None:
    """Give a job back at once (the worker is being stopped); this try counts as no failure.

    Raises: LeaseLost.
    """
    _wait(job_id, token, timedelta(0))


def postpone(job_id: int, token: int, why: str) -> None:
    """Let a job wait for what is missing; this try counts as no failure.

    Raises: LeaseLost.
    """
    _wait(job_id, token, NotYet.LOOKS_AGAIN, error=why)


def _wait(job_id: int, token: int, delay: timedelta, **more: Any) -> None:
    uncounted = case((Job.failures > 0, Job.failures - 1), else_=0)
    _end(job_id, token, state=JobState.QUEUED, run_after=now() + delay, lease_until=None, failures=uncounted, **more)


def stop(job_id: int, token: int) -> None:
    """The running job obeyed a request to stop.

    Raises: LeaseLost.
    """
    _end(job_id, token, state=JobState.CANCELLED, finished_at=now(), lease_until=None)
    job = db.session.get_one(Job, job_id, populate_existing=True)
    bus.emit(JobCancelled(job_id, job.name, job.subject))


def cancel(job: Job, *, by: audit.By) -> None:
    """Ask a job to stop; one that waits ends at once.

    Raises: WrongState when it has already ended.
    """
    at = now()
    waiting = _fenced(job.id, job.token, JobState.QUEUED)
    if _count(db.session.execute(waiting.values(state=JobState.CANCELLED, cancel_asked=True, finished_at=at))) == 1:
        db.session.refresh(job)
        audit.record("job.cancel", job, by=by, after={"name": job.name, "subject": job.subject})
        bus.emit(JobCancelled(job.id, job.name, job.subject))
        return
    # It runs, or was claimed this moment: its worker hears of it at its next step or heartbeat.
    running = update(Job).where(Job.id == job.id, Job.state == JobState.RUNNING)
    asked = db.session.execute(running.values(cancel_asked=True).execution_options(synchronize_session=False))
    db.session.refresh(job)
    if _count(asked) != 1:
        raise WrongState(gettext("This job has already ended."))
    audit.record("job.cancel", job, by=by, after={"name": job.name, "subject": job.subject})


def retry(job: Job, *, by: audit.By) -> None:
    """Queue a dead or cancelled job again; it goes on from its checkpoint.

    Raises: WrongState.
    """
    fresh = {"state": JobState.QUEUED, "failures": 0, "run_after": now(), "cancel_asked": False, "finished_at": None}
    ended = Job.state.in_(ENDED_BADLY)
    again = update(Job).where(Job.id == job.id, ended).values(**fresh).execution_options(synchronize_session=False)
    if _count(db.session.execute(again)) != 1:
        raise WrongState(gettext("Only a job that failed or was cancelled can run again."))
    db.session.refresh(job)
    audit.record("job.retry", job, by=by, after={"name": job.name, "subject": job.subject})
    db.session.flush()


def get(job_id: int) -> Job:
    """One job.

    Raises: NotFound.
    """
    job = db.session.get(Job, job_id)
    if job is None:
        raise NotFound(gettext("There is no such job."))
    return job


def listed(state: str = "", name: str = "") -> Select[Job]:
    """Jobs, newest first."""
    query = select(Job).order_by(Job.id.desc())
    if state:
        query = query.where(Job.state == state)
    return query.where(Job.name == name) if name else query


def active_for(subject: str) -> Job | None:
    """The newest job about a subject such as `recording:12`, ended or not."""
    return db.session.scalars(select(Job).where(Job.subject == subject).order_by(Job.id.desc()).limit(1)).first()


def counts() -> dict[str, int]:
    """Jobs per state."""
    rows = db.session.execute(select(Job.state, func.count()).group_by(Job.state)).all()
    return {row[0]: row[1] for row in rows}


def oldest_due() -> datetime | None:
    """Since when the job that waits longest could have begun; None when nothing waits."""
    return db.session.scalar(
        select(func.min(Job.run_after)).where(Job.state == JobState.QUEUED, Job.run_after <= now())
    )


def enqueue_periodic(name: str, every: timedelta) -> Job | None:
    """Queue a periodic job unless its last one is under way or was queued less than `every` ago.

    Its earlier rows that ended well are removed: a periodic job leaves one row, not one a minute.
    """
    subject = f"periodic:{name}"
    last = active_for(subject)
    if last is not None and (last.state in {JobState.QUEUED, JobState.RUNNING} or last.created_at + every > now()):
        return None
    ended = (JobState.DONE, JobState.CANCELLED)
    db.session.execute(delete(Job).where(Job.subject == subject, Job.state.in_(ended)))
    return enqueue(name, {}, subject=subject, priority=8)


def forget_done(before: datetime) -> None:
    """Remove jobs that were done before a moment; what failed or was cancelled stays for people to see."""
    db.session.execute(delete(Job).where(Job.state == JobState.DONE, Job.finished_at < before))


def forget_workers(before: datetime) -> None:
    """Remove workers that have not been seen since a moment."""
    db.session.execute(delete(Worker).where(Worker.seen_at < before))


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
