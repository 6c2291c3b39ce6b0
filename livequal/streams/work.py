"""What the worker does with a recording: check it, derive from it, recognise it. Idempotent and resumable."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

from sqlalchemy import delete, select

from ..jobs.rules import NotYet
from ..jobs.run import Run
from ..kernel import bus, installation
from ..kernel.clock import now
from ..kernel.db import db, edge
from ..kernel.storage import file_sha256
from . import dictation, service, uploads
from .engines import Cancelled, NoEngine, NoModel, Transcriber, open_engine
from .events import RecordingPrepared, RecordingRefused
from .media import RenderCancelled, probe, render
from .media.facts import Limits
from .media.refusals import Refused
from .models import Dictation, Recording, SegmentRow, Transcript
from .rules import DictationState, RecordingState, Segment, TranscriptState

STAGE_CHECKING = "checking"
STAGE_PREPARING = "preparing"
STAGE_TRANSCRIBING = "transcribing"

_engines: dict[tuple[str, str], Transcriber] = {}
_loading = Lock()


def prepare(run: Run) -> None:
    """Give a stored recording its address, probe it, and derive the rendition, the sound to recognise and the peaks."""
    recording = _recording(run)
    if recording.state == RecordingState.REFUSED:
        # The worker died between the refusal and the removal.
        _remove_refused(recording.sha256)
    if recording.state != RecordingState.ARRIVED:
        return
    _adopt(run, recording)
    recording = _recording(run)
    if recording.state != RecordingState.ARRIVED:
        return
    original = installation.storage().path(recording.original_key)
    try:
        facts = probe(original, limits=Limits())
        with _folder(f"render-{run.job_id}") as folder:
            rendition = render(
                original,
                folder,
                on_progress=lambda done, total: run.progress(STAGE_PREPARING, done, total),
                cancelled=run.over,
            )
            run.check()
            # Before the transaction: nobody's write has to wait until three files are hashed and on the disk.
            storage = installation.storage()
            m4a_key = storage.adopt(rendition.m4a, "renditions", ".m4a")
            speech_key = storage.adopt(rendition.speech, "speech", ".flac")
            peaks_key = storage.adopt(rendition.peaks, "peaks", ".json")
            with run.step():
                row = db.session.get_one(Recording, recording.id)
                row.container, row.duration_ms = facts.container.value, rendition.duration_ms
                row.unreadable = [list(stretch) for stretch in rendition.unreadable]
                row.missing_ms = rendition.missing_ms
                row.m4a_key, row.speech_key, row.peaks_key = m4a_key, speech_key, peaks_key
                service.set_state(row, RecordingState.PREPARED)
                bus.emit(RecordingPrepared(row.id))
    except Refused as refused:
        _refuse(run, recording.id, refused)
    except RenderCancelled:
        run.check()
        raise


def _refuse(run: Run, recording_id: int, refused: Refused) -> None:
    with run.step():
        row = db.session.get_one(Recording, recording_id)
        row.problem, row.problem_detail = refused.code.value, json.dumps(refused.values, ensure_ascii=False)
        service.set_state(row, RecordingState.REFUSED)
        row.original_key = ""
        bus.emit(RecordingRefused(row.id))
    _remove_refused(row.sha256)


def _remove_refused(sha256: str) -> None:
    """Remove a refused original, unless the same file was taken for another session."""
    key = installation.storage().key("originals", sha256)
    with edge(write=False):
        in_use = db.session.scalar(select(Recording.id).where(Recording.original_key == key).limit(1))
    if in_use is None:
        installation.storage().delete(key)


def _adopt(run: Run, recording: Recording) -> None:
    """Move the arrived file to its content's address. Each half may have been done before a crash."""
    if recording.original_key:
        return
    storage = installation.storage()
    incoming = storage.incoming / recording.incoming
    digest = run.checkpoint.get("sha256")
    if digest is None:
        with run.step(stage=STAGE_CHECKING):
            pass
        digest = file_sha256(incoming)
        with run.step(checkpoint={"sha256": digest}, stage=STAGE_CHECKING):
            pass
    key = storage.key("originals", digest)
    if incoming.exists():
        storage.adopt(incoming, "originals", sha256=digest)
    with run.step():
        row = db.session.get_one(Recording, recording.id)
        row.sha256, row.incoming = digest, ""
        twin = db.session.scalars(
            select(Recording)
            .where(
                Recording.sha256 == digest,
                Recording.id != row.id,
                Recording.live_session_id.is_not_distinct_from(row.live_session_id),
                Recording.state.not_in((RecordingState.REFUSED, RecordingState.DUPLICATE)),
            )
            .order_by(Recording.id)
            .limit(1)
        ).first()
        if twin is None:
            row.original_key = key
        else:
            row.twin_id = twin.id
            service.set_state(row, RecordingState.DUPLICATE)


def transcribe(run: Run) -> None:
    """Recognise a prepared recording, one transaction per window, and go on after the last one that was kept."""
    recording = _recording(run)
    if recording.state != RecordingState.PREPARED:
        return
    engine = _engine()
    transcript_id, windows = _transcript_for(run, recording, engine)
    sound = installation.storage().path(recording.speech_key)
    begun: dict[str, Any] = {"begun_at": now().timestamp(), "begun_done": 0}
    first = True
    try:
        for window in engine.transcribe(sound, skip_windows=windows, cancelled=run.over):
            if first:
                begun["begun_done"], first = window.start_ms, False
            checkpoint = {"transcript": transcript_id, "windows": window.index + 1, **begun}
            with run.step(
                checkpoint=checkpoint, stage=STAGE_TRANSCRIBING, done=window.end_ms, total=recording.duration_ms
            ):
                service.append_segments(db.session.get_one(Transcript, transcript_id), window.segments)
    except Cancelled:
        run.check()
        raise
    with run.step(stage=STAGE_TRANSCRIBING, done=recording.duration_ms, total=recording.duration_ms):
        service.complete_transcript(
            db.session.get_one(Recording, recording.id), db.session.get_one(Transcript, transcript_id)
        )


def _transcript_for(run: Run, recording: Recording, engine: Transcriber) -> tuple[int, int]:
    """The transcript to go on with and how many windows it has; a fresh one when engine or model changed."""
    known = run.checkpoint.get("transcript")
    with run.step(stage=STAGE_TRANSCRIBING, total=recording.duration_ms):
        transcript = db.session.get(Transcript, known) if known else None
        if transcript is not None and (transcript.engine, transcript.version) == (engine.engine, engine.version):
            return transcript.id, int(run.checkpoint["windows"])
        for left in db.session.scalars(
            select(Transcript).where(
                Transcript.recording_id == recording.id, Transcript.state == TranscriptState.GROWING
            )
        ):
            db.session.execute(delete(SegmentRow).where(SegmentRow.transcript_id == left.id))
            db.session.delete(left)
        fresh = service.begin_transcript(recording, engine=engine.engine, model=engine.model, version=engine.version)
        return fresh.id, 0


def _engine() -> Transcriber:
    """The engine of the settings, loaded once and shared by all jobs of this process.

    Raises: NotYet when the model is not there: only a person can load it.
    """
    settings = installation.settings()
    with _loading:
        key = (settings.speech, settings.model)
        if key not in _engines:
            try:
                _engines[key] = open_engine(
                    settings.speech, settings.models_dir, settings.model, threads=settings.speech_threads
                )
            except (NoModel, NoEngine) as missing:
                raise NotYet(missing.message) from missing
        return _engines[key]


def hear(run: Run) -> None:
    """Write down what somebody said into the browser: checked and decoded like any upload, then recognised."""
    with edge(write=False):
        row = db.session.get(Dictation, run.payload["dictation_id"])
    if row is None or row.state != DictationState.WAITING:
        return
    limits = Limits(max_duration_ms=dictation.LONGEST_MS + dictation.SLACK_MS)
    segments: list[Segment] = []
    refused: Refused | None = None
    problem = ""
    try:
        with run.step(stage=STAGE_TRANSCRIBING):
            pass
        probe(dictation.sound(row), limits=limits)
        with _folder(f"hear-{run.job_id}") as folder:
            rendition = render(dictation.sound(row), folder, limits=limits, cancelled=run.over)
            for window in _engine().transcribe(rendition.speech, cancelled=run.over):
                segments += window.segments
                run.progress(STAGE_TRANSCRIBING, window.end_ms, rendition.duration_ms)
    except Refused as error:
        refused, problem = error, error.code.value
    except NotYet:
        # Nobody waits before the screen until somebody loads a model.
        problem = dictation.NO_MODEL
    except (RenderCancelled, Cancelled):
        run.check()
        raise
    with run.step(stage=STAGE_TRANSCRIBING):
        row = db.session.get(Dictation, run.payload["dictation_id"])
        if row is not None and problem:
            dictation.refuse(row, problem, refused.values if refused else None)
        elif row is not None:
            dictation.keep(row, segments)
    if row is not None:
        dictation.sound(row).unlink(missing_ok=True)


def forget_dictations(run: Run) -> None:
    """Remove what was said an hour ago and never looked at."""
    with run.step():
        dictation.forget_old()


def expire_uploads(run: Run) -> None:
    """Give up uploads nobody touched for days, and remove what killed processes left lying."""
    with run.step():
        uploads.abandon_old()
    with edge(write=False):
        uploads.sweep()
    for left in _work_folder().iterdir():
        if uploads.untouched(left):
            shutil.rmtree(left, ignore_errors=True)


def _recording(run: Run) -> Recording:
    with edge(write=False):
        return db.session.get_one(Recording, run.payload["recording_id"])


@contextmanager
def _folder(name: str) -> Iterator[Path]:
    path = _work_folder() / name
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir()
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _work_folder() -> Path:
    path = installation.settings().var / "work"
    path.mkdir(parents=True, exist_ok=True)
    return path
