"""Recompute every score from saved answers and frozen papers; name what differs, down to the byte."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sqlalchemy import Row, Select, select

from ..kernel.db import db
from .attempts import grade_sha256, score, step_sha256
from .content import canonical, sha256, text_sha256
from .models import Attempt, AttemptSlot, AttemptStep, Grade, QuestionVersion
from .rules import is_late

BLOCK = 500


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that is not as it was: in which attempt, slot and step (None where it concerns none)."""

    attempt_id: int
    slot: int | None
    step: int | None
    what: str

    def __str__(self) -> str:
        slot = f", slot {self.slot}" if self.slot is not None else ""
        step = f", step {self.step}" if self.step is not None else ""
        return f"attempt {self.attempt_id}{slot}{step}: {self.what}"


@dataclass(frozen=True, slots=True)
class _Case:
    attempt: Row[Any]
    slots: Sequence[Row[Any]]
    steps: Sequence[Row[Any]]
    grades: Sequence[Row[Any]]


def replay(attempt_ids: Sequence[int] | None = None) -> Iterator[tuple[int, list[Difference]]]:
    """Each attempt with what differs in it (nothing, if all is well); in blocks, so that memory stays small."""
    last = 0
    while True:
        query = select(*Attempt.__table__.columns).where(Attempt.id > last).order_by(Attempt.id).limit(BLOCK)
        if attempt_ids is not None:
            query = query.where(Attempt.id.in_(attempt_ids))
        rows = db.session.execute(query).all()
        if not rows:
            return
        last = rows[-1].id
        ids = [row.id for row in rows]
        slots = _by_attempt(select(*AttemptSlot.__table__.columns).order_by(AttemptSlot.slot), AttemptSlot, ids)
        steps = _by_attempt(select(*AttemptStep.__table__.columns).order_by(AttemptStep.number), AttemptStep, ids)
        grades = _by_attempt(select(*Grade.__table__.columns).order_by(Grade.number), Grade, ids)
        known = _question_digests(row.question_version_id for part in slots.values() for row in part)
        for row in rows:
            case = _Case(row, slots.get(row.id, ()), steps.get(row.id, ()), grades.get(row.id, ()))
            yield row.id, list(_differences(case, known))


def _by_attempt(query: Select[Any], kind: Any, ids: Sequence[int]) -> dict[int, list[Row[Any]]]:
    rows = db.session.execute(query.where(kind.attempt_id.in_(ids))).all()
    rows = sorted(rows, key=lambda row: row.attempt_id)
    return {attempt_id: list(group) for attempt_id, group in groupby(rows, key=lambda row: row.attempt_id)}


def _question_digests(version_ids: Iterator[int]) -> dict[int, str]:
    query = select(QuestionVersion.id, QuestionVersion.sha256).where(QuestionVersion.id.in_(set(version_ids)))
    return {row.id: row.sha256 for row in db.session.execute(query)}


def _differences(case: _Case, known: Mapping[int, str]) -> Iterator[Difference]:
    attempt_id = case.attempt.id
    policy = _read(case.attempt.policy)
    if not isinstance(policy, dict) or sha256(case.attempt.policy) != case.attempt.policy_sha256:
        yield Difference(attempt_id, None, None, "the paper's policy is not as it was")
        return
    slots: dict[int, dict[str, Any]] = {}
    for row, digest in zip(case.slots, policy["slots"], strict=False):
        frozen = _read(row.frozen)
        if (
            not isinstance(frozen, dict)
            or canonical(frozen) != row.frozen
            or not text_sha256(row.frozen) == digest == row.sha256
        ):
            yield Difference(attempt_id, row.slot, None, "the frozen question is not as it was")
            return
        if known.get(row.question_version_id) != frozen["question_sha256"]:
            yield Difference(attempt_id, row.slot, None, "the question's version is not the one that was frozen")
        slots[row.slot] = frozen
    if len(case.slots) != len(policy["slots"]):
        yield Difference(attempt_id, len(case.slots) + 1, None, "the paper lacks slots or has too many")
        return
    broken = list(_broken_steps(case))
    yield from broken
    if not broken:
        yield from _grade_differences(case, slots, policy)


def _broken_steps(case: _Case) -> Iterator[Difference]:
    before = case.attempt.policy_sha256
    for expected, step in enumerate(case.steps, 1):
        if step.number != expected:
            yield Difference(case.attempt.id, step.slot, expected, "a step is missing")
            return
        if step_sha256(step, before) != step.sha256 or canonical(_read(step.answer)) != step.answer:
            yield Difference(case.attempt.id, step.slot, step.number, "the step is not as it was")
            return
        if not step.late and is_late(step.received_at, case.attempt.deadline, closed=False):
            yield Difference(case.attempt.id, step.slot, step.number, "counts although it came after the end")
        before = step.sha256


def _grade_differences(case: _Case, slots: Mapping[int, Any], policy: Mapping[str, Any]) -> Iterator[Difference]:
    attempt_id = case.attempt.id
    if (case.attempt.closed_at is None) != (not case.grades):
        yield Difference(attempt_id, None, None, "closed without a grade, or graded without being closed")
    if not case.grades:
        return
    answers: dict[int, list[tuple[int, object]]] = {}
    for step in case.steps:
        if not step.late:
            answers.setdefault(step.slot, []).append((step.number, _read(step.answer)))
    # A regrade follows a key of its own and keeps it with its reason; the first grade follows the frozen paper.
    grade = case.grades[0]
    rows, verdict = score(slots, answers, policy["pass_percent"])
    kept = {row["slot"]: row for row in _read(grade.slots) or ()}
    for row in rows:
        if kept.get(row["slot"]) != row:
            told = kept.get(row["slot"], {}).get("points")
            what = f"{told} points were given, {row['points']} come out"
            yield Difference(attempt_id, row["slot"], row["step"], what)
    if (grade.points, grade.possible, grade.passed) != (verdict.points, verdict.possible, verdict.passed):
        what = f"{grade.points}/{grade.possible} was given, {verdict.points}/{verdict.possible} comes out"
        yield Difference(attempt_id, None, None, what)
    if grade_sha256(grade.points, grade.possible, grade.passed, grade.slots) != grade.sha256:
        yield Difference(attempt_id, None, None, "the grade is not as it was")


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
