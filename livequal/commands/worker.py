"""`flask worker`: run jobs until told to leave."""

from __future__ import annotations

import click
from flask import Flask, current_app
from flask.cli import with_appcontext

from .. import flow, worker
from ..kernel import installation
from .ends import told


@click.command("worker")
@with_appcontext
@told
def start() -> None:
    """Run jobs in the background; SIGTERM and Ctrl-C end it in good order."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    worker.serve(app, flow.JOBS, flow.PERIODIC, installation.settings(), long=flow.LONG)


COMMANDS = (start,)
