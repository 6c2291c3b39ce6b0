"""Deciding over HTTP."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from livequal.accounts.models import User
from livequal.accounts.rules import Role
from livequal.kernel.db import db
from livequal.onboarding.models import Streamer
from livequal.review.models import Case, Decision

from ..factories import make_mcn, make_operator, make_platform, make_user, signed_in
from ..recordings import make_live_session, make_recording, make_streamer, transcribed

CONFIRM: dict[str, object] = {"outcome": "confirmed", "reason": "said_against_rule", "version": 1}


@pytest.fixture
def moderator(app: object) -> User:
    return make_user(make_platform(), Role.MODERATOR)


@pytest.fixture
def streamer(moderator: User) -> User:
    return make_user(make_mcn(), Role.STREAMER)


@pytest.fixture
def case(moderator: User, streamer: User) -> Case:
    person = make_streamer(streamer.organisation_id, user=streamer)
    session = make_live_session(make_operator().id, person, by=moderator)
    transcribed(make_recording(moderator, session=session), "这款枣糕能治疗糖尿病")
    return db.session.query(Case).order_by(Case.id).first()  # type: ignore[return-value]


def test_a_decision_is_taken_once_and_the_second_hears_of_the_first(
    client: FlaskClient, moderator: User, case: Case
) -> None:
    desk = signed_in(client, moderator)
    first = desk.post(f"/cases/{case.id}/decide", json=CONFIRM)
    assert (first.status_code, first.get_json()["state"]) == (200, "confirmed")
    second = desk.post(f"/cases/{case.id}/decide", json=CONFIRM | {"outcome": "dismissed", "reason": "misheard"})
    assert second.status_code == 409
    assert (second.get_json()["by"], second.get_json()["outcome"]) == (moderator.name, "confirmed")
    assert db.session.query(Decision).count() == 1


def test_what_is_missing_stands_at_its_field(client: FlaskClient, moderator: User, case: Case) -> None:
    desk = signed_in(client, moderator)
    answer = desk.post(f"/cases/{case.id}/decide", json=CONFIRM | {"reason": "other"})
    assert answer.status_code == 422
    assert "note" in answer.get_json()["errors"]
    assert desk.post(f"/cases/{case.id}/decide", json={"outcome": "burned"}).status_code == 422


def test_the_streamer_reads_plain_words_and_no_moderator_s_name(
    client: FlaskClient, moderator: User, streamer: User, case: Case
) -> None:
    person = db.session.query(Streamer).one().id
    signed_in(client, moderator).post(f"/cases/{case.id}/decide", json=CONFIRM | {"streamer": person})
    browser = signed_in(client, streamer)
    page = browser.get(f"/findings/{case.id}").get_data(as_text=True)
    assert case.flag is not None
    assert case.flag.quote in page
    assert moderator.name not in page
    assert browser.get("/").status_code == 200
    assert browser.get(f"/findings/{case.id}/clip.m4a").status_code == 404
    assert browser.post(f"/cases/{case.id}/decide", json=CONFIRM).status_code == 403
    assert browser.get("/queue").status_code == 403


def test_the_queue_filters_and_survives_nonsense(client: FlaskClient, moderator: User, case: Case) -> None:
    desk = signed_in(client, moderator)
    assert case.flag is not None
    assert case.flag.quote in desk.get("/queue?kind=claim").get_data(as_text=True)
    assert case.flag.quote not in desk.get("/queue?kind=unclear").get_data(as_text=True)
    assert desk.get("/queue?severity=x&room=99999999999999999999&page=-4").status_code == 200


def test_the_rules_are_readable(client: FlaskClient, moderator: User) -> None:
    desk = signed_in(client, moderator)
    assert desk.get("/rules").status_code == 200
    assert desk.get("/rules?category=lowest_price&page=99").status_code == 200
