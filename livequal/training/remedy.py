"""The exercise that follows a confirmed violation: questions on its risk category, and a copy of one's own clip."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import select

from ..accounts.models import User
from ..accounts.rules import SYSTEM, UserState
from ..audit import service as audit
from ..kernel.clock import now
from ..kernel.db import db
from ..taxonomy.categories import RISK_CATEGORIES
from ..taxonomy.rules import RiskCategory
from ..taxonomy.workdays import due_after
from . import assigning, assignment_rules
from .assignment_models import Assignment, AssignmentRule, PersonalCourse
from .assignment_rules import VIOLATION_KEY
from .content import canonical, sha256
from .models import Course, CourseVersion, CourseVersionQuestion, Question, QuestionVersion
from .service import facts_of

QUESTIONS = 5
MINUTES = 10
OWN_CLIP = "own-clip"
# What is said of somebody's number or address stays out of every copy: a clip with it is not used at all.
_PRIVATE = re.compile(
    r"[0-9零〇一二三四五六七八九幺两]{7,}"
    r"|微信号|身份证|手机号(?:是|码是)|[\w.+-]+@[\w-]+\.\w+"
    r"|[\u4e00-\u9fff]{2,}(?:路|街|巷|弄|小区|大道)[0-9一二三四五六七八九十百零]+\s*(?:号|栋|幢|弄)"
)


@dataclass(frozen=True, slots=True)
class Spoken:
    """One sentence of a clip, its times in ms from the clip's start; `category`: what was confirmed of it, or empty."""

    text: str
    start_ms: int
    end_ms: int
    category: str = ""


@dataclass(frozen=True, slots=True)
class Given:
    """An exercise that is asked for: until when."""

    slug: str
    title: str
    due_on: date


def private(text: str) -> bool:
    """Whether words hold a telephone number, an address or the like."""
    return _PRIVATE.search(re.sub(r"[\s\-－—]", "", text)) is not None


def personal(course_id: int) -> bool:
    """Whether a course is somebody's own exercise: it counts for itself and earns no certificate."""
    return db.session.get(PersonalCourse, course_id) is not None


def give(user_id: int, category: str, case_id: int) -> Given | None:
    """Ask somebody to do an exercise on what was confirmed; however often it is confirmed, once for each case.

    None when it is asked for already, or no bank has a question on the category.
    """
    assignment_rules.ensure_shipped()
    rule, user = assignment_rules.shipped(VIOLATION_KEY), db.session.get_one(User, user_id)
    if rule is None or not rule.active or user.state != UserState.ACTIVE:
        return None
    cause = f"case:{case_id}:{category}"
    assigning.withdraw(rule, f"case:{case_id}", but=cause)
    due = due_after(assigning.today(), rule.working_days)
    terms = {"due_on": due.day, "provisional": due.provisional}
    before = _given(rule, user_id, cause)
    if before is not None and not before.ended:
        return None
    if before is not None:
        before.ended, before.ended_at, before.ended_by_name = "", None, ""
        before.due_on, before.provisional, before.assigned_at = due.day, due.provisional, now()
        course = before.course
    else:
        made = _course(user_id, category, case_id)
        if made is None:
            audit.record("exercise.no_questions", user, by=SYSTEM, after={"category": category, "case": case_id})
            return None
        course = made
        row = {"rule_id": rule.id, "user_id": user_id, "organisation_id": user.organisation_id, "cause": cause}
        assigning.insert_once(row | {"course_id": course.id, "category": category, "assigned_at": now()} | terms)
    db.session.flush()
    given = _given(rule, user_id, cause)
    audit.record("assignment.give", given, by=SYSTEM, after={"user": user_id, "cause": cause, "due_on": str(due.day)})
    return Given(course.slug, _title(category), due.day)


def take_back(case_id: int) -> list[tuple[int, str]]:
    """Ask no more for what followed a confirmation that no longer holds; answer of whom it was asked, and what."""
    rule = assignment_rules.shipped(VIOLATION_KEY)
    taken = [] if rule is None else assigning.withdraw(rule, f"case:{case_id}")
    return [(row.user_id, _title(row.category)) for row in taken]


def add_clip(user_id: int, category: str, case_id: int, spoken: Sequence[Spoken], key: str) -> bool:
    """Put a copy of her own clip into somebody's exercise; only she ever meets it. False when it is there already.

    `key`: where the sound lies in the storage. What holds private words is left out altogether.
    """
    slug = _slug(user_id, category, case_id)
    course = db.session.scalars(select(Course).where(Course.slug == slug)).first()
    if course is None or course.current > 1 or not any(one.category for one in spoken):
        return False
    if any(private(one.text) for one in spoken):
        return False
    rows = {f"s{number}": one for number, one in enumerate(spoken, 1)}
    content = {
        "id": f"own-{slug}",
        "type": "clip_review",
        "tags": [OWN_CLIP],
        "text": "这是你自己的片段，只有你看得到。哪几句要改？各是哪一类？",
        "explanation": "审核员听过原声后认定了这一处。原声、理由和可以怎么说，都在“认定结果”里。",
        "source": "审核认定",
        "lesson": "",
        "red_line": False,
        "product": "general",
        "segments": [{"id": number, "text": one.text} for number, one in rows.items()],
        "key": {number: one.category for number, one in rows.items() if one.category},
    }
    question = Question(course_id=course.id, item=f"own-{slug}")
    db.session.add(question)
    db.session.flush()
    version = QuestionVersion(
        question_id=question.id,
        number=1,
        type="clip_review",
        tag=OWN_CLIP,
        content=canonical(content),
        sha256=sha256(content),
        material_sha256=sha256(content),
        clip_key=key,
        clip_times=json.dumps({number: [one.start_ms, one.end_ms] for number, one in rows.items()}),
        created_at=now(),
    )
    db.session.add(version)
    db.session.flush()
    first = db.session.scalars(select(CourseVersion).where(CourseVersion.course_id == course.id)).one()
    told = json.loads(first.facts)
    told["paper"]["draw"][OWN_CLIP] = 1
    asked = select(CourseVersionQuestion.question_version_id).where(CourseVersionQuestion.course_version_id == first.id)
    _version(course, 2, told, [*db.session.scalars(asked), version.id])
    course.current = 2
    db.session.flush()
    return True


def _given(rule: AssignmentRule, user_id: int, cause: str) -> Assignment | None:
    query = select(Assignment).where(
        Assignment.rule_id == rule.id, Assignment.user_id == user_id, Assignment.cause == cause
    )
    return db.session.scalars(query).first()


def _course(user_id: int, category: str, case_id: int) -> Course | None:
    courses = db.session.scalars(select(Course).where(Course.listed)).all()
    told = facts_of(courses)
    bank = (
        select(QuestionVersion.id)
        .join(CourseVersionQuestion, CourseVersionQuestion.question_version_id == QuestionVersion.id)
        .where(CourseVersionQuestion.course_version_id.in_([one.version_id for one in told.values()]))
        .where(QuestionVersion.tag == category)
        .where((QuestionVersion.type != "clip_review") | (QuestionVersion.clip_key != ""))
    )
    asked = sorted(set(db.session.scalars(bank)))
    if not asked:
        return None
    teaching = [one for one in told.values() if category in one.risk_categories and "streamer" in one.roles]
    course = Course(
        slug=_slug(user_id, category, case_id), roles=",streamer,", current=1, listed=False, created_at=now()
    )
    db.session.add(course)
    db.session.flush()
    db.session.add(PersonalCourse(course_id=course.id, user_id=user_id, category=category))
    where = "、".join(f"《{one.title}》" for one in teaching[:2])
    first = f"拿不准就先翻翻{where}，" if where else ""
    facts = {
        "id": course.slug,
        "version": "1",
        "title": _title(category),
        "summary": f"审核员认定了一处。{first}再做这几道题。题目和片段只有你看得到。",
        "roles": ["streamer"],
        "product_categories": [],
        "requires": [],
        "minutes": 0,
        "red_line": False,
        "subjects": [],
        # What a clip's marks can be chosen from must not tell what is right.
        "risk_categories": sorted({category, *(slug for one in teaching[:1] for slug in one.risk_categories)}),
        "sources": [],
        "lessons": [],
        "paper": {"pass_percent": 80, "minutes": MINUTES, "draw": {category: min(QUESTIONS, len(asked))}},
        "topics": {},
    }
    _version(course, 1, facts, asked)
    return course


def _version(course: Course, number: int, facts: Mapping[str, Any], asked: Sequence[int]) -> None:
    row = CourseVersion(
        course_id=course.id,
        number=number,
        version=str(number),
        title=facts["title"],
        facts=canonical({**facts, "version": str(number)}),
        sha256=sha256({**facts, "version": str(number)}),
        created_at=now(),
    )
    db.session.add(row)
    db.session.flush()
    db.session.add_all(CourseVersionQuestion(course_version_id=row.id, question_version_id=one) for one in asked)


def _slug(user_id: int, category: str, case_id: int) -> str:
    return f"exercise-{case_id}-{user_id}-{category.replace('_', '-')}"


def _title(category: str) -> str:
    return f"练习：{RISK_CATEGORIES[RiskCategory(category)].zh}"
