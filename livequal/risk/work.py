"""What the worker does for risk."""

from __future__ import annotations

from ..jobs.run import Run
from ..kernel import bus
from ..kernel.db import db, edge
from ..streams import service as streams
from ..streams.models import Recording, Transcript
from ..streams.rules import RecordingState, TranscriptState
from . import service, shadows
from .events import Scanned
from .force import in_force, shadowed

STAGE = "scanning"


def scan(run: Run) -> None:
    """Read a complete transcript with the rule pack; again after a correction, with the same outcome for the rest."""
    with edge(write=False):
        transcript = db.session.get(Transcript, run.payload["transcript_id"])
        if transcript is None or transcript.state != TranscriptState.COMPLETE:
            return
        reading, changes = service.reading_of(transcript.id), transcript.changes
        force, beside = in_force(), shadowed()
    flags = service.read(reading, force.matcher)
    hits = service.read(reading, beside.matcher) if beside else ()
    with run.step(stage=STAGE):
        transcript = db.session.get_one(Transcript, reading.transcript_id, with_for_update=True)
        if transcript.changes != changes or transcript.state != TranscriptState.COMPLETE:
            # A correction or another transcript came meanwhile: it has queued a scan of its own.
            return
        service.keep(reading, flags, force)
        if beside is not None:
            shadows.keep(beside, reading, hits, flags)
        recording = db.session.get_one(Recording, transcript.recording_id)
        first = recording.state == RecordingState.TRANSCRIBED
        if first:
            streams.set_state(recording, RecordingState.READY)
        bus.emit(Scanned(recording.id, transcript.id, first=first))
