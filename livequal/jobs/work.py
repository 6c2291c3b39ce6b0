"""What the worker does for the jobs table itself."""

from __future__ import annotations

from datetime import timedelta

from ..kernel.clock import now
from . import service
from .run import Run

DONE_KEPT = timedelta(days=30)


def forget_done_jobs(run: Run) -> None:
    """Remove jobs done long ago."""
    with run.step():
        service.forget_done(now() - DONE_KEPT)
