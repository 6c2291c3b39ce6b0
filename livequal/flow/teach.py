"""What follows for learning: who has to learn what."""

from __future__ import annotations

from sqlalchemy import select

from ..jobs.run import Run
from ..kernel.db import db
from ..notifications import service as notifications
from ..notifications.rules import NoticeKind
from ..onboarding.events import StreamerChanged, StreamerLeft
from ..onboarding.models import Streamer
from ..review import service as review
from ..review import work as review_work
from ..review.events import ConfirmationWithdrawn, ViolationConfirmed
from ..review.models import Case, Clip, Decision
from ..review.rules import CaseState
from ..streams import service as streams
from ..streams.models import Recording, SegmentRow
from ..streams.rules import SpanKind
from ..streams.timeline import SpeakerRole
from ..training import assigning, certificates, remedy
from ..training.events import ExamPassed
from ..training.remedy import Spoken


def streamer_moved(event: StreamerChanged | StreamerLeft) -> None:
    """What a streamer sells, or whether she still works, decides what she has to learn."""
    user_id = db.session.get_one(Streamer, event.streamer_id).user_id
    if user_id is not None:
        assigning.joined(user_id)


def passed(event: ExamPassed) -> None:
    """A passed exam does what was asked, and earns its certificate; an exercise earns none."""
    if not remedy.personal(event.course_id):
        certificates.issue(event.attempt_id)
    assigning.passed(event.user_id, event.course_id, event.attempt_id)


def confirmed(event: ViolationConfirmed) -> None:
    """What a human confirmed of a streamer gives her an exercise on it, in the same transaction."""
    decision = db.session.get_one(Decision, event.decision_id)
    user_id = _user_of(decision)
    if user_id is None:
        return
    given = remedy.give(user_id, decision.category, event.case_id)
    if given is not None:
        facts = {"title": given.title, "due_on": str(given.due_on)}
        notifications.tell([user_id], NoticeKind.EXERCISE_GIVEN, facts, url=f"/learn/courses/{given.slug}")


def withdrawn(event: ConfirmationWithdrawn) -> None:
    """A confirmation that no longer holds asks for nothing."""
    for user_id, title in remedy.take_back(event.case_id):
        notifications.tell([user_id], NoticeKind.EXERCISE_WITHDRAWN, {"title": title}, url="/learn")


def cut_clip(run: Run) -> None:
    """Cut the sound of a finding, and put a copy of it into its streamer's exercise."""
    review_work.cut_clip(run)
    with run.step():
        add_own_clip(run.payload["case_id"])


def add_own_clip(case_id: int) -> bool:
    """A copy of her own clip comes into the streamer's exercise, unless it can't be given without harm.

    Left out: clips in which the timeline has anybody else speak, in which something is not decided or not understood.
    """
    case, clip = db.session.get_one(Case, case_id), db.session.get(Clip, case_id)
    decision = review.newest_decision(case)
    if clip is None or decision is None or case.state != CaseState.CONFIRMED:
        return False
    user_id, recording = _user_of(decision), db.session.get_one(Recording, case.recording_id)
    if user_id is None or _others_speak(recording, clip, decision):
        return False
    marks = _marks(case, clip)
    spoken = None if marks is None else _spoken(case, clip, marks)
    return spoken is not None and remedy.add_clip(user_id, decision.category, case_id, spoken, clip.key)


def _user_of(decision: Decision) -> int | None:
    return None if decision.streamer_id is None else db.session.get_one(Streamer, decision.streamer_id).user_id


def _others_speak(recording: Recording, clip: Clip, decision: Decision) -> bool:
    streamer = db.session.get_one(Streamer, decision.streamer_id)
    own = {"", streamer.stage_name, streamer.name}
    return any(
        span.kind is SpanKind.SPEAKER
        and span.start_ms < clip.end_ms
        and span.end_ms > clip.start_ms
        and (span.speaker_role != SpeakerRole.STREAMER or span.label not in own)
        for span in streams.timeline(recording)
    )


def _marks(case: Case, clip: Clip) -> list[tuple[int, int, str]] | None:
    """What was confirmed within a clip, with its times; None while something there is not decided."""
    there = [
        row for row in review.cases_of(case.recording_id) if row.start_ms < clip.end_ms and row.end_ms > clip.start_ms
    ]
    if any(row.state == CaseState.OPEN for row in there):
        return None
    newest = review.newest_decisions(there)
    return [(row.start_ms, row.end_ms, newest[row.id].category) for row in there if row.state == CaseState.CONFIRMED]


def _spoken(case: Case, clip: Clip, marks: list[tuple[int, int, str]]) -> list[Spoken] | None:
    query = (
        select(SegmentRow)
        .where(SegmentRow.transcript_id == case.transcript_id)
        .where(SegmentRow.start_ms < clip.end_ms, SegmentRow.end_ms > clip.start_ms)
        .order_by(SegmentRow.start_ms)
    )
    rows = db.session.scalars(query).all()
    if any(row.unintelligible for row in rows):
        return None
    return [
        Spoken(
            row.text,
            max(row.start_ms, clip.start_ms) - clip.start_ms,
            min(row.end_ms, clip.end_ms) - clip.start_ms,
            next((slug for start, end, slug in marks if start < row.end_ms and end > row.start_ms), ""),
        )
        for row in rows
    ]
