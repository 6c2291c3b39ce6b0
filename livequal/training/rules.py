"""Exams: how long, how often, when passed. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from .grading import FULL

ATTEMPTS_PER_WINDOW = 3
ATTEMPT_WINDOW = timedelta(hours=24)
# Answers that come after the end are kept for so long, then the queue of a browser is told to give up.
LATE_KEPT = timedelta(days=2)
STEPS_MAX = 3000
EVENTS_MAX = 500
ANSWER_MAX = 2000
STEPS_PER_CALL = 200
REMEDIAL_LESSONS = 2
REASON_MAX = 500
EXTRA_MINUTES_MAX = 180


class ClosedBy(StrEnum):
    """Who ended an attempt."""

    LEARNER = "learner"
    CLOCK = "clock"


class GrantKind(StrEnum):
    """What an administrator may grant a learner for one course."""

    ATTEMPT = "attempt"
    TIME = "time"


class EventKind(StrEnum):
    """What a reviewer may want to know of an attempt; it punishes nobody by itself."""

    SIGNED_IN = "signed_in"
    LEFT = "left"
    RETURNED = "returned"
    OTHER_WINDOW = "other_window"


class Gate(StrEnum):
    """Whether an attempt may begin, and if not, why."""

    OPEN = "open"
    RUNNING = "running"
    NO_PAPER = "no_paper"
    REQUIRES = "requires"
    READ_FIRST = "read_first"
    COOL_DOWN = "cool_down"
    RESTUDY = "restudy"


@dataclass(frozen=True, slots=True)
class Past:
    """An ended attempt: when it ran, whether it passed, and the lessons of what went wrong, most missed first."""

    started_at: datetime
    closed_at: datetime
    passed: bool
    lessons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Admission:
    """The gate's answer. `until`: when a cool-down ends; `lessons`: what is to be read (again) before."""

    gate: Gate
    until: datetime | None = None
    lessons: tuple[str, ...] = ()

    @property
    def open(self) -> bool:
        """Whether an attempt may begin now."""
        return self.gate is Gate.OPEN


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of a paper. `percent` is rounded down, so that 79.9 is never shown as 80."""

    points: int
    possible: int
    red_line_missed: tuple[int, ...]
    passed: bool

    @property
    def percent(self) -> int:
        """Points of a hundred."""
        return self.points * 100 // self.possible if self.possible else 0


def deadline(started_at: datetime, limit: timedelta, extra: timedelta, closes_at: datetime | None) -> datetime:
    """When answers stop to count: the limit with what was granted, or the closing time if that comes first."""
    end = started_at + limit + extra
    return end if closes_at is None else min(end, closes_at)


def is_late(received_at: datetime, deadline: datetime, *, closed: bool) -> bool:
    """Whether an answer came too late to count; the server's clock alone decides."""
    return closed or received_at > deadline


def verdict(points: Mapping[int, int], red_lines: Sequence[int], pass_percent: int) -> Verdict:
    """What the points of each slot come to: the pass mark reached and every red-line item all right."""
    total, possible = sum(points.values()), FULL * len(points)
    missed = tuple(slot for slot in red_lines if points[slot] < FULL)
    return Verdict(total, possible, missed, bool(points) and not missed and total * 100 >= pass_percent * possible)


def admission(
    past: Sequence[Past], now: datetime, *, read_at: Mapping[str, datetime | None], required_open: bool, granted: bool
) -> Admission:
    """Whether the next attempt may begin.

    `past`: ended attempts, oldest first. `read_at`: each lesson and when it was last read. `required_open`: whether
    the courses required before are passed. `granted`: an extra attempt given by an administrator, which lifts the
    cool-down and the lessons to read again, nothing else.
    """
    if not required_open:
        return Admission(Gate.REQUIRES)
    unread = tuple(file for file, at in read_at.items() if at is None)
    if unread:
        return Admission(Gate.READ_FIRST, lessons=unread)
    if granted:
        return Admission(Gate.OPEN)
    recent = [one for one in past if one.started_at > now - ATTEMPT_WINDOW]
    if len(recent) >= ATTEMPTS_PER_WINDOW:
        return Admission(Gate.COOL_DOWN, until=recent[-ATTEMPTS_PER_WINDOW].started_at + ATTEMPT_WINDOW)
    again = _to_read_again(past, read_at)
    return Admission(Gate.RESTUDY, lessons=again) if again else Admission(Gate.OPEN)


def _to_read_again(past: Sequence[Past], read_at: Mapping[str, datetime | None]) -> tuple[str, ...]:
    """After every third failure in a row: the lessons of what went wrong, unless read since."""
    failed = 0
    for one in reversed(past):
        if one.passed:
            break
        failed += 1
    if not failed or failed % ATTEMPTS_PER_WINDOW:
        return ()
    last = past[-1]
    weak = [file for file in last.lessons if file in read_at][:REMEDIAL_LESSONS]
    return tuple(file for file in weak if (at := read_at[file]) is None or at <= last.closed_at)
