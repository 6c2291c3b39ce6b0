"""Versions of the platform's own rules: draft, try, shadow, submit, approve by a second person, activate, roll back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Select, false, func, select
from sqlalchemy.exc import IntegrityError

from ..accounts.rules import Actor, Permission
from ..audit import service as audit
from ..kernel.clock import now
from ..kernel.db import db
from ..kernel.errors import Conflict, Forbidden, Invalid, NotFound, WrongState
from ..kernel.i18n import gettext
from ..kernel.states import move
from . import overlay as overlays
from .force import fitting, in_force, of_version, shipped, shipped_rules
from .models import PackVersion
from .overlay import Example, Overlay, RuleEntry
from .rules import MOVES, PackState, may_approve


class StaleVersion(Conflict):
    """Somebody changed the version since the page was shown."""


@dataclass(frozen=True, slots=True)
class Examined:
    """A rule of a version with its examples as they are read now."""

    slug: str
    title: str
    examples: list[Example]

    @property
    def passes(self) -> bool:
        """Whether every example is read as its author does."""
        return all(example.ok for example in self.examples)


def visible_to(actor: Actor) -> Select[PackVersion]:
    """Versions are the platform's to see."""
    query = select(PackVersion)
    return query if actor.sees_platform else query.where(false())


def get(version_id: int, actor: Actor) -> PackVersion:
    """One version.

    Raises: NotFound.
    """
    row = db.session.scalars(visible_to(actor).where(PackVersion.id == version_id)).first()
    if row is None:
        raise NotFound(gettext("There is no such version of the rules, or it is not yours to see."))
    return row


def listed(actor: Actor, state: str = "") -> Select[PackVersion]:
    """Versions, newest first."""
    query = visible_to(actor).order_by(PackVersion.number.desc())
    return query.where(PackVersion.state == state) if state else query


def waiting(actor: Actor) -> Select[PackVersion]:
    """Submitted versions that this person may approve."""
    query = visible_to(actor).where(PackVersion.state == PackState.SUBMITTED).order_by(PackVersion.number)
    may = actor.may(Permission.APPROVE_RULES)
    return query.where(PackVersion.author_id != actor.user_id) if may else query.where(false())


def active() -> PackVersion | None:
    """The version in force; None while the shipped pack counts alone."""
    return db.session.scalars(select(PackVersion).where(PackVersion.state == PackState.ACTIVE)).first()


def may_change(version: PackVersion, actor: Actor) -> bool:
    """Whether this person may change the version now: its author, while it is a draft."""
    return version.state == PackState.DRAFTED and version.author_id == actor.user_id


def draft(*, by: Actor, note: str = "", origin: PackVersion | None = None) -> PackVersion:
    """Begin a version with the content of another, else of the active one."""
    origin = origin or active()
    return _add(by, origin.overlay if origin else overlays.written(Overlay()), note, origin)


def _add(by: Actor, text: str, note: str, origin: PackVersion | None) -> PackVersion:
    if by.user_id is None:
        raise Forbidden(gettext("A version of the rules has a person for its author."))
    at = now()
    last = db.session.scalar(select(func.max(PackVersion.number))) or 0
    version = PackVersion(
        number=last + 1,
        overlay=text,
        sha256=_digest(text),
        note=note,
        origin_id=origin.id if origin else None,
        author_id=by.user_id,
        author_name=by.name,
        created_at=at,
        changed_at=at,
    )
    try:
        with db.session.begin_nested():
            db.session.add(version)
    except IntegrityError as error:
        raise Conflict(gettext("Somebody began a version at the same moment. Send it again.")) from error
    audit.record("pack.draft", version, by=by, after=_facts(version), reason=note)
    return version


def save_rule(version: PackVersion, entry: RuleEntry, changes: int, *, was: str = "", by: Actor) -> None:
    """Add a rule, or put it in the place of the one called `was`.

    Raises: StaleVersion, WrongState, Forbidden, Invalid naming each field and the line in it.
    """
    _open(version, changes, by)
    overlay = overlays.read(version.overlay)
    if errors := faults_of(version, entry, was):
        raise Invalid(errors)
    kept = overlay.rule(was) or shipped_rules().get(was)
    _keep(version, overlay.with_rule(overlays.raw_of(entry, kept), was), by, "pack.rule", entry.slug)


def faults_of(version: PackVersion, entry: RuleEntry, was: str = "") -> dict[str, str]:
    """What is wrong with a rule that is to stand in a version in the place of `was`, by field."""
    known = {rule.slug for rule in of_version(version).pack.rules} | set(overlays.read(version.overlay).off)
    return overlays.faults(entry, shipped().pack, taken=frozenset((known | set(shipped_rules())) - {was}))


def drop_rule(version: PackVersion, slug: str, changes: int, *, by: Actor) -> None:
    """Take an own rule out; a shipped one of the same name counts again.

    Raises: StaleVersion, WrongState, Forbidden, NotFound.
    """
    _open(version, changes, by)
    overlay = overlays.read(version.overlay)
    if overlay.rule(slug) is None:
        raise NotFound(gettext("This version has no such rule."))
    _keep(version, overlay.without_rule(slug), by, "pack.rule_drop", slug)


def switch(version: PackVersion, slug: str, changes: int, *, on: bool, by: Actor) -> None:
    """Switch a shipped rule off, or on again.

    Raises: StaleVersion, WrongState, Forbidden, NotFound.
    """
    _open(version, changes, by)
    if slug not in shipped_rules():
        raise NotFound(gettext("The shipped rule pack has no such rule."))
    overlay = overlays.read(version.overlay)
    changed = overlay.with_on(slug) if on else overlay.with_off(slug)
    _keep(version, changed, by, "pack.rule_on" if on else "pack.rule_off", slug)


def _open(version: PackVersion, changes: int, by: Actor) -> None:
    db.session.refresh(version, with_for_update=True)
    if version.author_id != by.user_id:
        raise Forbidden(gettext("Only its author changes a version. Begin one of your own with its content."))
    if version.state != PackState.DRAFTED:
        raise WrongState(gettext("Only a draft can be changed. Begin a new version with this one's content."))
    if version.changes != changes:
        raise StaleVersion(gettext("This version was changed meanwhile. What you typed is still here."))


def _keep(version: PackVersion, overlay: Overlay, by: Actor, action: str, slug: str) -> None:
    before = version.sha256
    text = overlays.written(overlay)
    version.overlay, version.sha256 = text, _digest(text)
    version.changes, version.changed_at = version.changes + 1, now()
    db.session.flush()
    after = {"rule": slug, "sha256": version.sha256, "text": overlay.rule(slug) or {}}
    audit.record(action, version, by=by, before={"sha256": before}, after=after)


def _digest(text: str) -> str:
    return fitting(text).pack.sha256


def examined(version: PackVersion) -> list[Examined]:
    """Every own rule with its examples, read with the whole pack."""
    force = of_version(version)
    own = {str(raw["slug"]) for raw in overlays.read(version.overlay).rules}
    return [
        Examined(rule.slug, rule.title, overlays.examples_of(force.matcher, rule))
        for rule in force.pack.rules
        if rule.slug in own
    ]


def shadow(version: PackVersion, *, by: Actor) -> None:
    """Let a draft be read beside the pack in force, without any consequence.

    Raises: WrongState when its examples fail or another version is shadowed.
    """
    _move(version, PackState.SHADOWED, by, "pack.shadow")


def take_back(version: PackVersion, *, by: Actor) -> None:
    """Make a shadowed or submitted version a draft again, by its author.

    Raises: WrongState, Forbidden.
    """
    if version.author_id != by.user_id:
        raise Forbidden(gettext("Only its author takes a version back."))
    _move(version, PackState.DRAFTED, by, "pack.take_back")


def submit(version: PackVersion, note: str, *, by: Actor) -> None:
    """Ask for a second person's approval; `note` says what it is for.

    Raises: WrongState, Forbidden, Invalid.
    """
    if version.author_id != by.user_id:
        raise Forbidden(gettext("Only its author submits a version."))
    if not note:
        raise Invalid({"note": gettext("Write a sentence that says what this version is for.")})
    _move(version, PackState.SUBMITTED, by, "pack.submit", reason=note)
    version.note, version.answer, version.submitted_at = note, "", now()
    db.session.flush()


def approve(version: PackVersion, reason: str, *, by: Actor) -> None:
    """Approve a submitted version, as somebody who did not write it.

    Raises: Forbidden for its author, WrongState.
    """
    _not_the_author(version, by)
    approved = {"approver_id": by.user_id, "approver_name": by.name, "approved_at": now(), "answer": reason}
    _to(version, PackState.APPROVED, approved)
    _record(version, by, "pack.approve", PackState.SUBMITTED, reason)


def send_back(version: PackVersion, reason: str, *, by: Actor) -> None:
    """Return a submitted version to its author.

    Raises: Forbidden for its author, WrongState, Invalid without a reason.
    """
    _not_the_author(version, by)
    if not reason:
        raise Invalid({"reason": gettext("Write what has to change.")})
    if version.state != PackState.SUBMITTED:
        raise WrongState(gettext("This was changed meanwhile. Look at it again."))
    _move(version, PackState.DRAFTED, by, "pack.return", reason=reason)
    version.answer = reason
    db.session.flush()


def activate(version: PackVersion, *, by: Actor) -> None:
    """Put an approved version in force; the one before it retires.

    Raises: WrongState.
    """
    _must_pass(version)
    _to(version, PackState.ACTIVE, {"activated_at": now(), "sha256": of_version(version).pack.sha256})
    _record(version, by, "pack.activate", PackState.APPROVED)


def retire(version: PackVersion, *, by: Actor) -> None:
    """Put a version away. After the active one the shipped pack counts alone.

    Raises: WrongState, Forbidden for a draft of somebody else's.
    """
    if version.state in {PackState.DRAFTED, PackState.SHADOWED} and version.author_id != by.user_id:
        raise Forbidden(gettext("Only its author puts a draft away."))
    _move(version, PackState.RETIRED, by, "pack.retire")
    version.retired_at = now()
    db.session.flush()


def roll_back(old: PackVersion, reason: str, *, by: Actor) -> PackVersion:
    """Put the content of an earlier active version in force again, as a new version with its author and approver.

    Raises: WrongState when it was never active, Invalid without a reason.
    """
    if old.state != PackState.RETIRED or old.activated_at is None or old.approver_id is None:
        raise WrongState(gettext("Only a version that was in force can be put in force again."))
    if not reason:
        raise Invalid({"reason": gettext("Write why you go back to this version.")})
    _must_pass(old)
    version = _add(by, old.overlay, reason, old)
    version.author_id, version.author_name = old.author_id, old.author_name
    version.approver_id, version.approver_name, version.approved_at = old.approver_id, old.approver_name, now()
    version.state = PackState.APPROVED
    db.session.flush()
    _to(version, PackState.ACTIVE, {"activated_at": now()})
    _record(version, by, "pack.roll_back", PackState.RETIRED, reason)
    return version


def _not_the_author(version: PackVersion, by: Actor) -> None:
    if not may_approve(version.author_id, by.user_id):
        raise Forbidden(gettext("Nobody approves rules of her own making. Ask a second person."))


def _move(version: PackVersion, target: PackState, by: Actor, action: str, reason: str = "") -> None:
    before = PackState(version.state)
    if target in {PackState.SHADOWED, PackState.SUBMITTED}:
        _must_pass(version)
    _to(version, target)
    _record(version, by, action, before, reason)


def _to(version: PackVersion, target: PackState, values: Mapping[str, object] | None = None) -> None:
    """Move a version, with what goes with the new state; the one in force retires where this one takes its place."""
    db.session.refresh(version, with_for_update=True)
    state = move(PackState(version.state), target, MOVES)
    before = active() if target is PackState.ACTIVE else None
    if before is not None:
        before.state, before.retired_at = PackState.RETIRED, now()
        db.session.flush()
    try:
        with db.session.begin_nested():
            version.state = state
            for name, value in (values or {}).items():
                setattr(version, name, value)
    except IntegrityError as error:
        message = gettext("Another version is in this state already. End that first, then try again.")
        raise WrongState(message) from error


def _must_pass(version: PackVersion) -> None:
    failing = [one.slug for one in examined(version) if not one.passes]
    if failing:
        message = gettext(
            "The examples of %(rules)s are not read as wanted. Mend them first.", rules="、".join(failing)
        )
        raise WrongState(message)


def _record(version: PackVersion, by: Actor, action: str, before: PackState, reason: str = "") -> None:
    db.session.flush()
    audit.record(action, version, by=by, before={"state": before}, after=_facts(version), reason=reason)


def _facts(version: PackVersion) -> dict[str, object]:
    return {"number": version.number, "state": version.state, "sha256": version.sha256}


def changed_against_active(version: PackVersion) -> list[overlays.RuleChange]:
    """What a version changes against what is in force; of the one in force, what it changes in the shipped rules."""
    before = shipped() if version.state == PackState.ACTIVE else in_force()
    return overlays.changes_between(before.pack, of_version(version).pack)
