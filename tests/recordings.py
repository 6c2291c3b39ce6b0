"""Recordings and transcripts that tests start from."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

from livequal.accounts.models import User
from livequal.jobs import service as jobs
from livequal.jobs.models import Job
from livequal.jobs.run import Run
from livequal.kernel import installation
from livequal.kernel.clock import now
from livequal.kernel.db import db, edge
from livequal.onboarding.models import LiveRoom, LiveSession, LiveSessionStreamer, Streamer
from livequal.streams import service
from livequal.streams.models import Recording
from livequal.streams.rules import RecordingState, Segment, Word

_numbers = count(1)


def make_live_session(room_operator_id: int, *streamers: Streamer, by: User, title: str = "周末专场") -> LiveSession:
    """A live session in a room of its own."""
    number = next(_numbers)
    room = LiveRoom(
        organisation_id=room_operator_id, name=f"直播间{number}", platform_number=f"R{number:05}", created_at=now()
    )
    db.session.add(room)
    db.session.flush()
    session = LiveSession(room_id=room.id, title=title, starts_at=now(), created_by=by.id, created_at=now())
    db.session.add(session)
    db.session.flush()
    db.session.add_all(LiveSessionStreamer(live_session_id=session.id, streamer_id=row.id) for row in streamers)
    db.session.commit()
    return session


def make_streamer(organisation_id: int, *, user: User | None = None, name: str = "") -> Streamer:
    """A streamer on an organisation's list."""
    number = next(_numbers)
    row = Streamer(
        organisation_id=organisation_id,
        user_id=user.id if user else None,
        name=name or f"某人{number}",
        stage_name=name or f"艺名{number}",
        created_at=now(),
    )
    db.session.add(row)
    db.session.commit()
    return row


def make_recording(by: User, *, session: LiveSession | None = None, duration_ms: int = 60_000) -> Recording:
    """A recording whose rendition stands (its files are a few bytes: nothing is decoded in these tests)."""
    number = next(_numbers)
    keys = {}
    for kind, extension in (("originals", ""), ("renditions", ".m4a"), ("speech", ".flac"), ("peaks", ".json")):
        path = installation.storage().new_incoming()
        path.write_bytes(f"{kind} {number}".encode())
        keys[kind] = installation.storage().adopt(path, kind, extension)
    row = Recording(
        live_session_id=session.id if session else None,
        title=f"录像{number}",
        file_name=f"{number}.mp4",
        uploaded_by=by.id,
        state=RecordingState.PREPARED,
        size=10,
        sha256=f"{number:064}",
        duration_ms=duration_ms,
        original_key=keys["originals"],
        m4a_key=keys["renditions"],
        speech_key=keys["speech"],
        peaks_key=keys["peaks"],
        created_at=now(),
    )
    db.session.add(row)
    db.session.commit()
    return row


def segments(*texts: str, unclear: Sequence[int] = ()) -> list[Segment]:
    """Segments of four seconds each, a word a character; `unclear` are the positions that were not understood."""
    rows = []
    for n, text in enumerate(texts):
        start = n * 4000
        step = 4000 // max(1, len(text))
        words = tuple(Word(start + i * step, start + (i + 1) * step, c, 0.9) for i, c in enumerate(text))
        rows.append(Segment(start, start + 4000, text, words, -0.2, 0.01, 1.1, n in unclear))
    return rows


def transcribed(recording: Recording, *texts: str, unclear: Sequence[int] = ()) -> Recording:
    """The recording with a complete transcript, read by the rule pack."""
    with edge():
        row = db.session.get_one(Recording, recording.id)
        transcript = service.begin_transcript(row, engine="fake", model="none", version="1")
        service.append_segments(transcript, segments(*texts, unclear=unclear))
        service.complete_transcript(row, transcript)
    run_jobs("scan")
    return db.session.get_one(Recording, recording.id)


def run_jobs(*names: str) -> list[str]:
    """Run the queued jobs of these names here and now, as the worker would; answer the names that ran."""
    from livequal.flow import JOBS

    ran = []
    while True:
        with edge():
            job = db.session.query(Job).filter(Job.state == "queued", Job.name.in_(names)).order_by(Job.id).first()
            if job is None:
                return ran
            job.run_after = now()
            db.session.flush()
            others = db.session.query(Job).filter(Job.state == "queued", Job.id != job.id).all()
            held = [(other, other.run_after) for other in others]
            for other, _after in held:
                other.state = "cancelled"
            db.session.flush()
            claimed = jobs.claim("tests")
            assert claimed is not None
            assert claimed.id == job.id
            for other, after in held:
                other.state, other.run_after = "queued", after
            run = Run(claimed)
        JOBS[run.name](run)
        with edge():
            jobs.finish(run.job_id, run.token)
        ran.append(run.name)
