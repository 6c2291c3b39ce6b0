"""What the worker does for accounts."""

from __future__ import annotations

from datetime import timedelta

from ..jobs.run import Run
from ..kernel.clock import now
from . import resets, sign_ins

ENDED_KEPT = timedelta(days=90)


def forget_sign_in_tries(run: Run) -> None:
    """Remove failed sign-ins that no longer count for the throttle."""
    with run.step():
        sign_ins.forget_tries()


def forget_old_sign_ins(run: Run) -> None:
    """Remove sign-ins that ended, and links for a new password that ran out, long ago."""
    before = now() - ENDED_KEPT
    with run.step():
        sign_ins.forget_ended(before)
        resets.forget_expired(before)
