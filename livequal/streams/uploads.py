"""Uploads: pieces of a file, in order, until it is whole."""

from __future__ import annotations

import errno
import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from io import FileIO
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import Select, false, select

from ..accounts.rules import Actor
from ..audit import service as audit
from ..kernel import bus, installation
from ..kernel.clock import now
from ..kernel.db import db
from ..kernel.errors import Conflict, Invalid, NotFound, WrongState
from ..kernel.i18n import gettext
from ..onboarding import service as onboarding
from .events import RecordingStored
from .media.refusals import Refused
from .media.sniff import sniff
from .models import Recording, Upload
from .rules import UploadState

BLOCK_BYTES = 1 << 20
NAME_MAX = 200
OPEN_PER_USER = 20
ABANDONED_AFTER = timedelta(days=3)
RESERVE_BYTES = 2 << 30


class WrongOffset(Conflict):
    """A piece does not start where the last one ended; `received` says where to go on."""

    def __init__(self, received: int) -> None:
        super().__init__(gettext("Some of it is already here. Going on from there."))
        self.received = received


class NoRoom(Conflict):
    """The disk is full."""

    def __init__(self) -> None:
        super().__init__(gettext("There is not enough room on the server for this file. Tell your administrator."))


class NoRecording(Invalid):
    """What arrived is no recording at all; its one field, `file`, says what it is."""


def visible_to(actor: Actor) -> Select[Upload]:
    """A person's own uploads."""
    query = select(Upload)
    return query.where(false()) if actor.user_id is None else query.where(Upload.user_id == actor.user_id)


def get(upload_id: int, actor: Actor) -> Upload:
    """One of the person's own uploads.

    Raises: NotFound.
    """
    upload = db.session.scalars(visible_to(actor).where(Upload.id == upload_id)).first()
    if upload is None:
        raise NotFound(gettext("There is no such upload. Choose the file again."))
    return upload


def unfinished(actor: Actor) -> list[Upload]:
    """The person's uploads that can go on, newest first."""
    query = visible_to(actor).where(Upload.state == UploadState.OPEN).order_by(Upload.id.desc()).limit(OPEN_PER_USER)
    return list(db.session.scalars(query))


def start(file_name: str, size: int, *, title: str = "", live_session_id: int | None = None, by: Actor) -> Upload:
    """Begin an upload of `size` bytes.

    Raises: Invalid, NotFound (of the live session).
    """
    settings = installation.settings()
    if size <= 0:
        raise Invalid({"file": gettext("This file is empty. Choose the recording itself.")})
    if size > settings.max_recording_bytes:
        gigabytes = settings.max_recording_bytes // (1 << 30)
        raise Invalid(
            {"file": gettext("This file is larger than %(size)s GB. Split it and upload the parts.", size=gigabytes)}
        )
    if shutil.disk_usage(settings.var).free - size < RESERVE_BYTES:
        raise Invalid(
            {"file": gettext("There is not enough room on the server for this file. Tell your administrator.")}
        )
    if len(unfinished(by)) >= OPEN_PER_USER:
        raise Invalid({"file": gettext("You have many unfinished uploads. Finish or remove one first.")})
    if live_session_id is not None:
        onboarding.get_live_session(live_session_id, by)
    name = shown_name(file_name)
    at = now()
    upload = Upload(
        user_id=by.user_id,
        live_session_id=live_session_id,
        title=(title or name.rpartition(".")[0] or name)[:NAME_MAX],
        file_name=name,
        size=size,
        incoming=installation.storage().new_incoming().name,
        created_at=at,
        touched_at=at,
    )
    db.session.add(upload)
    db.session.flush()
    return upload


def shown_name(file_name: str) -> str:
    """A file's name as shown: the last part of whatever path came, without control characters, 200 at most.

    It is only ever shown: no path on this side is made of it.
    """
    last = file_name.replace("\\", "/").rpartition("/")[2]
    name = "".join(c for c in last if c.isprintable()).strip() or gettext("recording")
    if len(name) <= NAME_MAX:
        return name
    stem, dot, extension = name.rpartition(".")
    return f"{stem[: NAME_MAX - 12]}…{dot}{extension[:10]}" if dot else name[:NAME_MAX]


def write_piece(incoming: str, offset: int, size: int, body: BinaryIO) -> int:
    """Append one piece to the growing file; answer how many bytes are there now.

    Needs no database, and is called while no transaction is open: the network may be slow. A connection that went
    silent holds nothing: who comes after it goes on, and what it still brings is refused.
    Raises: WrongOffset, NoRoom, WrongState, Invalid when more comes than was announced.
    """
    path, received = installation.storage().incoming / incoming, offset
    with _alone(path, received):
        pass
    # Where the connection breaks in the middle of a piece, what arrived stays, and the browser goes on from there.
    while block := body.read(BLOCK_BYTES):
        with _alone(path, received) as target:
            if received + len(block) > size:
                target.truncate(offset)
                raise Invalid({"file": gettext("More arrived than the file's size. Choose the file again.")})
            _append(target, block)
        received += len(block)
    return received


def received(upload_id: int, total: int, actor: Actor) -> Upload:
    """Keep how much of an upload has arrived."""
    upload = _held(get(upload_id, actor))
    if upload.state != UploadState.OPEN:
        raise WrongState(gettext("This upload has already ended. Choose the file again."))
    upload.received, upload.touched_at = max(upload.received, total), now()
    return upload


def on_disk(upload: Upload) -> int:
    """How many bytes of an upload have arrived: while it is open, the file itself is the truth."""
    try:
        return (installation.storage().incoming / upload.incoming).stat().st_size
    except FileNotFoundError:
        return 0 if upload.state == UploadState.OPEN else upload.received


def finish(upload_id: int, *, by: Actor) -> Recording:
    """The file is whole: take it as a recording and have it checked. Twice gives the same recording.

    Raises: WrongState, Conflict when bytes are missing, NoRecording (the caller then abandons the upload).
    """
    upload = _held(get(upload_id, by))
    if upload.recording_id is not None:
        return db.session.get_one(Recording, upload.recording_id)
    if upload.state != UploadState.OPEN:
        raise WrongState(gettext("This upload has already ended. Choose the file again."))
    path = installation.storage().incoming / upload.incoming
    if not path.exists():
        raise WrongState(gettext("What had arrived of this file is no longer there. Choose the file again."))
    if on_disk(upload) != upload.size:
        raise WrongOffset(on_disk(upload))
    try:
        with path.open("rb") as source:
            sniff(source)
    except Refused as refused:
        raise NoRecording({"file": refused.told(gettext)}) from refused
    recording = Recording(
        live_session_id=upload.live_session_id,
        title=upload.title,
        file_name=upload.file_name,
        uploaded_by=upload.user_id,
        incoming=upload.incoming,
        size=upload.size,
        created_at=now(),
    )
    db.session.add(recording)
    db.session.flush()
    upload.state, upload.received, upload.recording_id = UploadState.FINISHED, upload.size, recording.id
    audit.record("recording.upload", recording, by=by, after={"file_name": recording.file_name, "size": recording.size})
    bus.emit(RecordingStored(recording.id))
    return recording


def abandon(upload: Upload) -> None:
    """Give an upload up and remove what has arrived."""
    upload = _held(upload)
    if upload.state != UploadState.OPEN:
        return
    upload.state = UploadState.ABANDONED
    (installation.storage().incoming / upload.incoming).unlink(missing_ok=True)
    db.session.flush()


def abandon_old() -> int:
    """Give up uploads nobody touched for three days; answer how many."""
    old = db.session.scalars(
        select(Upload).where(Upload.state == UploadState.OPEN, Upload.touched_at < now() - ABANDONED_AFTER).limit(500)
    ).all()
    for upload in old:
        abandon(upload)
    return len(old)


def sweep() -> int:
    """Remove what arrived for days-old uploads that no row knows, as a killed process leaves it; answer how much."""
    storage, removed = installation.storage(), 0
    for path in storage.incoming.iterdir():
        if not untouched(path) or _is_known(path.name):
            continue
        path.unlink(missing_ok=True)
        removed += 1
    return removed


def untouched(path: Path) -> bool:
    """Whether nobody has written to a file or folder for as long as an upload may rest."""
    try:
        return path.stat().st_mtime < (now() - ABANDONED_AFTER).timestamp()
    except FileNotFoundError:
        return False


def _is_known(incoming: str) -> bool:
    growing = select(Upload.id).where(Upload.incoming == incoming, Upload.state == UploadState.OPEN)
    arrived = select(Recording.id).where(Recording.incoming == incoming)
    return any(db.session.scalar(query.limit(1)) is not None for query in (growing, arrived))


def _held(upload: Upload) -> Upload:
    """The upload as it is now, for this transaction alone: two windows may end it at once."""
    db.session.refresh(upload, with_for_update=True)
    return upload


def _append(target: FileIO, block: bytes) -> None:
    left = memoryview(block)
    try:
        while left:
            left = left[target.write(left) :]
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise NoRoom from error
        raise


@contextmanager
def _alone(path: Path, received: int) -> Iterator[FileIO]:
    """The growing file at its end, for as long as one block is written; so many bytes must be there."""
    try:
        target = path.open("r+b", buffering=0)
    except FileNotFoundError:
        raise WrongState(gettext("This upload has already ended. Choose the file again.")) from None
    with target:
        fcntl.flock(target, fcntl.LOCK_EX)
        there = target.seek(0, 2)
        if there != received:
            raise WrongOffset(there)
        yield target
