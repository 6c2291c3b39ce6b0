"""What somebody has to learn, by when, and where it stands. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

TITLE_MAX = 80
WORKING_DAYS_MAX = 250
WAIVE_REASON_MAX = 500
# A certificate holds 12 months from passing; its renewal is assigned when the last days begin.
EXPIRING = timedelta(days=30)
REMIND_BEFORE = (30, 14, 7, 1)


class Occasion(StrEnum):
    """When a rule assigns its course."""

    JOINING = "joining"
    DATE = "date"
    RENEWAL = "renewal"
    VIOLATION = "violation"


class Held(StrEnum):
    """How somebody stands with a rule's course: what the rule may ask for."""

    ANY = ""
    NEVER = "never"
    EXPIRING = "expiring"
    EXPIRED = "expired"


class Status(StrEnum):
    """Where an assignment stands, worked out whenever somebody looks."""

    OVERDUE = "overdue"
    IN_PROGRESS = "in_progress"
    EXPIRING = "expiring"
    DONE = "done"


class Ended(StrEnum):
    """Why an assignment no longer counts: a person waived it, or its ground is gone."""

    WAIVED = "waived"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Sought:
    """What a team's page is asked for."""

    words: str = ""
    course_id: int | None = None
    organisation_id: int | None = None


def year_after(at: datetime) -> datetime:
    """The same day of the next year; the 28th for a 29th of February."""
    try:
        return at.replace(year=at.year + 1)
    except ValueError:
        return at.replace(year=at.year + 1, day=28)


def year_before(at: datetime) -> datetime:
    """What was passed before this moment no longer holds at `at`."""
    try:
        return at.replace(year=at.year - 1)
    except ValueError:
        return at.replace(year=at.year - 1, day=28)


def overdue(due_on: date | None, *, provisional: bool, today: date) -> bool:
    """Whether a term is over; nobody loses a right by one that is only provisional."""
    return due_on is not None and not provisional and due_on < today


def reminder_due(due_on: date | None, today: date) -> int | None:
    """Which reminder is due today: the fewest days before that have come, -1 once it is past; None for none yet.

    A job that did not run for days sends the one that still makes sense, never several at once.
    """
    if due_on is None:
        return None
    left = (due_on - today).days
    if left < 0:
        return -1
    return min((days for days in REMIND_BEFORE if left <= days), default=None)
