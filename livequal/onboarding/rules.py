"""Streamers, live rooms and live sessions: what states they have and which moves are allowed. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum, auto

NAME_MAX = 60
TITLE_MAX = 120
PLATFORM_NUMBER_MAX = 40
SESSION_LONGEST = timedelta(days=3)
# Live selling on the platforms began in 2016: an earlier session is a slip of the pen.
SESSION_EARLIEST = datetime(2016, 1, 1, tzinfo=UTC)
SESSION_AHEAD = timedelta(days=366)
SESSION_USUAL = timedelta(hours=12)
STREAMERS_PER_SESSION = 30
SUBJECT = "streamer"
_PLATFORM_NUMBER = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]*")


class StreamerState(StrEnum):
    """Whether a streamer still works for her organisation."""

    ACTIVE = "active"
    LEFT = "left"


class RoomState(StrEnum):
    """Whether sessions can still be held in a live room."""

    ACTIVE = "active"
    CLOSED = "closed"


STREAMER_MOVES: Mapping[StreamerState, frozenset[StreamerState]] = {
    StreamerState.ACTIVE: frozenset({StreamerState.LEFT}),
    StreamerState.LEFT: frozenset({StreamerState.ACTIVE}),
}
ROOM_MOVES: Mapping[RoomState, frozenset[RoomState]] = {
    RoomState.ACTIVE: frozenset({RoomState.CLOSED}),
    RoomState.CLOSED: frozenset({RoomState.ACTIVE}),
}


class SessionPhase(StrEnum):
    """Where a live session stands in time; computed, never stored."""

    PLANNED = "planned"
    RUNNING = "running"
    ENDED = "ended"
    END_UNKNOWN = "end_unknown"


class Fault(StrEnum):
    """What can be wrong with an entry; the service says it in the person's language."""

    MISSING = auto()
    TOO_LONG = auto()
    BAD_NUMBER = auto()
    TOO_EARLY = auto()
    TOO_FAR_AHEAD = auto()
    ENDS_BEFORE_START = auto()
    TOO_LENGTHY = auto()
    UNKNOWN_CATEGORY = auto()


@dataclass(frozen=True, slots=True)
class StreamerEntry:
    """What is entered about a streamer. `categories` are slugs of product categories; none means not said."""

    name: str
    stage_name: str
    categories: frozenset[str] = field(default=frozenset())

    def faults(self) -> dict[str, Fault]:
        """What is wrong, by field; empty when all is well."""
        return _present({"name": _text(self.name, NAME_MAX), "stage_name": _text(self.stage_name, NAME_MAX)})


@dataclass(frozen=True, slots=True)
class RoomEntry:
    """What is entered about a live room. `platform_number` is the number viewers see on the platform."""

    name: str
    platform_number: str

    def faults(self) -> dict[str, Fault]:
        """What is wrong, by field; empty when all is well."""
        number = _text(self.platform_number, PLATFORM_NUMBER_MAX)
        if number is None and not _PLATFORM_NUMBER.fullmatch(self.platform_number):
            number = Fault.BAD_NUMBER
        return _present({"name": _text(self.name, NAME_MAX), "platform_number": number})


@dataclass(frozen=True, slots=True)
class SessionEntry:
    """What is entered about a live session; aware times, `ends_at` None while nobody knows."""

    title: str
    starts_at: datetime
    ends_at: datetime | None = None

    def faults(self, now: datetime) -> dict[str, Fault]:
        """What is wrong, by field; empty when all is well. Past sessions are fine: recordings come later."""
        start = self._start_fault(now)
        return _present({"title": _text(self.title, TITLE_MAX), "starts_at": start, "ends_at": self._end_fault()})

    def _start_fault(self, now: datetime) -> Fault | None:
        if self.starts_at < SESSION_EARLIEST:
            return Fault.TOO_EARLY
        return Fault.TOO_FAR_AHEAD if self.starts_at > now + SESSION_AHEAD else None

    def _end_fault(self) -> Fault | None:
        if self.ends_at is None:
            return None
        if self.ends_at <= self.starts_at:
            return Fault.ENDS_BEFORE_START
        return Fault.TOO_LENGTHY if self.ends_at - self.starts_at > SESSION_LONGEST else None


def phase(starts_at: datetime, ends_at: datetime | None, now: datetime) -> SessionPhase:
    """Where a session stands at `now`; one without an end is taken as running for twelve hours, then nobody knows."""
    if now < starts_at:
        return SessionPhase.PLANNED
    if ends_at is not None:
        return SessionPhase.RUNNING if now < ends_at else SessionPhase.ENDED
    return SessionPhase.RUNNING if now < starts_at + SESSION_USUAL else SessionPhase.END_UNKNOWN


def subject_of(streamer_id: int) -> str:
    """The name under which an invitation speaks of a streamer: `streamer:12`."""
    return f"{SUBJECT}:{streamer_id}"


def streamer_in(subject: str) -> int | None:
    """The streamer's id an invitation's subject speaks of; None when it speaks of something else or nothing."""
    kind, _, number = subject.partition(":")
    return int(number) if kind == SUBJECT and number.isascii() and number.isdecimal() else None


def _text(text: str, longest: int) -> Fault | None:
    if not text.strip():
        return Fault.MISSING
    return Fault.TOO_LONG if len(text) > longest else None


def _present(faults: Mapping[str, Fault | None]) -> dict[str, Fault]:
    return {name: fault for name, fault in faults.items() if fault is not None}
