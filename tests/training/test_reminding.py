"""Reminders."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from livequal.accounts.models import User
from livequal.accounts.rules import SYSTEM, Role
from livequal.kernel.clock import SHANGHAI, frozen, now
from livequal.kernel.db import db
from livequal.notifications.models import Mail, Notice
from livequal.training import assigning, assignment_rules, reminding
from livequal.training.assignment_models import Assignment
from livequal.training.models import Course

from ..factories import make_mcn, make_user
from .test_assigning import entry

DUE = datetime(2026, 11, 20, 9, tzinfo=SHANGHAI)


@pytest.fixture
def row(course: Course) -> Assignment:
    make_user(make_mcn(), Role.STREAMER, email="a@example.com")
    assignment_rules.add_rule(entry(course), by=SYSTEM)
    assigning.review()
    found = db.session.scalars(select(Assignment)).one()
    found.due_on = DUE.date()
    db.session.commit()
    return found


def sent_on(days: int, times: int = 1) -> int:
    with frozen(DUE + timedelta(days=days)):
        for _ in range(times):
            reminding.remind()
    return len(db.session.scalars(select(Notice)).all())


def test_each_reminder_is_sent_once_however_often_the_job_runs(row: Assignment) -> None:
    assert [sent_on(day, 3) for day in (-31, -30, -29, -14, -8, -7, -1, 0, 1, 2)] == [0, 1, 1, 2, 2, 3, 4, 4, 5, 5]
    assert len(db.session.scalars(select(Mail)).all()) == 5


def test_a_job_that_slept_for_weeks_sends_one_reminder_and_not_all_it_missed(row: Assignment) -> None:
    assert sent_on(-1) == 1


@pytest.mark.parametrize("what", ["done", "waived", "gone", "provisional"])
def test_nobody_is_reminded_of_what_is_done_let_off_or_not_certain(row: Assignment, what: str) -> None:
    match what:
        case "done":
            row.done_at = now()
        case "waived":
            assigning.waive(row, "产假", by=SYSTEM)
        case "gone":
            assigning.left(db.session.scalars(select(User.id)).one())
        case _:
            row.provisional = True
    db.session.flush()
    assert sent_on(1) == 0
