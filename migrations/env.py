"""Alembic's environment: the application's engine and all rooms' tables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from alembic import context
from flask import current_app
from sqlalchemy import Connection

from livequal.kernel.db import Base, UTCDateTime, db, intent

config = context.config


def render_item(kind: str, item: object, autogen_context: object) -> str | bool:
    """Write our time type into revisions as what it is in the database."""
    if kind == "type" and isinstance(item, UTCDateTime):
        return "sa.DateTime(timezone=True)"
    return False


def include_name(name: str | None, kind: str, parents: object) -> bool:
    """Leave out the search index's own tables, which SQLite's FTS5 makes and no model describes."""
    return not (kind == "table" and name is not None and name not in Base.metadata.tables)


def skip_empty(migration_context: object, revision: object, directives: list[object]) -> None:
    """Write no revision that changes nothing."""
    if getattr(config.cmd_opts, "autogenerate", False) and directives[0].upgrade_ops.is_empty():  # type: ignore[attr-defined]
        directives[:] = []


@contextmanager
def foreign_keys_off(connection: Connection) -> Iterator[None]:
    """SQLite rebuilds a table to change it: with foreign keys on, dropping the old one would empty its children.

    Raises: RuntimeError when a row points nowhere afterwards.
    """
    if connection.dialect.name != "sqlite":
        yield
        return
    # Outside of any transaction, where alone SQLite obeys it: straight through the driver.
    driver = connection.connection.driver_connection
    driver.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
        broken = driver.execute("PRAGMA foreign_key_check").fetchall()
        if broken:
            raise RuntimeError(f"rows point nowhere after the migration: {broken[:5]}")
    finally:
        driver.execute("PRAGMA foreign_keys=ON")


def run(connection: Connection) -> None:
    """Run the revisions in one transaction each."""
    options = current_app.extensions["migrate"].configure_args | {
        "render_item": render_item,
        "include_name": include_name,
        "process_revision_directives": skip_empty,
        "transaction_per_migration": True,
    }
    context.configure(connection=connection, target_metadata=Base.metadata, **options)
    with context.begin_transaction():
        context.run_migrations()


if context.is_offline_mode():
    context.configure(url=str(db.engine.url), target_metadata=Base.metadata, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()
else:
    with intent(write=True), db.engine.connect() as connection, foreign_keys_off(connection):
        run(connection)
