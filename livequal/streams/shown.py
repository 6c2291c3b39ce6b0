"""What pages and exports show of recordings."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from ..jobs.models import Job
from ..jobs.rules import ENDED_BADLY, JobState
from ..kernel import installation
from ..kernel.db import db
from ..kernel.errors import Invalid
from ..kernel.i18n import gettext as _
from ..taxonomy.rules import ProductCategory
from . import service, subtitles
from .media.refusals import RefusalCode, Refused
from .models import Recording, SegmentRow, Span, Transcript
from .rules import RecordingState, Segment, SpanKind, Word
from .timeline import SpeakerRole, TimelineSpan

# What a percent of the bar stands for: checking and deriving first, then recognition, then the rules.
SHARES = {"checking": (0, 3), "preparing": (3, 10), "transcribing": (10, 97), "scanning": (97, 100)}


def progress(recording: Recording) -> dict[str, Any]:
    """How far the work on a recording is, as its page polls it."""
    return _progress(recording, service.job_of(recording))


def progress_of(recordings: Sequence[Recording]) -> dict[int, dict[str, Any]]:
    """How far each recording of a list is, by id."""
    jobs = service.jobs_of(recordings)
    return {row.id: _progress(row, jobs.get(row.id)) for row in recordings}


def problem(recording: Recording) -> str:
    """Why a recording was refused, in the reader's language; empty when it was not."""
    if not recording.problem:
        return ""
    refused = Refused(RefusalCode(recording.problem), **json.loads(recording.problem_detail or "{}"))
    return refused.told(_)


def segment_json(row: SegmentRow) -> str:
    """One segment as JSON; its words are passed on as they are stored."""
    head = {
        "id": row.id,
        "start_ms": row.start_ms,
        "end_ms": row.end_ms,
        "text": row.text,
        "unintelligible": row.unintelligible,
        "invented": row.invented,
        "version": row.version,
    }
    return f'{json.dumps(head, ensure_ascii=False)[:-1]},"words":{row.words}}}'


def span_json(row: Span) -> dict[str, Any]:
    """One stretch of the timeline as JSON."""
    return {
        "id": row.id,
        "kind": row.kind,
        "start_ms": row.start_ms,
        "end_ms": row.end_ms,
        "label": row.label,
        "product_category": row.product_category,
        "speaker_role": row.speaker_role,
    }


def span_of(form: Any) -> TimelineSpan:
    """A stretch of the timeline from a validated form.

    Raises: Invalid.
    """
    if form.kind.data not in set(SpanKind):
        raise Invalid({"kind": _("Mark a product or a speaker.")})
    if form.product_category.data and form.product_category.data not in set(ProductCategory):
        raise Invalid({"product_category": _("Choose a product category from the list.")})
    if form.speaker_role.data and form.speaker_role.data not in set(SpeakerRole):
        raise Invalid({"speaker_role": _("Choose who speaks from the list.")})
    if form.end_ms.data <= form.start_ms.data:
        raise Invalid({"end_ms": _("The stretch must end after it starts.")})
    return TimelineSpan.stored(
        kind=form.kind.data,
        start_ms=form.start_ms.data,
        end_ms=form.end_ms.data,
        label=form.label.data or "",
        sku="",
        product_category=form.product_category.data or "",
        speaker_role=form.speaker_role.data or "",
    )


def exported(recording: Recording, kind: str) -> tuple[str, str]:
    """The transcript as srt, vtt, txt or json, with its media type."""
    transcript = service.current_transcript(recording)
    rows = db.session.scalars(service.segments_of(transcript)).all() if transcript else []
    writers = {
        "srt": (subtitles.to_srt, "application/x-subrip"),
        "vtt": (subtitles.to_vtt, "text/vtt"),
        "txt": (subtitles.to_txt, "text/plain"),
        "json": (subtitles.to_json, "application/json"),
    }
    write, mimetype = writers[kind]
    return write([segment_of(row) for row in rows]), mimetype


def segment_of(row: SegmentRow) -> Segment:
    """A stored segment as the engines gave it, corrections included."""
    words = tuple(Word(w[0], w[1], w[2], w[3] / 100) for w in json.loads(row.words))
    return Segment(
        row.start_ms,
        row.end_ms,
        row.text,
        words,
        row.avg_logprob,
        row.no_speech_prob,
        row.compression_ratio,
        row.unintelligible,
        row.invented,
    )


def recordings_of(rows: Sequence[SegmentRow]) -> dict[int, Recording]:
    """The recording of each segment's transcript, by transcript id."""
    ids = {row.transcript_id for row in rows}
    found = db.session.execute(
        select(Transcript.id, Recording)
        .join(Recording, Transcript.recording_id == Recording.id)
        .where(Transcript.id.in_(ids))
    )
    return {row[0]: row[1] for row in found}


def stage_name(stage: str) -> str:
    """A stage of the work in the reader's language."""
    return {
        "checking": _("Checking the file"),
        "preparing": _("Preparing the sound"),
        "transcribing": _("Transcribing"),
        "scanning": _("Looking for risky claims"),
    }.get(stage, _("Waiting its turn"))


def _progress(recording: Recording, job: Job | None) -> dict[str, Any]:
    state = RecordingState(recording.state)
    ended = state in {RecordingState.READY, RecordingState.REFUSED, RecordingState.DUPLICATE}
    status = state.value if ended else _status(job)
    # A transcript stands while corrections are checked anew; that this stopped must be seen all the same.
    unchecked = state is RecordingState.READY and job is not None and job.state in ENDED_BADLY
    return {
        "state": status,
        "stage": "" if ended or job is None else stage_name(job.stage),
        "percent": 100 if ended or job is None else _percent(job),
        "remaining_s": None if ended or job is None else service.remaining_s(job),
        "message": _unchecked(job) if unchecked else _message(recording, status, job),
        "ended": ended,
        "can_cancel": status in {"waiting", "working"},
        "can_resume": unchecked or status in {"failed", "cancelled"},
    }


def _status(job: Job | None) -> str:
    if job is None or job.state in {JobState.QUEUED, JobState.DONE}:
        return "waiting"
    return {JobState.RUNNING: "working", JobState.DEAD: "failed", JobState.CANCELLED: "cancelled"}[JobState(job.state)]


def _percent(job: Job) -> int:
    low, high = SHARES.get(job.stage, (0, 0))
    share = job.done / job.total if job.total else 0.0
    return round(low + (high - low) * min(1.0, share))


def _message(recording: Recording, status: str, job: Job | None) -> str:
    if status == "refused":
        return problem(recording)
    if status == "duplicate":
        return _("This file was already uploaded for this session.")
    if status == "waiting" and recording.state == RecordingState.PREPARED:
        model = service.model_state(installation.settings())
        return "" if model.present else _no_model(model.how_to_load)
    if status == "failed" and job is not None:
        return _("The work stopped after several tries. Go on, or tell your administrator.")
    return ""


def _unchecked(job: Job | None) -> str:
    if job is not None and job.state == JobState.CANCELLED:
        return _("What was changed last has not been checked: the check was stopped. Go on when you like.")
    return _(
        "What was changed last has not been checked: the check stopped after several tries. "
        "Go on, or tell your administrator."
    )


def _no_model(command: str) -> str:
    return _(
        "No speech model is installed. Run %(command)s; this recording is then transcribed by itself.", command=command
    )
