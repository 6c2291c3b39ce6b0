"""`flask jobs`: see what the worker has to do, run it again, stop it."""

from __future__ import annotations

import click
from flask.cli import AppGroup

from ..accounts.rules import SYSTEM
from ..jobs import service
from ..jobs.models import Job
from ..jobs.rules import JobState
from ..kernel.db import db, edge
from .ends import on_terminal, told, write_line

jobs = AppGroup("jobs", help="See, retry and cancel jobs.")
LISTED = 50


@jobs.command("list")
@click.option("--state", type=click.Choice([state.value for state in JobState]), help="Only jobs in this state.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=LISTED, show_default=True)
@told
def list_jobs(state: str | None, limit: int) -> None:
    """List jobs, newest first: a table on a terminal, JSON Lines on a pipe."""
    with edge(write=False):
        rows = list(db.session.scalars(service.listed(state or "").limit(limit)))
    if on_terminal():
        click.echo(f"{'id':>7}  {'state':<9}  {'name':<20}  {'subject':<20}  {'done':>5}  error")
    for job in rows:
        _show(job)


@jobs.command("retry")
@click.argument("job_id", type=int)
@told
def retry(job_id: int) -> None:
    """Run a dead or cancelled job again, from its checkpoint."""
    with edge():
        job = service.get(job_id)
        service.retry(job, by=SYSTEM)
    _show(job)


@jobs.command("cancel")
@click.argument("job_id", type=int)
@told
def cancel(job_id: int) -> None:
    """Stop a job; one that runs stops within seconds."""
    with edge():
        job = service.get(job_id)
        service.cancel(job, by=SYSTEM)
    _show(job)


def _show(job: Job) -> None:
    percent = 100 * job.done // job.total if job.total else 0
    if on_terminal():
        click.echo(f"{job.id:>7}  {job.state:<9}  {job.name:<20}  {job.subject:<20}  {percent:>4}%  {job.error}")
        return
    keys = ("id", "name", "subject", "state", "stage", "done", "total", "failures", "cancel_asked", "error")
    times = ("created_at", "run_after", "started_at", "finished_at")
    row = {key: getattr(job, key) for key in keys}
    write_line(row | {key: at and at.isoformat() for key in times for at in (getattr(job, key),)})


COMMANDS = (jobs,)
