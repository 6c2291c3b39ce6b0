"""Working days."""

from __future__ import annotations

from datetime import date

import pytest

from livequal.taxonomy.workdays import Due, due_after, is_working


@pytest.mark.parametrize(
    ("day", "works"),
    [
        (date(2026, 2, 13), True),  # the Friday before the Spring Festival
        (date(2026, 2, 14), True),  # a Saturday worked in its place
        (date(2026, 2, 15), False),
        (date(2026, 2, 23), False),  # a Monday, the festival's last day
        (date(2026, 2, 24), True),
        (date(2026, 10, 10), True),
        (date(2026, 10, 11), False),
        (date(2027, 1, 1), True),  # no notice yet: Monday to Friday
    ],
)
def test_holidays_are_free_and_the_weekend_days_that_replace_them_are_worked(day: date, works: bool) -> None:
    assert is_working(day) is works


@pytest.mark.parametrize(
    ("start", "count", "due"),
    [
        (date(2026, 2, 13), 1, Due(date(2026, 2, 14), provisional=False)),
        (date(2026, 2, 13), 2, Due(date(2026, 2, 24), provisional=False)),
        (date(2026, 9, 30), 3, Due(date(2026, 10, 10), provisional=False)),
        (date(2026, 11, 22), 5, Due(date(2026, 11, 27), provisional=False)),
        (date(2026, 11, 22), 0, Due(date(2026, 11, 22), provisional=False)),
        (date(2026, 12, 31), 1, Due(date(2027, 1, 1), provisional=True)),
        (date(2027, 3, 1), 0, Due(date(2027, 3, 1), provisional=True)),
    ],
)
def test_a_term_counts_working_days_and_is_provisional_outside_the_known_years(
    start: date, count: int, due: Due
) -> None:
    assert due_after(start, count) == due
