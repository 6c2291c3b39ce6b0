"""Exam attempts: begin, save answers, submit, and close what ran out. The server's clock alone counts."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, func, select

from ..accounts.models import User
from ..accounts.rules import Actor
from ..audit import service as audit
from ..kernel import bus
from ..kernel.clock import now
from ..kernel.db import db
from ..kernel.errors import Conflict, Forbidden, Invalid, NotFound, WrongState
from ..kernel.i18n import gettext
from . import grading, papers, rules
from .content import canonical, sha256
from .events import ExamFailed, ExamPassed
from .models import (
    Attempt,
    AttemptEvent,
    AttemptSlot,
    AttemptStep,
    Course,
    CourseVersion,
    CourseVersionQuestion,
    ExamGrant,
    Grade,
    QuestionVersion,
)
from .rules import ClosedBy, EventKind
from .service import CourseFacts, facts
from .standing import grade_of, refusal, standing

CLIENT_MAX = 40


@dataclass(frozen=True, slots=True)
class Saving:
    """One answer as a browser sends it: `client` is the window, `seq` counts in it."""

    client: str
    seq: int
    slot: int
    answer: object


@dataclass(frozen=True, slots=True)
class Saved:
    """What became of the answers sent: those kept (again or anew), by seq, and those that came too late."""

    kept: tuple[int, ...]
    late: tuple[int, ...]


def visible_to(actor: Actor) -> Select[Attempt]:
    """Everybody sees their own attempts."""
    return select(Attempt).where(Attempt.user_id == actor.user_id)


def get(attempt_id: int, actor: Actor) -> Attempt:
    """One attempt of one's own.

    Raises: NotFound.
    """
    row = db.session.scalars(visible_to(actor).where(Attempt.id == attempt_id)).first()
    if row is None:
        raise NotFound(gettext("There is no such exam, or it is somebody else's."))
    return row


# ── beginning ─────────────────────────────────────────────────────────────────────────────────────────────────────


def start(course: Course, *, by: Actor, closes_at: datetime | None = None) -> Attempt:
    """Begin the exam of a course, or answer the attempt that runs already: however often it is asked, there is one.

    Raises: Forbidden, WrongState (with what is missing).
    """
    user_id = _learner(course, by)
    # One at a time for each person: whoever comes second finds the attempt of the first.
    db.session.execute(select(User.id).where(User.id == user_id).with_for_update())
    told = facts(course)
    close_overdue(user_id, course.id)
    stand = standing(user_id, told)
    if stand.running is not None:
        return stand.running
    if not stand.admission.open:
        raise WrongState(refusal(stand.admission))
    return _begin(course, told, user_id, closes_at, by)


def _learner(course: Course, by: Actor) -> int:
    if by.user_id is None or not any(f",{role.value}," in course.roles for role in by.roles):
        raise Forbidden(gettext("This exam is for other roles. You can read the course."))
    return by.user_id


def _begin(course: Course, told: CourseFacts, user_id: int, closes_at: datetime | None, by: Actor) -> Attempt:
    seed, at = secrets.token_hex(16), now()
    try:
        chosen = papers.draw(_stock(told, user_id), told.draw, seed)
    except papers.Short as short:
        raise WrongState(
            gettext("The bank of this course has too few questions. Tell the curriculum manager.")
        ) from short
    grants = _unused_grants(user_id, course.id)
    extra = sum(grant.minutes for grant in grants)
    deadline = rules.deadline(at, timedelta(minutes=told.exam_minutes), timedelta(minutes=extra), closes_at)
    if deadline <= at:
        raise WrongState(gettext("This exam is closed."))
    slots = _freeze(chosen, told, seed)
    policy = canonical(
        {
            "pass_percent": told.pass_percent,
            "limit_minutes": told.exam_minutes,
            "extra_minutes": extra,
            "closes_at": closes_at.isoformat() if closes_at else None,
            "course_version": told.version,
            "slots": [sha256(slot) for slot in slots],
        }
    )
    attempt = Attempt(
        user_id=user_id,
        course_id=course.id,
        course_version_id=told.version_id,
        number=(db.session.scalar(_numbers(user_id, course.id)) or 0) + 1,
        seed=seed,
        policy=policy,
        policy_sha256=sha256(policy),
        started_at=at,
        deadline=deadline,
    )
    db.session.add(attempt)
    db.session.flush()
    for slot in slots:
        db.session.add(
            AttemptSlot(
                attempt_id=attempt.id,
                slot=slot["slot"],
                question_version_id=slot["question_version"],
                frozen=canonical(slot),
                sha256=sha256(slot),
            )
        )
    for grant in grants:
        grant.attempt_id = attempt.id
    note(attempt, EventKind.SIGNED_IN)
    audit.record("exam.start", attempt, by=by, after={"course": course.slug, "deadline": deadline})
    return attempt


def _too_few() -> str:
    return gettext("The bank of this course has too few questions. Tell the curriculum manager.")


def _numbers(user_id: int, course_id: int) -> Select[int]:
    return select(func.max(Attempt.number)).where(Attempt.user_id == user_id, Attempt.course_id == course_id)


def _unused_grants(user_id: int, course_id: int) -> Sequence[ExamGrant]:
    query = select(ExamGrant).where(
        ExamGrant.user_id == user_id, ExamGrant.course_id == course_id, ExamGrant.attempt_id.is_(None)
    )
    return db.session.scalars(query).all()


def _stock(told: CourseFacts, user_id: int) -> list[papers.Stock]:
    """The bank's questions that can be asked now, and how often this learner had each (in whatever version)."""
    used = (
        select(QuestionVersion.question_id, func.count().label("times"))
        .join(AttemptSlot, AttemptSlot.question_version_id == QuestionVersion.id)
        .join(Attempt, AttemptSlot.attempt_id == Attempt.id)
        .where(Attempt.user_id == user_id, Attempt.course_id == told.course_id)
        .group_by(QuestionVersion.question_id)
    )
    times = {row.question_id: row.times for row in db.session.execute(used)}
    query = (
        select(QuestionVersion.id, QuestionVersion.question_id, QuestionVersion.tag)
        .join(CourseVersionQuestion, CourseVersionQuestion.question_version_id == QuestionVersion.id)
        .where(CourseVersionQuestion.course_version_id == told.version_id)
        .where((QuestionVersion.type != "clip_review") | (QuestionVersion.clip_key != ""))
    )
    return [papers.Stock(row.id, row.tag, times.get(row.question_id, 0)) for row in db.session.execute(query)]


def _freeze(chosen: Sequence[int], told: CourseFacts, seed: str) -> list[dict[str, Any]]:
    versions = {
        row.id: row for row in db.session.scalars(select(QuestionVersion).where(QuestionVersion.id.in_(chosen)))
    }
    slots = []
    for number, version_id in enumerate(chosen, 1):
        version = versions[version_id]
        slot = papers.frozen(number, version_id, version.sha256, json.loads(version.content), seed)
        if slot["type"] == "clip_review":
            # What can be chosen must not tell what is right: all the course teaches, and this clip's own.
            slot["categories"] = sorted({*told.risk_categories, *slot["key"].values()})
        slots.append(slot)
    return slots


# ── answering ─────────────────────────────────────────────────────────────────────────────────────────────────────


def save(attempt: Attempt, savings: Sequence[Saving]) -> Saved:
    """Keep answers, each once however often it is sent; what comes after the end is kept and does not count.

    Raises: Invalid (nothing of the call is kept), WrongState when nothing is taken any more.
    """
    at = now()
    attempt = _locked(attempt.id)
    if at > attempt.deadline + rules.LATE_KEPT:
        raise WrongState(gettext("This exam ended days ago. Nothing more can be sent."))
    slots = slots_of(attempt)
    _refuse_misfits(savings, slots)
    kept, late = _known(attempt, savings)
    last = _last_step(attempt)
    number, before = (last.number, last.sha256) if last else (0, attempt.policy_sha256)
    clients = _clients(attempt)
    for one in sorted(savings, key=lambda one: one.seq):
        if (one.client, one.seq) in kept:
            continue
        number += 1
        if number > rules.STEPS_MAX:
            raise WrongState(gettext("This exam has taken too many answers. Submit it."))
        step = _step(attempt, one, number, at, before)
        db.session.add(step)
        before = step.sha256
        kept.add((one.client, one.seq))
        if step.late:
            late.add((one.client, one.seq))
        if one.client not in clients:
            if clients:
                note(attempt, EventKind.OTHER_WINDOW)
            clients.add(one.client)
    db.session.flush()
    own = {(one.client, one.seq) for one in savings}
    return Saved(tuple(sorted(seq for _client, seq in kept & own)), tuple(sorted(seq for _c, seq in late & own)))


def _refuse_misfits(savings: Sequence[Saving], slots: Mapping[int, Mapping[str, Any]]) -> None:
    if not savings or len(savings) > rules.STEPS_PER_CALL:
        raise Invalid({"steps": gettext("Send one to %(max)d answers at a time.", max=rules.STEPS_PER_CALL)})
    for one in savings:
        fits = one.slot in slots and len(canonical(one.answer)) <= rules.ANSWER_MAX
        if not fits or not grading.fits(slots[one.slot], one.answer):
            raise Invalid({"steps": gettext("The answer to question %(slot)s can't be read.", slot=one.slot)})


def _known(attempt: Attempt, savings: Sequence[Saving]) -> tuple[set[tuple[str, int]], set[tuple[str, int]]]:
    query = select(AttemptStep.client, AttemptStep.seq, AttemptStep.late).where(
        AttemptStep.attempt_id == attempt.id,
        AttemptStep.client.in_({one.client for one in savings}),
        AttemptStep.seq.in_({one.seq for one in savings}),
    )
    rows = db.session.execute(query).all()
    return {(row.client, row.seq) for row in rows}, {(row.client, row.seq) for row in rows if row.late}


def _step(attempt: Attempt, one: Saving, number: int, at: datetime, before: str) -> AttemptStep:
    answer = canonical(one.answer)
    late = rules.is_late(at, attempt.deadline, closed=attempt.closed_at is not None)
    step = AttemptStep(
        attempt_id=attempt.id,
        number=number,
        slot=one.slot,
        answer=answer,
        client=one.client,
        seq=one.seq,
        received_at=at,
        late=late,
    )
    step.sha256 = step_sha256(step, before)
    return step


def step_sha256(step: Any, before: str) -> str:
    """The digest of a step and of the one before it, so that none can be changed, dropped or put in between."""
    return sha256(
        [before, step.number, step.slot, step.answer, step.client, step.seq, step.received_at.isoformat(), step.late]
    )


def _last_step(attempt: Attempt) -> AttemptStep | None:
    query = select(AttemptStep).where(AttemptStep.attempt_id == attempt.id).order_by(AttemptStep.number.desc())
    return db.session.scalars(query.limit(1)).first()


def _clients(attempt: Attempt) -> set[str]:
    return set(db.session.scalars(select(AttemptStep.client).where(AttemptStep.attempt_id == attempt.id).distinct()))


def slots_of(attempt: Attempt) -> dict[int, dict[str, Any]]:
    """The frozen slots of a paper, keys and all."""
    query = select(AttemptSlot).where(AttemptSlot.attempt_id == attempt.id).order_by(AttemptSlot.slot)
    return {row.slot: json.loads(row.frozen) for row in db.session.scalars(query)}


def version_of(attempt: Attempt) -> CourseVersion:
    """The course's version that an attempt is about."""
    return db.session.get_one(CourseVersion, attempt.course_version_id)


def question_of(attempt: Attempt, slot: int) -> QuestionVersion | None:
    """The question at a place of a paper."""
    query = select(QuestionVersion).join(AttemptSlot, AttemptSlot.question_version_id == QuestionVersion.id)
    return db.session.scalars(query.where(AttemptSlot.attempt_id == attempt.id, AttemptSlot.slot == slot)).first()


def next_seq(attempt: Attempt, client: str) -> int:
    """The next free number of a window that does not count for itself."""
    query = select(func.max(AttemptStep.seq)).where(AttemptStep.attempt_id == attempt.id, AttemptStep.client == client)
    last = db.session.scalar(query)
    return 0 if last is None else last + 1


def answers_of(attempt: Attempt, *, late: bool = False) -> dict[int, list[tuple[int, object]]]:
    """The answers of each slot that count, oldest first, with their steps' numbers; with `late`, the others too."""
    query = select(AttemptStep).where(AttemptStep.attempt_id == attempt.id).order_by(AttemptStep.number)
    found: dict[int, list[tuple[int, object]]] = {}
    for step in db.session.scalars(query if late else query.where(AttemptStep.late.is_(False))):
        found.setdefault(step.slot, []).append((step.number, json.loads(step.answer)))
    return found


# ── ending ────────────────────────────────────────────────────────────────────────────────────────────────────────


def submit(attempt: Attempt, *, by: Actor) -> Grade:
    """End an attempt and grade it; asked again, it answers the same grade."""
    attempt = _locked(attempt.id)
    if attempt.closed_at is None:
        at = now()
        _close(attempt, ClosedBy.LEARNER if at <= attempt.deadline else ClosedBy.CLOCK, by)
    grade = grade_of(attempt)
    if grade is None:
        raise Conflict(gettext("This exam is being graded. Look again in a moment."))
    return grade


def close_overdue(user_id: int, course_id: int | None = None) -> None:
    """Close a person's attempts whose time is over: whoever looks at one does it, so that no job can be late."""
    query = select(Attempt.id).where(Attempt.user_id == user_id, Attempt.closed_at.is_(None), Attempt.deadline < now())
    if course_id is not None:
        query = query.where(Attempt.course_id == course_id)
    for attempt_id in db.session.scalars(query.order_by(Attempt.id)).all():
        attempt = _locked(attempt_id)
        if attempt.closed_at is None:
            _close(attempt, ClosedBy.CLOCK, db.session.get_one(User, user_id).actor)


def overdue(user_id: int) -> bool:
    """Whether a person has an attempt that ran out and is still to be closed."""
    query = select(Attempt.id).where(Attempt.user_id == user_id, Attempt.closed_at.is_(None), Attempt.deadline < now())
    return db.session.scalars(query.limit(1)).first() is not None


def _close(attempt: Attempt, closed_by: ClosedBy, by: Actor) -> None:
    # What ran out ended at its deadline, whenever somebody looks.
    attempt.closed_at = attempt.deadline if closed_by is ClosedBy.CLOCK else now()
    attempt.closed_by = closed_by.value
    db.session.flush()
    grade = _graded(attempt)
    db.session.add(grade)
    db.session.flush()
    facts = {
        "course": attempt.course.slug,
        "closed_by": closed_by.value,
        "points": grade.points,
        "passed": grade.passed,
    }
    audit.record("exam.close", attempt, by=by, after=facts)
    event = ExamPassed if grade.passed else ExamFailed
    bus.emit(event(attempt.id, attempt.user_id, attempt.course_id))


def _graded(attempt: Attempt) -> Grade:
    rows, verdict = score(slots_of(attempt), answers_of(attempt), json.loads(attempt.policy)["pass_percent"])
    return Grade(
        attempt_id=attempt.id,
        number=1,
        points=verdict.points,
        possible=verdict.possible,
        passed=verdict.passed,
        slots=canonical(rows),
        sha256=grade_sha256(verdict.points, verdict.possible, verdict.passed, canonical(rows)),
        graded_at=now(),
    )


def score(
    slots: Mapping[int, Mapping[str, Any]], answers: Mapping[int, Sequence[tuple[int, object]]], pass_percent: int
) -> tuple[list[dict[str, Any]], rules.Verdict]:
    """What each slot is worth with the step that earned it, and what it all comes to."""
    rows: list[dict[str, Any]] = []
    points: dict[int, int] = {}
    for number, slot in slots.items():
        saved = answers.get(number, ())
        worth = grading.worth(slot, [answer for _step, answer in saved])
        step = saved[worth.answer][0] if worth.answer is not None else None
        rows.append({"slot": number, "points": worth.points, "step": step})
        points[number] = worth.points
    red_lines = [number for number, slot in slots.items() if slot["red_line"]]
    return rows, rules.verdict(points, red_lines, pass_percent)


def grade_sha256(points: int, possible: int, passed: bool, slots: str) -> str:
    """The digest of a grade."""
    return sha256([points, possible, passed, slots])


# ── what a reviewer may want to know ──────────────────────────────────────────────────────────────────────────────


def note(attempt: Attempt, kind: EventKind, detail: str = "") -> None:
    """Note something about an attempt for a reviewer."""
    db.session.add(AttemptEvent(attempt_id=attempt.id, at=now(), kind=kind.value, detail=detail[:200]))
    db.session.flush()


def note_once_in_a_while(attempt: Attempt, kind: EventKind) -> None:
    """Note that a page was left or come back to, while the exam runs and within reason."""
    query = select(func.count()).select_from(AttemptEvent).where(AttemptEvent.attempt_id == attempt.id)
    if attempt.closed_at is None and (db.session.scalar(query) or 0) < rules.EVENTS_MAX:
        note(attempt, kind)


def _locked(attempt_id: int) -> Attempt:
    query = select(Attempt).where(Attempt.id == attempt_id).with_for_update(of=Attempt)
    return db.session.scalars(query.execution_options(populate_existing=True)).one()
