"""What pages show of streamers, rooms and sessions, in the reader's language."""

from __future__ import annotations

from ..kernel.clock import now
from ..kernel.i18n import get_locale
from ..kernel.i18n import gettext as _
from ..taxonomy.rules import ProductCategory
from .models import LiveRoom, LiveSession, Streamer
from .rules import RoomState, SessionPhase, StreamerState, phase


def category(slug: str) -> str:
    """A product category's name."""
    known = ProductCategory(slug)
    return known.en if str(get_locale()) == "en" else known.zh


def categories() -> list[tuple[str, str]]:
    """Every product category to choose from, as (slug, name); what fits nothing else comes last."""
    return [(slug.value, category(slug)) for slug in ProductCategory]


def streamer_states() -> list[tuple[str, str]]:
    """A streamer's states, as (stored word, shown word)."""
    return [(state.value, _streamer_states()[state][1]) for state in StreamerState]


def streamer_state(streamer: Streamer) -> tuple[str, str]:
    """Tone and word of a streamer's state."""
    return _streamer_states()[StreamerState(streamer.state)]


def room_states() -> list[tuple[str, str]]:
    """A room's states, as (stored word, shown word)."""
    return [(state.value, _room_states()[state][1]) for state in RoomState]


def room_state(room: LiveRoom) -> tuple[str, str]:
    """Tone and word of a room's state."""
    return _room_states()[RoomState(room.state)]


def session_phase(session: LiveSession) -> tuple[str, str]:
    """Tone and word of where a session stands now."""
    return {
        SessionPhase.PLANNED: ("accent", _("Planned")),
        SessionPhase.RUNNING: ("holds", _("On air")),
        SessionPhase.ENDED: ("unknown", _("Over")),
        SessionPhase.END_UNKNOWN: ("proof", _("End not entered")),
    }[phase(session.starts_at, session.ends_at, now())]


def _streamer_states() -> dict[StreamerState, tuple[str, str]]:
    return {StreamerState.ACTIVE: ("holds", _("Active")), StreamerState.LEFT: ("unknown", _("Has left"))}


def _room_states() -> dict[RoomState, tuple[str, str]]:
    return {RoomState.ACTIVE: ("holds", _("In use")), RoomState.CLOSED: ("unknown", _("Closed"))}
