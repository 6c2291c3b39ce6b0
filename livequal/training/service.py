"""Courses as learners meet them: which are theirs, what they say, how far somebody has come."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, false, func, or_, select

from ..accounts.models import User
from ..accounts.rules import Actor
from ..kernel.clock import now
from ..kernel.db import db
from ..kernel.errors import Invalid, NotFound
from ..kernel.i18n import gettext
from .assignment_models import PersonalCourse
from .content import ENTRY
from .models import (
    Course,
    CourseFile,
    CourseVersion,
    CourseVersionLesson,
    Enrolment,
    LessonReading,
    LessonVersion,
    ManualVersion,
)

PLACE_MAX = 10_000


@dataclass(frozen=True, slots=True)
class LessonFacts:
    """One lesson of a course's version, without its text."""

    file: str
    title: str
    minutes: int


@dataclass(frozen=True, slots=True)
class CourseFacts:
    """What a course's version in force says, without its lessons' texts and its bank."""

    course_id: int
    version_id: int
    slug: str
    version: str
    title: str
    summary: str
    roles: tuple[str, ...]
    product_categories: tuple[str, ...]
    requires: tuple[str, ...]
    subjects: tuple[str, ...]
    risk_categories: tuple[str, ...]
    sources: tuple[str, ...]
    minutes: int
    red_line: bool
    lessons: tuple[LessonFacts, ...]
    pass_percent: int
    exam_minutes: int
    draw: dict[str, int]
    topics: dict[str, str]

    @property
    def exam_size(self) -> int:
        """How many questions a paper has."""
        return sum(self.draw.values())

    def lesson(self, file: str) -> LessonFacts | None:
        """The lesson of a file's name."""
        return next((lesson for lesson in self.lessons if lesson.file == file), None)


def visible_to(actor: Actor) -> Select[Course]:
    """Courses on offer: everybody's own roles', the platform's people all of them."""
    # An exercise made for one person is hers alone: not even the platform's people see it.
    own = Course.id.in_(select(PersonalCourse.course_id).where(PersonalCourse.user_id == actor.user_id))
    offered = Course.listed if actor.sees_platform else and_(Course.listed, _for_roles(actor))
    return select(Course).where(or_(offered, own)).order_by(Course.slug)


def mine(actor: Actor) -> Select[Course]:
    """Courses on offer for what the person does, the entry course first."""
    return select(Course).where(Course.listed, _for_roles(actor)).order_by(Course.slug != ENTRY, Course.slug)


def all_of(query: Select[Course]) -> list[Course]:
    """All courses of a query: there are dozens at most."""
    return list(db.session.scalars(query))


def _for_roles(actor: Actor) -> ColumnElement[bool]:
    return or_(false(), *(Course.roles.contains(f",{role.value},", autoescape=True) for role in sorted(actor.roles)))


def get(slug: str, actor: Actor) -> Course:
    """One course.

    Raises: NotFound.
    """
    course = db.session.scalars(visible_to(actor).where(Course.slug == slug)).first()
    if course is None:
        raise NotFound(gettext("There is no such course, or it is for other roles."))
    return course


def facts_of(courses: Sequence[Course]) -> dict[int, CourseFacts]:
    """What the versions in force of some courses say, by the course's id."""
    query = (
        select(CourseVersion)
        .join(Course, CourseVersion.course_id == Course.id)
        .where(CourseVersion.number == Course.current, Course.id.in_([course.id for course in courses]))
    )
    return {version.course_id: facts_in(version) for version in db.session.scalars(query)}


def facts(course: Course) -> CourseFacts:
    """What a course's version in force says."""
    return facts_of([course])[course.id]


def facts_in(version: CourseVersion) -> CourseFacts:
    """What one version of a course says."""
    told = json.loads(version.facts)
    return CourseFacts(
        course_id=version.course_id,
        version_id=version.id,
        slug=told["id"],
        version=told["version"],
        title=told["title"],
        summary=told["summary"],
        roles=tuple(told["roles"]),
        product_categories=tuple(told["product_categories"]),
        requires=tuple(told["requires"]),
        subjects=tuple(told["subjects"]),
        risk_categories=tuple(told["risk_categories"]),
        sources=tuple(told["sources"]),
        minutes=told["minutes"],
        red_line=told["red_line"],
        lessons=tuple(LessonFacts(row["file"], row["title"], row["minutes"]) for row in told["lessons"]),
        pass_percent=told["paper"]["pass_percent"],
        exam_minutes=told["paper"]["minutes"],
        draw=told["paper"]["draw"],
        topics=told["topics"],
    )


def lesson(course: CourseFacts, file: str) -> LessonVersion:
    """The text of a lesson in a course's version.

    Raises: NotFound.
    """
    query = (
        select(LessonVersion)
        .join(CourseVersionLesson, CourseVersionLesson.lesson_version_id == LessonVersion.id)
        .where(CourseVersionLesson.course_version_id == course.version_id, LessonVersion.file == file)
    )
    row = db.session.scalars(query).first()
    if row is None:
        raise NotFound(gettext("There is no such lesson. Go back to the course."))
    return row


def image_key(course: CourseFacts, name: str) -> str:
    """Where an image of a course lies in the storage.

    Raises: NotFound.
    """
    row = db.session.get(CourseFile, (course.version_id, name))
    if row is None:
        raise NotFound(gettext("There is no such picture."))
    return row.key


def manuals(actor: Actor) -> list[ManualVersion]:
    """The manuals in force for what the person does; the platform's people see all."""
    newest = (
        select(ManualVersion.slug, func.max(ManualVersion.number).label("number"))
        .group_by(ManualVersion.slug)
        .subquery()
    )
    query = select(ManualVersion).join(
        newest, (newest.c.slug == ManualVersion.slug) & (newest.c.number == ManualVersion.number)
    )
    rows = db.session.scalars(query.order_by(ManualVersion.slug))
    words = {role.value for role in actor.roles}
    return [row for row in rows if actor.sees_platform or words & set(row.roles.split(","))]


# ── reading ───────────────────────────────────────────────────────────────────────────────────────────────────────


def read_at(user_id: int, courses: Sequence[CourseFacts]) -> dict[int, dict[str, datetime | None]]:
    """For each course: when each lesson was last read to its end, None for never."""
    query = (
        select(LessonReading.course_id, LessonReading.file, func.max(LessonReading.read_at).label("at"))
        .where(LessonReading.user_id == user_id, LessonReading.course_id.in_([one.course_id for one in courses]))
        .group_by(LessonReading.course_id, LessonReading.file)
    )
    found = {(row.course_id, row.file): row.at for row in db.session.execute(query)}
    return {
        one.course_id: {part.file: found.get((one.course_id, part.file)) for part in one.lessons} for one in courses
    }


def enrolment(user_id: int, course_id: int) -> Enrolment | None:
    """Where somebody stands in reading a course."""
    return db.session.get(Enrolment, (user_id, course_id))


def keep_place(course: CourseFacts, file: str, place: int, *, by: Actor) -> None:
    """Keep where somebody reads, so that another device goes on there.

    Raises: NotFound, Invalid.
    """
    if course.lesson(file) is None:
        raise NotFound(gettext("There is no such lesson. Go back to the course."))
    if not 0 <= place <= PLACE_MAX:
        raise Invalid({"place": gettext("There is no such place in the lesson.")})
    _enrol(course, file, place, by)


def finish_lesson(course: CourseFacts, file: str, *, by: Actor) -> None:
    """Somebody read a lesson to its end.

    Raises: NotFound.
    """
    version = lesson(course, file)
    at = now()
    _enrol(course, file, 0, by)
    user_id = _person(by)
    db.session.add(
        LessonReading(user_id=user_id, course_id=course.course_id, file=file, lesson_version_id=version.id, read_at=at)
    )
    db.session.flush()


def _enrol(course: CourseFacts, file: str, place: int, by: Actor) -> None:
    user_id, at = _person(by), now()
    # The account's row is the lock: two first pages at once would both want to add the enrolment.
    db.session.execute(select(User.id).where(User.id == user_id).with_for_update())
    row = enrolment(user_id, course.course_id)
    if row is None:
        row = Enrolment(user_id=user_id, course_id=course.course_id, started_at=at, touched_at=at)
        db.session.add(row)
    row.file, row.place, row.touched_at = file, place, at
    db.session.flush()


def _person(by: Actor) -> int:
    if by.user_id is None:
        raise NotFound(gettext("Only people learn."))
    return by.user_id
