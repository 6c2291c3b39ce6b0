"""The database's part of a backup: a consistent copy taken while others write, and its way back.

SQLite is copied by its online backup; PostgreSQL table by table with COPY inside one snapshot, so that no client
tools of the right version are needed. Both come back only into a database of their own kind.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from .clock import now
from .db import Base
from .storage import BLOCK_BYTES

SQLITE_NAME = "livequal.db"
REVISION_TABLE = "alembic_version"


class CantDump(Exception):
    """The database can't be copied; the message says why."""


class CantLoad(Exception):
    """The copy can't be put into this database; the message says why."""


def dump(url: str, folder: Path) -> dict[str, Any]:
    """Copy the database into a folder; answer what the manifest has to say about it.

    Raises: CantDump.
    """
    folder.mkdir()
    if url.startswith("sqlite"):
        return _dump_sqlite(_sqlite_path(url), folder / SQLITE_NAME)
    try:
        return _dump_postgres(url, folder)
    except psycopg.Error as error:
        raise CantDump(f"PostgreSQL: {error}") from error


def occupied(url: str) -> bool:
    """Whether the database has any table."""
    if url.startswith("sqlite"):
        path = _sqlite_path(url)
        if not path.exists():
            return False
        with closing(sqlite3.connect(path)) as file:
            return bool(file.execute("SELECT count(*) FROM sqlite_master WHERE type = 'table'").fetchone()[0])
    with psycopg.connect(_dsn(url)) as connection:
        return bool(_tables(connection))


def load(url: str, folder: Path, facts: dict[str, Any], make_schema: Callable[[str], None], aside: Path | None) -> None:
    """Put a copy in place. What was there goes into the folder `aside`, or into a schema named after it.

    Raises: CantLoad.
    """
    kind = "sqlite" if url.startswith("sqlite") else "postgresql"
    if facts.get("kind") != kind:
        raise CantLoad(f"This backup is of {facts.get('kind')}, but LIVEQUAL_DATABASE_URL names {kind}.")
    if kind == "sqlite":
        _load_sqlite(_sqlite_path(url), folder / SQLITE_NAME, aside)
        return
    try:
        _load_postgres(url, folder, facts, make_schema, aside)
    except psycopg.Error as error:
        raise CantLoad(f"PostgreSQL: {error}") from error


def _sqlite_path(url: str) -> Path:
    return Path(make_url(url).database or "")


def _dump_sqlite(source: Path, target: Path) -> dict[str, Any]:
    if not source.exists():
        raise CantDump("There is no database yet.")
    live, copy = sqlite3.connect(source), sqlite3.connect(target)
    try:
        live.backup(copy)
        # The copy is one file: no log beside it that could be lost on the way.
        copy.execute("PRAGMA journal_mode=DELETE")
        problem = copy.execute("PRAGMA quick_check").fetchone()[0]
        if problem != "ok":
            raise CantDump(f"The database is damaged: {problem}")
        known = copy.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (REVISION_TABLE,)).fetchone()
        row = copy.execute(f"SELECT version_num FROM {REVISION_TABLE}").fetchone() if known else None  # noqa: S608
    except sqlite3.Error as error:
        raise CantDump(f"SQLite: {error}") from error
    finally:
        live.close()
        copy.close()
    return {"kind": "sqlite", "revision": row[0] if row else ""}


def _load_sqlite(place: Path, copy: Path, aside: Path | None) -> None:
    for old in (place, *(place.with_name(place.name + tail) for tail in ("-wal", "-shm", "-journal"))):
        if old.exists() and aside is not None:
            old.rename(aside / old.name)
        old.unlink(missing_ok=True)
    place.parent.mkdir(parents=True, exist_ok=True)
    copy.rename(place)


def _dsn(url: str) -> str:
    rendered = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    address, mark, options = rendered.partition("?")
    # SQLAlchemy writes a space in the options as "+", which libpq takes for a plus.
    return address + mark + options.replace("+", "%20")


def _dump_postgres(url: str, folder: Path) -> dict[str, Any]:
    with psycopg.connect(_dsn(url)) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        tables = _tables(connection)
        if REVISION_TABLE not in tables:
            raise CantDump("There is no database yet.")
        row = connection.execute(f"SELECT version_num FROM {REVISION_TABLE}").fetchone()  # noqa: S608
        for table in tables:
            _copy_out(connection, table, folder / f"{table}.copy")
        sequences = connection.execute(
            "SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = current_schema()"
        ).fetchall()
    last_values = {name: value for name, value in sequences if value is not None}
    return {"kind": "postgresql", "revision": row[0] if row else "", "tables": tables, "sequences": last_values}


def _tables(connection: psycopg.Connection[Any]) -> list[str]:
    """The tables of the schema, those that others point to first."""
    rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()").fetchall()
    order = {table.name: place for place, table in enumerate(Base.metadata.sorted_tables)}
    return sorted((row[0] for row in rows), key=lambda name: (order.get(name, len(order)), name))


def _copy_out(connection: psycopg.Connection[Any], table: str, path: Path) -> None:
    query = sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(table))
    with path.open("wb") as output, connection.cursor() as cursor, cursor.copy(query) as rows:
        for block in rows:
            output.write(block)


def _load_postgres(
    url: str, folder: Path, facts: dict[str, Any], make_schema: Callable[[str], None], aside: Path | None
) -> None:
    if aside is not None:
        _rename_schema(url, "public", old := f"replaced_{now():%Y%m%d_%H%M%S}")
    try:
        make_schema(facts["revision"])
        with psycopg.connect(_dsn(url)) as connection:
            tables = [name for name in facts["tables"] if name != REVISION_TABLE]
            every = sql.SQL(", ").join(map(sql.Identifier, tables))
            connection.execute(sql.SQL("TRUNCATE {} CASCADE").format(every))
            for table in tables:
                _copy_in(connection, table, folder / f"{table}.copy")
            for name, value in facts["sequences"].items():
                connection.execute("SELECT setval(%s::regclass, %s)", (f'"{name}"', value))
    except BaseException:
        if aside is not None:
            with psycopg.connect(_dsn(url)) as connection:
                connection.execute("DROP SCHEMA public CASCADE")
            _rename_schema(url, old, "public", create=False)
        raise
    if aside is not None:
        (aside / "database.txt").write_text(f"The old tables stand in the schema {old}.\n")


def _rename_schema(url: str, old: str, new: str, *, create: bool = True) -> None:
    rename = sql.SQL("ALTER SCHEMA {} RENAME TO {}").format(sql.Identifier(old), sql.Identifier(new))
    with psycopg.connect(_dsn(url)) as connection:
        connection.execute(rename)
        if create:
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(old)))


def _copy_in(connection: psycopg.Connection[Any], table: str, path: Path) -> None:
    query = sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(table))
    with path.open("rb") as source, connection.cursor() as cursor, cursor.copy(query) as rows:
        while block := source.read(BLOCK_BYTES):
            rows.write(block)
