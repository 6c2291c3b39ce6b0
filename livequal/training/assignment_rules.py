"""Rules that assign courses: written, previewed, switched off and on, shipped; and whom each meets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select

from ..accounts.models import Organisation, User, UserRole
from ..accounts.rules import SYSTEM, Actor, Role, UserState
from ..audit import service as audit
from ..kernel import bus
from ..kernel.clock import now
from ..kernel.db import db
from ..kernel.errors import Invalid, NotFound
from ..kernel.i18n import gettext
from ..onboarding.models import LiveRoom, LiveSession, LiveSessionStreamer, Streamer, StreamerCategory
from ..onboarding.rules import StreamerState
from . import duties
from .assignment_models import Assignment, AssignmentRule
from .content import ENTRY
from .duties import Held, Occasion
from .events import AssignmentRuleChanged
from .models import Attempt, Course, Grade
from .service import facts_of

RENEWAL_KEY, VIOLATION_KEY = "renewal", "violation"
# The modules beside the entry course are due within a week, whose working days are five.
MODULE_WORKING_DAYS = 5
VIOLATION_WORKING_DAYS = 3


@dataclass(frozen=True, slots=True)
class RuleEntry:
    """A rule as the curriculum manager writes it."""

    title: str
    occasion: Occasion
    course_id: int
    working_days: int
    roles: frozenset[str]
    product_categories: frozenset[str] = frozenset()
    on_date: date | None = None
    organisation_id: int | None = None
    room_id: int | None = None
    held: Held = Held.ANY


@dataclass(frozen=True, slots=True)
class Preview:
    """Whom a rule meets: all, and those of them who hold the course already, so that nothing is left to do."""

    people: int
    done: int


# ── rules ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def rules() -> Select[AssignmentRule]:
    """All rules, the shipped ones first."""
    return select(AssignmentRule).order_by(AssignmentRule.key.is_(None), AssignmentRule.id)


def open_counts(rule_ids: Sequence[int]) -> dict[int, int]:
    """How many people each rule asks something of at present."""
    query = (
        select(Assignment.rule_id, func.count().label("people"))
        .where(Assignment.rule_id.in_(rule_ids), Assignment.ended == "", Assignment.done_at.is_(None))
        .group_by(Assignment.rule_id)
    )
    return {row.rule_id: row.people for row in db.session.execute(query)}


def get_rule(rule_id: int) -> AssignmentRule:
    """One rule.

    Raises: NotFound.
    """
    row = db.session.get(AssignmentRule, rule_id)
    if row is None:
        raise NotFound(gettext("There is no such rule."))
    return row


def organisation_called(name: str) -> int | None:
    """The organisation of exactly this name, None for no name.

    Raises: Invalid at `organisation`.
    """
    if not name:
        return None
    found = db.session.scalar(select(Organisation.id).where(Organisation.name == name))
    if found is None:
        raise Invalid({"organisation": gettext("No organisation has this name. Write it exactly as registered.")})
    return found


def room_numbered(number: str) -> int | None:
    """The live room of this number on the platform, None for no number.

    Raises: Invalid at `room`.
    """
    if not number:
        return None
    found = db.session.scalar(select(LiveRoom.id).where(LiveRoom.platform_number == number))
    if found is None:
        raise Invalid({"room": gettext("No live room has this number.")})
    return found


def preview(entry: RuleEntry) -> Preview:
    """How many people a rule would meet today, before it is saved.

    Raises: Invalid.
    """
    rule = _checked(entry)
    people = fits(rule).subquery()
    done = select(func.count()).select_from(people.join(held := holding(entry.course_id), _same(people, held)))
    return Preview(db.session.scalar(select(func.count()).select_from(people)) or 0, db.session.scalar(done) or 0)


def add_rule(entry: RuleEntry, *, by: Actor) -> AssignmentRule:
    """Put a rule in force; whom it meets is assigned by the job that follows.

    Raises: Invalid.
    """
    rule = _checked(entry)
    rule.created_by, rule.created_by_name = by.user_id, by.name
    db.session.add(rule)
    db.session.flush()
    after = {"title": rule.title, "occasion": rule.occasion, "course": entry.course_id, "roles": rule.roles}
    audit.record("assignment_rule.add", rule, by=by, after=after)
    bus.emit(AssignmentRuleChanged(rule.id))
    return rule


def switch(rule: AssignmentRule, *, on: bool, by: Actor) -> None:
    """Switch a rule off (what it assigned and is not done is withdrawn) or on again."""
    if rule.active == on:
        return
    rule.active = on
    db.session.flush()
    audit.record("assignment_rule.on" if on else "assignment_rule.off", rule, by=by)
    bus.emit(AssignmentRuleChanged(rule.id))


def _checked(entry: RuleEntry) -> AssignmentRule:
    errors: dict[str, str] = {}
    course = db.session.get(Course, entry.course_id)
    if not entry.title.strip() or len(entry.title) > duties.TITLE_MAX:
        errors["title"] = gettext("Give the rule a name of at most %(max)d characters.", max=duties.TITLE_MAX)
    if course is None or not course.listed:
        errors["course"] = gettext("Choose a course that is on offer.")
    elif not entry.roles or not entry.roles <= set(course.roles.strip(",").split(",")):
        errors["roles"] = gettext("Choose roles for which the course is made.")
    if entry.occasion not in {Occasion.JOINING, Occasion.DATE}:
        errors["occasion"] = gettext("Choose when.")
    if (entry.occasion is Occasion.DATE) != (entry.on_date is not None):
        errors["on_date"] = gettext("Give the day from which it holds, or leave it empty for a rule without a day.")
    if not 0 <= entry.working_days <= duties.WORKING_DAYS_MAX:
        errors["working_days"] = gettext("Give 0 to %(max)d working days.", max=duties.WORKING_DAYS_MAX)
    if errors:
        raise Invalid(errors)
    return AssignmentRule(
        title=entry.title.strip(),
        occasion=entry.occasion.value,
        on_date=entry.on_date,
        roles=_listed(entry.roles),
        product_categories=_listed(entry.product_categories),
        organisation_id=entry.organisation_id,
        room_id=entry.room_id,
        held=entry.held.value,
        course_id=entry.course_id,
        working_days=entry.working_days,
        active=True,
        created_by_name="",
        created_at=now(),
    )


def ensure_shipped() -> None:
    """Add the shipped rules that are missing; one that was switched off stays off."""
    known = set(db.session.scalars(select(AssignmentRule.key).where(AssignmentRule.key.is_not(None))))
    courses = db.session.scalars(select(Course).where(Course.listed).order_by(Course.slug)).all()
    told = facts_of(courses)
    for course in courses:
        facts = told[course.id]
        if f"course:{course.slug}" in known:
            continue
        # Product categories are a streamer's; other roles get such a module by a rule of the platform's own.
        roles = {Role.STREAMER.value} if facts.product_categories else set(facts.roles)
        if not roles <= set(facts.roles):
            continue
        entry = course.slug == ENTRY
        _ship(
            f"course:{course.slug}",
            facts.title,
            Occasion.JOINING,
            roles=_listed(roles),
            product_categories=_listed(facts.product_categories),
            course_id=course.id,
            working_days=0 if entry else MODULE_WORKING_DAYS,
            before_live=entry,
        )
    if RENEWAL_KEY not in known:
        _ship(RENEWAL_KEY, "每年轮训", Occasion.RENEWAL, working_days=0)
    if VIOLATION_KEY not in known:
        _ship(VIOLATION_KEY, "认定后的练习", Occasion.VIOLATION, working_days=VIOLATION_WORKING_DAYS)
    db.session.flush()


def shipped(key: str) -> AssignmentRule | None:
    """A shipped rule, None when it is not there (yet)."""
    return db.session.scalars(select(AssignmentRule).where(AssignmentRule.key == key)).first()


def _ship(key: str, title: str, occasion: Occasion, **more: Any) -> None:
    row = AssignmentRule(
        key=key, title=title, occasion=occasion.value, created_by_name=SYSTEM.name, created_at=now(), **more
    )
    db.session.add(row)


# ── whom a rule meets ─────────────────────────────────────────────────────────────────────────────────────────────


def fits(rule: AssignmentRule, *, held: bool = True) -> Select[int]:
    """The ids of the accounts a rule meets now. Without `held`: whatever they passed."""
    query = select(User.id).where(User.state == UserState.ACTIVE)
    roles = rule.roles.strip(",").split(",")
    query = query.where(User.id.in_(select(UserRole.user_id).where(UserRole.role.in_(roles))))
    if rule.organisation_id is not None:
        query = query.where(User.organisation_id == rule.organisation_id)
    if rule.product_categories:
        slugs = rule.product_categories.strip(",").split(",")
        query = query.where(
            User.id.in_(
                select(Streamer.user_id)
                .join(StreamerCategory, StreamerCategory.streamer_id == Streamer.id)
                .where(Streamer.user_id.is_not(None), Streamer.state == StreamerState.ACTIVE)
                .where(StreamerCategory.category.in_(slugs))
            )
        )
    if rule.room_id is not None:
        query = query.where(
            User.id.in_(
                select(Streamer.user_id)
                .join(LiveSessionStreamer, LiveSessionStreamer.streamer_id == Streamer.id)
                .join(LiveSession, LiveSession.id == LiveSessionStreamer.live_session_id)
                .where(Streamer.user_id.is_not(None), LiveSession.room_id == rule.room_id)
            )
        )
    return query.where(_held(rule)) if held and rule.held else query


def _held(rule: AssignmentRule) -> ColumnElement[bool]:
    passed = passes(rule.course_id)
    gone = duties.year_before(now())
    match Held(rule.held):
        case Held.NEVER:
            return User.id.not_in(select(passed.c.user_id))
        case Held.EXPIRED:
            return User.id.in_(select(passed.c.user_id).where(passed.c.at <= gone))
        case _:
            soon = select(passed.c.user_id).where(passed.c.at > gone, passed.c.at <= gone + duties.EXPIRING)
            return User.id.in_(soon)


def passes(course_id: int | None) -> Any:
    """When each person last passed a course (each course without one)."""
    newest = select(func.max(Grade.number)).where(Grade.attempt_id == Attempt.id).correlate(Attempt).scalar_subquery()
    query = (
        select(Attempt.user_id, Attempt.course_id, func.max(Attempt.closed_at).label("at"))
        .join(Grade, Grade.attempt_id == Attempt.id)
        .where(Grade.passed, Grade.number == newest)
        .group_by(Attempt.user_id, Attempt.course_id)
    )
    return (query if course_id is None else query.where(Attempt.course_id == course_id)).subquery()


def holding(course_id: int | None) -> Any:
    passed = passes(course_id)
    return select(passed.c.user_id, passed.c.at).where(passed.c.at > duties.year_before(now())).subquery()


def _same(people: Any, holding: Any) -> Any:
    return people.c.id == holding.c.user_id


def _listed(words: Iterable[str]) -> str:
    return "".join(f",{word}" for word in sorted(words)) + "," if words else ""
