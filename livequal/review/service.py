"""Open cases, decide them, and show what was found to whom it concerns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Select, and_, false, func, or_, select
from sqlalchemy.orm import aliased

from ..accounts.rules import Actor
from ..audit import service as audit
from ..kernel import bus
from ..kernel.clock import now
from ..kernel.db import db
from ..kernel.errors import Conflict, Invalid, NotFound, WrongState
from ..kernel.i18n import gettext
from ..kernel.states import move
from ..onboarding import live_sessions
from ..onboarding import service as onboarding
from ..onboarding.models import Streamer
from ..risk.models import FlagRow
from ..streams import service as streams
from ..streams.models import Recording, SegmentRow, Transcript
from ..streams.rules import SpanKind, TranscriptState, unclear_stretches
from ..streams.timeline import SpeakerRole, context_for
from ..taxonomy.rules import RiskCategory
from .events import ConfirmationWithdrawn, ViolationConfirmed
from .models import Case, Clip, Decision
from .rules import MOVES, REASONS_VERSION, STATE_AFTER, CaseKind, CaseState, Outcome, reason

NOTE_MAX = 1000
SAME_MOMENT_MS = 1500
UNCLEAR_SEVERITY = 2


class StaleCase(Conflict):
    """Somebody else decided first; `decision` is theirs."""

    def __init__(self, case: Case, decision: Decision | None) -> None:
        super().__init__(
            gettext("Somebody decided this meanwhile. What you wrote is still here.")
            if decision
            else gettext("The words were corrected meanwhile, so this is settled. Go on to the next.")
        )
        self.case, self.decision = case, decision


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a moderator says of a case. `streamer_id` None leaves open whom it concerns."""

    outcome: Outcome
    reason: str
    note: str = ""
    category: str = ""
    streamer_id: int | None = None


def visible_to(actor: Actor) -> Select[Case]:
    """Cases are the platform's to see."""
    query = select(Case)
    return query if actor.sees_platform else query.where(false())


def get(case_id: int, actor: Actor) -> Case:
    """One case.

    Raises: NotFound.
    """
    case = db.session.scalars(visible_to(actor).where(Case.id == case_id)).first()
    if case is None:
        raise NotFound(gettext("There is no such case, or it is not yours to see."))
    return case


def queue(actor: Actor, *, kind: str = "", category: str = "", severity: int = 0, room_id: int = 0) -> Select[Case]:
    """Open cases, the gravest first, then the oldest."""
    query = visible_to(actor).where(Case.state == CaseState.OPEN).order_by(Case.severity.desc(), Case.id)
    if kind:
        query = query.where(Case.kind == kind)
    if category:
        query = query.where(Case.category == category)
    if severity:
        query = query.where(Case.severity == severity)
    if room_id:
        sessions = live_sessions.ids_of_room(room_id)
        query = query.join(Recording, Case.recording_id == Recording.id).where(Recording.live_session_id.in_(sessions))
    return query


def open_count(actor: Actor) -> int:
    """How many cases wait."""
    query = visible_to(actor).where(Case.state == CaseState.OPEN)
    return db.session.scalar(select(func.count()).select_from(query.subquery())) or 0


def open_cases(recording_id: int, transcript_id: int) -> int:
    """Give every new flag and every stretch that was not understood its case; answer how many were opened.

    Run again after a correction, it opens only what is new and supersedes undecided cases that lost their ground.
    """
    transcript = db.session.get_one(Transcript, transcript_id)
    known = set(
        db.session.scalars(select(Case.flag_id).where(Case.transcript_id == transcript_id, Case.flag_id.is_not(None)))
    )
    flags = db.session.scalars(
        select(FlagRow).where(FlagRow.transcript_id == transcript_id, FlagRow.superseded_at.is_(None))
    )
    settled = _settled(recording_id)
    opened = [_claim(recording_id, flag) for flag in flags if flag.id not in known and not _same_claim(flag, settled)]
    opened += _unclear(recording_id, transcript)
    db.session.add_all(opened)
    db.session.flush()
    _supersede_others(recording_id, transcript)
    return len(opened)


def supersede_case_of(flag_id: int) -> None:
    """A flag lost its ground: its case ends, unless somebody decided it already."""
    case = db.session.scalars(select(Case).where(Case.flag_id == flag_id)).first()
    if case is not None and case.state == CaseState.OPEN:
        _supersede(case)


def decide(case: Case, verdict: Verdict, version: int, *, by: Actor) -> Decision:
    """Write down what a human decided.

    Raises: StaleCase when the case changed since the page was shown, Invalid, WrongState.
    """
    # Two deciding at once: the second waits here, then finds the newer version.
    db.session.refresh(case, with_for_update={"of": Case})
    if case.version != version:
        raise StaleCase(case, newest_decision(case))
    if verdict.outcome is Outcome.WITHDRAWN and case.state != CaseState.CONFIRMED:
        raise WrongState(gettext("Only a confirmation can be withdrawn."))
    _check(case, verdict)
    target = STATE_AFTER[verdict.outcome]
    before, previous = case.state, newest_decision(case)
    if before != target:
        case.state = move(CaseState(before), target, MOVES)
    decision = Decision(
        case_id=case.id,
        case_version=version,
        outcome=verdict.outcome,
        category=_category(case, verdict) if verdict.outcome is Outcome.CONFIRMED else "",
        reason=verdict.reason,
        reasons_version=REASONS_VERSION,
        note=verdict.note.strip(),
        streamer_id=verdict.streamer_id if verdict.outcome is Outcome.CONFIRMED else None,
        decided_by=by.user_id,
        decided_by_name=by.name,
        decided_at=now(),
    )
    case.version += 1
    db.session.add(decision)
    db.session.flush()
    audit.record(
        "case.decide",
        case,
        by=by,
        before={"state": before},
        after={
            "state": case.state,
            "outcome": decision.outcome,
            "reason": decision.reason,
            "streamer": decision.streamer_id,
        },
        reason=decision.note,
    )
    if before == CaseState.CONFIRMED and previous is not None and _no_longer_holds(previous, decision):
        bus.emit(ConfirmationWithdrawn(case.id, previous.id))
    if verdict.outcome is Outcome.CONFIRMED:
        bus.emit(ViolationConfirmed(case.id, decision.id))
    return decision


def _no_longer_holds(previous: Decision, decision: Decision) -> bool:
    return decision.outcome != Outcome.CONFIRMED or decision.streamer_id != previous.streamer_id


def newest_decision(case: Case) -> Decision | None:
    """The decision that counts."""
    query = select(Decision).where(Decision.case_id == case.id).order_by(Decision.id.desc()).limit(1)
    return db.session.scalars(query).first()


def newest_decisions(cases: Sequence[Case]) -> dict[int, Decision]:
    """The decision that counts of each case, by case id."""
    ids = [case.id for case in cases if case.state != CaseState.OPEN]
    newest = select(func.max(Decision.id)).where(Decision.case_id.in_(ids)).group_by(Decision.case_id)
    return {d.case_id: d for d in db.session.scalars(select(Decision).where(Decision.id.in_(newest)))}


def cases_of(recording_id: int) -> list[Case]:
    """Every case of a recording in order of time."""
    query = select(Case).where(Case.recording_id == recording_id).order_by(Case.start_ms, Case.id)
    return list(db.session.scalars(query))


def counts_of(recording_ids: Sequence[int]) -> dict[int, dict[str, int]]:
    """Cases per state of each recording."""
    rows = db.session.execute(
        select(Case.recording_id, Case.state, func.count())
        .where(Case.recording_id.in_(recording_ids))
        .group_by(Case.recording_id, Case.state)
    )
    counts: dict[int, dict[str, int]] = {}
    for recording_id, state, number in rows:
        counts.setdefault(recording_id, {})[state] = number
    return counts


def findings(actor: Actor) -> Select[Decision]:
    """Confirmed findings that concern the person: her own, her MCN's people's, or all for the platform."""
    other = aliased(Decision)
    newest = select(func.max(other.id)).where(other.case_id == Decision.case_id).correlate(Decision).scalar_subquery()
    query = (
        select(Decision)
        .join(Case, Decision.case_id == Case.id)
        .where(Case.state == CaseState.CONFIRMED, Decision.outcome == Outcome.CONFIRMED, Decision.id == newest)
        .order_by(Decision.id.desc())
    )
    if actor.sees_platform:
        return query
    people = onboarding.visible_to_streamers(actor).with_only_columns(Streamer.id)
    return query.where(Decision.streamer_id.in_(people))


def finding(case_id: int, actor: Actor) -> Decision:
    """The confirmed finding of a case.

    Raises: NotFound, also when it was withdrawn or concerns somebody else.
    """
    decision = db.session.scalars(findings(actor).where(Decision.case_id == case_id)).first()
    if decision is None:
        raise NotFound(gettext("There is no such finding, or it was withdrawn."))
    return decision


def clip_of(case_id: int) -> Clip | None:
    """The sound of a finding, None while it is being cut."""
    return db.session.get(Clip, case_id)


def words_of(cases: Sequence[Case]) -> dict[int, str]:
    """What was said in each case, by case id: the flag's quote, else what the transcript has there."""
    words = {case.id: case.flag.quote for case in cases if case.flag is not None}
    unclear = [case for case in cases if case.flag is None]
    if not unclear:
        return words
    within = or_(
        *(
            and_(
                SegmentRow.transcript_id == case.transcript_id,
                SegmentRow.start_ms < case.end_ms,
                SegmentRow.end_ms > case.start_ms,
            )
            for case in unclear
        )
    )
    rows = db.session.scalars(select(SegmentRow).where(within).order_by(SegmentRow.position)).all()
    for case in unclear:
        there = (
            row.text
            for row in rows
            if row.transcript_id == case.transcript_id and row.start_ms < case.end_ms and row.end_ms > case.start_ms
        )
        words[case.id] = " ".join(filter(None, there))
    return words


def _settled(recording_id: int) -> list[FlagRow]:
    """The claims of a recording on which somebody decided, whatever became of the words since."""
    query = (
        select(FlagRow)
        .join(Case, Case.flag_id == FlagRow.id)
        .where(Case.recording_id == recording_id, Case.state.in_((CaseState.CONFIRMED, CaseState.DISMISSED)))
    )
    return list(db.session.scalars(query))


def _same_claim(flag: FlagRow, settled: Sequence[FlagRow]) -> bool:
    """Whether it was decided already: the same rule on the same words at the same moment."""
    return any(
        old.rule == flag.rule and old.quote == flag.quote and abs(old.start_ms - flag.start_ms) <= SAME_MOMENT_MS
        for old in settled
    )


def _claim(recording_id: int, flag: FlagRow) -> Case:
    return Case(
        recording_id=recording_id,
        transcript_id=flag.transcript_id,
        kind=CaseKind.CLAIM,
        flag_id=flag.id,
        category=flag.category,
        severity=flag.severity,
        start_ms=flag.start_ms,
        end_ms=flag.end_ms,
        opened_at=now(),
    )


def _unclear(recording_id: int, transcript: Transcript) -> list[Case]:
    rows = db.session.execute(
        select(SegmentRow.start_ms, SegmentRow.end_ms)
        .where(SegmentRow.transcript_id == transcript.id, SegmentRow.unintelligible)
        .order_by(SegmentRow.start_ms)
    )
    stretches = unclear_stretches((start_ms, end_ms) for start_ms, end_ms in rows)
    known = {
        (case.start_ms, case.end_ms): case
        for case in db.session.scalars(
            select(Case).where(Case.transcript_id == transcript.id, Case.kind == CaseKind.UNCLEAR)
        )
    }
    for stretch, case in known.items():
        if stretch not in stretches and case.state == CaseState.OPEN:
            # Somebody heard it and wrote down what was said: the words are read like all others now.
            _supersede(case)
    return [
        Case(
            recording_id=recording_id,
            transcript_id=transcript.id,
            kind=CaseKind.UNCLEAR,
            severity=UNCLEAR_SEVERITY,
            start_ms=start_ms,
            end_ms=end_ms,
            opened_at=now(),
        )
        for start_ms, end_ms in stretches
        if (start_ms, end_ms) not in known
    ]


def _supersede_others(recording_id: int, transcript: Transcript) -> None:
    """Undecided cases of transcripts that were followed by this one have lost their ground."""
    if transcript.state != TranscriptState.COMPLETE:
        return
    left = select(Case).where(
        Case.recording_id == recording_id, Case.transcript_id != transcript.id, Case.state == CaseState.OPEN
    )
    for case in db.session.scalars(left):
        _supersede(case)
    db.session.flush()


def _supersede(case: Case) -> None:
    case.state, case.version = move(CaseState(case.state), CaseState.SUPERSEDED, MOVES), case.version + 1


def _check(case: Case, verdict: Verdict) -> None:
    errors: dict[str, str] = {}
    entry = reason(verdict.outcome, verdict.reason)
    if entry is None:
        errors["reason"] = gettext("Choose a reason.")
    elif entry.needs_note and not verdict.note.strip():
        errors["note"] = gettext("Write a sentence that says why.")
    if len(verdict.note) > NOTE_MAX:
        errors["note"] = gettext("Write at most %(count)s characters.", count=NOTE_MAX)
    if verdict.outcome is Outcome.CONFIRMED:
        if _category(case, verdict) not in set(RiskCategory):
            errors["category"] = gettext("Choose what is wrong with these words.")
        people = {streamer.id for streamer in people_of(case)}
        if verdict.streamer_id is not None and verdict.streamer_id not in people:
            errors["streamer"] = gettext("This person did not stream in this session.")
        elif verdict.streamer_id is not None and _said_by_another(case):
            errors["streamer"] = gettext(
                "The timeline has somebody else speaking here. Correct the mark, or name nobody."
            )
    if errors:
        raise Invalid(errors)


def people_of(case: Case) -> Sequence[Streamer]:
    """Who streamed in the case's live session; empty when the recording belongs to none."""
    recording = db.session.get_one(Recording, case.recording_id)
    return [] if recording.live_session_id is None else onboarding.streamers_of(recording.live_session_id)


def _said_by_another(case: Case) -> bool:
    """Whether the timeline says that no streamer speaks there: a viewer, an AI voice, or nobody knows who."""
    spans = streams.timeline(db.session.get_one(Recording, case.recording_id))
    speaker = context_for(tuple(s for s in spans if s.kind is SpanKind.SPEAKER), case.start_ms, case.end_ms)
    return speaker is not None and speaker.speaker_role in {SpeakerRole.VIEWER, SpeakerRole.AI, SpeakerRole.UNKNOWN}


def _category(case: Case, verdict: Verdict) -> str:
    return verdict.category or case.category
