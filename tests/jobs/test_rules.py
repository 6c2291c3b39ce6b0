from __future__ import annotations

import itertools
from datetime import timedelta

import pytest

from livequal.jobs.rules import ERROR_MAX, MOVES, Hopeless, JobState, back_off, said


@pytest.mark.parametrize(("failures", "seconds"), [(0, 5), (1, 5), (2, 20), (3, 80), (4, 320), (5, 1280), (9, 3600)])
def test_each_failure_waits_four_times_longer_but_an_hour_at_most(failures: int, seconds: int) -> None:
    assert back_off(failures) == timedelta(seconds=seconds)


def test_what_has_ended_well_never_moves_again() -> None:
    assert MOVES[JobState.DONE] == frozenset()


def test_every_state_has_its_moves() -> None:
    assert set(MOVES) == set(JobState)
    assert set(itertools.chain(*MOVES.values())) <= set(JobState)


def test_an_error_is_told_in_one_short_line_with_its_type() -> None:
    assert said(ValueError("first\n  second")) == "ValueError: first second"
    assert len(said(ValueError("x" * 5000))) == len("ValueError: ") + ERROR_MAX
    assert said(KeyError()) == "KeyError"
    assert said(Hopeless("There is no such recording.")) == "There is no such recording."
