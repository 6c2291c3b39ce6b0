"""Live sessions as other rooms look them up."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Select, select

from ..accounts.rules import Actor
from ..kernel.clock import SHANGHAI
from ..kernel.db import db
from . import service
from .models import LiveSession

RECENT = 200


def by_id(ids: Iterable[int]) -> dict[int, LiveSession]:
    """Live sessions by id."""
    rows = db.session.scalars(select(LiveSession).where(LiveSession.id.in_(list(ids)))).unique()
    return {row.id: row for row in rows}


def ids_of_room(room_id: int) -> Select[int]:
    """The ids of a live room's sessions, as a subquery."""
    return select(LiveSession.id).where(LiveSession.room_id == room_id)


def recent_choices(actor: Actor) -> list[tuple[int, str]]:
    """The newest sessions a person may see, as (id, room · title · start) to choose from."""
    query = (
        service.visible_to_sessions(actor).order_by(LiveSession.starts_at.desc(), LiveSession.id.desc()).limit(RECENT)
    )
    return [(row.id, shown(row)) for row in db.session.scalars(query).unique()]


def shown(row: LiveSession) -> str:
    """A live session in one line."""
    return f"{row.room.name} · {row.title} · {row.starts_at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"
