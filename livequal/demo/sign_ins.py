"""The demo's passwords: random for each installation, kept beside its secrets so that they can be shown again."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from sqlalchemy import select

from ..accounts import passwords
from ..accounts.models import User
from ..accounts.rules import UserState
from ..kernel import crypto, installation
from ..kernel.db import db, edge

FILE_NAME = "demo_sign_ins.json"
# Without what looks alike: these are read off a terminal and typed.
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"


@dataclass(frozen=True, slots=True)
class SignIn:
    """How one person of the demo signs in. `role` is the role's stored word."""

    login: str
    password: str
    role: str
    name: str


def fresh_password() -> str:
    """A random password of about 59 bits in three groups of four."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(3))


def keep(rows: Sequence[tuple[SignIn, str]]) -> None:
    """Keep sign-ins, each with the hash of its password, readable by this installation's user alone (0600)."""
    path = _path()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = path.with_suffix(f".{secrets.token_hex(4)}")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as target:
        listed = [asdict(row) | {"kept": crypto.digest(password_hash)} for row, password_hash in rows]
        json.dump(listed, target, ensure_ascii=False, indent=1)
    beside.replace(path)


def sign_ins() -> tuple[SignIn, ...]:
    """The demo's sign-ins that still work; none where there is no demo. Needs an application context."""
    path = _path()
    if not path.exists():
        return ()
    listed = json.loads(path.read_text(encoding="utf-8"))
    with edge(write=False):
        query = select(User.login, User.password_hash).where(
            User.login.in_([row["login"] for row in listed]), User.state == UserState.ACTIVE
        )
        hashes = {row.login: row.password_hash for row in db.session.execute(query)}
    return tuple(
        SignIn(row["login"], row["password"], row["role"], row["name"])
        for row in listed
        if _works(row["password"], row["kept"], hashes.get(row["login"], ""))
    )


def _works(password: str, kept: str, password_hash: str) -> bool:
    """Whether the password is still the account's; hashed in full only where the stored hash has changed."""
    return crypto.digest(password_hash) == kept or (password_hash != "" and passwords.fits(password_hash, password))


def _path() -> Path:
    return installation.settings().secrets_dir / FILE_NAME
