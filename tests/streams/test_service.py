"""Recordings, transcripts and timelines."""

from __future__ import annotations

import io

import pytest

from livequal.accounts.models import User
from livequal.accounts.rules import Role
from livequal.jobs.models import Job
from livequal.kernel import installation
from livequal.kernel.db import db
from livequal.kernel.errors import Conflict, Invalid, NotFound
from livequal.streams import search, service, uploads
from livequal.streams.models import Recording, Upload, WordCorrection
from livequal.streams.rules import SpanKind
from livequal.streams.timeline import TimelineSpan

from ..factories import make_mcn, make_platform, make_user
from ..recordings import make_recording, run_jobs, transcribed

WAV = b"RIFF" + bytes([36, 0, 0, 0]) + b"WAVEfmt " + bytes(16) + b"data" + bytes(4)

pytestmark = pytest.mark.usefixtures("app")


@pytest.fixture
def moderator() -> User:
    return make_user(make_platform(), Role.MODERATOR)


def span(kind: str, start_ms: int, end_ms: int, label: str = "", category: str = "") -> TimelineSpan:
    return TimelineSpan.stored(
        kind=kind, start_ms=start_ms, end_ms=end_ms, label=label, sku="", product_category=category, speaker_role=""
    )


def test_pieces_arrive_in_order_and_make_the_whole_file(moderator: User) -> None:
    upload = uploads.start("../../夜场.wav", len(WAV), by=moderator.actor)
    assert upload.file_name == "夜场.wav"
    assert uploads.write_piece(upload.incoming, 0, len(WAV), io.BytesIO(WAV[:20])) == 20
    with pytest.raises(uploads.WrongOffset) as wrong:
        uploads.write_piece(upload.incoming, 5, len(WAV), io.BytesIO(WAV[5:]))
    assert wrong.value.received == 20
    uploads.write_piece(upload.incoming, 20, len(WAV), io.BytesIO(WAV[20:]))
    recording = uploads.finish(upload.id, by=moderator.actor)
    assert uploads.finish(upload.id, by=moderator.actor).id == recording.id
    assert (installation.storage().incoming / recording.incoming).read_bytes() == WAV
    assert db.session.query(Job).filter_by(name="prepare", subject=f"recording:{recording.id}").count() == 1


def test_a_file_that_is_no_recording_is_refused_at_once_and_leaves_nothing(moderator: User) -> None:
    text = b"#EXTM3U\nhttp://192.0.2.1/a.ts\n"
    upload = uploads.start("live.mp4", len(text), by=moderator.actor)
    uploads.write_piece(upload.incoming, 0, len(text), io.BytesIO(text))
    with pytest.raises(uploads.NoRecording) as refused:
        uploads.finish(upload.id, by=moderator.actor)
    assert "file" in refused.value.fields
    uploads.abandon(upload)
    assert not (installation.storage().incoming / upload.incoming).exists()
    assert db.session.query(Recording).count() == 0


def test_more_bytes_than_announced_are_refused_and_what_was_right_stays(moderator: User) -> None:
    upload = uploads.start("a.wav", 30, by=moderator.actor)
    uploads.write_piece(upload.incoming, 0, 30, io.BytesIO(WAV[:20]))
    with pytest.raises(Invalid):
        uploads.write_piece(upload.incoming, 20, 30, io.BytesIO(b"x" * 11))
    assert uploads.on_disk(upload) == 20


def test_an_upload_nobody_touched_for_days_is_given_up(moderator: User) -> None:
    upload = uploads.start("a.wav", 30, by=moderator.actor)
    upload.touched_at -= uploads.ABANDONED_AFTER * 2
    db.session.commit()
    assert uploads.abandon_old() == 1
    assert db.session.get_one(Upload, upload.id).state == "abandoned"


def test_only_the_platform_sees_whole_recordings(moderator: User) -> None:
    recording = make_recording(moderator)
    manager = make_user(make_mcn(), Role.MCN_MANAGER)
    assert service.get(recording.id, moderator.actor).id == recording.id
    with pytest.raises(NotFound):
        service.get(recording.id, manager.actor)


def test_one_two_and_many_character_words_are_found(moderator: User) -> None:
    recording = transcribed(make_recording(moderator), "姐妹们看这个面霜", "保湿特别好用 SPF50 也有", "今天只要99元")
    for words, lines in (
        ("霜", 1),
        ("保湿", 1),
        ("特别好用", 1),
        ("spf50", 1),
        ("99元", 1),
        ("湿保", 0),
        ("", 0),
        ('" OR 1', 0),
    ):
        found = db.session.scalars(search.found(words, moderator.actor)).all()
        assert len(found) == lines, words
    stranger = make_user(make_mcn(), Role.MCN_MANAGER)
    assert not db.session.scalars(search.found("面霜", stranger.actor)).all()
    assert recording.state == "ready"


def test_a_corrected_word_keeps_the_original_and_is_found_anew(moderator: User) -> None:
    recording = transcribed(make_recording(moderator), "这款面双很好")
    row = db.session.scalars(search.found("面双", moderator.actor)).one()
    changed = service.correct_word(recording, row.id, 3, "霜", row.version, by=moderator.actor)
    db.session.commit()
    assert changed.text == "这款面霜很好"
    assert '"霜",90,"双"' in changed.words
    assert db.session.query(WordCorrection).one().before == "双"
    assert db.session.scalars(search.found("面霜", moderator.actor)).one().id == row.id
    assert not db.session.scalars(search.found("面双", moderator.actor)).all()
    with pytest.raises(Conflict):
        service.correct_word(recording, row.id, 0, "那", 1, by=moderator.actor)
    with pytest.raises(Invalid):
        service.correct_word(recording, row.id, 99, "那", changed.version, by=moderator.actor)


def test_a_new_stretch_takes_the_place_of_what_it_covers(moderator: User) -> None:
    recording = make_recording(moderator)
    service.mark(recording, [span("product", 0, 60_000, "面霜")], by=moderator.actor)
    service.mark(recording, [span("product", 20_000, 30_000, "枣糕")], by=moderator.actor)
    service.mark(recording, [span("speaker", 25_000, 26_000, "小禾")], by=moderator.actor)
    products = [(r.start_ms, r.end_ms, r.label) for r in service.spans_of(recording) if r.kind == SpanKind.PRODUCT]
    assert products == [(0, 20_000, "面霜"), (20_000, 30_000, "枣糕"), (30_000, 60_000, "面霜")]
    with pytest.raises(Invalid):
        service.mark(recording, [span("product", 60_000, 61_000)], by=moderator.actor)


def test_imported_subtitles_become_the_transcript_and_the_old_one_is_superseded(moderator: User) -> None:
    from ..recordings import segments

    recording = transcribed(make_recording(moderator), "听错的一句")
    before = service.current_transcript(recording)
    service.use_subtitles(recording, segments("真正说的一句"), by=moderator.actor)
    db.session.commit()
    run_jobs("scan")
    after = service.current_transcript(recording)
    assert before is not None
    assert after is not None
    assert (before.state, after.engine) == ("superseded", "sidecar")
    assert not db.session.scalars(search.found("听错", moderator.actor)).all()
