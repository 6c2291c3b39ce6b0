"""Rows that tests start from, committed, so that requests see them; every test starts on empty tables."""

from __future__ import annotations

from functools import cache
from itertools import count
from typing import Any

from argon2 import PasswordHasher
from flask.testing import FlaskClient

from livequal.accounts import passwords
from livequal.accounts.access import SEEN, SESSION_TOKEN
from livequal.accounts.models import Organisation, SignIn, User, UserRole
from livequal.accounts.rules import OrganisationKind, Role
from livequal.kernel import crypto
from livequal.kernel.clock import now
from livequal.kernel.db import db

PASSWORD = "chrysanthemum-42-lanterns"
# Argon2 takes its time on purpose; tests have none. The real parameters are tested in accounts/test_passwords.py.
passwords._hasher = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
passwords._NOBODYS = passwords.hashed("nobody's")
_numbers = count(1)


class Browser(FlaskClient):
    """A browser whose every request has an application context of its own, as in real life.

    Without it Flask would share `g` (and with it the signed-in account) and the database session between requests.
    What the test prepared is committed before the request, and read afresh after it.
    """

    def open(self, *args: Any, **kwargs: Any) -> Any:
        """Send one request."""
        db.session.commit()
        db.session.expire_all()
        with self.application.app_context():
            return super().open(*args, **kwargs)


@cache
def password_hash() -> str:
    """The hash of PASSWORD."""
    return passwords.hashed(PASSWORD)


def make_organisation(kind: OrganisationKind, name: str = "", **more: Any) -> Organisation:
    """A tenant."""
    row = Organisation(kind=kind.value, name=name or f"{kind.value} {next(_numbers)}", created_at=now(), **more)
    return _kept(row)


def make_platform(name: str = "晴川直播平台") -> Organisation:
    """The platform."""
    return make_organisation(OrganisationKind.PLATFORM, name)


def make_mcn(name: str = "") -> Organisation:
    """An MCN."""
    return make_organisation(OrganisationKind.MCN, name)


def make_operator(name: str = "") -> Organisation:
    """A room operator."""
    return make_organisation(OrganisationKind.ROOM_OPERATOR, name)


def make_user(org: Organisation, *roles: Role, login: str = "", name: str = "", **more: Any) -> User:
    """An account; it signs in with PASSWORD."""
    number = next(_numbers)
    row = User(
        organisation=org,
        login=login or f"person{number}",
        name=name or f"人员{number}",
        password_hash=password_hash(),
        created_at=now(),
        role_rows=[UserRole(role=role.value) for role in roles],
        **more,
    )
    return _kept(row)


def signed_in(client: FlaskClient, user: User) -> FlaskClient:
    """The browser, signed in as this account (without the cost of checking a password)."""
    token = crypto.token()
    at = now()
    _kept(
        SignIn(
            user_id=user.id,
            token_digest=crypto.digest(token),
            address="127.0.0.1",
            browser="tests",
            created_at=at,
            seen_at=at,
        )
    )
    with client.session_transaction() as browser:
        browser.clear()
        browser[SESSION_TOKEN] = token
        browser[SEEN] = at.timestamp()
    return client


def _kept(row: Any) -> Any:
    db.session.add(row)
    db.session.commit()
    return row
