"""`flask training`: recompute every score."""

from __future__ import annotations

import click
from flask.cli import AppGroup
from sqlalchemy import func, select

from ..kernel.db import db, edge
from ..training.models import Attempt
from ..training.replay import replay
from .ends import Failure, progress, told

training = AppGroup("training", help="Exams.")


@training.command("replay")
@click.argument("attempts", nargs=-1, type=int)
@click.option("--all", "everything", is_flag=True, help="Every attempt there is.")
@told
def replay_command(attempts: tuple[int, ...], *, everything: bool) -> None:
    """Recompute the scores of ATTEMPTS (or --all) from saved answers and frozen papers.

    Names attempt, slot and step of everything that differs, and then ends with 1.
    """
    if not attempts and not everything:
        raise click.UsageError("Name attempts, or say --all.")
    done = wrong = 0
    with edge(write=False):
        total = len(attempts) or db.session.scalar(select(func.count()).select_from(Attempt)) or 0
        with progress(total, "attempt", "replay") as show:
            for _attempt_id, differences in replay(attempts or None):
                done += 1
                wrong += bool(differences)
                for difference in differences:
                    click.echo(str(difference))
                show(done, total)
    if wrong:
        raise Failure(f"{wrong} of {done} attempts differ.")
    click.echo(f"{done} attempts replayed, 0 differences.")


COMMANDS = (training,)
