"""Files that are only a person's to fetch, and files that go to their address while nobody else has to wait."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from livequal.accounts.models import User
from livequal.accounts.rules import Role
from livequal.flow import JOBS
from livequal.jobs import service as jobs
from livequal.jobs.run import Run
from livequal.kernel import installation
from livequal.kernel.db import db, edge
from livequal.kernel.errors import WrongState
from livequal.kernel.storage import Storage
from livequal.streams import uploads
from livequal.streams.models import Recording

from ..factories import make_platform, make_user, signed_in
from ..recordings import make_recording
from .media_maker import beeps, make

WAV = make("wav", beeps(0.5))


@pytest.fixture
def moderator(app: Flask) -> User:
    return make_user(make_platform(), Role.MODERATOR)


@pytest.mark.parametrize("name", ["media", "original", "peaks.json"])
def test_what_was_recorded_is_kept_by_no_cache_that_serves_others(
    client: FlaskClient, moderator: User, name: str
) -> None:
    answer = signed_in(client, moderator).get(f"/recordings/{make_recording(moderator).id}/{name}")
    assert answer.status_code == 200
    assert answer.cache_control.private
    assert not answer.cache_control.public


def test_files_go_to_their_address_while_no_transaction_is_open(
    moderator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = uploads.start("夜场.wav", len(WAV), by=moderator.actor)
    uploads.write_piece(upload.incoming, 0, len(WAV), io.BytesIO(WAV))
    uploads.finish(upload.id, by=moderator.actor)
    db.session.commit()
    with edge():
        job = jobs.claim("tests")
        assert job is not None
        run = Run(job)
    adopt, writing = Storage.adopt, []

    def watched(storage: Storage, path: Path, kind: str, extension: str = "", sha256: str | None = None) -> str:
        writing.append((kind, db.session().in_transaction()))
        return adopt(storage, path, kind, extension, sha256)

    monkeypatch.setattr(Storage, "adopt", watched)
    JOBS["prepare"](run)
    assert writing == [(kind, False) for kind in ("originals", "renditions", "speech", "peaks")]
    recording = db.session.query(Recording).one()
    assert recording.state == "prepared"
    for key in (recording.m4a_key, recording.speech_key, recording.peaks_key):
        assert installation.storage().path(key).stat().st_size > 0


def test_an_upload_whose_file_is_gone_counts_nothing_and_cannot_be_finished(moderator: User) -> None:
    upload = uploads.start("夜场.wav", len(WAV), by=moderator.actor)
    uploads.write_piece(upload.incoming, 0, len(WAV), io.BytesIO(WAV))
    uploads.received(upload.id, len(WAV), moderator.actor)
    db.session.commit()
    (installation.storage().incoming / upload.incoming).unlink()
    assert uploads.on_disk(upload) == 0
    with pytest.raises(WrongState):
        uploads.finish(upload.id, by=moderator.actor)
