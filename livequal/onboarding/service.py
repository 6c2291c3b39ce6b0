"""Streamers, live rooms and live sessions: who may see them, and what may be done with them.

Whether a role may do a thing at all is the permission table's to say; here only rows are told apart.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import TypeVar

from sqlalchemy import ColumnElement, Select, exists, false, or_, select

from ..accounts.models import Organisation, User, UserRole
from ..accounts.rules import Actor, OrganisationKind, Role, UserState
from ..audit import service as audit
from ..kernel import bus
from ..kernel.clock import SHANGHAI, now
from ..kernel.db import db
from ..kernel.errors import Conflict, Forbidden, Invalid, NotFound
from ..kernel.i18n import gettext
from ..kernel.states import move
from . import rules
from .entries import once, record_change, refuse, unknown
from .events import RoomClosed, StreamerAdded, StreamerChanged, StreamerLeft, StreamerTied
from .models import LiveRoom, LiveSession, LiveSessionStreamer, Streamer, StreamerCategory
from .rules import RoomEntry, RoomState, StreamerEntry, StreamerState

Row = TypeVar("Row", Streamer, LiveRoom, LiveSession)
TELLS = (Role.MCN_MANAGER, Role.ROOM_OPERATOR)
OFFERED = 500


# ── who may see what ──────────────────────────────────────────────────────────────────────────────────────────────


def visible_to_streamers(actor: Actor) -> Select[Streamer]:
    """The platform sees all, a tenant its own, a streamer herself."""
    query = select(Streamer)
    if actor.sees_platform:
        return query
    if _only_streams(actor):
        return query.where(Streamer.user_id == actor.user_id)
    return query.where(Streamer.organisation_id == actor.organisation_id)


def visible_to_rooms(actor: Actor) -> Select[LiveRoom]:
    """The platform sees all, an operator its own rooms, an MCN also those it serves, a streamer none."""
    query = select(LiveRoom)
    if actor.sees_platform:
        return query
    return query.where(false() if _only_streams(actor) else _room_of(actor))


def visible_to_sessions(actor: Actor) -> Select[LiveSession]:
    """The platform sees all, a tenant those of its rooms, an MCN also those with its streamers, a streamer hers."""
    query = select(LiveSession)
    if actor.sees_platform:
        return query
    if _only_streams(actor):
        return query.where(_with_streamer(Streamer.user_id == actor.user_id))
    in_rooms = LiveSession.room_id.in_(select(LiveRoom.id).where(_room_of(actor)))
    if actor.organisation_kind is OrganisationKind.MCN:
        return query.where(or_(in_rooms, _with_streamer(Streamer.organisation_id == actor.organisation_id)))
    return query.where(in_rooms)


def get_streamer(streamer_id: int, actor: Actor) -> Streamer:
    """One streamer.

    Raises: NotFound.
    """
    row = db.session.scalars(visible_to_streamers(actor).where(Streamer.id == streamer_id)).first()
    return _found(row, gettext("There is no such streamer, or she belongs to another organisation."))


def get_room(room_id: int, actor: Actor) -> LiveRoom:
    """One live room.

    Raises: NotFound.
    """
    row = db.session.scalars(visible_to_rooms(actor).where(LiveRoom.id == room_id)).first()
    return _found(row, gettext("There is no such live room, or it belongs to another organisation."))


def get_live_session(live_session_id: int, actor: Actor) -> LiveSession:
    """One live session.

    Raises: NotFound.
    """
    row = db.session.scalars(visible_to_sessions(actor).where(LiveSession.id == live_session_id)).first()
    return _found(row, gettext("There is no such live session, or it is not yours to see."))


# ── lists ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def streamers(actor: Actor, *, words: str = "", category: str = "", state: str = "") -> Select[Streamer]:
    """Streamers by stage name; `words` are looked for in both names."""
    query = visible_to_streamers(actor).order_by(Streamer.stage_name, Streamer.name, Streamer.id)
    if words:
        query = query.where(
            or_(Streamer.name.icontains(words, autoescape=True), Streamer.stage_name.icontains(words, autoescape=True))
        )
    if category:
        sells = select(StreamerCategory.streamer_id).where(StreamerCategory.category == category)
        query = query.where(Streamer.id.in_(sells))
    return query.where(Streamer.state == state) if state else query


def rooms(actor: Actor, *, words: str = "", state: str = "") -> Select[LiveRoom]:
    """Live rooms by name; `words` are looked for in the name, or are the start of the number on the platform."""
    query = visible_to_rooms(actor).order_by(LiveRoom.name, LiveRoom.id)
    if words:
        query = query.where(_room_called(words))
    return query.where(LiveRoom.state == state) if state else query


def live_sessions(
    actor: Actor,
    *,
    room_id: int | None = None,
    streamer_id: int | None = None,
    room: str = "",
    day: date | None = None,
    title: str = "",
) -> Select[LiveSession]:
    """Live sessions, newest first. `room` is (part of) a room's name or number; `day` is a day in Shanghai."""
    query = visible_to_sessions(actor).order_by(LiveSession.starts_at.desc(), LiveSession.id.desc())
    if room_id is not None:
        query = query.where(LiveSession.room_id == room_id)
    if streamer_id is not None:
        query = query.where(_with_streamer(Streamer.id == streamer_id))
    if room:
        query = query.where(LiveSession.room_id.in_(select(LiveRoom.id).where(_room_called(room))))
    if day is not None:
        start = datetime.combine(day, time(), SHANGHAI)
        query = query.where(LiveSession.starts_at >= start, LiveSession.starts_at < start + timedelta(days=1))
    return query.where(LiveSession.title.icontains(title, autoescape=True)) if title else query


# ── streamers ─────────────────────────────────────────────────────────────────────────────────────────────────────


def homes_open_to(actor: Actor) -> Select[Organisation]:
    """The organisations on whose lists the actor may put a streamer: the platform any tenant's, a tenant its own."""
    query = select(Organisation).where(Organisation.kind != OrganisationKind.PLATFORM).order_by(Organisation.name)
    return query if actor.sees_platform else query.where(Organisation.id == actor.organisation_id)


def homes_to_offer(actor: Actor) -> list[str]:
    """The names of the organisations to choose from; empty when there is nothing to choose."""
    names = list(db.session.scalars(homes_open_to(actor).with_only_columns(Organisation.name).limit(OFFERED)))
    return names if actor.sees_platform else []


def home_called(name: str, actor: Actor) -> int:
    """The organisation of exactly this name; a tenant's people need not say it.

    Raises: Invalid at `organisation`.
    """
    query = homes_open_to(actor).with_only_columns(Organisation.id)
    home = db.session.scalars(query.where(Organisation.name == name) if actor.sees_platform else query).first()
    if home is None:
        raise Invalid({"organisation": gettext("No organisation has this name. Choose one that is offered.")})
    return home


def add_streamer(entry: StreamerEntry, *, organisation_id: int, by: Actor) -> Streamer:
    """Put a streamer on an organisation's list.

    Raises: Invalid.
    """
    refuse(entry.faults() | unknown(entry.categories))
    _choose(organisation_id, by)
    streamer = Streamer(organisation_id=organisation_id, name=entry.name, stage_name=entry.stage_name, created_at=now())
    streamer.category_rows = [StreamerCategory(category=slug) for slug in sorted(entry.categories)]
    with once("stage_name", gettext("This streamer is already on the list.")):
        db.session.add(streamer)
    audit.record("streamer.add", streamer, by=by, after=_facts_of_streamer(streamer))
    bus.emit(StreamerAdded(streamer.id))
    return streamer


def change_streamer(streamer: Streamer, entry: StreamerEntry, *, by: Actor) -> Streamer:
    """Correct a streamer's names and product categories.

    Raises: Invalid.
    """
    refuse(entry.faults() | unknown(entry.categories))
    before = _facts_of_streamer(streamer)
    kept = [row for row in streamer.category_rows if row.category in entry.categories]
    fresh = sorted(entry.categories - {row.category for row in kept})
    with once("stage_name", gettext("Another streamer on the list has both these names.")):
        streamer.name, streamer.stage_name = entry.name, entry.stage_name
        streamer.category_rows = [*kept, *(StreamerCategory(category=slug) for slug in fresh)]
    record_change("streamer.change", streamer, before, _facts_of_streamer(streamer), by)
    bus.emit(StreamerChanged(streamer.id))
    return streamer


def leave(streamer: Streamer, *, by: Actor) -> None:
    """The streamer no longer works for her organisation; what she said stays on record.

    Raises: WrongState.
    """
    _move_streamer(streamer, StreamerState.LEFT, "streamer.leave", by)
    bus.emit(StreamerLeft(streamer.id))


def come_back(streamer: Streamer, *, by: Actor) -> None:
    """The streamer works for her organisation again.

    Raises: WrongState.
    """
    _move_streamer(streamer, StreamerState.ACTIVE, "streamer.come_back", by)


def tie(user_id: int, subject: str) -> None:
    """Tie a fresh account to the streamer its invitation spoke of; a subject of another room is none of ours.

    Raises: Conflict when she already has an account, left, or belongs to another organisation.
    """
    streamer_id = rules.streamer_in(subject)
    if streamer_id is None:
        return
    user = db.session.get_one(User, user_id)
    streamer = db.session.get(Streamer, streamer_id, with_for_update={"of": Streamer})
    if streamer is None or streamer.organisation_id != user.organisation_id:
        raise Conflict(gettext("This invitation speaks of a streamer who is not on your organisation's list."))
    if streamer.user_id is not None or streamer.state != StreamerState.ACTIVE:
        raise Conflict(gettext("This streamer already has an account or has left. Ask whoever invited you."))
    if streamer_of(user_id) is not None:
        raise Conflict(gettext("This account belongs to another streamer already. Ask whoever invited you."))
    streamer.user_id = user_id
    db.session.flush()
    audit.record("streamer.tie", streamer, by=user.actor, after={"user": user_id})
    bus.emit(StreamerTied(streamer.id, user_id))


def streamer_of(user_id: int) -> Streamer | None:
    """The streamer an account belongs to."""
    return db.session.scalars(select(Streamer).where(Streamer.user_id == user_id)).first()


def user_ids_to_tell(streamer_id: int) -> list[int]:
    """Who hears of what concerns a streamer: her own account, and whoever manages her organisation."""
    streamer = db.session.get_one(Streamer, streamer_id)
    manages = exists().where(UserRole.user_id == User.id, UserRole.role.in_([role.value for role in TELLS]))
    own = User.id == streamer.user_id
    query = select(User.id).where(
        User.state == UserState.ACTIVE, or_(own, (User.organisation_id == streamer.organisation_id) & manages)
    )
    return list(db.session.scalars(query.order_by(User.id)))


# ── live rooms ────────────────────────────────────────────────────────────────────────────────────────────────────


def mcns_to_offer(actor: Actor) -> list[str]:
    """The names of MCNs proposed as serving a room: to the platform all, to a tenant itself and those that serve it
    already (whom else the platform deals with is not its to know)."""
    query = select(Organisation.name).where(Organisation.kind == OrganisationKind.MCN).order_by(Organisation.name)
    if not actor.sees_platform:
        own = LiveRoom.organisation_id == actor.organisation_id
        serving = select(LiveRoom.mcn_id).where(own, LiveRoom.mcn_id.is_not(None))
        query = query.where(or_(Organisation.id == actor.organisation_id, Organisation.id.in_(serving)))
    return list(db.session.scalars(query.limit(OFFERED)))


def mcn_called(name: str) -> int | None:
    """The MCN of exactly this name, None for no name: whoever lets an MCN serve a room has to know what it is called.

    Raises: Invalid at `mcn`.
    """
    if not name:
        return None
    query = select(Organisation.id).where(Organisation.name == name, Organisation.kind == OrganisationKind.MCN)
    mcn_id = db.session.scalars(query).first()
    if mcn_id is None:
        raise Invalid({"mcn": gettext("No MCN has this name. Write it exactly as registered, or leave this empty.")})
    return mcn_id


def may_change_room(room: LiveRoom, actor: Actor) -> bool:
    """A room is its operator's and the platform's to change; the MCN that serves it reads."""
    return actor.sees_platform or room.organisation_id == actor.organisation_id


def add_room(entry: RoomEntry, *, organisation_id: int, mcn_id: int | None = None, by: Actor) -> LiveRoom:
    """Register a live room of an operator (a room operator, or an MCN with a room of its own).

    Raises: Invalid.
    """
    refuse(entry.faults())
    _choose(organisation_id, by)
    room = LiveRoom(
        organisation_id=organisation_id,
        mcn_id=mcn_id,
        name=entry.name,
        platform_number=entry.platform_number,
        created_at=now(),
    )
    with once("platform_number", _number_taken()):
        db.session.add(room)
    audit.record("live_room.add", room, by=by, after=_facts_of_room(room))
    return room


def change_room(room: LiveRoom, entry: RoomEntry, *, mcn_id: int | None, by: Actor) -> LiveRoom:
    """Correct a room's name and number, or say which MCN serves it from now on.

    Raises: Invalid, Forbidden.
    """
    _theirs(room, by)
    refuse(entry.faults())
    before = _facts_of_room(room)
    with once("platform_number", _number_taken()):
        room.name, room.platform_number, room.mcn_id = entry.name, entry.platform_number, mcn_id
    record_change("live_room.change", room, before, _facts_of_room(room), by)
    return room


def close_room(room: LiveRoom, *, by: Actor) -> None:
    """Hold no more sessions in a room; what was held stays.

    Raises: WrongState, Forbidden.
    """
    _move_room(room, RoomState.CLOSED, "live_room.close", by)
    bus.emit(RoomClosed(room.id))


def reopen_room(room: LiveRoom, *, by: Actor) -> None:
    """Hold sessions in a closed room again.

    Raises: WrongState, Forbidden.
    """
    _move_room(room, RoomState.ACTIVE, "live_room.reopen", by)


# ── live sessions (how they are planned stands in `schedule`) ─────────────────────────────────────────────────────


def streamers_of(live_session_id: int) -> list[Streamer]:
    """Who takes part in a session, by stage name."""
    query = select(Streamer).join(LiveSessionStreamer, LiveSessionStreamer.streamer_id == Streamer.id)
    query = query.where(LiveSessionStreamer.live_session_id == live_session_id)
    return list(db.session.scalars(query.order_by(Streamer.stage_name, Streamer.id)))


def mcn_ids_of(live_session_id: int) -> frozenset[int]:
    """The MCNs a session concerns: the one that serves (or runs) its room, and those of its streamers."""
    parties = (
        select(LiveRoom.organisation_id, LiveRoom.mcn_id)
        .join(LiveSession, LiveSession.room_id == LiveRoom.id)
        .where(LiveSession.id == live_session_id)
    )
    ids = {party for row in db.session.execute(parties) for party in row}
    ids.update(streamer.organisation_id for streamer in streamers_of(live_session_id))
    query = select(Organisation.id).where(Organisation.id.in_(ids - {None}), Organisation.kind == OrganisationKind.MCN)
    return frozenset(db.session.scalars(query))


# ── inside ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _only_streams(actor: Actor) -> bool:
    return actor.roles <= {Role.STREAMER}


def _room_of(actor: Actor) -> ColumnElement[bool]:
    mine = LiveRoom.organisation_id == actor.organisation_id
    return or_(mine, LiveRoom.mcn_id == actor.organisation_id)


def _with_streamer(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    # A list of ids rather than EXISTS: both databases then start from the few sessions of the streamers meant,
    # where EXISTS makes SQLite ask about every session there is.
    query = select(LiveSessionStreamer.live_session_id).join(Streamer, LiveSessionStreamer.streamer_id == Streamer.id)
    return LiveSession.id.in_(query.where(condition))


def _room_called(words: str) -> ColumnElement[bool]:
    return or_(
        LiveRoom.name.icontains(words, autoescape=True), LiveRoom.platform_number.istartswith(words, autoescape=True)
    )


def _found(row: Row | None, message: str) -> Row:
    if row is None:
        raise NotFound(message)
    return row


def _choose(organisation_id: int, by: Actor) -> None:
    if db.session.scalars(homes_open_to(by).where(Organisation.id == organisation_id)).first() is None:
        raise Invalid({"organisation": gettext("No organisation has this name. Choose one that is offered.")})


def _theirs(room: LiveRoom, by: Actor) -> None:
    if not may_change_room(room, by):
        raise Forbidden(gettext("This room is its operator's to change. Ask the operator or the platform."))


def _move_streamer(streamer: Streamer, target: StreamerState, action: str, by: Actor) -> None:
    before = streamer.state
    streamer.state = move(StreamerState(before), target, rules.STREAMER_MOVES)
    db.session.flush()
    audit.record(action, streamer, by=by, before={"state": before}, after={"state": streamer.state})


def _move_room(room: LiveRoom, target: RoomState, action: str, by: Actor) -> None:
    _theirs(room, by)
    before = room.state
    room.state = move(RoomState(before), target, rules.ROOM_MOVES)
    db.session.flush()
    audit.record(action, room, by=by, before={"state": before}, after={"state": room.state})


def _facts_of_streamer(streamer: Streamer) -> dict[str, object]:
    return {
        "organisation": streamer.organisation_id,
        "name": streamer.name,
        "stage_name": streamer.stage_name,
        "categories": streamer.categories,
    }


def _facts_of_room(room: LiveRoom) -> dict[str, object]:
    return {
        "organisation": room.organisation_id,
        "mcn": room.mcn_id,
        "name": room.name,
        "platform_number": room.platform_number,
    }


def _number_taken() -> str:
    return gettext("This number is registered already. Check it; if it is yours, ask the platform.")
