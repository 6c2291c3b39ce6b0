"""Which rules are in force: the shipped pack with the active version's own rules over it, compiled once a process."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog
import yaml
from sqlalchemy import inspect, select
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError

from ..kernel.clock import now
from ..kernel.db import db, edge
from ..kernel.errors import WrongState
from ..kernel.i18n import gettext
from .models import PackVersion, UsedPack, UsedReader
from .rules import PackState

if TYPE_CHECKING:
    from .matcher import Matcher, RulePack

log = structlog.get_logger("risk")
BASE_PACK = Path(__file__).parent / "packs" / "base"
KNOWN_MOST = 32


@dataclass(frozen=True, slots=True)
class Force:
    """A pack ready to read with, and every byte it was made of. `version_id` is None for the shipped pack alone."""

    pack: RulePack
    files: Mapping[str, bytes]
    version_id: int | None = None

    @property
    def matcher(self) -> Matcher:
        """The pack compiled; the same object for the same sha256."""
        from .matcher import compile_pack

        return compile_pack(self.pack)


@cache
def shipped_files() -> dict[str, bytes]:
    """The files of the pack that this release ships."""
    return {path.name: path.read_bytes() for path in sorted(BASE_PACK.glob("*.yaml"))}


@cache
def shipped() -> Force:
    """The pack that this release ships, without any rules of the platform's own."""
    from .matcher import read_pack

    return Force(read_pack(shipped_files()), shipped_files())


@cache
def shipped_rules() -> dict[str, Mapping[str, Any]]:
    """The shipped rules as they are written, by name."""
    documents = (yaml.safe_load(content) for content in shipped_files().values())
    return {rule["slug"]: rule for document in documents for rule in document.get("rules") or ()}


@lru_cache(maxsize=16)
def combined(overlay: str, number: int = 0, version_id: int | None = None) -> Force:
    """The shipped pack with an overlay over it. Raises PackError when they do not go together."""
    from .matcher import OVERLAY, read_pack

    files = shipped_files() | {OVERLAY: overlay.encode()}
    return Force(read_pack(files, edition=str(number or "")), files, version_id)


def in_force() -> Force:
    """What is read with now. Asks the database, so that every process follows an activation at its next reading.

    Without a transaction it opens one of its own.

    Raises: WrongState when the active version does not fit the shipped pack of this release: then nothing is read,
    rather than read without the platform's own rules.
    """
    if db.session().in_transaction():
        return _of_state(PackState.ACTIVE) or shipped()
    try:
        with edge(write=False):
            return _of_state(PackState.ACTIVE) or shipped()
    except (OperationalError, ProgrammingError):
        if _has_tables():
            raise
        return shipped()


def shadowed() -> Force | None:
    """What is read beside it without any consequence; None when nothing is, or when it fits this release no more."""
    try:
        return _of_state(PackState.SHADOWED)
    except WrongState:
        return None  # its page says so; a scan does not wait for it


# What was combined for a version, by its id and digest; a frozen version's text is read once.
_known: dict[tuple[int, str, str], Force] = {}


def _of_state(state: PackState) -> Force | None:
    row = db.session.execute(select(PackVersion.id, PackVersion.sha256).where(PackVersion.state == state)).first()
    if row is None:
        return None
    key = (row.id, row.sha256, shipped().pack.sha256)
    if key not in _known:
        if len(_known) > KNOWN_MOST:
            _known.clear()
        _known[key] = of_version(db.session.get_one(PackVersion, row.id))
    return _known[key]


def of_version(version: PackVersion) -> Force:
    """The shipped pack with a version's rules over it.

    Raises: WrongState when they do not go together any more.
    """
    return fitting(version.overlay, version.number, version.id)


def fitting(overlay: str, number: int = 0, version_id: int | None = None) -> Force:
    """What `combined` gives, for those who tell people when it does not go together. The log says the exact reason.

    Raises: WrongState.
    """
    from .matcher import PackError

    try:
        return combined(overlay, number, version_id)
    except PackError as error:
        log.warning("own rules do not fit the shipped rule pack", version=number, why=str(error))
        message = gettext(
            "Version %(number)s of the own rules names something that the rule pack of this release has no more. "
            "Put it away, or go back to an earlier one; until then nothing is read with its rules.",
            number=number or "–",
        )
        raise WrongState(message) from error


def _has_tables() -> bool:
    return inspect(db.engine).has_table(PackVersion.__tablename__)


def used(force: Force) -> UsedPack:
    """The row that keeps the whole pack, made when it is first used."""
    known = select(UsedPack).where(UsedPack.sha256 == force.pack.sha256)
    row = db.session.scalars(known).first()
    if row is not None:
        return row
    _keep_reader(force.pack.reader)
    row = UsedPack(
        name=f"{force.pack.slug}@{force.pack.version}",
        sha256=force.pack.sha256,
        body=json.dumps({name: content.decode() for name, content in force.files.items()}, ensure_ascii=False),
        reader=force.pack.reader,
        first_used_at=now(),
    )
    try:
        with db.session.begin_nested():
            db.session.add(row)
    except IntegrityError:
        # Another scan was quicker by a moment: its row is the same.
        return db.session.scalars(known).one()
    return row


def _keep_reader(digest: str) -> None:
    from .matcher import reader_files

    if not digest or db.session.get(UsedReader, digest) is not None:
        return
    body = json.dumps({name: base64.b64encode(content).decode() for name, content in reader_files().items()})
    try:
        with db.session.begin_nested():
            db.session.add(UsedReader(sha256=digest, body=body))
    except IntegrityError:
        pass  # kept by another scan a moment ago


def as_used(row: UsedPack) -> Matcher:
    """The matcher that raised flags under this pack, with the second reader of that time."""
    from .matcher import compile_pack, keep_reader, read_pack

    kept = db.session.get(UsedReader, row.reader) if row.reader else None
    if kept is not None:
        keep_reader({name: base64.b64decode(text) for name, text in json.loads(kept.body).items()})
    files = {name: text.encode() for name, text in json.loads(row.body).items()}
    _name, _at, version = row.name.partition("@")
    edition = version.partition("/")[2]
    return compile_pack(read_pack(files, reader=row.reader if kept is not None else None, edition=edition))
