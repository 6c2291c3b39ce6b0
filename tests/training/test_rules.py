"""How long, how often, when passed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from livequal.training import rules
from livequal.training.grading import FULL
from livequal.training.rules import Gate, Past

NOON = datetime(2026, 11, 22, 4, tzinfo=UTC)
HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)


@pytest.mark.parametrize(
    ("limit", "extra", "closes_after", "minutes"),
    [(15, 0, None, 15), (15, 10, None, 25), (15, 10, 20, 20), (15, 0, 60, 15)],
)
def test_the_deadline_is_the_limit_with_extra_time_or_the_closing_time_if_earlier(
    limit: int, extra: int, closes_after: int | None, minutes: int
) -> None:
    closes_at = None if closes_after is None else NOON + closes_after * MINUTE
    assert rules.deadline(NOON, limit * MINUTE, extra * MINUTE, closes_at) == NOON + minutes * MINUTE


def test_what_comes_after_the_end_is_late_and_what_comes_with_it_is_not() -> None:
    assert not rules.is_late(NOON - SECOND, NOON, closed=False)
    assert not rules.is_late(NOON, NOON, closed=False)
    assert rules.is_late(NOON + SECOND, NOON, closed=False)
    assert rules.is_late(NOON - SECOND, NOON, closed=True)


@pytest.mark.parametrize(
    ("full_slots", "red_lines", "passed"),
    [
        (8, (), True),
        (7, (), False),
        (10, (10,), True),
        (9, (10,), False),
        (9, (1,), True),
        (8, (9, 1), False),
    ],
)
def test_a_paper_is_passed_at_the_mark_and_with_every_red_line_right(
    full_slots: int, red_lines: tuple[int, ...], passed: bool
) -> None:
    points = {slot: FULL if slot <= full_slots else 0 for slot in range(1, 11)}
    assert rules.verdict(points, red_lines, 80).passed is passed


def test_nearly_the_mark_is_neither_passed_nor_shown_as_the_mark() -> None:
    points = dict.fromkeys(range(1, 8), FULL) | {8: FULL - 1, 9: 0, 10: 0}
    verdict = rules.verdict(points, (), 80)
    assert (verdict.passed, verdict.percent) == (False, 79)


def test_a_paper_without_slots_is_not_passed() -> None:
    assert not rules.verdict({}, (), 80).passed


def failed(hours_ago: float, *lessons: str) -> Past:
    at = NOON - hours_ago * HOUR
    return Past(at, at + 10 * MINUTE, passed=False, lessons=lessons)


READ = {"01.md": NOON - 30 * HOUR, "02.md": NOON - 30 * HOUR}


def gate(*past: Past, granted: bool = False, read: dict[str, datetime | None] | None = None) -> rules.Admission:
    return rules.admission(past, NOON, read_at=READ if read is None else read, required_open=True, granted=granted)


def test_three_attempts_in_a_day_and_then_a_cool_down_until_the_first_is_a_day_old() -> None:
    assert gate(failed(3), failed(2)).gate is Gate.OPEN
    third = gate(failed(3), failed(2), failed(1))
    assert (third.gate, third.until) == (Gate.COOL_DOWN, NOON + 21 * HOUR)
    assert gate(failed(25), failed(2), failed(1, "01.md")).gate is not Gate.COOL_DOWN


def test_after_three_failures_in_a_row_the_weak_lessons_are_to_be_read_again() -> None:
    past = (failed(26), failed(25), failed(24.5, "02.md", "01.md", "03.md"))
    again = gate(*past)
    assert (again.gate, again.lessons) == (Gate.RESTUDY, ("02.md", "01.md"))
    half = {"01.md": NOON - 30 * HOUR, "02.md": NOON - 1 * HOUR}
    assert gate(*past, read=half).lessons == ("01.md",)
    both: dict[str, datetime | None] = dict.fromkeys(READ, NOON - HOUR)
    assert gate(*past, read=both).gate is Gate.OPEN


def test_a_pass_in_between_ends_the_row_of_failures() -> None:
    won = Past(NOON - 25.5 * HOUR, NOON - 25.4 * HOUR, passed=True)
    assert gate(failed(27, "01.md"), failed(26, "01.md"), won, failed(25, "01.md")).gate is Gate.OPEN


def test_an_extra_attempt_lifts_the_cool_down_but_not_the_reading() -> None:
    past = (failed(3, "01.md"), failed(2, "01.md"), failed(1, "01.md"))
    assert gate(*past, granted=True).gate is Gate.OPEN
    unread = gate(granted=True, read={"01.md": None, "02.md": NOON})
    assert (unread.gate, unread.lessons) == (Gate.READ_FIRST, ("01.md",))


def test_what_is_required_comes_before_all() -> None:
    shut = rules.admission((), NOON, read_at=READ, required_open=False, granted=True)
    assert shut.gate is Gate.REQUIRES
