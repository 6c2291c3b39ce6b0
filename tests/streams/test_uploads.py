"""What goes wrong between pieces, and what must not stay of it."""

from __future__ import annotations

import io
import os
import socket
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from livequal.accounts.models import User
from livequal.accounts.rules import Role
from livequal.flow import JOBS
from livequal.jobs import service as jobs
from livequal.jobs.run import Run
from livequal.kernel import installation
from livequal.kernel.clock import now
from livequal.kernel.db import db, edge
from livequal.kernel.storage import Storage
from livequal.streams import uploads
from livequal.streams.models import Recording, Upload

from ..factories import make_platform, make_user, signed_in
from .media_maker import beeps, make

WAV = make("wav", beeps(0.2))


@pytest.fixture
def moderator(app: Flask) -> User:
    return make_user(make_platform(), Role.MODERATOR)


def whole_upload(by: User, content: bytes = WAV, name: str = "夜场.wav") -> int:
    upload = uploads.start(name, len(content), by=by.actor)
    db.session.commit()
    uploads.write_piece(upload.incoming, 0, len(content), io.BytesIO(content))
    return upload.id


def originals() -> set[str]:
    return {path.name for path in (installation.storage().root / "originals").rglob("*") if path.is_file()}


def grown_old(path: Path) -> Path:
    long_ago = (now() - uploads.ABANDONED_AFTER - timedelta(hours=1)).timestamp()
    os.utime(path, (long_ago, long_ago))
    return path


def claimed(name: str) -> Run:
    with edge():
        job = jobs.claim("tests")
        assert job is not None
        assert job.name == name
        return Run(job)


def test_two_windows_that_finish_one_upload_at_once_make_one_recording(
    app: Flask, moderator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload_id = whole_upload(moderator)
    both, sniff = threading.Barrier(2), uploads.sniff

    def slow_sniff(source: Any) -> Any:
        try:
            both.wait(timeout=0.5)
        except threading.BrokenBarrierError:
            both.reset()
        return sniff(source)

    monkeypatch.setattr(uploads, "sniff", slow_sniff)
    answers: list[tuple[int, str]] = []

    def finish(desk: FlaskClient) -> None:
        with app.app_context():
            answer = desk.post(f"/uploads/{upload_id}/finish", json={})
        answers.append((answer.status_code, answer.get_json()["recording_url"]))

    windows = [threading.Thread(target=finish, args=(signed_in(app.test_client(), moderator),)) for _window in range(2)]
    for window in windows:
        window.start()
    for window in windows:
        window.join()
    assert [status for status, _url in answers] == [200, 200]
    assert len({url for _status, url in answers}) == 1
    assert db.session.query(Recording).count() == 1


def test_a_refused_original_goes_even_when_the_worker_died_before_it_could_remove_it(
    moderator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = make("mp4", film=1.0)
    before = originals()
    uploads.finish(whole_upload(moderator, film, "无声.mp4"), by=moderator.actor)
    db.session.commit()
    run = claimed("prepare")
    with monkeypatch.context() as dying:
        dying.setattr(Storage, "delete", lambda _storage, _key: (_ for _ in ()).throw(OSError("killed here")))
        with pytest.raises(OSError, match="killed here"):
            JOBS["prepare"](run)
    assert len(originals() - before) == 1
    JOBS["prepare"](run)
    assert originals() == before
    recording = db.session.query(Recording).one()
    assert (recording.state, recording.problem) == ("refused", "no_sound")


def test_what_no_row_knows_is_swept_away_and_what_one_knows_stays(moderator: User) -> None:
    storage, work = installation.storage(), installation.settings().var / "work"
    growing = uploads.start("还在传.wav", 30, by=moderator.actor)
    arrived = uploads.finish(whole_upload(moderator), by=moderator.actor)
    db.session.commit()
    fresh, stray = storage.new_incoming(), grown_old(storage.new_incoming())
    kept = [grown_old(storage.incoming / name) for name in (growing.incoming, arrived.incoming)]
    left = work / "render-4711"
    left.mkdir(parents=True)
    (left / "sound.flac").write_bytes(b"half")
    grown_old(left)
    busy = work / "render-4712"
    busy.mkdir()
    jobs.enqueue("expire_uploads", {})
    db.session.query(Upload).update({"touched_at": now()})
    db.session.execute(db.text("UPDATE job SET state = 'cancelled' WHERE name = 'prepare'"))
    db.session.commit()
    JOBS["expire_uploads"](claimed("expire_uploads"))
    assert [path.exists() for path in (stray, left)] == [False, False]
    assert all(path.exists() for path in (fresh, busy, *kept))


class Silent(io.BytesIO):
    """A connection that went silent: it neither goes on nor breaks until the gate opens."""

    def __init__(self, content: bytes, gate: threading.Event) -> None:
        super().__init__(content)
        self.gate = gate

    def read(self, _size: int | None = -1) -> bytes:
        """Ten bytes, and the rest when nobody waits for it any more."""
        if self.tell() == 0:
            return super().read(10)
        self.gate.wait(5)
        return super().read()


def test_a_connection_that_went_silent_keeps_nobody_from_going_on_and_writes_nothing_late(moderator: User) -> None:
    upload = uploads.start("夜场.wav", len(WAV), by=moderator.actor)
    incoming = upload.incoming
    gate, late = threading.Event(), []

    def first() -> None:
        try:
            uploads.write_piece(incoming, 0, len(WAV), Silent(WAV, gate))
        except uploads.WrongOffset as wrong:
            late.append(wrong.received)

    silent = threading.Thread(target=first)
    silent.start()
    try:
        path = installation.storage().incoming / incoming
        while path.stat().st_size < 10:
            time.sleep(0.01)
        assert uploads.write_piece(incoming, 10, len(WAV), io.BytesIO(WAV[10:])) == len(WAV)
    finally:
        gate.set()
        silent.join()
    assert late == [len(WAV)]
    assert path.read_bytes() == WAV


def test_a_connection_that_stays_silent_does_not_keep_its_thread(app: Flask, moderator: User) -> None:
    upload = uploads.start("夜场.wav", len(WAV), by=moderator.actor)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        answer = signed_in(app.test_client(), moderator).patch(
            f"/uploads/{upload.id}",
            data=WAV,
            headers={"Upload-Offset": "0"},
            content_type="application/octet-stream",
            environ_overrides={"gunicorn.socket": ours},
        )
        assert answer.status_code == 204
        assert ours.gettimeout() == 60


@pytest.mark.parametrize("length", [10, len(WAV)])
def test_a_full_disk_is_said_in_words(moderator: User, length: int) -> None:
    upload = uploads.start("夜场.wav", 5_000_000, by=moderator.actor)
    path = installation.storage().incoming / upload.incoming
    path.unlink()
    path.symlink_to("/dev/full")
    with pytest.raises(uploads.NoRoom):
        uploads.write_piece(upload.incoming, 0, upload.size, io.BytesIO(WAV[:length]))
    path.unlink()
