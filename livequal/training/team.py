"""A team's training: who has done what, what runs, what is overdue, what ends soon. Own people only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, exists, false, func, or_, select
from sqlalchemy.orm import aliased

from ..accounts.models import Organisation, User
from ..accounts.rules import Actor, Permission
from ..kernel.clock import now
from ..kernel.db import db
from ..kernel.errors import NotFound
from ..kernel.i18n import gettext
from . import assigning, duties
from .assigning import today
from .assignment_models import Assignment
from .duties import Occasion, Sought, Status
from .models import Course, CourseVersion

BLOCK = 1000


@dataclass(frozen=True, slots=True)
class Line:
    """One person's one course as lists and exports show it. `until`: when a pass ends."""

    id: int
    user_id: int
    name: str
    organisation: str
    course: str
    due_on: date | None
    provisional: bool
    done_at: datetime | None
    until: datetime | None


def visible_to(actor: Actor) -> Select[Assignment]:
    """What is or was asked of people: the platform's staff see all, a tenant's managers their own people's."""
    query = select(Assignment).where(Assignment.listed, Assignment.ended == "")
    if not actor.may(Permission.READ_TEAM_TRAINING):
        return query.where(false())
    return query if actor.sees_platform else query.where(Assignment.organisation_id == actor.organisation_id)


def get(assignment_id: int, actor: Actor) -> Assignment:
    """One assignment.

    Raises: NotFound.
    """
    row = db.session.scalars(visible_to(actor).where(Assignment.id == assignment_id)).first()
    if row is None:
        raise NotFound(gettext("There is no such course to do, or it is none of your people's."))
    return row


def counts(actor: Actor, sought: Sought) -> dict[Status, int]:
    """How many lines each list has."""
    query = _sought(visible_to(actor), sought)
    plain = (Status.OVERDUE, Status.IN_PROGRESS, Status.DONE)
    sums = [func.sum(case((_is(status), 1), else_=0)) for status in plain]
    row = db.session.execute(query.with_only_columns(*sums)).one()
    found = dict(zip(plain, (number or 0 for number in row), strict=True))
    soon = query.where(_is(Status.EXPIRING)).with_only_columns(func.count())
    return found | {Status.EXPIRING: db.session.scalar(soon) or 0}


def listed(actor: Actor, sought: Sought, status: Status) -> Select[Assignment]:
    """One list: what is due first stands first, what was done last likewise."""
    query = _sought(visible_to(actor), sought).where(_is(status))
    if status is Status.DONE:
        return query.order_by(Assignment.done_at.desc(), Assignment.id)
    if status is Status.EXPIRING:
        return query.order_by(Assignment.done_at, Assignment.id)
    return query.order_by(Assignment.due_on.is_(None), Assignment.due_on, Assignment.id)


def lines(rows: Sequence[Assignment]) -> list[Line]:
    """Assignments with the names that go with them."""
    people = {
        row.id: row
        for row in db.session.execute(
            select(User.id, User.name, Organisation.name.label("house"))
            .join(Organisation, User.organisation_id == Organisation.id)
            .where(User.id.in_({row.user_id for row in rows}))
        )
    }
    titles = titles_of({row.course_id for row in rows})
    return [
        Line(
            row.id,
            row.user_id,
            people[row.user_id].name,
            people[row.user_id].house,
            titles[row.course_id],
            row.due_on,
            row.provisional,
            row.done_at,
            duties.year_after(row.done_at) if row.done_at else None,
        )
        for row in rows
    ]


@dataclass(frozen=True, slots=True)
class Asked:
    """One course somebody still has to do: by when and why. `category`: what was confirmed, for an exercise."""

    slug: str
    title: str
    due_on: date | None
    provisional: bool
    overdue: bool
    occasion: Occasion
    category: str


def asked_of(user_id: int) -> list[Asked]:
    """What a person still has to do, each course once, the nearest first."""
    rows: dict[int, Assignment] = {}
    for row in assigning.open_of(user_id):
        rows.setdefault(row.course_id, row)
    titles = titles_of(set(rows))
    return [
        Asked(
            row.course.slug,
            titles[row.course_id],
            row.due_on,
            row.provisional,
            duties.overdue(row.due_on, provisional=row.provisional, today=today()),
            Occasion(row.rule.occasion),
            row.category,
        )
        for row in rows.values()
    ]


def in_blocks(actor: Actor, sought: Sought, status: Status) -> Iterator[Line]:
    """All of a list, for an export."""
    query = listed(actor, sought, status)
    at = 0
    while rows := db.session.scalars(query.limit(BLOCK).offset(at)).all():
        yield from lines(rows)
        at += BLOCK


def titles_of(course_ids: set[int]) -> dict[int, str]:
    """The titles of courses by number."""
    query = (
        select(CourseVersion.course_id, CourseVersion.title)
        .join(Course, CourseVersion.course_id == Course.id)
        .where(CourseVersion.number == Course.current, Course.id.in_(course_ids))
    )
    return {row.course_id: row.title for row in db.session.execute(query)}


def courses_offered() -> list[tuple[int, str]]:
    """The courses to filter by, as (number, title)."""
    query = (
        select(Course.id, CourseVersion.title)
        .join(CourseVersion, CourseVersion.course_id == Course.id)
        .where(CourseVersion.number == Course.current, Course.listed)
        .order_by(Course.slug)
    )
    return [(row.id, row.title) for row in db.session.execute(query)]


def _sought(query: Select[Assignment], sought: Sought) -> Select[Any]:
    if sought.course_id is not None:
        query = query.where(Assignment.course_id == sought.course_id)
    if sought.organisation_id is not None:
        query = query.where(Assignment.organisation_id == sought.organisation_id)
    if sought.words:
        named = select(User.id).where(User.name.icontains(sought.words, autoescape=True))
        query = query.where(Assignment.user_id.in_(named))
    return query


def _is(status: Status) -> ColumnElement[bool]:
    waits = Assignment.done_at.is_(None)
    over = and_(Assignment.provisional.is_(False), Assignment.due_on < today())
    match status:
        case Status.OVERDUE:
            return and_(waits, over)
        case Status.IN_PROGRESS:
            ahead = or_(Assignment.due_on.is_(None), Assignment.provisional, Assignment.due_on >= today())
            return and_(waits, ahead)
        case Status.DONE:
            return Assignment.done_at.is_not(None)
    gone, newer = duties.year_before(now()), aliased(Assignment)
    # Of several that one pass has done, and of passes that a newer one follows, only the last counts.
    followed = exists().where(
        newer.user_id == Assignment.user_id,
        newer.course_id == Assignment.course_id,
        newer.ended == "",
        or_(
            newer.done_at > Assignment.done_at,
            and_(newer.done_at == Assignment.done_at, newer.id > Assignment.id),
        ),
    )
    ends = and_(Assignment.done_at > gone, Assignment.done_at <= gone + duties.EXPIRING)
    return and_(ends, ~followed)
