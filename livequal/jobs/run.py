"""What a job function holds while it runs: its payload, its checkpoint and its lease."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from time import monotonic
from typing import Any

from ..kernel.db import edge
from . import service
from .models import Job
from .rules import MAX_FAILURES
from .service import WorkerLeaves

PROGRESS_EVERY_S = 1.0


class Run:
    """One try at one job.

    Job functions are idempotent and write only inside `step()`. One that returns has done its work; one that is
    asked to stop (`over`) stops by letting `check()` or the next `step()` raise.
    """

    def __init__(self, job: Job) -> None:
        self.job_id = job.id
        self.name = job.name
        self.payload: dict[str, Any] = dict(job.payload)
        self.checkpoint: dict[str, Any] = dict(job.checkpoint)
        self.token = job.token
        self.last_try = job.failures >= MAX_FAILURES
        self.ended = threading.Event()
        self.why: type[Exception] | None = None
        self._said = 0.0

    def over(self) -> bool:
        """Whether to stop now: the lease is lost, somebody cancelled, or the worker is leaving."""
        return self.ended.is_set()

    def end(self, why: type[Exception]) -> None:
        """Ask the job function to stop; the first reason counts."""
        self.why = self.why or why
        self.ended.set()

    def check(self) -> None:
        """Go on only if there is no reason to stop.

        Raises: LeaseLost, CancelAsked, WorkerLeaves.
        """
        if self.ended.is_set():
            raise (self.why or WorkerLeaves)(self.job_id)

    @contextmanager
    def step(
        self, *, checkpoint: Mapping[str, Any] | None = None, stage: str = "", done: int = 0, total: int = 0
    ) -> Iterator[None]:
        """One transaction of this job: fenced first, so that a zombie's late result is refused.

        Raises: LeaseLost, CancelAsked, WorkerLeaves.
        """
        self.check()
        with edge():
            service.advance(self.job_id, self.token, checkpoint=checkpoint, stage=stage, done=done, total=total)
            yield
        if checkpoint is not None:
            self.checkpoint = dict(checkpoint)

    def progress(self, stage: str, done: int, total: int) -> None:
        """Show how far it is, at most once a second.

        Raises: LeaseLost, CancelAsked, WorkerLeaves.
        """
        if monotonic() - self._said < PROGRESS_EVERY_S:
            return
        self._said = monotonic()
        with self.step(stage=stage, done=done, total=total):
            pass
