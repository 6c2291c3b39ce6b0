"""Live sessions: planning them, and who takes part. Who may see them stands in `service`."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select

from ..accounts.rules import Actor
from ..audit import service as audit
from ..kernel import bus
from ..kernel.clock import now
from ..kernel.db import db
from ..kernel.errors import Forbidden, Invalid, WrongState
from ..kernel.i18n import gettext
from . import rules
from .entries import once, record_change, refuse
from .events import LiveSessionChanged
from .models import LiveRoom, LiveSession, LiveSessionStreamer, Streamer
from .rules import RoomState, SessionEntry, StreamerState
from .service import streamers, visible_to_streamers

LATELY = 20


def may_change_session(session: LiveSession, actor: Actor) -> bool:
    """A session is changed by the platform and the parties of its room; an MCN whose streamer is a guest reads."""
    return actor.sees_platform or actor.organisation_id in {session.room.organisation_id, session.room.mcn_id}


def add_live_session(
    room: LiveRoom, entry: SessionEntry, *, streamer_ids: Iterable[int] = (), by: Actor
) -> LiveSession:
    """Plan a session in a room, or enter one that was held.

    Raises: Invalid, WrongState when the room is closed.
    """
    if room.state != RoomState.ACTIVE:
        raise WrongState(gettext("This room is closed. Open it again first, then plan the session."))
    refuse(entry.faults(now()))
    session = LiveSession(
        room=room,
        title=entry.title,
        starts_at=entry.starts_at,
        ends_at=entry.ends_at,
        created_by=by.user_id,
        created_at=now(),
        streamers=[_free_streamer(streamer_id, by) for streamer_id in sorted(set(streamer_ids))],
    )
    with once("starts_at", _start_taken()):
        db.session.add(session)
    audit.record("live_session.add", session, by=by, after=_facts_of_session(session))
    bus.emit(LiveSessionChanged(session.id))
    return session


def change_live_session(session: LiveSession, entry: SessionEntry, *, by: Actor) -> LiveSession:
    """Correct a session's title and times.

    Raises: Invalid, Forbidden.
    """
    _theirs(session, by)
    refuse(entry.faults(now()))
    before = _facts_of_session(session)
    with once("starts_at", _start_taken()):
        session.title, session.starts_at, session.ends_at = entry.title, entry.starts_at, entry.ends_at
    if record_change("live_session.change", session, before, _facts_of_session(session), by):
        bus.emit(LiveSessionChanged(session.id))
    return session


def put_on(session: LiveSession, streamer_id: int, *, by: Actor) -> None:
    """Let a streamer take part in a session; twice is once.

    Raises: Invalid, Forbidden.
    """
    _theirs(session, by)
    streamer = _free_streamer(streamer_id, by)
    if streamer in session.streamers:
        return
    if len(session.streamers) >= rules.STREAMERS_PER_SESSION:
        raise Invalid(
            {"streamer": gettext("A session takes %(count)s streamers at most.", count=rules.STREAMERS_PER_SESSION)}
        )
    _staff(session, [*session.streamers, streamer], by)


def take_off(session: LiveSession, streamer_id: int, *, by: Actor) -> None:
    """A streamer does not take part after all; twice is once.

    Raises: Forbidden.
    """
    _theirs(session, by)
    rest = [streamer for streamer in session.streamers if streamer.id != streamer_id]
    if len(rest) < len(session.streamers):
        _staff(session, rest, by)


def proposed(session: LiveSession, actor: Actor, words: str = "", count: int = 12) -> list[Streamer]:
    """Streamers to put on: those the words name; without words who was on lately in this room, else the first of the
    room's parties."""
    query = streamers(actor, words=words, state=StreamerState.ACTIVE).limit(count)
    query = query.where(Streamer.id.not_in([streamer.id for streamer in session.streamers]))
    if words:
        return list(db.session.scalars(query))
    lately = (
        select(LiveSession.id)
        .where(LiveSession.room_id == session.room_id)
        .order_by(LiveSession.starts_at.desc())
        .limit(LATELY)
        .subquery()
    )
    on = select(LiveSessionStreamer.streamer_id).join(lately, LiveSessionStreamer.live_session_id == lately.c.id)
    regulars = list(db.session.scalars(query.where(Streamer.id.in_(on))))
    parties = [session.room.organisation_id, session.room.mcn_id]
    return regulars or list(db.session.scalars(query.where(Streamer.organisation_id.in_(parties))))


def _theirs(session: LiveSession, by: Actor) -> None:
    if not may_change_session(session, by):
        raise Forbidden(gettext("This session is for the room's operator and its MCN to change. Ask them."))


def _free_streamer(streamer_id: int, by: Actor) -> Streamer:
    """A streamer the actor may put on.

    Raises: Invalid.
    """
    streamer = db.session.scalars(visible_to_streamers(by).where(Streamer.id == streamer_id)).first()
    if streamer is None:
        raise Invalid({"streamer": gettext("There is no such streamer on your list.")})
    if streamer.state != StreamerState.ACTIVE:
        raise Invalid({"streamer": gettext("%(name)s has left and can't be put on.", name=streamer.stage_name)})
    return streamer


def _staff(session: LiveSession, on: list[Streamer], by: Actor) -> None:
    before = _facts_of_session(session)
    session.streamers = on
    db.session.flush()
    record_change("live_session.staff", session, before, _facts_of_session(session), by)
    bus.emit(LiveSessionChanged(session.id))


def _facts_of_session(session: LiveSession) -> dict[str, object]:
    return {
        "room": session.room.id,
        "title": session.title,
        "starts_at": session.starts_at,
        "ends_at": session.ends_at,
        "streamers": frozenset(streamer.id for streamer in session.streamers),
    }


def _start_taken() -> str:
    return gettext("This room already has a session that starts then.")
