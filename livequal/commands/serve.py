"""`flask serve`: the whole of livequal on this machine; what `make run` starts."""

from __future__ import annotations

import importlib
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import click
from flask import Flask, current_app
from flask.cli import with_appcontext
from gunicorn.app.base import BaseApplication

from .. import flow, worker
from ..accounts import service as accounts
from ..config import ROOT, Settings
from ..kernel import backup, installation
from ..kernel.db import db, edge
from ..streams import service as streams
from . import schema
from .courses import load_quietly
from .ends import Failure, told
from .processes import Child, Family, KeepsDying

GRACE_S = 3


@click.command("serve")
@told
@with_appcontext
def serve() -> None:
    """Get the model, migrate (backing up first), load demo data where nothing is, then run web server and worker."""
    settings = installation.settings()
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    listening = _listen(settings)
    with backup.running(settings):
        _ensure_model(settings)
        _migrate(settings)
        _load_demo(settings)
        load_quietly(_say)
        db.session.remove()
        db.engine.dispose()
        children = [
            Child("The web server", lambda: _run_web(app, listening, settings)),
            Child("The worker", lambda: worker.serve(app, flow.JOBS, flow.PERIODIC, settings, long=flow.LONG)),
        ]
        try:
            Family(children, say=_say).live(lambda: _answered(listening, settings))
        except KeepsDying as error:
            raise Failure(str(error)) from error


def _say(line: str) -> None:
    click.echo(line, err=True)


def _listen(settings: Settings) -> socket.socket:
    """Take the address before anything else is done: connections wait in it until the web server is there."""
    try:
        family, kind, _protocol, _name, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
    except OSError as error:
        raise Failure(
            f"{settings.host}:{settings.port} can't be used ({error.strerror}). "
            f"Stop what uses it, or choose another port: PORT={settings.port + 1} make run"
        ) from error
    listening.listen(128)
    return listening


def _ensure_model(settings: Settings) -> None:
    state = streams.model_state(settings)
    if state.present:
        return
    _say(f"Getting the speech model {state.name} …")
    got = subprocess.run([sys.executable, "-m", "flask", "models", "get", state.name], cwd=ROOT, check=False)
    if got.returncode:
        _say(f"No model: recordings wait untranscribed. Load one with: {state.how_to_load}")


def _migrate(settings: Settings) -> None:
    current = schema.current()
    if current == schema.head():
        return
    if current is not None:
        summary = backup.back_up(settings, backup.default_target(settings))
        backup.prune(summary.path.parent, settings.backups_kept)
        _say(f"Backed up to {summary.path}")
    try:
        schema.upgrade()
    except schema.UnknownRevision as error:
        raise Failure("The database was made by a newer livequal. Use that one, or restore an older backup.") from error


def _load_demo(settings: Settings) -> None:
    with edge(write=False):
        empty = accounts.platform() is None
    if not empty:
        return
    if settings.demo:
        _say("Loading demo data …")
        _demo().load(_say)
    else:
        _say("Nobody can sign in yet. Make the first administrator with: .venv/bin/flask init")


class _Site(BaseApplication):  # type: ignore[misc]
    """gunicorn around the application that is already loaded."""

    def __init__(self, app: Flask, options: dict[str, Any]) -> None:
        self.app = app
        self.options = options
        super().__init__()

    def load_config(self) -> None:
        """Take our options; no file and no command line."""
        for name, value in self.options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """The application."""
        return self.app


def _run_web(app: Flask, listening: socket.socket, settings: Settings) -> None:
    shared_memory = Path("/dev/shm")  # noqa: S108 - gunicorn's heartbeat file: a disk could make it late
    options = {
        "bind": f"fd://{listening.fileno()}",
        "worker_class": "gthread",
        "workers": 1,
        "threads": settings.web_threads,
        "timeout": 60,
        "graceful_timeout": GRACE_S,
        "keepalive": 5,
        "control_socket_disable": True,
        "worker_tmp_dir": str(shared_memory) if os.access(shared_memory, os.W_OK) else None,
        "loglevel": "warning",
    }
    _Site(app, options).run()


def _answered(listening: socket.socket, settings: Settings) -> bool:
    """Whether the web server answers; then say where, and how to sign in."""
    if not _healthy(listening):
        return False
    click.echo(f"\nlivequal is at {settings.public_url}\n")
    for line in _sign_in_lines():
        click.echo(line)
    click.echo("Ctrl-C ends it.")
    sys.stdout.flush()
    return True


def _healthy(listening: socket.socket) -> bool:
    host, port = listening.getsockname()[:2]
    connection = HTTPConnection({"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port, timeout=2)  # noqa: S104
    with suppress(OSError):
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    return False


def _demo() -> Any:
    # Only here: demo data drags along what speaks and draws them.
    return importlib.import_module("livequal.demo")


def _sign_in_lines() -> list[str]:
    rows = _demo().sign_ins()
    # This process forks: it must hold no connection that a child could take for its own.
    db.session.remove()
    db.engine.dispose()
    if not rows:
        return []
    width = max(len(row.login) for row in rows)
    return ["Demo sign-ins:", *(f"  {row.login:<{width}}  {row.password}  {row.role}" for row in rows), ""]


COMMANDS: tuple[Callable[..., Any], ...] = (serve,)
