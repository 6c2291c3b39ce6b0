"""Load courses into the database: versions are only added, and who is affected is known before anything is written."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Select, func, select

from ..accounts.models import User
from ..audit import service as audit
from ..kernel import bus, installation
from ..kernel.clock import now
from ..kernel.db import db
from .content import Course as CourseContent
from .content import Item, Library, Manual, canonical, material_sha256, sha256
from .events import QuestionsChanged
from .models import (
    Attempt,
    AttemptSlot,
    Course,
    CourseFile,
    CourseVersion,
    CourseVersionLesson,
    CourseVersionQuestion,
    Grade,
    LessonVersion,
    ManualVersion,
    Question,
    QuestionVersion,
)


@dataclass(frozen=True, slots=True)
class Asked:
    """One item as it is now and was before. `material`: key, options, numbers or rule changed."""

    item: Item
    before: QuestionVersion | None
    changed: bool
    material: bool


@dataclass(frozen=True, slots=True)
class CoursePlan:
    """What loading one course will do. `gone`: items of the present bank that are asked no more."""

    content: CourseContent
    course: Course | None
    sha256: str
    asked: tuple[Asked, ...]
    gone: tuple[str, ...]

    @property
    def material(self) -> tuple[Asked, ...]:
        """The questions that change materially."""
        return tuple(one for one in self.asked if one.material)


@dataclass(frozen=True, slots=True)
class Plan:
    """What loading will do: courses that are new or changed, those no longer offered, manuals."""

    courses: tuple[CoursePlan, ...] = ()
    unlisted: tuple[Course, ...] = ()
    manuals: tuple[Manual, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.courses or self.unlisted or self.manuals)

    @property
    def replaced_ids(self) -> tuple[int, ...]:
        """The versions of questions that a material change replaces."""
        return tuple(one.before.id for plan in self.courses for one in plan.material if one.before)


@dataclass(frozen=True, slots=True)
class Affected:
    """Somebody whose attempt holds a question that changes materially. `passed` None: the attempt still runs."""

    attempt_id: int
    user_id: int
    name: str
    course: str
    items: tuple[str, ...]
    passed: bool | None


@dataclass(slots=True)
class _Written:
    courses: int = 0
    questions: int = 0
    lessons: int = 0
    manuals: int = 0


def plan(library: Library) -> Plan:
    """What loading these courses will do; writes nothing."""
    known = {course.slug: course for course in db.session.scalars(select(Course))}
    plans = [_plan_course(content, known.get(content.id)) for content in library.courses]
    slugs = {content.id for content in library.courses}
    return Plan(
        tuple(one for one in plans if one is not None),
        tuple(course for slug, course in sorted(known.items()) if slug not in slugs and course.listed),
        tuple(manual for manual in library.manuals if _is_new(manual)),
    )


def newest() -> str:
    """Which versions are the last ones loaded: another answer means that something was loaded or restored."""
    tables = (CourseVersion, LessonVersion, QuestionVersion, ManualVersion)
    return " ".join(str(db.session.scalar(select(func.max(table.id))) or 0) for table in tables)


def affected(plan: Plan) -> list[Affected]:
    """Exactly those whom the plan's material changes concern: running attempts and passed ones, by name."""
    changed = {
        one.before.question_id: (one.item.id, material_sha256(one.item.content()))
        for course in plan.courses
        for one in course.material
        if one.before
    }
    rows: dict[int, tuple[Attempt, User, list[str]]] = {}
    for attempt, user, version in db.session.execute(_attempts_with(changed)):
        item, material = changed[version.question_id]
        if version.material_sha256 != material:
            rows.setdefault(attempt.id, (attempt, user, []))[2].append(item)
    grades = _passed_of(rows)
    found = [
        Affected(attempt.id, user.id, user.name, attempt.course.slug, tuple(sorted(items)), grades.get(attempt.id))
        for attempt, user, items in rows.values()
        if attempt.closed_at is None or grades.get(attempt.id)
    ]
    return sorted(found, key=lambda one: (one.course, one.name, one.attempt_id))


def apply(plan: Plan, *, by: audit.By) -> None:
    """Write what the plan says, in the caller's transaction; earlier versions stay."""
    at, written = now(), _Written()
    for one in plan.courses:
        _write_course(one, at, written)
    for course in plan.unlisted:
        course.listed = False
    for manual in plan.manuals:
        _write_manual(manual, at, written)
    db.session.flush()
    facts = {
        "courses": [f"{one.content.id} {one.content.version}" for one in plan.courses],
        "unlisted": [course.slug for course in plan.unlisted],
        "questions": written.questions,
        "lessons": written.lessons,
        "manuals": written.manuals,
        "material": [one.item.id for course in plan.courses for one in course.material],
    }
    audit.record("courses.sync", ("courses", "all"), by=by, after=facts)
    if plan.replaced_ids:
        bus.emit(QuestionsChanged(plan.replaced_ids))


# ── planning ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _plan_course(content: CourseContent, course: Course | None) -> CoursePlan | None:
    present = _bank_of(course) if course else {}
    ever = _latest_of(item.id for item in content.items)
    digest = _course_sha256(content)
    asked = []
    for item in content.items:
        before = ever.get(item.id)
        changed = before is None or before.sha256 != item_sha256(item)
        material = before is not None and before.material_sha256 != material_sha256(item.content())
        asked.append(Asked(item, before, changed, material))
    if course is not None and course.listed and current_version(course).sha256 == digest:
        return None
    gone = sorted(present.keys() - {item.id for item in content.items})
    return CoursePlan(content, course, digest, tuple(asked), tuple(gone))


def item_sha256(item: Item) -> str:
    """The digest of an item with its sound."""
    return sha256([item.content(), item.clip.sha256 if item.clip else "", dict(item.clip.times) if item.clip else {}])


def _course_sha256(content: CourseContent) -> str:
    lessons = [[lesson.file, lesson.markdown] for lesson in content.lessons]
    images = {name: _file_sha256(path) for name, path in content.images.items()}
    return sha256([content.facts(), lessons, sorted(item_sha256(item) for item in content.items), images])


def _file_sha256(path: Path) -> str:
    return sha256(path.read_bytes().hex())


def current_version(course: Course) -> CourseVersion:
    """The version in force."""
    query = select(CourseVersion).where(CourseVersion.course_id == course.id, CourseVersion.number == course.current)
    return db.session.scalars(query).one()


def _bank_of(course: Course) -> dict[str, QuestionVersion]:
    query = (
        select(QuestionVersion)
        .join(CourseVersionQuestion, CourseVersionQuestion.question_version_id == QuestionVersion.id)
        .where(CourseVersionQuestion.course_version_id == current_version(course).id)
    )
    return {version.question.item: version for version in db.session.scalars(query)}


def _latest_of(items: Iterable[str]) -> dict[str, QuestionVersion]:
    newest = (
        select(QuestionVersion.question_id, func.max(QuestionVersion.number).label("number"))
        .group_by(QuestionVersion.question_id)
        .subquery()
    )
    query = (
        select(QuestionVersion)
        .join(Question, QuestionVersion.question_id == Question.id)
        .join(
            newest,
            (newest.c.question_id == QuestionVersion.question_id) & (newest.c.number == QuestionVersion.number),
        )
        .where(Question.item.in_(list(items)))
    )
    return {version.question.item: version for version in db.session.scalars(query)}


def _is_new(manual: Manual) -> bool:
    newest = _newest_manual(manual.slug)
    return newest is None or newest.sha256 != _manual_sha256(manual)


def _newest_manual(slug: str) -> ManualVersion | None:
    query = select(ManualVersion).where(ManualVersion.slug == slug).order_by(ManualVersion.number.desc())
    return db.session.scalars(query.limit(1)).first()


def _manual_sha256(manual: Manual) -> str:
    return sha256([manual.title, manual.version, list(manual.roles), manual.markdown])


def _attempts_with(question_ids: Iterable[int]) -> Select[Attempt, User, QuestionVersion]:
    return (
        select(Attempt, User, QuestionVersion)
        .join(AttemptSlot, AttemptSlot.attempt_id == Attempt.id)
        .join(QuestionVersion, AttemptSlot.question_version_id == QuestionVersion.id)
        .join(User, Attempt.user_id == User.id)
        .where(QuestionVersion.question_id.in_(list(question_ids)))
        .order_by(Attempt.id, AttemptSlot.slot)
    )


def _passed_of(attempt_ids: Iterable[int]) -> dict[int, bool]:
    query = select(Grade.attempt_id, Grade.passed).where(Grade.attempt_id.in_(list(attempt_ids))).order_by(Grade.number)
    return {row.attempt_id: row.passed for row in db.session.execute(query)}


# ── writing ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _write_course(plan: CoursePlan, at: datetime, written: _Written) -> None:
    content = plan.content
    roles = f",{','.join(content.roles)},"
    course = plan.course
    if course is None:
        course = Course(slug=content.id, roles=roles, current=1, created_at=at)
        db.session.add(course)
        number = 1
    else:
        number = course.current + 1
    course.roles, course.current, course.listed = roles, number, True
    db.session.flush()
    version = CourseVersion(
        course_id=course.id,
        number=number,
        version=content.version,
        title=content.title,
        facts=canonical(content.facts()),
        sha256=plan.sha256,
        created_at=at,
    )
    db.session.add(version)
    db.session.flush()
    _write_lessons(content, course, version, at, written)
    _write_questions(plan.asked, course, version, at, written)
    for name, path in content.images.items():
        db.session.add(CourseFile(course_version_id=version.id, name=name, key=_stored(path)))
    written.courses += 1


def _write_lessons(
    content: CourseContent, course: Course, version: CourseVersion, at: datetime, written: _Written
) -> None:
    query = select(LessonVersion).where(LessonVersion.course_id == course.id).order_by(LessonVersion.number)
    newest = {lesson.file: lesson for lesson in db.session.scalars(query)}
    for position, lesson in enumerate(content.lessons):
        row = newest.get(lesson.file)
        digest = sha256(lesson.markdown)
        if row is None or row.sha256 != digest:
            row = LessonVersion(
                course_id=course.id,
                file=lesson.file,
                number=row.number + 1 if row else 1,
                markdown=lesson.markdown,
                sha256=digest,
                created_at=at,
            )
            db.session.add(row)
            db.session.flush()
            written.lessons += 1
        link = CourseVersionLesson(course_version_id=version.id, position=position, lesson_version_id=row.id)
        db.session.add(link)


def _write_questions(
    asked: Sequence[Asked], course: Course, version: CourseVersion, at: datetime, written: _Written
) -> None:
    kept = [one.before.id for one in asked if one.before and not one.changed]
    fresh = [_question_version(one, course, at) for one in asked if one.changed or one.before is None]
    db.session.add_all(fresh)
    db.session.flush()
    written.questions += len(fresh)
    for version_id in [*kept, *(row.id for row in fresh)]:
        db.session.add(CourseVersionQuestion(course_version_id=version.id, question_version_id=version_id))


def _question_version(one: Asked, course: Course, at: datetime) -> QuestionVersion:
    item, content = one.item, one.item.content()
    if one.before is None:
        question = Question(course_id=course.id, item=item.id)
        db.session.add(question)
        db.session.flush()
        question_id, number = question.id, 1
    else:
        question_id, number = one.before.question_id, one.before.number + 1
    return QuestionVersion(
        question_id=question_id,
        number=number,
        type=item.type.value,
        tag=item.tag,
        content=canonical(content),
        sha256=item_sha256(item),
        material_sha256=material_sha256(content),
        clip_key=_stored(item.clip.path) if item.clip else "",
        clip_times=json.dumps(dict(item.clip.times)) if item.clip else "",
        created_at=at,
    )


def _write_manual(manual: Manual, at: datetime, written: _Written) -> None:
    newest = _newest_manual(manual.slug)
    db.session.add(
        ManualVersion(
            slug=manual.slug,
            number=newest.number + 1 if newest else 1,
            title=manual.title,
            version=manual.version,
            roles=",".join(manual.roles),
            markdown=manual.markdown,
            sha256=_manual_sha256(manual),
            created_at=at,
        )
    )
    written.manuals += 1


def _stored(path: Path) -> str:
    storage = installation.storage()
    incoming = storage.new_incoming()
    shutil.copyfile(path, incoming)
    return storage.adopt(incoming, "course", path.suffix)
