"""Run the whole suite on SQLite, then on PostgreSQL where a server answers: `python -m tests.both [pytest's options]`.

LIVEQUAL_TEST_POSTGRES names the server (a database to connect to first); databases of this run's own are created
there and dropped again. With CI=true a missing server is a failure.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql

DEFAULT = "postgresql://postgres@127.0.0.1/postgres"


def main(options: list[str]) -> int:
    """Both runs; the exit code of the first that failed."""
    server = os.environ.get("LIVEQUAL_TEST_POSTGRES", DEFAULT)
    print("== SQLite", flush=True)
    first = _pytest(options, {})
    try:
        with _own_database(server) as url:
            print("== PostgreSQL", flush=True)
            second = _pytest(options, {"LIVEQUAL_TEST_DATABASE_URL": url})
    except psycopg.OperationalError as error:
        print(f"== PostgreSQL skipped: {str(error).splitlines()[0]} (LIVEQUAL_TEST_POSTGRES={server})")
        second = int(os.environ.get("CI") == "true")
    return first or second


def _pytest(options: list[str], more: dict[str, str]) -> int:
    environ = {name: value for name, value in os.environ.items() if name != "LIVEQUAL_TEST_DATABASE_URL"}
    command = [sys.executable, "-m", "pytest", "-n", os.environ.get("TEST_PROCESSES", "2"), *options]
    return subprocess.run(command, env=environ | more, check=False).returncode


@contextmanager
def _own_database(server: str) -> Iterator[str]:
    name = f"livequal_test_{os.getpid()}"
    with psycopg.connect(server, autocommit=True, connect_timeout=5) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield f"{server.rpartition('/')[0].replace('postgresql:', 'postgresql+psycopg:', 1)}/{name}"
        finally:
            # Those of pytest's parallel processes are called name_gw0, name_gw1 …
            rows = connection.execute(
                "SELECT datname FROM pg_database WHERE starts_with(datname, %s)", (name,)
            ).fetchall()
            for (own,) in rows:
                connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(own)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
