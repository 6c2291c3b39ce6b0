"""What other rooms may hear from onboarding."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StreamerAdded:
    """A streamer was put on an organisation's list."""

    streamer_id: int


@dataclass(frozen=True, slots=True)
class StreamerChanged:
    """A streamer's names or product categories were corrected."""

    streamer_id: int


@dataclass(frozen=True, slots=True)
class StreamerTied:
    """A streamer got her account."""

    streamer_id: int
    user_id: int


@dataclass(frozen=True, slots=True)
class StreamerLeft:
    """A streamer no longer works for her organisation."""

    streamer_id: int


@dataclass(frozen=True, slots=True)
class RoomClosed:
    """No more sessions are held in a live room."""

    room_id: int


@dataclass(frozen=True, slots=True)
class LiveSessionChanged:
    """A live session was planned, moved or staffed differently."""

    live_session_id: int
