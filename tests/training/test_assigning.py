"""Rules that assign courses."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import func, select

from livequal.accounts import service as accounts
from livequal.accounts.models import User
from livequal.accounts.rules import SYSTEM, Role
from livequal.kernel.clock import SHANGHAI, frozen, now
from livequal.kernel.db import db
from livequal.kernel.errors import Invalid, WrongState
from livequal.onboarding import service as onboarding
from livequal.onboarding.models import LiveRoom, LiveSession, Streamer
from livequal.onboarding.rules import StreamerEntry
from livequal.training import assigning, assignment_rules, duties
from livequal.training.assignment_models import Assignment
from livequal.training.assignment_rules import RuleEntry
from livequal.training.duties import Ended, Occasion
from livequal.training.models import Attempt, Course, CourseVersion, Grade

from ..factories import make_mcn, make_operator, make_platform, make_user

pytestmark = pytest.mark.usefixtures("app")
MONDAY = datetime(2026, 9, 28, 4, tzinfo=SHANGHAI)


@pytest.fixture
def streamer(course: Course) -> User:
    """A streamer who sells food."""
    mcn = make_mcn()
    user = make_user(mcn, Role.STREAMER)
    db.session.add(Streamer(organisation_id=mcn.id, user_id=user.id, name="林晚", stage_name="晚晚", created_at=now()))
    db.session.commit()
    return user


def entry(course: Course, **more: object) -> RuleEntry:
    facts = {"occasion": Occasion.JOINING, "working_days": 3, "roles": frozenset({"streamer"})} | more
    return RuleEntry("规则", course_id=course.id, **facts)  # type: ignore[arg-type]


def all_of(user: User) -> list[Assignment]:
    return list(db.session.scalars(select(Assignment).where(Assignment.user_id == user.id).order_by(Assignment.id)))


def passing(user: User, course: Course, at: datetime) -> Attempt:
    version = db.session.scalars(select(CourseVersion)).first()
    assert version
    row = Attempt(
        user_id=user.id,
        course_id=course.id,
        course_version_id=version.id,
        number=1 + (db.session.scalar(select(func.count()).select_from(Attempt)) or 0),
        seed="x",
        policy="{}",
        policy_sha256="x",
        started_at=at - timedelta(minutes=9),
        deadline=at + timedelta(minutes=9),
        closed_at=at,
        closed_by="learner",
    )
    db.session.add(row)
    db.session.flush()
    db.session.add(
        Grade(attempt_id=row.id, number=1, points=1, possible=1, passed=True, slots="[]", sha256="x", graded_at=at)
    )
    db.session.flush()
    return row


def test_a_rule_assigns_once_however_often_it_is_worked_out_and_counts_working_days(
    course: Course, streamer: User
) -> None:
    with frozen(MONDAY):
        assignment_rules.add_rule(entry(course), by=SYSTEM)
        assert [assigning.review(), assigning.review(), assigning.review([streamer.id])] == [1, 0, 0]
        (row,) = all_of(streamer)
    # Tuesday, Wednesday, then the National Day holidays until the 7th: Thursday the 8th.
    assert (row.due_on, row.provisional) == (date(2026, 10, 8), False)


def test_a_preview_counts_those_it_meets_and_those_who_hold_the_course_already(course: Course, streamer: User) -> None:
    other = make_user(make_mcn(), Role.STREAMER)
    make_user(make_mcn(), Role.MCN_MANAGER)
    passing(other, course, now() - timedelta(days=30))
    assert assignment_rules.preview(entry(course)) == assignment_rules.Preview(people=2, done=1)
    assignment_rules.add_rule(entry(course), by=SYSTEM)
    assert assigning.review() == 2
    assert [row.done_at is not None for user in (streamer, other) for row in all_of(user)] == [False, True]


def test_a_rule_meets_only_the_product_categories_room_and_organisation_it_names(
    course: Course, streamer: User
) -> None:
    by = streamer.actor
    row = onboarding.streamer_of(streamer.id)
    assert row
    room = LiveRoom(organisation_id=make_operator().id, name="间", platform_number="R1", created_at=now())
    db.session.add(room)
    db.session.flush()
    food = entry(course, product_categories=frozenset({"food"}))
    assert assignment_rules.preview(food).people == 0
    onboarding.change_streamer(row, StreamerEntry("林晚", "晚晚", frozenset({"food"})), by=SYSTEM)
    assert assignment_rules.preview(food).people == 1
    assert assignment_rules.preview(entry(course, organisation_id=by.organisation_id)).people == 1
    assert assignment_rules.preview(entry(course, organisation_id=room.organisation_id)).people == 0
    assert assignment_rules.preview(entry(course, room_id=room.id)).people == 0
    session = LiveSession(room_id=room.id, title="场", starts_at=now(), created_at=now())
    session.streamers = [row]
    db.session.add(session)
    db.session.flush()
    assert assignment_rules.preview(entry(course, room_id=room.id)).people == 1


def test_who_sells_something_else_is_asked_no_more_and_is_asked_again_when_she_sells_it_again(
    course: Course, streamer: User
) -> None:
    row = onboarding.streamer_of(streamer.id)
    assert row
    assignment_rules.add_rule(entry(course, product_categories=frozenset({"food"})), by=SYSTEM)
    for categories, states in (({"food"}, [""]), ({"digital"}, [Ended.WITHDRAWN]), ({"food"}, [""])):
        onboarding.change_streamer(row, StreamerEntry("林晚", "晚晚", frozenset(categories)), by=SYSTEM)
        own = [one for one in all_of(streamer) if one.rule.key is None]
        assert [one.ended for one in own] == states


def test_what_a_person_gets_changes_with_the_role_and_ends_with_the_account(course: Course) -> None:
    platform = make_platform()
    administrator, person = (
        make_user(platform, Role.ADMINISTRATOR),
        make_user(mcn := make_mcn(), Role.MCN_FILE_APPROVER),
    )
    assignment_rules.add_rule(entry(course), by=SYSTEM)
    assert all_of(person) == []
    accounts.change_roles(person, frozenset({Role.STREAMER}), by=administrator.actor)
    assert {row.organisation_id for row in all_of(person)} == {mcn.id}
    accounts.leave(person, by=administrator.actor)
    assert {(row.ended, row.listed) for row in all_of(person)} == {(Ended.WITHDRAWN, False)}


def test_shipped_rules_come_once_and_one_switched_off_stays_off(course: Course, streamer: User) -> None:
    assignment_rules.ensure_shipped()
    rule = assignment_rules.shipped("course:sample")
    assert rule
    assert rule.working_days == assignment_rules.MODULE_WORKING_DAYS
    assert set(rule.roles.strip(",").split(",")) == {"streamer", "mcn_manager"}
    assigning.review()
    assignment_rules.switch(rule, on=False, by=SYSTEM)
    assignment_rules.ensure_shipped()
    assigning.review()
    assert [(row.ended, row.rule.active) for row in all_of(streamer)] == [(Ended.WITHDRAWN, False)]


def test_a_pass_does_all_that_asked_for_it_and_its_renewal_is_asked_for_a_month_before_it_ends(
    course: Course, streamer: User
) -> None:
    assignment_rules.ensure_shipped()
    assigning.review()
    attempt = passing(streamer, course, now())
    assert attempt.closed_at
    assigning.passed(streamer.id, course.id, attempt.id)
    assert [row.done_at for row in all_of(streamer)] == [attempt.closed_at]
    with frozen(attempt.closed_at + timedelta(days=330)):
        assert assigning.review() == 0
    with frozen(attempt.closed_at + timedelta(days=340)):
        assert [assigning.review(), assigning.review()] == [1, 0]
    renewal = all_of(streamer)[-1]
    assert renewal.due_on == duties.year_after(attempt.closed_at).astimezone(SHANGHAI).date()


def test_what_is_due_before_the_first_live_session_follows_the_session(course: Course, streamer: User) -> None:
    rule = assignment_rules.add_rule(entry(course), by=SYSTEM)
    rule.before_live = True
    assigning.review()
    assert [row.due_on for row in all_of(streamer)] == [None]
    operator = make_operator()
    room = LiveRoom(organisation_id=operator.id, name="间", platform_number="R2", created_at=now())
    db.session.add(room)
    db.session.flush()
    row = onboarding.streamer_of(streamer.id)
    assert row
    for days in (3, 5):
        at = now() + timedelta(days=days)
        session = LiveSession(room_id=room.id, title=f"场{days}", starts_at=at, created_at=now())
        session.streamers = [row]
        db.session.add(session)
        db.session.flush()
        assigning.session_changed(session.id)
    assert [row.due_on for row in all_of(streamer)] == [(now() + timedelta(days=3)).astimezone(SHANGHAI).date()]


def test_waiving_needs_a_reason_and_something_still_open(course: Course, streamer: User) -> None:
    assignment_rules.add_rule(entry(course), by=SYSTEM)
    assigning.review()
    (row,) = all_of(streamer)
    with pytest.raises(Invalid):
        assigning.waive(row, "  ", by=SYSTEM)
    assigning.waive(row, "产假", by=SYSTEM)
    assert (row.ended, row.reason) == (Ended.WAIVED, "产假")
    with pytest.raises(WrongState):
        assigning.waive(row, "再来", by=SYSTEM)
    assert assigning.review() == 0


@pytest.mark.parametrize(
    ("left", "due"), [(40, None), (30, 30), (20, 30), (14, 14), (7, 7), (6, 7), (1, 1), (0, 1), (-1, -1), (-9, -1)]
)
def test_the_reminder_that_makes_sense_today_is_the_nearest_that_has_come(left: int, due: int | None) -> None:
    day = date(2026, 11, 22)
    assert duties.reminder_due(day + timedelta(days=left), day) == due
