"""The ledger of certificates: rows are only added, and what is in force is read from them when somebody asks."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, select

from ..accounts.models import Organisation, User
from ..accounts.rules import SYSTEM, Actor, OrganisationKind, Permission
from ..audit import service as audit
from ..kernel import bus
from ..kernel.clock import now
from ..kernel.db import db
from ..kernel.errors import Invalid, NotFound, WrongState
from ..kernel.i18n import gettext
from ..kernel.states import move
from .events import CertificateChanged
from .ledger import (
    BY_HAND,
    MOVES,
    REASON_MAX,
    SERIAL_BYTES,
    CertificateEventKind,
    CertificateState,
    Happened,
    read_serial,
    serial_of,
    state_at,
    valid_until,
)
from .models import Attempt, Certificate, CertificateEvent, Course, CourseVersion
from .standing import grade_of


@dataclass(frozen=True, slots=True)
class InForce:
    """A certificate that holds at the moment asked for."""

    serial: str
    course: str
    passed_at: datetime
    valid_until: datetime


def visible_to(actor: Actor) -> Select[Certificate]:
    """One's own certificates; whoever steers certificates sees all."""
    query = select(Certificate).order_by(Certificate.id.desc())
    if actor.user_id is None or actor.may(Permission.STEER_CERTIFICATES):
        return query
    return query.where(Certificate.user_id == actor.user_id)


def own(actor: Actor) -> Select[Certificate]:
    """One's own certificates, newest first."""
    return select(Certificate).where(Certificate.user_id == actor.user_id).order_by(Certificate.id.desc())


def searched(actor: Actor, words: str) -> Select[Certificate]:
    """Certificates by serial, or by a part of the name as issued."""
    query = visible_to(actor)
    if not words:
        return query
    if serial := read_serial(words):
        return query.where(Certificate.serial == serial)
    return query.where(Certificate.name.contains(words, autoescape=True))


def get(serial: str, actor: Actor) -> Certificate:
    """One certificate by its serial as typed.

    Raises: NotFound.
    """
    row = db.session.scalars(visible_to(actor).where(Certificate.serial == read_serial(serial))).first()
    if row is None:
        raise NotFound(gettext("There is no such certificate, or it is somebody else's."))
    return row


def find(serial: str) -> Certificate | None:
    """The certificate of a serial, for whoever holds the serial; None when there is none."""
    return db.session.scalars(select(Certificate).where(Certificate.serial == serial)).first()


def of_attempt(attempt_id: int) -> Certificate | None:
    """The certificate issued for an attempt."""
    return db.session.scalars(select(Certificate).where(Certificate.attempt_id == attempt_id)).first()


def issuer() -> str:
    """The platform in whose name certificates are issued; empty before it has an account."""
    query = select(Organisation.name).where(Organisation.kind == OrganisationKind.PLATFORM).order_by(Organisation.id)
    return db.session.scalars(query.limit(1)).first() or ""


def state(row: Certificate, at: datetime | None = None) -> CertificateState:
    """How a certificate stands now, or stood at a moment."""
    return state_at(_happened(row), row.valid_until, at or now())


def _happened(row: Certificate) -> list[Happened]:
    return [Happened(CertificateEventKind(one.kind), one.at) for one in row.events]


def in_force(user_id: int, course: str, at: datetime) -> InForce | None:
    """The certificate of a course (by its slug) that held at a moment, the one that holds longest; None without one.

    It holds from passing, although it may have been written down later.
    """
    query = (
        select(Certificate)
        .join(Course, Certificate.course_id == Course.id)
        .where(
            Certificate.user_id == user_id,
            Course.slug == course,
            Certificate.passed_at <= at,
            Certificate.valid_until > at,
        )
        .order_by(Certificate.valid_until.desc())
    )
    for row in db.session.scalars(query):
        if state(row, at) is CertificateState.VALID:
            return InForce(row.serial, course, row.passed_at, row.valid_until)
    return None


# ── issuing ───────────────────────────────────────────────────────────────────────────────────────────────────────


def issue(attempt_id: int, *, by: Actor = SYSTEM) -> Certificate:
    """The certificate of a passed attempt; however often and from how many sides it is asked for, there is one.

    Raises: NotFound, WrongState when the attempt was not passed.
    """
    # The attempt's row is the lock: whoever comes second finds what the first one wrote.
    query = select(Attempt).where(Attempt.id == attempt_id).with_for_update(of=Attempt)
    attempt = db.session.scalars(query).first()
    if attempt is None:
        raise NotFound(gettext("There is no such exam, or it is somebody else's."))
    row = of_attempt(attempt_id)
    if row is not None:
        return row
    grade = grade_of(attempt)
    if attempt.closed_at is None or grade is None or not grade.passed:
        raise WrongState(gettext("There is a certificate only for a passed exam."))
    user = db.session.get_one(User, attempt.user_id)
    version = db.session.get_one(CourseVersion, attempt.course_version_id)
    row = Certificate(
        serial=serial_of(secrets.token_bytes(SERIAL_BYTES)),
        attempt_id=attempt.id,
        user_id=user.id,
        course_id=attempt.course_id,
        name=user.name,
        course_title=version.title,
        course_version=version.version,
        passed_at=attempt.closed_at,
        valid_until=valid_until(attempt.closed_at),
    )
    db.session.add(row)
    db.session.flush()
    _append(row, CertificateEventKind.ISSUED, "", by)
    facts = {"serial": row.serial, "course": attempt.course.slug, "valid_until": row.valid_until}
    audit.record("certificate.issue", row, by=by, after=facts)
    _replace_older(row, by)
    return row


def _replace_older(new: Certificate, by: Actor) -> None:
    query = select(Certificate).where(
        Certificate.user_id == new.user_id, Certificate.course_id == new.course_id, Certificate.id != new.id
    )
    for row in db.session.scalars(query).all():
        older = row.passed_at <= new.passed_at
        if older and CertificateEventKind.SUPERSEDED in MOVES[CertificateEventKind(row.events[-1].kind)]:
            _append(row, CertificateEventKind.SUPERSEDED, new.serial, by)


def _append(row: Certificate, kind: CertificateEventKind, reason: str, by: Actor) -> None:
    row.events.append(
        CertificateEvent(
            certificate_id=row.id,
            number=len(row.events) + 1,
            kind=kind.value,
            reason=reason,
            by_id=by.user_id,
            by_name=by.name,
            at=now(),
        )
    )
    db.session.flush()


# ── what people decide ────────────────────────────────────────────────────────────────────────────────────────────


def allowed(row: Certificate) -> tuple[CertificateEventKind, ...]:
    """What may be decided about a certificate now."""
    following = MOVES[CertificateEventKind(row.events[-1].kind)]
    return tuple(kind for kind in BY_HAND if kind in following)


def decide(row: Certificate, kind: CertificateEventKind, *, reason: str, by: Actor) -> None:
    """Suspend, reinstate or revoke a certificate; the reason stays on record and the person is told.

    Raises: Invalid, WrongState when it does not fit what happened before.
    """
    if kind not in BY_HAND:
        raise Invalid({"kind": gettext("Choose what is to happen.")})
    if not reason.strip() or len(reason) > REASON_MAX:
        raise Invalid({"reason": gettext("Say why, in at most %(max)d characters.", max=REASON_MAX)})
    db.session.execute(select(Certificate.id).where(Certificate.id == row.id).with_for_update())
    db.session.refresh(row, ["events"])
    before = CertificateEventKind(row.events[-1].kind)
    move(before, kind, MOVES)
    _append(row, kind, reason.strip(), by)
    audit.record(
        "certificate.decide", row, by=by, before={"event": before}, after={"event": kind}, reason=reason.strip()
    )
    bus.emit(CertificateChanged(row.id, row.user_id, kind.value))
