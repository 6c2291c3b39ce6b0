"""What the worker does for review."""

from __future__ import annotations

from ..jobs.run import Run
from ..kernel import installation
from ..kernel.db import db, edge
from ..streams.media import clip
from ..streams.models import Recording
from .models import Case, Clip

BEFORE_MS = 3000
AFTER_MS = 2000
LONGEST_MS = 120_000


def cut_clip(run: Run) -> None:
    """Cut the sound of a finding from the rendition, with three seconds before and two after it."""
    with edge(write=False):
        case = db.session.get_one(Case, run.payload["case_id"])
        recording = db.session.get_one(Recording, case.recording_id)
        if db.session.get(Clip, case.id) is not None:
            return
        start_ms = max(0, case.start_ms - BEFORE_MS)
        end_ms = min(recording.duration_ms, case.end_ms + AFTER_MS, start_ms + LONGEST_MS)
        source = installation.storage().path(recording.m4a_key)
        case_id = case.id
    sound = clip(source, start_ms, end_ms)
    target = installation.storage().new_incoming()
    target.write_bytes(sound)
    key = installation.storage().adopt(target, "clips", ".m4a")
    with run.step():
        db.session.add(Clip(case_id=case_id, start_ms=start_ms, end_ms=end_ms, key=key))
