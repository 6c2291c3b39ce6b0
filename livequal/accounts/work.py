"""What the worker does for accounts."""

from __future__ import annotations

from ..jobs.run import Run
from . import sign_ins


def forget_sign_in_tries(run: Run) -> None:
    """Remove failed sign-ins that no longer count for the throttle."""
    with run.step():
        sign_ins.forget_tries()
