"""What the worker does for training."""

from __future__ import annotations

from ..jobs.run import Run
from ..kernel.db import edge
from . import assigning, assignment_rules, reminding


def review_assignments(run: Run) -> None:
    """Work out every rule for everybody: what events missed, days that have come, renewals."""
    with run.step():
        assignment_rules.ensure_shipped()
    with edge(write=False):
        ids = assigning.rule_ids()
    for rule_id in ids:
        # One rule at a time, so that nobody else waits long for the database's one writer.
        with run.step():
            assigning.review(rule_ids=[rule_id])
    with run.step():
        assigning.follow_accounts()


def send_reminders(run: Run) -> None:
    """Remind everybody of what is due soon or was due yesterday."""
    after: int | None = 0
    while after is not None:
        with run.step():
            after = reminding.remind(after)
