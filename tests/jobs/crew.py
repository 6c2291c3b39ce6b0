"""A worker in a process of its own, for tests that kill it: `python -m tests.jobs.crew`.

Its one kind of job, `count`, writes a mail for each number in a step of its own. Leases are short here.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from datetime import timedelta

from livequal import config, worker
from livequal.app import create_app
from livequal.jobs import service
from livequal.jobs.run import Run
from livequal.kernel.clock import now
from livequal.kernel.db import db
from livequal.notifications.models import Mail

STEP_S = 0.02


def count(run: Run) -> None:
    """Write one numbered mail after the other, from the checkpoint on."""
    upto = run.payload["upto"]
    for number in range(run.checkpoint.get("next", 0), upto):
        time.sleep(STEP_S)
        with run.step(checkpoint={"next": number + 1}, stage="counting", done=number + 1, total=upto):
            mail = Mail(recipient="", subject=str(number), body=run.name, state="waiting_for_hand", created_at=now())
            db.session.add(mail)


JOBS = {"count": count}


if __name__ == "__main__":
    service.LEASE = timedelta(seconds=1)
    worker.HEARTBEAT_S = 0.25  # type: ignore[assignment]
    settings = replace(config.from_environment(), worker_nice=0)
    worker.serve(create_app(settings), JOBS, {}, settings)
    sys.exit(0)
