"""Recordings, their transcripts and timelines."""

from __future__ import annotations

import json
from bisect import bisect_right, insort
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import Any

from sqlalchemy import Select, false, func, select

from ..accounts.rules import Actor
from ..audit import service as audit
from ..audit.rules import canonical, sha256
from ..config import Settings
from ..jobs import service as jobs
from ..jobs.models import Job
from ..jobs.rules import JobState
from ..kernel import bus, installation
from ..kernel.clock import now
from ..kernel.db import db
from ..kernel.errors import Conflict, Invalid, NotFound, WrongState
from ..kernel.i18n import gettext
from ..kernel.states import move
from ..onboarding import service as onboarding
from . import search
from .engines.weights import installed_models
from .events import TranscriptChanged, TranscriptReady
from .models import Recording, SegmentRow, Span, Transcript, WordCorrection
from .rules import MOVES, ModelState, RecordingState, Segment, SpanKind, TranscriptState
from .timeline import TimelineSpan

WORD_MAX = 40
TITLE_MAX = 200
SPANS_TOLD = 50  # so many spans stand in the record of one act; of more their number and digest

Stretch = tuple[int, int]
UNDER_WAY = frozenset({JobState.QUEUED, JobState.RUNNING})


def visible_to(actor: Actor) -> Select[Recording]:
    """Whole recordings are the platform's to see; streamers and MCNs get findings with their clips."""
    query = select(Recording)
    return query if actor.sees_platform else query.where(false())


def get(recording_id: int, actor: Actor) -> Recording:
    """One recording.

    Raises: NotFound.
    """
    recording = db.session.scalars(visible_to(actor).where(Recording.id == recording_id)).first()
    if recording is None:
        raise NotFound(gettext("There is no such recording, or it is not yours to see."))
    return recording


def listed(actor: Actor, *, words: str = "", state: str = "", live_session_id: int | None = None) -> Select[Recording]:
    """Recordings, newest first."""
    query = visible_to(actor).order_by(Recording.id.desc())
    if words:
        query = query.where(Recording.title.icontains(words, autoescape=True))
    if state:
        query = query.where(Recording.state == state)
    if live_session_id is not None:
        query = query.where(Recording.live_session_id == live_session_id)
    return query


def subject(recording: Recording) -> str:
    """The name under which jobs speak of a recording."""
    return f"recording:{recording.id}"


def put_into_session(recording: Recording, live_session_id: int | None, *, by: Actor) -> None:
    """Say which live session a recording shows; None: it is not known.

    Raises: NotFound, Conflict when the session already holds the same file.
    """
    before = recording.live_session_id
    if live_session_id == before:
        return
    if live_session_id is not None:
        onboarding.get_live_session(live_session_id, by)
        ended = (RecordingState.REFUSED, RecordingState.DUPLICATE)
        same_file = select(Recording.id).where(
            Recording.live_session_id == live_session_id,
            Recording.sha256 == recording.sha256,
            Recording.sha256 != "",
            Recording.state.not_in(ended),
        )
        if db.session.scalar(same_file.limit(1)) is not None:
            raise Conflict(gettext("This session already has a recording of the same file."))
    recording.live_session_id = live_session_id
    audit.record(
        "recording.session", recording, by=by, before={"live_session": before}, after={"live_session": live_session_id}
    )
    # What was allowed depends on the session's day.
    _timeline_changed(recording)


def set_state(recording: Recording, target: RecordingState) -> None:
    """Move a recording on.

    Raises: WrongState.
    """
    recording.state = move(RecordingState(recording.state), target, MOVES)
    db.session.flush()


def job_of(recording: Recording) -> Job | None:
    """The newest job about a recording."""
    return jobs.active_for(subject(recording))


def jobs_of(recordings: Sequence[Recording]) -> dict[int, Job]:
    """The newest job of each recording, by recording id."""
    names = [subject(recording) for recording in recordings]
    newest = select(func.max(Job.id)).where(Job.subject.in_(names)).group_by(Job.subject)
    rows = db.session.scalars(select(Job).where(Job.id.in_(newest)))
    return {int(job.subject.rpartition(":")[2]): job for job in rows}


def cancel(recording: Recording, *, by: Actor) -> None:
    """Stop the work on a recording; what is transcribed so far stays.

    Raises: WrongState when nothing is being done.
    """
    jobs.cancel(_job(recording), by=by)


def resume(recording: Recording, *, by: Actor) -> None:
    """Go on after a cancellation or a failure, from where the work stopped.

    Raises: WrongState.
    """
    jobs.retry(_job(recording), by=by)


def _job(recording: Recording) -> Job:
    job = job_of(recording)
    if job is None:
        raise WrongState(gettext("Nothing is being done with this recording."))
    return job


def current_transcript(recording: Recording) -> Transcript | None:
    """The transcript that counts: the newest not superseded one."""
    query = (
        select(Transcript)
        .where(Transcript.recording_id == recording.id, Transcript.state != TranscriptState.SUPERSEDED)
        .order_by(Transcript.id.desc())
        .limit(1)
    )
    return db.session.scalars(query).first()


def segments_of(transcript: Transcript) -> Select[SegmentRow]:
    """A transcript's segments in order."""
    return select(SegmentRow).where(SegmentRow.transcript_id == transcript.id).order_by(SegmentRow.position)


def segment(segment_id: int, recording: Recording) -> SegmentRow:
    """One segment of a recording's current transcript.

    Raises: NotFound.
    """
    row = db.session.scalars(
        select(SegmentRow)
        .join(Transcript, SegmentRow.transcript_id == Transcript.id)
        .where(SegmentRow.id == segment_id, Transcript.recording_id == recording.id)
    ).first()
    if row is None:
        raise NotFound(gettext("There is no such line in this transcript."))
    return row


def begin_transcript(recording: Recording, *, engine: str, model: str, version: str) -> Transcript:
    """Start a fresh transcript."""
    transcript = Transcript(recording_id=recording.id, engine=engine, model=model, version=version, created_at=now())
    db.session.add(transcript)
    db.session.flush()
    return transcript


def append_segments(transcript: Transcript, segments: Iterable[Segment]) -> None:
    """Add recognised segments at the end, and to the search index."""
    last = db.session.scalar(select(func.max(SegmentRow.position)).where(SegmentRow.transcript_id == transcript.id))
    position = 0 if last is None else last + 1
    rows = [_row(transcript.id, position + n, piece) for n, piece in enumerate(segments)]
    db.session.add_all(rows)
    db.session.flush()
    search.index(rows)


def complete_transcript(recording: Recording, transcript: Transcript) -> None:
    """The transcript is whole: earlier ones are superseded, and the next rooms hear of it."""
    transcript.state, transcript.completed_at = TranscriptState.COMPLETE, now()
    for older in db.session.scalars(
        select(Transcript).where(Transcript.recording_id == recording.id, Transcript.id != transcript.id)
    ):
        older.state = TranscriptState.SUPERSEDED
    if recording.state != RecordingState.TRANSCRIBED:
        set_state(recording, RecordingState.TRANSCRIBED)
    bus.emit(TranscriptReady(recording.id, transcript.id))


def use_subtitles(recording: Recording, segments: Sequence[Segment], *, by: Actor) -> Transcript:
    """Take imported subtitles as the transcript; what was recognised before stays, superseded.

    A transcription that waits or runs is cancelled.
    Raises: WrongState while the recording is not prepared, Invalid when there is no line.
    """
    if recording.state not in {RecordingState.PREPARED, RecordingState.TRANSCRIBED, RecordingState.READY}:
        raise WrongState(gettext("Wait until the recording is ready, then import the subtitles."))
    if not segments:
        raise Invalid({"file": gettext("There is no line in this file.")})
    late = next((piece for piece in segments if piece.start_ms >= recording.duration_ms), None)
    if late is not None:
        raise Invalid({"file": gettext("These subtitles are longer than the recording. Do they belong to it?")})
    job = job_of(recording)
    if recording.state == RecordingState.PREPARED and job is not None and job.state in UNDER_WAY:
        jobs.cancel(job, by=by)
    transcript = begin_transcript(recording, engine="sidecar", model="", version="1")
    append_segments(transcript, segments)
    audit.record("transcript.import", recording, by=by, after={"transcript": transcript.id, "lines": len(segments)})
    complete_transcript(recording, transcript)
    return transcript


def correct_word(
    recording: Recording, segment_id: int, word_index: int, text: str, version: int, *, by: Actor
) -> SegmentRow:
    """Write what was really said in place of one word; what the engine wrote is kept.

    Raises: NotFound, Conflict when the line changed meanwhile, Invalid.
    """
    row = segment(segment_id, recording)
    # Held until the end, so that of two people at one line the second sees what the first wrote. Not for its key:
    # a scan that keeps a flag of this line must not wait for us while we wait for its transcript.
    db.session.refresh(row, with_for_update={"key_share": True})
    text = text.strip()
    if row.version != version:
        raise Conflict(gettext("Somebody just corrected this line. Look at it again; what you typed is still here."))
    words: list[list[Any]] = json.loads(row.words)
    if not 0 <= word_index < len(words):
        raise Invalid({"text": gettext("There is no such word in this line.")})
    if len(text) > WORD_MAX:
        raise Invalid({"text": gettext("Write at most %(count)s characters in place of one word.", count=WORD_MAX)})
    word = words[word_index]
    before = str(word[2])
    if before == text:
        return row
    at = sum(len(str(earlier[2])) for earlier in words[:word_index])
    row.text = row.text[:at] + text + row.text[at + len(before) :]
    word[2:] = [text, word[3], word[4] if len(word) > 4 else before]
    row.words, row.version = json.dumps(words, ensure_ascii=False, separators=(",", ":")), row.version + 1
    # Somebody heard it: from now on it is read like any other line.
    row.unintelligible, row.invented = False, ""
    db.session.add(
        WordCorrection(
            segment_id=row.id, word_index=word_index, before=before, after=text, corrected_by=by.user_id, at=now()
        )
    )
    db.session.flush()
    search.index([row])
    audit.record("transcript.correct", row, by=by, before={"word": before}, after={"word": text, "index": word_index})
    _changed(recording, row.transcript_id)
    return row


def spans_of(recording: Recording) -> list[Span]:
    """A recording's timeline in order."""
    query = select(Span).where(Span.recording_id == recording.id).order_by(Span.start_ms, Span.id)
    return list(db.session.scalars(query))


def timeline(recording: Recording) -> tuple[TimelineSpan, ...]:
    """A recording's timeline as the matcher and the exports see it."""
    return tuple(_span(row) for row in spans_of(recording))


def mark(recording: Recording, spans: Sequence[TimelineSpan], *, by: Actor, replaces: int | None = None) -> list[Span]:
    """Add spans to the timeline; a new span takes the place of what it covers of the same kind.

    `replaces`: the id of a span that goes. A recording that is still being prepared may be marked too: its length is
    not known yet, so no span is too late.
    Raises: Invalid when a span lies outside the recording, NotFound when the span to replace is gone.
    """
    length = recording.duration_ms or max((piece.end_ms for piece in spans), default=0)
    for piece in spans:
        if piece.start_ms < 0 or piece.start_ms >= length or piece.end_ms <= piece.start_ms:
            raise Invalid({"start_ms": gettext("This stretch lies outside the recording.")})
    if replaces is not None:
        _take_off(recording, replaces, by)
    rows = _place(recording, [replace(piece, end_ms=min(piece.end_ms, length)) for piece in spans], by)
    placed = [[row.kind, row.start_ms, row.end_ms, row.label] for row in rows]
    told: dict[str, object] = {"spans": placed}
    if len(placed) > SPANS_TOLD:
        told = {"count": len(placed), "sha256": sha256(canonical(told))}
    audit.record("timeline.mark", recording, by=by, after=told)
    _timeline_changed(recording)
    return rows


def unmark(recording: Recording, span_id: int, *, by: Actor) -> None:
    """Take one span off the timeline.

    Raises: NotFound.
    """
    _take_off(recording, span_id, by)
    _timeline_changed(recording)


def model_state(settings: Settings) -> ModelState:
    """Whether the speech model that new recordings need is there."""
    if settings.speech == "sidecar":
        return ModelState("sidecar", present=True, how_to_load="")
    present = any(model.name == settings.model for model in installed_models(settings.models_dir))
    return ModelState(settings.model, present, f".venv/bin/flask models get {settings.model}")


def remaining_s(job: Job) -> int | None:
    """How many seconds a running job still takes at its pace so far; None while nobody can say."""
    if job.started_at is None or job.state != "running" or not 0 < job.done <= job.total:
        return None
    begun = job.checkpoint.get("begun_at")
    first = int(job.checkpoint.get("begun_done", 0))
    if begun is None or job.done <= first:
        return None
    spent = now().timestamp() - float(begun)
    return round(spent * (job.total - job.done) / (job.done - first))


def file(key: str) -> Path:
    """A stored file's path.

    Raises: NotFound when it is not there (yet).
    """
    path = installation.storage().path(key) if key else None
    if path is None or not path.exists():
        raise NotFound(gettext("This file is not there yet. Come back when the recording is ready."))
    return path


def _changed(recording: Recording, transcript_id: int) -> None:
    transcript = db.session.get_one(Transcript, transcript_id)
    # Counted by the database and read back: two changes at once are two, and whether it is complete is then certain.
    transcript.changes = Transcript.changes + 1
    db.session.flush()
    db.session.refresh(transcript)
    if transcript.state == TranscriptState.COMPLETE:
        bus.emit(TranscriptChanged(recording.id, transcript.id))


def _timeline_changed(recording: Recording) -> None:
    transcript = current_transcript(recording)
    if transcript is not None:
        _changed(recording, transcript.id)


def beside(stretch: Stretch, taken: Sequence[Stretch]) -> list[Stretch]:
    """What remains of a stretch beside those that are taken, which are in order and do not overlap. Pure."""
    start, end = stretch
    remains = []
    first = bisect_right(taken, start, key=itemgetter(1))
    for taken_start, taken_end in islice(taken, first, None):
        if taken_start >= end:
            break
        if taken_start > start:
            remains.append((start, taken_start))
        start = taken_end
    return [*remains, (start, end)] if start < end else remains


def _take_off(recording: Recording, span_id: int, by: Actor) -> None:
    row = db.session.scalars(select(Span).where(Span.id == span_id, Span.recording_id == recording.id)).first()
    if row is None:
        raise NotFound(gettext("This stretch is no longer marked."))
    audit.record("timeline.unmark", recording, by=by, before={"span": [row.kind, row.start_ms, row.end_ms, row.label]})
    db.session.delete(row)
    db.session.flush()


def _place(recording: Recording, spans: Sequence[TimelineSpan], by: Actor) -> list[Span]:
    """Store new spans, the last of those over each other on top, and cut what they cover."""
    taken: dict[str, list[Stretch]] = {kind.value: [] for kind in SpanKind}
    old_rows, groups = spans_of(recording), []
    for piece in reversed(spans):
        free = beside((piece.start_ms, piece.end_ms), taken[piece.kind])
        groups.append([_span_row(recording, replace(piece, start_ms=a, end_ms=b), by) for a, b in free])
        for stretch in free:
            insort(taken[piece.kind], stretch)
    rows = [row for group in reversed(groups) for row in group]
    for old in old_rows:
        remains = beside((old.start_ms, old.end_ms), taken[old.kind])
        if not remains:
            db.session.delete(old)
            continue
        kept = {c.key: getattr(old, c.key) for c in Span.__table__.columns if c.key not in {"id", "start_ms", "end_ms"}}
        old.start_ms, old.end_ms = remains[0]
        db.session.add_all(Span(**kept, start_ms=start_ms, end_ms=end_ms) for start_ms, end_ms in remains[1:])
    db.session.add_all(rows)
    db.session.flush()
    return rows


def _span_row(recording: Recording, piece: TimelineSpan, by: Actor) -> Span:
    stored = {"kind": piece.kind.value, "label": piece.label[:TITLE_MAX], "sku": piece.sku[:TITLE_MAX]}
    return Span(recording_id=recording.id, marked_by=by.user_id, **asdict(piece) | stored)


def _span(row: Span) -> TimelineSpan:
    return TimelineSpan.stored(
        kind=row.kind,
        start_ms=row.start_ms,
        end_ms=row.end_ms,
        label=row.label,
        sku=row.sku,
        product_category=row.product_category,
        speaker_role=row.speaker_role,
    )


def _row(transcript_id: int, position: int, piece: Segment) -> SegmentRow:
    words = [[w.start_ms, w.end_ms, w.text, round(w.probability * 100)] for w in piece.words]
    return SegmentRow(
        transcript_id=transcript_id,
        position=position,
        start_ms=piece.start_ms,
        end_ms=piece.end_ms,
        text=piece.text,
        words=json.dumps(words, ensure_ascii=False, separators=(",", ":")),
        avg_logprob=piece.avg_logprob,
        no_speech_prob=piece.no_speech_prob,
        compression_ratio=piece.compression_ratio,
        unintelligible=piece.unintelligible,
        invented=piece.invented,
    )
