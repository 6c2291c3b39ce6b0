"""A recording that came without its session finds one later."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from livequal.accounts.models import User
from livequal.accounts.rules import Role
from livequal.audit.models import AuditEvent
from livequal.jobs.models import Job
from livequal.kernel.db import db
from livequal.kernel.errors import Conflict, NotFound
from livequal.onboarding.models import LiveSession
from livequal.streams import service
from livequal.streams.models import Recording

from ..factories import make_operator, make_platform, make_user, signed_in
from ..recordings import make_live_session, make_recording, transcribed


@pytest.fixture
def moderator(app: Flask) -> User:
    return make_user(make_platform(), Role.MODERATOR)


@pytest.fixture
def live_session(moderator: User) -> LiveSession:
    return make_live_session(make_operator().id, by=moderator)


def test_a_recording_is_put_into_a_session_from_its_page(
    client: FlaskClient, moderator: User, live_session: LiveSession
) -> None:
    recording = make_recording(moderator)
    desk, url = signed_in(client, moderator), f"/recordings/{recording.id}"
    assert f'action="{url}/session"' in desk.get(url).text
    answer = desk.post(f"{url}/session", data={"live_session": live_session.id})
    assert (answer.status_code, answer.headers["Location"]) == (302, url)
    assert db.session.get_one(Recording, recording.id, populate_existing=True).live_session_id == live_session.id
    act = db.session.query(AuditEvent).filter_by(action="recording.session").one()
    assert act.subject_id == str(recording.id)
    assert "周末专场" in desk.get(url).text
    assert desk.post(f"{url}/session", data={"live_session": 10**6}).status_code == 404
    assert desk.post(f"{url}/session", data={}).status_code == 422
    assert desk.post(f"{url}/session", data={"live_session": "x"}).status_code == 422
    assert desk.post(f"{url}/session", data={"live_session": 0}).status_code == 302
    assert db.session.get_one(Recording, recording.id, populate_existing=True).live_session_id is None


def test_the_rules_of_the_sessions_day_are_asked_anew(moderator: User, live_session: LiveSession) -> None:
    recording = transcribed(make_recording(moderator), "这款枣糕能治疗糖尿病")
    service.put_into_session(recording, live_session.id, by=moderator.actor)
    assert db.session.query(Job).filter_by(name="scan", state="queued").count() == 1
    service.put_into_session(recording, live_session.id, by=moderator.actor)
    assert db.session.query(AuditEvent).filter_by(action="recording.session").count() == 1


def test_a_session_that_is_not_there_or_holds_the_same_file_takes_no_recording(
    moderator: User, live_session: LiveSession
) -> None:
    recording, twin = make_recording(moderator), make_recording(moderator, session=live_session)
    with pytest.raises(NotFound):
        service.put_into_session(recording, 10**6, by=moderator.actor)
    recording.sha256 = twin.sha256
    with pytest.raises(Conflict):
        service.put_into_session(recording, live_session.id, by=moderator.actor)
