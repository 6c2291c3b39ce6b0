"""Subtitles of one's own in place of a transcription, and checks that did not come to their end."""

from __future__ import annotations

import io

import pytest
from flask import Flask
from flask.testing import FlaskClient

from livequal.accounts.models import User
from livequal.accounts.rules import Role
from livequal.jobs import service as jobs
from livequal.jobs.models import Job
from livequal.jobs.service import CancelAsked
from livequal.kernel import bus
from livequal.kernel.db import db, edge
from livequal.streams import service, shown
from livequal.streams.events import RecordingPrepared
from livequal.streams.models import Recording, SegmentRow

from ..factories import make_platform, make_user, signed_in
from ..recordings import make_recording, run_jobs, transcribed

SRT = "1\n00:00:00,000 --> 00:00:04,000\n这款枣糕能治疗糖尿并\n\n2\n00:00:04,000 --> 00:00:06,000\n[没听清]\n"


@pytest.fixture
def moderator(app: Flask) -> User:
    return make_user(make_platform(), Role.MODERATOR)


@pytest.fixture
def desk(client: FlaskClient, moderator: User) -> FlaskClient:
    return signed_in(client, moderator)


def bring_in(desk: FlaskClient, recording: Recording) -> int:
    url = f"/recordings/{recording.id}/subtitles"
    return desk.post(url, data={"file": (io.BytesIO(SRT.encode()), "晚场.srt")}).status_code


def waiting(recording: Recording) -> Job:
    with edge():
        bus.emit(RecordingPrepared(recording.id))
    return db.session.query(Job).filter_by(name="transcribe").one()


def test_lines_that_were_brought_in_can_be_corrected(desk: FlaskClient, moderator: User) -> None:
    recording = transcribed(make_recording(moderator), "听错的一句")
    assert bring_in(desk, recording) == 302
    transcript = service.current_transcript(recording)
    assert transcript is not None
    heard, unheard = db.session.scalars(service.segments_of(transcript)).all()
    assert unheard.unintelligible
    answer = desk.patch(
        f"/recordings/{recording.id}/segments/{heard.id}/words", json={"word_index": 9, "text": "病", "version": 1}
    )
    assert answer.get_json()["segment"]["text"] == "这款枣糕能治疗糖尿病"


def test_subtitles_take_the_place_of_a_transcription_that_waits(desk: FlaskClient, moderator: User) -> None:
    recording = make_recording(moderator)
    job = waiting(recording)
    assert bring_in(desk, recording) == 302
    assert db.session.get_one(Job, job.id, populate_existing=True).state == "cancelled"
    run_jobs("scan")
    assert db.session.get_one(Recording, recording.id, populate_existing=True).state == "ready"
    assert db.session.query(SegmentRow).count() == 2


def test_subtitles_take_the_place_of_a_transcription_that_runs(desk: FlaskClient, moderator: User) -> None:
    recording = make_recording(moderator)
    waiting(recording)
    with edge():
        job = jobs.claim("tests")
        assert job is not None
        token = job.token
    assert bring_in(desk, recording) == 302
    with pytest.raises(CancelAsked), edge():
        jobs.advance(job.id, token)


def test_a_recording_whose_transcription_failed_takes_subtitles_too(desk: FlaskClient, moderator: User) -> None:
    recording = make_recording(moderator)
    waiting(recording).state = "dead"
    db.session.commit()
    assert bring_in(desk, recording) == 302


@pytest.mark.parametrize("state", ["dead", "cancelled"])
def test_a_check_that_did_not_come_to_its_end_is_seen_beside_the_transcript(
    desk: FlaskClient, moderator: User, state: str
) -> None:
    recording = transcribed(make_recording(moderator), "这款面双")
    calm = shown.progress(recording)
    assert (calm["state"], calm["message"], calm["can_resume"]) == ("ready", "", False)
    recording_id, url = recording.id, f"/recordings/{recording.id}"
    assert f"{url}/resume" not in desk.get(url).text
    row = db.session.query(SegmentRow).one()
    service.correct_word(recording, row.id, 3, "霜", row.version, by=moderator.actor)
    job = service.job_of(recording)
    assert job is not None
    job.state = state
    db.session.commit()
    recording = db.session.get_one(Recording, recording.id)
    told = shown.progress(recording)
    assert (told["state"], told["can_resume"], told["can_cancel"]) == ("ready", True, False)
    page = desk.get(url).text
    assert told["message"]
    assert told["message"] in page
    assert f'action="{url}/resume"' in page
    assert 'data-part="desk" hidden' not in page
    assert desk.post(f"{url}/resume").status_code == 302
    assert run_jobs("scan") == ["scan"]
    assert shown.progress(db.session.get_one(Recording, recording_id))["message"] == ""
