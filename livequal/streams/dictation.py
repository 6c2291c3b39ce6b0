"""A few sentences said into the browser: written down by the worker, shown once, and forgotten."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import Select, false, func, select

from ..accounts.rules import Actor
from ..jobs import service as jobs
from ..jobs.rules import ENDED_BADLY, JobState
from ..kernel import bus, installation
from ..kernel.clock import now
from ..kernel.db import db
from ..kernel.errors import Invalid, NotFound, TooMany, WrongState
from ..kernel.i18n import gettext
from . import service
from .events import DictationBegun
from .media.refusals import RefusalCode, Refused
from .media.sniff import sniff
from .models import Dictation
from .rules import DictationState, Segment
from .uploads import RESERVE_BYTES

LONGEST_MS = 60_000
# A recorder stops when it is told to, which is never to the millisecond.
SLACK_MS = 5_000
BYTES_MAX = 5 << 20
BLOCK_BYTES = 1 << 16
KEPT = timedelta(hours=1)
WAITING_PER_USER = 3
NO_MODEL = "no_model"
# The leading dot keeps it out of backups: it is gone within the hour, there too.
PREFIX = ".said-"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a dictation is: `stage` waiting, hearing, heard or failed; `message` says why it failed."""

    stage: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class Heard:
    """What was understood, and how many stretches were not."""

    words: str
    unclear: int


def possible() -> bool:
    """Whether anything said can be written down: subtitles are no engine for that, and a model must be there."""
    settings = installation.settings()
    return settings.speech != "sidecar" and service.model_state(settings).present


def receive(body: BinaryIO) -> str:
    """Take the sound in and answer the name of its file. No transaction may be open: the network may be slow.

    Raises: Invalid when it is empty, too large or no sound at all.
    """
    if shutil.disk_usage(installation.settings().var).free < RESERVE_BYTES:
        raise Invalid({"sound": gettext("There is no room for sound on the server just now. Please write it instead.")})
    path = installation.storage().new_incoming(PREFIX)
    try:
        _write(path, body)
        with path.open("rb") as source:
            sniff(source)
    except Refused as refused:
        path.unlink(missing_ok=True)
        raise Invalid({"sound": refused.told(gettext)}) from refused
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return path.name


def _write(path: Path, body: BinaryIO) -> None:
    size = 0
    with path.open("wb") as target:
        while block := body.read(BLOCK_BYTES):
            size += len(block)
            if size > BYTES_MAX:
                raise Invalid({"sound": gettext("That was too long. Say at most one minute at a time.")})
            target.write(block)
    if not size:
        raise Invalid({"sound": gettext("No sound arrived. Hold the button while you speak.")})


def begin(incoming: str, *, by: Actor) -> Dictation:
    """Have received sound written down.

    Raises: TooMany while several of this person's wait.
    """
    waiting = select(func.count()).where(
        Dictation.user_id == by.user_id, Dictation.state == DictationState.WAITING, Dictation.created_at > now() - KEPT
    )
    if (db.session.scalar(waiting) or 0) >= WAITING_PER_USER:
        (installation.storage().incoming / incoming).unlink(missing_ok=True)
        raise TooMany(gettext("What you said before is still being listened to. Wait a moment, then say it again."), 10)
    dictation = Dictation(user_id=by.user_id, incoming=incoming, created_at=now())
    db.session.add(dictation)
    db.session.flush()
    bus.emit(DictationBegun(dictation.id))
    return dictation


def visible_to(actor: Actor) -> Select[Dictation]:
    """A person's own, as long as they are kept."""
    query = select(Dictation).where(Dictation.created_at > now() - KEPT)
    return query.where(false()) if actor.user_id is None else query.where(Dictation.user_id == actor.user_id)


def get(dictation_id: int, actor: Actor) -> Dictation:
    """One of the person's own dictations.

    Raises: NotFound, also when it was shown already.
    """
    row = db.session.scalars(visible_to(actor).where(Dictation.id == dictation_id)).first()
    if row is None:
        raise NotFound(gettext("What you said is no longer here: it is kept until it was shown, an hour at most."))
    return row


def progress(dictation: Dictation) -> Progress:
    """How far it is, for the page that waits."""
    if dictation.state == DictationState.HEARD:
        return Progress("heard")
    if dictation.state == DictationState.REFUSED:
        return Progress("failed", _problem(dictation))
    job = jobs.active_for(subject(dictation.id))
    if job is not None and job.state in ENDED_BADLY:
        return Progress("failed", gettext("It could not be listened to just now. Say it again, or write it."))
    return Progress("hearing" if job is not None and job.state == JobState.RUNNING else "waiting")


def _problem(dictation: Dictation) -> str:
    if dictation.problem == NO_MODEL:
        return gettext("No speech model is installed here yet, so nobody can listen. Please write it instead.")
    code = RefusalCode(dictation.problem)
    if code is RefusalCode.TOO_LONG:
        return gettext("That was too long. Say at most one minute at a time.")
    if code in {RefusalCode.NO_SOUND, RefusalCode.NOTHING_DECODED, RefusalCode.BROKEN, RefusalCode.CUT_OFF}:
        return gettext("There is no sound in what arrived. Check the microphone and say it again, or write it.")
    return Refused(code, **json.loads(dictation.problem_detail or "{}")).told(gettext)


def subject(dictation_id: int) -> str:
    """The name under which jobs speak of a dictation."""
    return f"dictation:{dictation_id}"


def take(dictation: Dictation) -> Heard:
    """What was understood, to be shown now: from here on it is nowhere any more.

    Raises: WrongState while it is not heard.
    """
    if dictation.state != DictationState.HEARD:
        raise WrongState(gettext("It is still being listened to. Wait a moment."))
    heard = Heard(dictation.words, dictation.unclear)
    forget(dictation)
    return heard


def keep(dictation: Dictation, segments: Iterable[Segment]) -> None:
    """Keep what was understood; what was not is only counted, and invented text counts for nothing."""
    pieces = [piece for piece in segments if not piece.invented]
    dictation.words = "".join(piece.text for piece in pieces if not piece.unintelligible)
    dictation.unclear = sum(piece.unintelligible for piece in pieces)
    dictation.state = DictationState.HEARD
    db.session.flush()


def refuse(dictation: Dictation, problem: str, values: dict[str, str] | None = None) -> None:
    """It can't be written down."""
    dictation.problem, dictation.problem_detail = problem, json.dumps(values or {}, ensure_ascii=False)
    dictation.state = DictationState.REFUSED
    db.session.flush()


def forget(dictation: Dictation) -> None:
    """Remove it, sound and words."""
    sound(dictation).unlink(missing_ok=True)
    db.session.delete(dictation)
    db.session.flush()


def sound(dictation: Dictation) -> Path:
    """Where the sound lies."""
    return installation.storage().incoming / dictation.incoming


def forget_old() -> int:
    """Remove what nobody came back for within the hour; answer how many."""
    before = now() - KEPT
    old = db.session.scalars(select(Dictation).where(Dictation.created_at <= before).limit(500)).all()
    for dictation in old:
        forget(dictation)
    # Sound that came in while the process died is known to no row.
    for path in installation.storage().incoming.glob(f"{PREFIX}*"):
        try:
            if path.stat().st_mtime <= before.timestamp():
                path.unlink(missing_ok=True)
        except FileNotFoundError:
            continue
    return len(old)
