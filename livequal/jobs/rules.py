"""The life of a job. Pure."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

LEASE = timedelta(seconds=20)
HEARTBEAT_S = 4
MAX_FAILURES = 5
ALIVE = timedelta(seconds=30)
ERROR_MAX = 300


class Hopeless(Exception):
    """Trying again is no use: the job goes straight to the dead letters, with this message."""


class NotYet(Exception):
    """Something that only a person can bring is missing: the job waits and looks again, which counts as no failure."""

    LOOKS_AGAIN = timedelta(seconds=20)


class JobState(StrEnum):
    """Where a job stands. A retry that waits is QUEUED with a later `run_after`."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    DEAD = "dead"
    CANCELLED = "cancelled"


MOVES: dict[JobState, frozenset[JobState]] = {
    JobState.QUEUED: frozenset({JobState.RUNNING, JobState.CANCELLED}),
    JobState.RUNNING: frozenset({JobState.QUEUED, JobState.RUNNING, JobState.DONE, JobState.DEAD, JobState.CANCELLED}),
    JobState.DONE: frozenset(),
    JobState.DEAD: frozenset({JobState.QUEUED}),
    JobState.CANCELLED: frozenset({JobState.QUEUED}),
}


ENDED_BADLY = tuple(state for state in JobState if state is not JobState.RUNNING and JobState.QUEUED in MOVES[state])


def said(error: BaseException) -> str:
    """What a person is shown of a job's error: its type and one line of its text, cut short."""
    text = " ".join(str(error).split())[:ERROR_MAX]
    if isinstance(error, Hopeless | NotYet):
        return text or "This job can't be done."
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def back_off(failures: int) -> timedelta:
    """How long to wait before the next try after `failures` failures in a row (≥ 1): 5 s, 20 s, 80 s … ≤ 1 h."""
    return timedelta(seconds=min(3600, 5 * 4 ** max(0, failures - 1)))
