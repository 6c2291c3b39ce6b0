"""The tests' application: a fresh schema per database, every test rolled back to empty tables.

`LIVEQUAL_TEST_DATABASE_URL` names a PostgreSQL database to run the same suite on.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from livequal import config
from livequal.app import create_app
from livequal.kernel.db import Base, db, intent

from .factories import Browser

REQUIRED = os.environ.get("CI") == "true"


def need(condition: object, reason: str) -> None:
    """Skip with a reason where something is missing; fail instead when CI=true."""
    if condition:
        return
    if REQUIRED:
        pytest.fail(f"required in CI: {reason}")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> config.Settings:
    """Settings of an installation of its own below a temporary folder."""
    var = tmp_path_factory.mktemp("var")
    environ = {"LIVEQUAL_VAR": str(var), "LIVEQUAL_DEMO": "0"}
    if url := os.environ.get("LIVEQUAL_TEST_DATABASE_URL"):
        worker = os.environ.get("PYTEST_XDIST_WORKER", "")
        environ["LIVEQUAL_DATABASE_URL"] = _own_database(url, worker) if worker else url
    return config.from_environment(environ)


def _own_database(url: str, worker: str) -> str:
    import psycopg

    name = f"{url.rpartition('/')[2]}_{worker}"
    with psycopg.connect(url.replace("postgresql+psycopg", "postgresql"), autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}"')
        connection.execute(f'CREATE DATABASE "{name}"')
    return f"{url.rpartition('/')[0]}/{name}"


@pytest.fixture(scope="session")
def _app(settings: config.Settings) -> Iterator[Flask]:
    app = create_app(settings)
    app.test_client_class = Browser
    app.config.update(TESTING=True, WTF_CSRF_ENABLED=False, PROPAGATE_EXCEPTIONS=False)
    with app.app_context():
        Base.metadata.drop_all(db.engine)
        Base.metadata.create_all(db.engine)
    yield app
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def app(_app: Flask) -> Iterator[Flask]:
    """The application over empty tables."""
    with _app.app_context():
        with db.engine.begin() as connection:
            for table in reversed(Base.metadata.sorted_tables):
                connection.execute(table.delete())
        db.session.remove()
        yield _app
        db.session.rollback()
        db.session.remove()


@pytest.fixture
def session(app: Flask) -> Iterator[None]:
    """A writing transaction around a service test; nothing of it stays."""
    with intent(write=True):
        yield
        db.session.rollback()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser without a sign-in."""
    return app.test_client()


@pytest.fixture
def here() -> Path:
    """The folder of the tests."""
    return Path(__file__).parent
