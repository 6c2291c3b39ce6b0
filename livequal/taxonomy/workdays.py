"""Working days in China: data for each year, taken from the State Council's notice. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Year:
    """One year's public holidays (first and last day of each) and the weekend days on which people work."""

    source: str
    holidays: tuple[tuple[date, date], ...]
    worked: tuple[date, ...]


# A new year is added here when its notice is out, usually in November.
YEARS: dict[int, Year] = {
    2026: Year(
        "国务院办公厅关于2026年部分节假日安排的通知（2025年11月4日）",
        (
            (date(2026, 1, 1), date(2026, 1, 3)),
            (date(2026, 2, 15), date(2026, 2, 23)),
            (date(2026, 4, 4), date(2026, 4, 6)),
            (date(2026, 5, 1), date(2026, 5, 5)),
            (date(2026, 6, 19), date(2026, 6, 21)),
            (date(2026, 9, 25), date(2026, 9, 27)),
            (date(2026, 10, 1), date(2026, 10, 7)),
        ),
        (
            date(2026, 1, 4),
            date(2026, 2, 14),
            date(2026, 2, 28),
            date(2026, 5, 9),
            date(2026, 9, 20),
            date(2026, 10, 10),
        ),
    ),
}


@dataclass(frozen=True, slots=True)
class Due:
    """The last day of a term. `provisional`: part of it lies in a year whose holidays are not known yet."""

    day: date
    provisional: bool


def is_working(day: date) -> bool:
    """Whether people work on a day; in years without data Monday to Friday."""
    year = YEARS.get(day.year)
    if year is not None:
        if day in year.worked:
            return True
        if any(first <= day <= last for first, last in year.holidays):
            return False
    return day.weekday() < 5


def due_after(start: date, count: int) -> Due:
    """The day `count` working days (≥ 0) after `start`, which itself does not count."""
    day, known = start, start.year in YEARS
    left = count
    while left > 0:
        day += _ONE_DAY
        known = known and day.year in YEARS
        left -= is_working(day)
    return Due(day, not known)
