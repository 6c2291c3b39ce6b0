"""What other rooms may hear from jobs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class JobDied:
    """A job was given up: it lies with the dead letters until somebody retries it."""

    job_id: int
    name: str
    subject: str
    error: str


@dataclass(frozen=True, slots=True)
class JobCancelled:
    """A job ended because somebody asked it to."""

    job_id: int
    name: str
    subject: str
