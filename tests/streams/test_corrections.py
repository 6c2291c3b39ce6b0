"""Two people at one line, and lines that a person heard."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from flask import Flask

from livequal.accounts.models import User
from livequal.accounts.rules import Actor, Role
from livequal.kernel.db import db, edge
from livequal.kernel.errors import Conflict
from livequal.risk.models import FlagRow
from livequal.streams import service
from livequal.streams.models import Recording, SegmentRow, Transcript, WordCorrection

from ..factories import make_platform, make_user
from ..recordings import make_recording, run_jobs, transcribed


@pytest.fixture
def moderator(app: Flask) -> User:
    return make_user(make_platform(), Role.MODERATOR)


def correct(recording_id: int, segment_id: int, text: str, by: Actor) -> None:
    service.correct_word(db.session.get_one(Recording, recording_id), segment_id, 0, text, 1, by=by)


def meanwhile(app: Flask, first: Callable[[], None], second: Callable[[], None]) -> list[Exception]:
    """Do both, the second while the first is done but not yet kept; answer what refused the second."""
    refused: list[Exception] = []

    def other() -> None:
        with app.app_context():
            try:
                with edge():
                    second()
            except Exception as error:
                refused.append(error)

    thread = threading.Thread(target=other)
    with edge():
        first()
        thread.start()
        time.sleep(0.4)
    thread.join(timeout=20)
    assert not thread.is_alive()
    return refused


def test_two_people_at_one_line_do_not_overwrite_each_other(app: Flask, moderator: User) -> None:
    recording, by = transcribed(make_recording(moderator), "这款面霜"), moderator.actor
    row_id = db.session.query(SegmentRow.id).scalar()
    db.session.commit()
    refused = meanwhile(
        app, lambda: correct(recording.id, row_id, "那", by), lambda: correct(recording.id, row_id, "哪", by)
    )
    assert [type(error) for error in refused] == [Conflict]
    row = db.session.query(SegmentRow).one()
    assert (row.text, row.version) == ("那款面霜", 2)
    assert db.session.query(WordCorrection).count() == 1


def test_two_corrections_at_once_are_two_changes(app: Flask, moderator: User) -> None:
    recording, by = transcribed(make_recording(moderator), "这款面霜", "这款枣糕"), moderator.actor
    one, two = (row.id for row in db.session.query(SegmentRow).order_by(SegmentRow.position))
    db.session.commit()
    refused = meanwhile(app, lambda: correct(recording.id, one, "那", by), lambda: correct(recording.id, two, "那", by))
    assert refused == []
    assert db.session.query(Transcript).one().changes == 2


def test_a_line_that_was_not_understood_is_read_once_somebody_heard_it(moderator: User) -> None:
    recording = transcribed(make_recording(moderator), "这款枣糕能治疗糖尿并", unclear=[0])
    assert db.session.query(FlagRow).count() == 0
    row = db.session.query(SegmentRow).one()
    row.invented = "loop"
    heard = service.correct_word(recording, row.id, 9, "病", row.version, by=moderator.actor)
    assert (heard.unintelligible, heard.invented) == (False, "")
    db.session.commit()
    run_jobs("scan")
    assert db.session.query(FlagRow).count() > 0
