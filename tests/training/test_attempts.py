"""An exam from its beginning to its grade, and what cannot be gamed."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, text, update

from livequal.accounts.models import User
from livequal.accounts.rules import Role
from livequal.kernel.clock import frozen, now
from livequal.kernel.db import db, edge
from livequal.kernel.errors import Forbidden, Invalid, NotFound, WrongState
from livequal.training import attempts, replay, rules, service, standing
from livequal.training.attempts import Saving
from livequal.training.grading import FULL
from livequal.training.models import Attempt, AttemptEvent, AttemptSlot, AttemptStep, Course, Grade
from livequal.training.rules import Gate, GrantKind

from ..factories import make_mcn, make_platform, make_user
from .conftest import read_all

MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)


def right_answers(slot: dict[str, Any]) -> list[object]:
    """The answers that earn a slot in full, in the order in which they are saved."""
    key, order = slot["key"], slot.get("order")
    match slot["type"]:
        case "single":
            return [order.index(key) + 1]
        case "multiple" | "ordering":
            return [[order.index(one) + 1 for one in key]]
        case "true_false":
            return [key]
        case "fill_in":
            return [[accepted[0] for accepted in key]]
        case "matching":
            pairs = {str(order["left"].index(a) + 1): order["right"].index(b) + 1 for a, b in key.items()}
            return [pairs]
        case "scenario":
            best = [order["s1"].index("a") + 1, order["s2"].index("a") + 1]
            return [best[:1], best]
    return [{str(order.index(segment) + 1): category for segment, category in key.items()}]


def answer_all(attempt: Attempt, *, but: int = 0, client: str = "w") -> None:
    """Answer every slot right but the first `but`."""
    slots = attempts.slots_of(attempt)
    savings = [(number, answer) for number, slot in slots.items() if number > but for answer in right_answers(slot)]
    rows = [Saving(client, seq, number, answer) for seq, (number, answer) in enumerate(savings)]
    attempts.save(attempt, rows)


def begun(learner: User, course: Course) -> Attempt:
    attempt = attempts.start(course, by=learner.actor)
    db.session.commit()
    return attempt


def test_all_right_is_passed_and_nothing_is_not(course: Course, learner: User) -> None:
    attempt = begun(learner, course)
    answer_all(attempt)
    grade = attempts.submit(attempt, by=learner.actor)
    assert (grade.points, grade.possible, grade.passed) == (10 * FULL, 10 * FULL, True)
    second = begun(learner, course)
    assert attempts.submit(second, by=learner.actor).points == 0


@pytest.mark.parametrize(("wrong", "passed"), [(2, True), (3, False)])
def test_the_pass_mark_is_eighty(course: Course, learner: User, wrong: int, passed: bool) -> None:
    attempt = begun(learner, course)
    answer_all(attempt, but=wrong)
    assert attempts.submit(attempt, by=learner.actor).passed is passed


def test_asked_again_a_running_exam_goes_on_and_a_submitted_one_keeps_its_grade(course: Course, learner: User) -> None:
    first = begun(learner, course)
    assert attempts.start(course, by=learner.actor).id == first.id
    grade = attempts.submit(first, by=learner.actor)
    assert attempts.submit(first, by=learner.actor).id == grade.id


def test_the_exam_opens_only_to_those_who_read_the_lessons(course: Course) -> None:
    user = make_user(make_mcn(), Role.STREAMER)
    with pytest.raises(WrongState):
        attempts.start(course, by=user.actor)
    read_all(user, course)
    assert attempts.start(course, by=user.actor).number == 1


def test_the_exam_is_for_the_courses_roles(course: Course) -> None:
    auditor = make_user(make_platform(), Role.AUDITOR)
    read_all(auditor, course)
    with pytest.raises(Forbidden):
        attempts.start(course, by=auditor.actor)


def test_somebody_elses_exam_is_not_found(course: Course, learner: User) -> None:
    attempt = begun(learner, course)
    other = make_user(make_mcn(), Role.STREAMER)
    with pytest.raises(NotFound):
        attempts.get(attempt.id, other.actor)


@pytest.mark.parametrize(("after", "scored"), [(-SECOND, True), (timedelta(0), True), (SECOND, False)])
def test_a_second_before_the_end_counts_and_a_second_after_is_kept_but_does_not(
    course: Course, learner: User, after: timedelta, scored: bool
) -> None:
    attempt = begun(learner, course)
    with frozen(attempt.deadline + after):
        answer_all(attempt)
        grade = attempts.submit(attempt, by=learner.actor)
    steps = db.session.scalars(select(AttemptStep)).all()
    assert len(steps) >= 10
    assert {step.late for step in steps} == {not scored}
    assert grade.passed is scored
    assert attempt.closed_by == ("learner" if scored else "clock")


def test_an_overdue_exam_is_closed_by_whoever_looks_at_its_deadline(course: Course, learner: User) -> None:
    attempt = begun(learner, course)
    answer_all(attempt)
    with frozen(attempt.deadline + 5 * MINUTE):
        attempts.close_overdue(learner.id)
        attempts.close_overdue(learner.id)
    assert (attempt.closed_by, attempt.closed_at) == ("clock", attempt.deadline)
    assert db.session.scalars(select(Grade.passed)).all() == [True]


def test_answers_after_submitting_are_kept_and_change_nothing(course: Course, learner: User) -> None:
    attempt = begun(learner, course)
    attempts.submit(attempt, by=learner.actor)
    answer_all(attempt)
    assert attempts.submit(attempt, by=learner.actor).points == 0
    assert all(db.session.scalars(select(AttemptStep.late)))
    with frozen(attempt.deadline + rules.LATE_KEPT + SECOND), pytest.raises(WrongState):
        answer_all(attempt, client="x")


def test_an_answer_sent_twice_is_kept_once(course: Course, learner: User) -> None:
    attempt = begun(learner, course)
    slots = attempts.slots_of(attempt)
    number, slot = next(iter(slots.items()))
    saving = Saving("w", 0, number, right_answers(slot)[0])
    for _ in range(3):
        assert attempts.save(attempt, [saving, saving]).kept == (0,)
    assert db.session.scalar(select(func.count()).select_from(AttemptStep)) == 1


@pytest.mark.parametrize(
    "saving", [Saving("w", 0, 99, None), Saving("w", 0, 1, {"x": {}}), Saving("w", 0, 1, "x" * 3000)]
)
def test_an_answer_that_fits_no_slot_is_refused_whole(course: Course, learner: User, saving: Saving) -> None:
    attempt = begun(learner, course)
    with pytest.raises(Invalid):
        attempts.save(attempt, [Saving("w", 1, 2, None), saving])
    assert db.session.scalar(select(func.count()).select_from(AttemptStep)) == 0


def test_another_window_is_noted_for_a_reviewer_and_punishes_nobody(course: Course, learner: User) -> None:
    attempt = begun(learner, course)
    answer_all(attempt)
    answer_all(attempt, client="second")
    answer_all(attempt, client="second")
    kinds = db.session.scalars(select(AttemptEvent.kind).order_by(AttemptEvent.id)).all()
    assert kinds == ["signed_in", "other_window"]
    assert attempts.submit(attempt, by=learner.actor).passed


def fail(course: Course, learner: User, at: datetime) -> None:
    with frozen(at):
        attempts.submit(attempts.start(course, by=learner.actor), by=learner.actor)


def test_three_failures_bring_a_cool_down_then_a_remedial_lesson(course: Course, learner: User) -> None:
    at = now()
    told = service.facts(course)
    for hour in range(3):
        fail(course, learner, at + timedelta(hours=hour))
    with frozen(at + timedelta(hours=3)):
        assert standing.standing(learner.id, told).admission.gate is Gate.COOL_DOWN
        with pytest.raises(WrongState):
            attempts.start(course, by=learner.actor)
    with frozen(at + timedelta(hours=25)):
        stand = standing.standing(learner.id, told)
        assert (stand.admission.gate, stand.admission.lessons) == (Gate.RESTUDY, ("01-one.md",))
        service.finish_lesson(told, "01-one.md", by=learner.actor)
        assert attempts.start(course, by=learner.actor).number == 4


def test_an_administrators_extra_attempt_needs_a_reason_and_is_used_up(course: Course, learner: User) -> None:
    chief = make_user(make_platform(), Role.ADMINISTRATOR)
    at = now()
    for hour in range(3):
        fail(course, learner, at + timedelta(hours=hour))
    with pytest.raises(Invalid):
        standing.grant(learner, course, GrantKind.ATTEMPT, reason=" ", by=chief.actor)
    standing.grant(learner, course, GrantKind.ATTEMPT, reason="断电", by=chief.actor)
    fail(course, learner, at + timedelta(hours=3))
    with frozen(at + timedelta(hours=4)), pytest.raises(WrongState):
        attempts.start(course, by=learner.actor)


def test_extra_time_counts_once(course: Course, learner: User) -> None:
    chief = make_user(make_platform(), Role.ADMINISTRATOR)
    standing.grant(learner, course, GrantKind.TIME, minutes=10, reason="手部受伤", by=chief.actor)
    first = begun(learner, course)
    assert first.deadline - first.started_at == 25 * MINUTE
    attempts.submit(first, by=learner.actor)
    second = begun(learner, course)
    assert second.deadline - second.started_at == 15 * MINUTE


def test_a_closing_time_cuts_the_exam_short(course: Course, learner: User) -> None:
    at = now()
    with frozen(at):
        attempt = attempts.start(course, by=learner.actor, closes_at=at + 5 * MINUTE)
    assert attempt.deadline == at + 5 * MINUTE


def test_a_learner_meets_questions_anew_only_when_the_others_are_used_up(course: Course, learner: User) -> None:
    met: list[int] = []
    for _ in range(3):
        attempt = begun(learner, course)
        met += [slot["question_version"] for slot in attempts.slots_of(attempt).values()]
        attempts.submit(attempt, by=learner.actor)
    assert len(set(met)) == 30


def test_silent_clips_are_not_asked(course: Course, learner: User) -> None:
    for _ in range(3):
        attempt = begun(learner, course)
        assert "clip_review" not in {slot["type"] for slot in attempts.slots_of(attempt).values()}
        attempts.submit(attempt, by=learner.actor)


# ── races ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def together(app: Flask, count: int, act: Callable[[], int]) -> list[int]:
    """Let `count` threads act at once, each in a transaction of its own."""
    barrier = Barrier(min(count, 20))

    def run(number: int) -> int:
        if number < 20:
            barrier.wait(timeout=60)
        with app.app_context(), edge():
            return act()

    db.session.commit()
    db.session.remove()
    with ThreadPoolExecutor(20) as pool:
        return list(pool.map(run, range(count)))


def test_fifty_starts_at_once_make_one_attempt(app: Flask, course: Course, learner: User) -> None:
    course_id, actor = course.id, learner.actor
    ids = together(app, 50, lambda: attempts.start(db.session.get_one(Course, course_id), by=actor).id)
    assert len(set(ids)) == 1
    assert db.session.scalar(select(func.count()).select_from(Attempt)) == 1
    assert db.session.scalar(select(func.count()).select_from(AttemptSlot)) == 10


def test_two_hundred_submits_at_once_make_one_grade(app: Flask, course: Course, learner: User) -> None:
    attempt_id, actor = begun(learner, course).id, learner.actor
    ids = together(app, 200, lambda: attempts.submit(attempts.get(attempt_id, actor), by=actor).id)
    assert len(set(ids)) == 1
    assert db.session.scalar(select(func.count()).select_from(Grade)) == 1


def test_answers_from_many_windows_at_once_are_all_kept_in_one_chain(app: Flask, course: Course, learner: User) -> None:
    attempt_id, actor = begun(learner, course).id, learner.actor
    clients = iter(f"w{n}" for n in range(40))

    def act() -> int:
        attempt = attempts.get(attempt_id, actor)
        return len(attempts.save(attempt, [Saving(next(clients), 0, 1, None)]).kept)

    assert together(app, 40, act) == [1] * 40
    numbers = db.session.scalars(select(AttemptStep.number).order_by(AttemptStep.number)).all()
    assert numbers == list(range(1, 41))
    assert differences() == []


# ── replay ────────────────────────────────────────────────────────────────────────────────────────────────────────


def differences() -> list[str]:
    db.session.expire_all()
    return [str(one) for _attempt, found in replay.replay() for one in found]


@pytest.fixture
def sat(course: Course, learner: User) -> Attempt:
    """A submitted attempt with three slots left out."""
    attempt = begun(learner, course)
    answer_all(attempt, but=3)
    attempts.submit(attempt, by=learner.actor)
    db.session.commit()
    return attempt


def test_replaying_finds_no_difference(sat: Attempt) -> None:
    assert differences() == []


def flip(kind: Any, column: str, where: Any, change: Callable[[str], str]) -> None:
    row = db.session.scalars(select(kind).where(where)).first()
    assert row is not None
    db.session.execute(update(kind).where(where).values({column: change(getattr(row, column))}))
    db.session.commit()


def test_a_flipped_byte_in_an_answer_names_attempt_slot_and_step(sat: Attempt) -> None:
    step = db.session.scalars(select(AttemptStep).where(AttemptStep.number == 4)).one()
    answer = step.answer
    other = ("2" if answer[-1] != "2" else "1") if answer[-1].isdecimal() else " "
    flip(AttemptStep, "answer", AttemptStep.number == 4, lambda old: old[:-1] + other)
    (said,) = differences()
    assert said.startswith(f"attempt {sat.id}, slot {step.slot}, step 4: ")


@pytest.mark.parametrize(
    ("kind", "column", "where", "named"),
    [
        (AttemptSlot, "frozen", AttemptSlot.slot == 2, ", slot 2: "),
        (AttemptSlot, "sha256", AttemptSlot.slot == 2, ", slot 2: "),
        (AttemptStep, "client", AttemptStep.number == 2, ", step 2: "),
        (AttemptStep, "sha256", AttemptStep.number == 2, ", step 2: "),
        (Attempt, "policy", Attempt.number == 1, "policy"),
        (Attempt, "policy_sha256", Attempt.number == 1, "policy"),
        (Grade, "slots", Grade.number == 1, "slot "),
        (Grade, "sha256", Grade.number == 1, "the grade is not as it was"),
    ],
)
def test_a_flipped_byte_anywhere_is_named(sat: Attempt, kind: Any, column: str, where: Any, named: str) -> None:
    def change(old: str) -> str:
        at = len(old) // 2
        at = next(n for n in range(at, len(old)) if old[n].isalnum())
        return old[:at] + ("1" if old[at] != "1" else "2") + old[at + 1 :]

    flip(kind, column, where, change)
    assert any(named in said and said.startswith(f"attempt {sat.id}") for said in differences()), differences()


def test_a_raised_score_and_a_dropped_step_are_named(sat: Attempt) -> None:
    db.session.execute(update(Grade).values(points=Grade.possible, passed=True))
    db.session.commit()
    assert any("was given" in said for said in differences())
    db.session.execute(text("DELETE FROM attempt_step WHERE number = 3"))
    db.session.commit()
    assert any(", step 3: a step is missing" in said for said in differences())


def test_the_command_ends_with_one_and_names_what_differs(app: Flask, sat: Attempt) -> None:
    run = app.test_cli_runner()
    good = run.invoke(args=["training", "replay", "--all"])
    assert (good.exit_code, good.stdout.strip().splitlines()[-1]) == (0, "1 attempts replayed, 0 differences.")
    flip(AttemptSlot, "frozen", AttemptSlot.slot == 5, lambda old: old.replace('"slot":5', '"slot":6'))
    bad = run.invoke(args=["training", "replay", "--all"])
    assert bad.exit_code == 1
    assert f"attempt {sat.id}, slot 5" in bad.output
    assert run.invoke(args=["training", "replay"]).exit_code == 2


def test_a_paper_keeps_no_letter_of_the_author_in_what_is_answered(sat: Attempt) -> None:
    for step in db.session.scalars(select(AttemptStep)):
        assert not isinstance(json.loads(step.answer), str)
