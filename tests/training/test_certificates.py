"""Certificates: one for each passed exam, kept as issued, and what becomes of them."""

from __future__ import annotations

import importlib.util
from datetime import timedelta
from types import ModuleType

import pytest
from flask import Flask
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from livequal.accounts.models import User
from livequal.accounts.rules import Role
from livequal.audit.models import AuditEvent
from livequal.config import ROOT
from livequal.kernel.clock import frozen, now
from livequal.kernel.db import db
from livequal.kernel.errors import Invalid, NotFound, WrongState
from livequal.notifications.models import Notice
from livequal.training import attempts, certificates
from livequal.training.ledger import CertificateEventKind, CertificateState, read_serial
from livequal.training.models import Certificate, CertificateEvent, Course

from ..factories import make_mcn, make_platform, make_user
from .test_attempts import answer_all, begun, together

K, S = CertificateEventKind, CertificateState
DAY = timedelta(days=1)


def passed(learner: User, course: Course) -> Certificate:
    """The certificate of an exam just passed."""
    attempt = begun(learner, course)
    answer_all(attempt)
    attempts.submit(attempt, by=learner.actor)
    db.session.commit()
    row = certificates.of_attempt(attempt.id)
    assert row is not None
    return row


def migration(name: str) -> ModuleType:
    """A migration as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "migrations" / "versions" / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def manager() -> User:
    return make_user(make_platform(), Role.CURRICULUM_MANAGER)


def test_passing_issues_a_certificate_with_name_and_course_as_they_are_then(course: Course, learner: User) -> None:
    row = passed(learner, course)
    name, title = learner.name, row.course_title
    learner.name = "改名了"
    db.session.commit()
    db.session.expire_all()
    again = certificates.find(row.serial)
    assert again is not None
    assert (again.name, again.course_title, again.course_version) == (name, title, row.course_version)
    assert read_serial(row.serial) == row.serial
    assert [one.kind for one in again.events] == ["issued"]
    assert row.valid_until - row.passed_at in {365 * DAY, 366 * DAY}


def test_failing_issues_none(course: Course, learner: User) -> None:
    attempt = begun(learner, course)
    attempts.submit(attempt, by=learner.actor)
    with pytest.raises(WrongState):
        certificates.issue(attempt.id)
    assert db.session.scalar(select(func.count()).select_from(Certificate)) == 0


def test_a_running_exam_has_none(course: Course, learner: User) -> None:
    with pytest.raises(WrongState):
        certificates.issue(begun(learner, course).id)


def test_a_hundred_claims_at_once_make_one_certificate(
    app: Flask, course: Course, learner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt = begun(learner, course)
    answer_all(attempt)
    with monkeypatch.context() as patch:
        # As before there were certificates: the exam is passed and none was issued.
        patch.setattr("livequal.kernel.bus.emit", lambda _event: None)
        attempts.submit(attempt, by=learner.actor)
        db.session.commit()
    assert certificates.of_attempt(attempt.id) is None
    attempt_id = attempt.id
    serials = together(app, 100, lambda: certificates.issue(attempt_id).id)
    assert len(set(serials)) == 1
    assert db.session.scalar(select(func.count()).select_from(Certificate)) == 1
    assert db.session.scalar(select(func.count()).select_from(CertificateEvent)) == 1


def test_a_new_pass_replaces_the_older_certificate_and_does_not_stretch_it(course: Course, learner: User) -> None:
    first = passed(learner, course)
    later = first.passed_at + 200 * DAY
    with frozen(later):
        second = passed(learner, course)
        db.session.refresh(first, ["events"])
        assert certificates.state(first) is S.SUPERSEDED
        assert first.events[-1].reason == second.serial
        assert certificates.state(second) is S.VALID
    assert second.valid_until - later < 367 * DAY


def test_in_force_answers_for_any_moment(course: Course, learner: User) -> None:
    row = passed(learner, course)
    slug = course.slug
    found = certificates.in_force(learner.id, slug, row.passed_at)
    assert found is not None
    assert (found.serial, found.valid_until) == (row.serial, row.valid_until)
    assert certificates.in_force(learner.id, slug, row.valid_until - timedelta(seconds=1)) is not None
    assert certificates.in_force(learner.id, slug, row.valid_until) is None
    assert certificates.in_force(learner.id, slug, row.passed_at - timedelta(seconds=1)) is None
    assert certificates.in_force(learner.id, "other", now()) is None


def test_suspended_it_does_not_hold_reinstated_it_does_and_the_person_is_told(course: Course, learner: User) -> None:
    row, by = passed(learner, course), manager().actor
    certificates.decide(row, K.SUSPENDED, reason="试题有误，复核中", by=by)
    assert certificates.state(row) is S.SUSPENDED
    assert certificates.in_force(learner.id, course.slug, now()) is None
    certificates.decide(row, K.REINSTATED, reason="复核无误", by=by)
    assert certificates.in_force(learner.id, course.slug, now()) is not None
    told = select(Notice.kind).where(Notice.user_id == learner.id).order_by(Notice.id)
    notices = db.session.scalars(told).all()
    assert notices == ["certificate_suspended", "certificate_reinstated"]
    query = select(AuditEvent.action).where(AuditEvent.subject_type == "certificate")
    acts = db.session.scalars(query.order_by(AuditEvent.seq)).all()
    assert acts == ["certificate.issue", "certificate.decide", "certificate.decide"]


def test_a_revocation_is_final_and_a_reason_is_needed(course: Course, learner: User) -> None:
    row, by = passed(learner, course), manager().actor
    for reason in ("", "  ", "长" * 501):
        with pytest.raises(Invalid):
            certificates.decide(row, K.REVOKED, reason=reason, by=by)
    certificates.decide(row, K.REVOKED, reason="替考", by=by)
    assert certificates.state(row) is S.REVOKED
    assert certificates.allowed(row) == ()
    for kind in (K.REINSTATED, K.SUSPENDED, K.REVOKED):
        with pytest.raises(WrongState):
            certificates.decide(row, kind, reason="改主意", by=by)


def test_nobody_issues_or_replaces_by_hand(course: Course, learner: User) -> None:
    row, by = passed(learner, course), manager().actor
    for kind in (K.ISSUED, K.SUPERSEDED):
        with pytest.raises(Invalid):
            certificates.decide(row, kind, reason="x", by=by)


def test_a_learner_sees_their_own_and_who_steers_sees_all(course: Course, learner: User) -> None:
    row = passed(learner, course)
    other = make_user(make_mcn(), Role.STREAMER)
    assert certificates.get(row.serial, learner.actor).id == row.id
    assert certificates.get(row.serial.lower(), manager().actor).id == row.id
    with pytest.raises(NotFound):
        certificates.get(row.serial, other.actor)


@pytest.mark.parametrize("change", ["UPDATE {} SET id = id", "DELETE FROM {}"])
@pytest.mark.parametrize("table", ["certificate_event", "certificate"])
def test_the_database_itself_refuses_to_change_the_ledger(
    course: Course, learner: User, table: str, change: str
) -> None:
    passed(learner, course)
    for statement in migration("0006_certificates").protections(db.engine.dialect.name):
        db.session.execute(text(statement))
    with pytest.raises(DBAPIError, match="append-only"):
        db.session.execute(text(change.format(table)))
    db.session.rollback()


@pytest.mark.parametrize("change", [{"kind": "lost"}, {"number": 1, "kind": "revoked"}, {"kind": "revoked"}])
def test_the_database_refuses_an_event_that_can_not_be(
    course: Course, learner: User, change: dict[str, object]
) -> None:
    row = passed(learner, course)
    facts: dict[str, object] = {"certificate_id": row.id, "number": 2, "by_name": "x", "at": now()}
    db.session.add(CertificateEvent(**(facts | change)))
    with pytest.raises(IntegrityError):
        db.session.flush()
    db.session.rollback()
