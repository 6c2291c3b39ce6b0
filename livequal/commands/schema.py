"""The schema's revision, for commands that bring it up to date. (`flask db` is Flask-Migrate's own.)"""

from __future__ import annotations

import logging

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from flask import current_app

from ..kernel.db import db, intent


class UnknownRevision(Exception):
    """The database's revision is not among those this livequal has: it was made by a newer one."""


def current() -> str | None:
    """The database's revision; None where there is no schema yet."""
    with intent(write=False), db.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def head() -> str | None:
    """The revision that this livequal works with."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def upgrade(revision: str = "head") -> None:
    """Bring the schema to a revision.

    Raises: UnknownRevision.
    """
    logging.getLogger("alembic").setLevel(logging.WARNING)
    try:
        command.upgrade(_config(), revision)
    except CommandError as error:
        raise UnknownRevision(str(error)) from error


def _config() -> Config:
    config: Config = current_app.extensions["migrate"].migrate.get_config()
    return config
