"""`flask demo`: fill an empty installation with demo data."""

from __future__ import annotations

from dataclasses import asdict

import click
from flask.cli import with_appcontext

from .courses import load_quietly
from .ends import on_terminal, told, write_line


@click.command("demo")
@with_appcontext
@told
def load() -> None:
    """Load the demo: a fictional platform, its people and two recordings. Refuses where there is data already.

    Writes the sign-ins: a table on a terminal, JSON Lines on a pipe. They are random for each installation.
    """
    from .. import demo

    rows = demo.load(lambda line: click.echo(line, err=True))
    load_quietly(lambda line: click.echo(line, err=True))
    width = max(len(row.login) for row in rows)
    for row in rows:
        if on_terminal():
            click.echo(f"{row.login:<{width}}  {row.password}  {row.role}")
        else:
            write_line(asdict(row))


COMMANDS = (load,)
