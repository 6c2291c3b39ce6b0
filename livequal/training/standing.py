"""How somebody stands with exams: what was passed, whether the next attempt may begin, what was granted."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, func, select

from ..accounts.models import User
from ..accounts.rules import Actor
from ..audit import service as audit
from ..kernel.clock import now
from ..kernel.db import db
from ..kernel.errors import Invalid
from ..kernel.i18n import gettext
from . import grading, rules
from .models import Attempt, AttemptEvent, AttemptSlot, Course, ExamGrant, Grade, QuestionVersion
from .rules import Admission, Gate, GrantKind
from .service import CourseFacts, read_at

GRANTS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Standing:
    """How somebody stands with a course's exam. `running`: the attempt that runs; `passed_at`: of the newest pass."""

    admission: Admission
    running: Attempt | None
    passed_at: datetime | None
    attempts: int


def standing(user_id: int, course: CourseFacts) -> Standing:
    """Whether the next attempt may begin, and what came before; an overdue attempt counts as ended."""
    return standings(user_id, [course])[course.course_id]


def standings(user_id: int, courses: Sequence[CourseFacts]) -> dict[int, Standing]:
    """The same for several courses, in a few queries."""
    at = now()
    ids = [course.course_id for course in courses]
    query = select(Attempt).where(Attempt.user_id == user_id, Attempt.course_id.in_(ids)).order_by(Attempt.number)
    rows: dict[int, list[Attempt]] = {}
    for attempt in db.session.scalars(query):
        rows.setdefault(attempt.course_id, []).append(attempt)
    grades = grades_of([attempt.id for attempts in rows.values() for attempt in attempts])
    granted = set(
        db.session.scalars(
            select(ExamGrant.course_id).where(
                ExamGrant.user_id == user_id, ExamGrant.kind == GrantKind.ATTEMPT, ExamGrant.attempt_id.is_(None)
            )
        )
    )
    passed = passed_slugs(user_id)
    read = read_at(user_id, courses)
    found = {}
    for course in courses:
        own = rows.get(course.course_id, [])
        running = next((row for row in own if row.closed_at is None and row.deadline >= at), None)
        past = [_past(row, grades.get(row.id)) for row in own if row is not running]
        admission = rules.admission(
            past,
            at,
            read_at=read[course.course_id],
            required_open=set(course.requires) <= passed,
            granted=course.course_id in granted,
        )
        if running is not None:
            admission = Admission(Gate.RUNNING)
        passes = [row.closed_at for row in own if row.id in grades and grades[row.id].passed]
        found[course.course_id] = Standing(admission, running, passes[-1] if passes else None, len(own))
    return found


def passed_slugs(user_id: int) -> set[str]:
    """The courses whose exam somebody passed."""
    query = select(Attempt).where(Attempt.user_id == user_id, Attempt.closed_at.is_not(None))
    attempts = {row.id: row for row in db.session.scalars(query)}
    return {attempts[grade.attempt_id].course.slug for grade in grades_of(list(attempts)).values() if grade.passed}


def grades_of(attempt_ids: Sequence[int]) -> dict[int, Grade]:
    """The grade in force of each attempt: the newest one."""
    query = select(Grade).where(Grade.attempt_id.in_(attempt_ids)).order_by(Grade.number)
    return {grade.attempt_id: grade for grade in db.session.scalars(query)}


def grade_of(attempt: Attempt) -> Grade | None:
    """The grade in force of an attempt; None while it runs."""
    return grades_of([attempt.id]).get(attempt.id)


def refusal(admission: Admission) -> str:
    """Why an attempt can't begin, and what to do."""
    match admission.gate:
        case Gate.REQUIRES:
            return gettext("Pass the courses first that this one builds on.")
        case Gate.READ_FIRST:
            return gettext("Read all lessons to their end first. Then the exam opens.")
        case Gate.RESTUDY:
            return gettext("Read the marked lessons once more. Then the exam opens again.")
        case Gate.COOL_DOWN:
            return gettext("That was three times in 24 hours. Take a break; the page says when it opens again.")
        case _:
            return gettext("This exam can't begin now.")


def grant(user: User, course: Course, kind: GrantKind, *, reason: str, minutes: int = 0, by: Actor) -> ExamGrant:
    """Give somebody one more attempt, or more time in the next one; the reason stays on record.

    Raises: Invalid.
    """
    if not reason.strip() or len(reason) > rules.REASON_MAX:
        raise Invalid({"reason": gettext("Say why, in at most %(max)d characters.", max=rules.REASON_MAX)})
    if kind is GrantKind.TIME and not 1 <= minutes <= rules.EXTRA_MINUTES_MAX:
        raise Invalid({"minutes": gettext("Give 1 to %(max)d minutes.", max=rules.EXTRA_MINUTES_MAX)})
    if not any(role.role in course.roles.split(",") for role in user.role_rows):
        raise Invalid({"course": gettext("This course is not for what the person does.")})
    row = ExamGrant(
        user_id=user.id,
        course_id=course.id,
        kind=kind.value,
        minutes=minutes if kind is GrantKind.TIME else 0,
        reason=reason.strip(),
        granted_by=by.user_id,
        granted_by_name=by.name,
        granted_at=now(),
    )
    db.session.add(row)
    db.session.flush()
    facts = {"user": user.id, "course": course.slug, "kind": kind.value, "minutes": row.minutes}
    audit.record("exam.grant", row, by=by, after=facts, reason=row.reason)
    return row


def _past(attempt: Attempt, grade: Grade | None) -> rules.Past:
    return rules.Past(
        attempt.started_at,
        attempt.closed_at or attempt.deadline,
        bool(grade and grade.passed),
        weak_lessons(attempt, grade) if grade and not grade.passed else (),
    )


def weak_lessons(attempt: Attempt, grade: Grade) -> tuple[str, ...]:
    """The lessons of what went wrong in an attempt, most missed first."""
    missed = [row["slot"] for row in json.loads(grade.slots) if row["points"] < grading.FULL]
    query = (
        select(QuestionVersion.content)
        .join(AttemptSlot, AttemptSlot.question_version_id == QuestionVersion.id)
        .where(AttemptSlot.attempt_id == attempt.id, AttemptSlot.slot.in_(missed))
    )
    counts: dict[str, int] = {}
    for content in db.session.scalars(query):
        file = json.loads(content)["lesson"]
        counts[file] = counts.get(file, 0) + 1
    return tuple(sorted(counts, key=lambda file: (-counts[file], file)))


def attempts_of(user_id: int) -> Select[Attempt]:
    """A person's attempts, newest first."""
    return select(Attempt).where(Attempt.user_id == user_id).order_by(Attempt.id.desc())


def events_of(attempt_ids: Sequence[int]) -> dict[int, dict[str, int]]:
    """How often what was noted in each attempt, for a reviewer."""
    query = (
        select(AttemptEvent.attempt_id, AttemptEvent.kind, func.count().label("times"))
        .where(AttemptEvent.attempt_id.in_(attempt_ids))
        .group_by(AttemptEvent.attempt_id, AttemptEvent.kind)
    )
    found: dict[int, dict[str, int]] = {}
    for row in db.session.execute(query):
        found.setdefault(row.attempt_id, {})[row.kind] = row.times
    return found


def grants_of(user_id: int) -> list[ExamGrant]:
    """What was granted to a person lately, newest first."""
    query = select(ExamGrant).where(ExamGrant.user_id == user_id).order_by(ExamGrant.id.desc()).limit(GRANTS_SHOWN)
    return list(db.session.scalars(query))
