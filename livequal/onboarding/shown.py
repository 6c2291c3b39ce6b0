"""What pages show of streamers, rooms and sessions, in the reader's language."""

from __future__ import annotations

from dataclasses import dataclass

from ..kernel.clock import now
from ..kernel.i18n import get_locale
from ..kernel.i18n import gettext as _
from ..taxonomy.rules import ProductCategory
from .models import LiveRoom, LiveSession, Streamer
from .rules import RoomState, SessionPhase, StreamerState, phase


@dataclass(frozen=True, slots=True)
class Mark:
    """A state as a badge: its tone (holds, proof, stop, unknown, accent), word and icon."""

    tone: str
    word: str
    icon: str


def category(slug: str) -> str:
    """A product category's name."""
    known = ProductCategory(slug)
    return known.en if str(get_locale()) == "en" else known.zh


def categories() -> list[tuple[str, str]]:
    """Every product category that can be sold, as (slug, name); "general" only means that none was named."""
    return [(slug.value, category(slug)) for slug in ProductCategory if slug is not ProductCategory.GENERAL]


def streamer_states() -> list[tuple[str, str]]:
    """A streamer's states, as (stored word, shown word)."""
    return [(state.value, mark.word) for state, mark in _streamer_marks().items()]


def streamer_state(streamer: Streamer) -> Mark:
    """How a streamer's state is shown."""
    return _streamer_marks()[StreamerState(streamer.state)]


def room_states() -> list[tuple[str, str]]:
    """A room's states, as (stored word, shown word)."""
    return [(state.value, mark.word) for state, mark in _room_marks().items()]


def room_state(room: LiveRoom) -> Mark:
    """How a room's state is shown."""
    return _room_marks()[RoomState(room.state)]


def session_phase(session: LiveSession) -> Mark:
    """How it is shown where a session stands now."""
    return {
        SessionPhase.PLANNED: Mark("accent", _("Planned"), "calendar"),
        SessionPhase.RUNNING: Mark("holds", _("On air"), "play"),
        SessionPhase.ENDED: Mark("unknown", _("Over"), "history"),
        SessionPhase.END_UNKNOWN: Mark("proof", _("End not entered"), "clock"),
    }[phase(session.starts_at, session.ends_at, now())]


def _streamer_marks() -> dict[StreamerState, Mark]:
    return {
        StreamerState.ACTIVE: Mark("holds", _("Active"), "check"),
        StreamerState.LEFT: Mark("unknown", _("Has left"), "signout"),
    }


def _room_marks() -> dict[RoomState, Mark]:
    return {
        RoomState.ACTIVE: Mark("holds", _("In use"), "check"),
        RoomState.CLOSED: Mark("unknown", _("Closed"), "lock"),
    }
