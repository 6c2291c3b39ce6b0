"""Assign courses by rules: once for each rule, person and cause, however often and by how many it is worked out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, exists, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from ..accounts.models import User, UserRole
from ..accounts.rules import SYSTEM, Actor, UserState
from ..audit import service as audit
from ..kernel.clock import SHANGHAI, now
from ..kernel.db import db
from ..kernel.errors import Invalid, WrongState
from ..kernel.i18n import gettext
from ..onboarding.models import LiveSession, LiveSessionStreamer, Streamer
from ..taxonomy.workdays import due_after
from . import duties
from .assignment_models import Assignment, AssignmentRule
from .assignment_rules import ensure_shipped, fits, holding, passes, rules
from .duties import Ended, Occasion
from .models import Attempt, Course

CHUNK = 500
JOINED = "joined"


def today() -> date:
    """The day in Shanghai."""
    return now().astimezone(SHANGHAI).date()


# ── working it out ────────────────────────────────────────────────────────────────────────────────────────────────


def rule_ids() -> list[int]:
    """All rules by number."""
    return list(db.session.scalars(select(AssignmentRule.id).order_by(AssignmentRule.id)))


def review(user_ids: Sequence[int] | None = None, *, rule_ids: Sequence[int] | None = None) -> int:
    """Work out every rule (or some), for some people or all; answer how many assignments are new."""
    new = 0
    query = rules() if rule_ids is None else rules().where(AssignmentRule.id.in_(rule_ids))
    for rule in db.session.scalars(query).all():
        match Occasion(rule.occasion):
            case Occasion.JOINING | Occasion.DATE:
                new += _review_rule(rule, user_ids)
            case Occasion.RENEWAL if rule.active:
                new += _renew(rule, user_ids)
            case _:
                pass
    db.session.flush()
    return new


def _review_rule(rule: AssignmentRule, user_ids: Sequence[int] | None) -> int:
    assert rule.course is not None  # noqa: S101 - the table holds it
    met = fits(rule, held=False)
    open_ones = [Assignment.rule_id == rule.id, Assignment.done_at.is_(None), _of(user_ids)]
    in_force = rule.active and rule.course.listed
    lost = update(Assignment).where(*open_ones, Assignment.ended == "")
    _write((lost.where(Assignment.user_id.not_in(met)) if in_force else lost).values(_withdrawn()))
    if not in_force or (rule.on_date is not None and rule.on_date > today()):
        return 0
    start = max(today(), rule.on_date) if rule.on_date else today()
    due = None if rule.before_live else due_after(start, rule.working_days)
    terms = {"due_on": due.day if due else None, "provisional": bool(due and due.provisional)}
    again = update(Assignment).where(*open_ones, Assignment.ended == Ended.WITHDRAWN, Assignment.user_id.in_(met))
    _write(again.values(ended="", ended_at=None, reason="", assigned_at=now(), **terms))
    cause = JOINED if rule.on_date is None else f"date:{rule.on_date.isoformat()}"
    known = exists().where(Assignment.rule_id == rule.id, Assignment.user_id == User.id, Assignment.cause == cause)
    lacking = fits(rule).where(~known)
    if user_ids is not None:
        lacking = lacking.where(User.id.in_(user_ids))
    held = holding(rule.course_id)
    query = (
        select(User.id, User.organisation_id, held.c.at)
        .outerjoin(held, held.c.user_id == User.id)
        .where(User.id.in_(lacking))
    )
    rows = [
        {
            "rule_id": rule.id,
            "user_id": row.id,
            "organisation_id": row.organisation_id,
            "course_id": rule.course_id,
            "cause": cause,
            "assigned_at": now(),
            "done_at": row.at,
            **terms,
        }
        for row in db.session.execute(query)
    ]
    new = _insert(rows)
    if rule.before_live and rows:
        before_live([row["user_id"] for row in rows])
    return new


def _renew(rule: AssignmentRule, user_ids: Sequence[int] | None) -> int:
    """A course passed eleven months ago or more is to be passed again, by whoever still does what it is for."""
    passed = passes(None)
    query = (
        select(User.id, User.organisation_id, User.state, passed.c.course_id, passed.c.at, Course.roles)
        .join(passed, passed.c.user_id == User.id)
        .join(Course, Course.id == passed.c.course_id)
        .where(User.state == UserState.ACTIVE, Course.listed)
        .where(passed.c.at <= duties.year_before(now()) + duties.EXPIRING)
    )
    if user_ids is not None:
        query = query.where(User.id.in_(user_ids))
    found = db.session.execute(query).all()
    does = _roles_of([row.id for row in found])
    rows = [
        {
            "rule_id": rule.id,
            "user_id": row.id,
            "organisation_id": row.organisation_id,
            "course_id": row.course_id,
            "cause": f"renewal:{row.course_id}:{row.at.isoformat()}",
            "assigned_at": now(),
            "due_on": duties.year_after(row.at).astimezone(SHANGHAI).date(),
            "provisional": False,
        }
        for row in found
        if does.get(row.id, set()) & set(row.roles.strip(",").split(","))
    ]
    return _insert(rows)


def _roles_of(user_ids: Sequence[int]) -> dict[int, set[str]]:
    found: dict[int, set[str]] = {}
    for at in range(0, len(user_ids), CHUNK):
        query = select(UserRole.user_id, UserRole.role).where(UserRole.user_id.in_(user_ids[at : at + CHUNK]))
        for user_id, role in db.session.execute(query):
            found.setdefault(user_id, set()).add(role)
    return found


def insert_once(row: dict[str, Any]) -> int:
    """Add one assignment unless the same rule gave it to the person for the same cause; 1 when it is new."""
    return _insert([row])


def _insert(rows: Sequence[dict[str, Any]]) -> int:
    """Add assignments that are not there yet: two workers that found the same people do not collide."""
    new = 0
    blank = {"category": "", "done_at": None, "listed": True, "ended": "", "ended_by_name": "", "reason": ""}
    dialect: Any = postgresql if db.engine.dialect.name == "postgresql" else sqlite
    for at in range(0, len(rows), CHUNK):
        statement = dialect.insert(Assignment).values([blank | row for row in rows[at : at + CHUNK]])
        once = statement.on_conflict_do_nothing(index_elements=["rule_id", "user_id", "cause"])
        db.session.flush()
        new += len(db.session.scalars(once.returning(Assignment.id)).all())
    return new


def _write(statement: Any) -> None:
    db.session.flush()
    db.session.execute(statement, execution_options={"synchronize_session": False})
    db.session.expire_all()


def _of(user_ids: Sequence[int] | None) -> ColumnElement[bool]:
    return Assignment.id.is_not(None) if user_ids is None else Assignment.user_id.in_(user_ids)


def _withdrawn() -> dict[str, Any]:
    return {"ended": Ended.WITHDRAWN.value, "ended_at": now(), "ended_by_name": SYSTEM.name}


def follow_accounts() -> None:
    """Assignments follow their accounts into another organisation, and out of the lists when they leave."""
    there = select(User.organisation_id).where(User.id == Assignment.user_id).scalar_subquery()
    _write(update(Assignment).where(Assignment.organisation_id != there).values(organisation_id=there))
    left = select(User.id).where(User.state != UserState.ACTIVE)
    _write(update(Assignment).where(Assignment.listed, Assignment.user_id.in_(left)).values(listed=False))


# ── what happens to people ────────────────────────────────────────────────────────────────────────────────────────


def joined(user_id: int) -> None:
    """Somebody came in, got another role or sells something else."""
    ensure_shipped()
    review([user_id])


def left(user_id: int) -> None:
    """Somebody's account was closed: nothing more is asked, and the team's page forgets the person."""
    gone = update(Assignment).where(Assignment.user_id == user_id)
    _write(gone.where(Assignment.ended == "", Assignment.done_at.is_(None)).values(_withdrawn()))
    _write(gone.values(listed=False))


def passed(user_id: int, course_id: int, attempt_id: int) -> None:
    """A course was passed: all that asked for it is done."""
    at = db.session.get_one(Attempt, attempt_id).closed_at
    query = update(Assignment).where(
        Assignment.user_id == user_id, Assignment.course_id == course_id, Assignment.done_at.is_(None)
    )
    _write(query.values(done_at=at))


def before_live(user_ids: Iterable[int]) -> None:
    """What is due before the first live session gets its day once a session is planned, and follows it."""
    ids = list(user_ids)
    for at in range(0, len(ids), CHUNK):
        query = (
            select(Streamer.user_id, func.min(LiveSession.starts_at).label("at"))
            .join(LiveSessionStreamer, LiveSessionStreamer.streamer_id == Streamer.id)
            .join(LiveSession, LiveSession.id == LiveSessionStreamer.live_session_id)
            .where(Streamer.user_id.in_(ids[at : at + CHUNK]), LiveSession.starts_at >= now())
            .group_by(Streamer.user_id)
        )
        first: dict[int, datetime] = {row.user_id: row.at for row in db.session.execute(query)}
        for user_id, starts_at in first.items():
            asked = select(AssignmentRule.id).where(AssignmentRule.before_live)
            waiting = update(Assignment).where(
                Assignment.user_id == user_id, Assignment.rule_id.in_(asked), Assignment.done_at.is_(None)
            )
            day = starts_at.astimezone(SHANGHAI).date()
            # A day that has passed stays: a session moved into the future does not undo that one was missed.
            ahead = or_(Assignment.due_on.is_(None), Assignment.due_on >= today())
            _write(waiting.where(ahead).values(due_on=day))


def session_changed(live_session_id: int) -> None:
    """A live session was planned, moved or staffed: what is due before it follows."""
    query = (
        select(Streamer.user_id)
        .join(LiveSessionStreamer, LiveSessionStreamer.streamer_id == Streamer.id)
        .where(LiveSessionStreamer.live_session_id == live_session_id, Streamer.user_id.is_not(None))
    )
    ids = [user_id for user_id in db.session.scalars(query) if user_id is not None]
    before_live(ids)
    if db.session.scalar(select(AssignmentRule.id).where(AssignmentRule.room_id.is_not(None)).limit(1)):
        review(ids)


def waive(row: Assignment, reason: str, *, by: Actor) -> None:
    """Let somebody off one assignment; the reason stays on record.

    Raises: Invalid at `reason`, WrongState.
    """
    if not reason.strip() or len(reason) > duties.WAIVE_REASON_MAX:
        raise Invalid({"reason": gettext("Say why, in at most %(max)d characters.", max=duties.WAIVE_REASON_MAX)})
    db.session.refresh(row, with_for_update={"of": Assignment})
    if row.ended or row.done_at is not None:
        raise WrongState(gettext("This is done or no longer asked for."))
    row.ended, row.ended_at, row.reason = Ended.WAIVED.value, now(), reason.strip()
    row.ended_by, row.ended_by_name = by.user_id, by.name
    db.session.flush()
    audit.record("assignment.waive", row, by=by, after={"user": row.user_id, "course": row.course.slug}, reason=reason)


def withdraw(rule: AssignmentRule, cause_start: str, *, but: str = "") -> list[Assignment]:
    """Ask no more for what a rule assigned for a cause, nor show it as done; answer what was taken back."""
    query = select(Assignment).where(
        Assignment.rule_id == rule.id,
        or_(Assignment.cause == cause_start, Assignment.cause.startswith(f"{cause_start}:", autoescape=True)),
        Assignment.cause != but,
        Assignment.ended == "",
        Assignment.done_at.is_(None),
    )
    rows = list(db.session.scalars(query))
    for row in rows:
        row.ended, row.ended_at, row.ended_by_name = Ended.WITHDRAWN.value, now(), SYSTEM.name
        audit.record("assignment.withdraw", row, by=SYSTEM, after={"user": row.user_id, "cause": row.cause})
    db.session.flush()
    return rows


def open_of(user_id: int) -> list[Assignment]:
    """What a person still has to do, the nearest first."""
    query = select(Assignment).where(
        Assignment.user_id == user_id, Assignment.ended == "", Assignment.done_at.is_(None)
    )
    return list(db.session.scalars(query.order_by(Assignment.due_on.is_(None), Assignment.due_on, Assignment.id)))
