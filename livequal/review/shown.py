"""What pages show of cases and findings."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import url_for
from sqlalchemy import select

from ..accounts.rules import Actor, Permission
from ..kernel.clock import SHANGHAI
from ..kernel.db import db
from ..kernel.i18n import locale
from ..onboarding import live_sessions
from ..onboarding import service as onboarding
from ..onboarding.models import LiveSession, Streamer
from ..risk.models import FlagRow
from ..streams import service as streams
from ..streams import shown as streams_shown
from ..streams.models import Recording, SegmentRow, Transcript
from ..taxonomy.categories import RISK_CATEGORIES
from ..taxonomy.rules import ProductCategory, RiskCategory
from . import service
from .models import Case, Decision
from .rules import REASONS, CaseKind, CaseState, Outcome, reason


@dataclass(frozen=True, slots=True)
class QueueRow:
    """One line of the queue."""

    case: Case
    recording: Recording
    live_session: LiveSession | None
    words: str
    category: str


@dataclass(frozen=True, slots=True)
class FindingRow:
    """One finding as its person reads it. `at` is the moment in the recording, ms."""

    decision: Decision
    recording: Recording
    live_session: LiveSession | None
    streamer: Streamer | None
    words: str
    category: str
    reason: str
    legal_basis: str
    suggestion: str
    at_ms: int


def queue_rows(cases: Sequence[Case]) -> list[QueueRow]:
    """The lines of one page of the queue, in a constant number of queries."""
    recordings, sessions = _recordings(cases)
    return [
        QueueRow(
            case,
            recordings[case.recording_id],
            sessions.get(recordings[case.recording_id].live_session_id or 0),
            case.flag.quote if case.flag else "",
            category_name(case.category),
        )
        for case in cases
    ]


def finding_rows(decisions: Sequence[Decision]) -> list[FindingRow]:
    """The lines of one page of findings."""
    recordings, sessions = _recordings([decision.case for decision in decisions])
    people = {
        row.id: row
        for row in db.session.scalars(
            select(Streamer).where(Streamer.id.in_([d.streamer_id for d in decisions if d.streamer_id]))
        ).unique()
    }
    words = service.words_of([decision.case for decision in decisions])
    rows = []
    for decision in decisions:
        case, recording = decision.case, recordings[decision.case.recording_id]
        rows.append(
            FindingRow(
                decision,
                recording,
                sessions.get(recording.live_session_id or 0),
                people.get(decision.streamer_id or 0),
                words[case.id],
                category_name(decision.category),
                reason_text(decision),
                case.flag.legal_basis if case.flag and case.flag.category == decision.category else "",
                case.flag.suggestion if case.flag else "",
                case.start_ms,
            )
        )
    return rows


def transcript_json(recording: Recording, actor: Actor) -> str:
    """The transcript page's document. Words are passed on as they are stored: two hours have 30,000 of them."""
    transcript = streams.current_transcript(recording)
    segments = db.session.scalars(streams.segments_of(transcript)).all() if transcript else []
    cases = [case for case in service.cases_of(recording.id) if transcript and _is_shown(case, transcript)]
    decisions = service.newest_decisions(cases)
    document = {
        "recording": _recording_json(recording, actor),
        "flags": [
            flag_json(case.flag, case, decisions.get(case.id)) | _place(case.flag, segments)
            for case in cases
            if case.flag is not None
        ],
        "unclear": [case_json(case, decisions.get(case.id)) for case in cases if case.kind == CaseKind.UNCLEAR],
        "spans": [streams_shown.span_json(span) for span in streams.spans_of(recording)],
        "categories": [{"slug": c.value, "name": category_name(c.value)} for c in RiskCategory],
        "reasons": {
            name: [{"slug": r.slug, "name": r.text(locale()), "needs_note": r.needs_note} for r in REASONS[key]]
            for name, key in (
                ("confirm", Outcome.CONFIRMED),
                ("dismiss", Outcome.DISMISSED),
                ("withdraw", Outcome.WITHDRAWN),
            )
        },
        "product_categories": [{"slug": c.value, "name": product_name(c.value)} for c in ProductCategory],
        "streamers": [{"id": s.id, "name": s.stage_name} for s in _streamers(recording)],
    }
    head = json.dumps(document, ensure_ascii=False)
    return f'{head[:-1]},"segments":[{",".join(streams_shown.segment_json(row) for row in segments)}]}}'


def _is_shown(case: Case, transcript: Transcript) -> bool:
    """What is open in this transcript, and whatever was decided, even on words that were corrected since."""
    if case.state in {CaseState.CONFIRMED, CaseState.DISMISSED}:
        return True
    return case.transcript_id == transcript.id and case.state == CaseState.OPEN


def _place(flag: FlagRow, segments: Sequence[SegmentRow]) -> dict[str, int]:
    """Where a flag is drawn now: its own place, or for one whose words were corrected the line at its moment."""
    ids = {row.id for row in segments}
    if flag.superseded_at is None and flag.segment_id in ids and flag.end_segment_id in ids:
        return {}
    there = next((row for row in segments if row.end_ms > flag.start_ms), segments[-1] if segments else None)
    if there is None:
        return {}
    start = max(0, there.text.find(flag.quote))
    end = start + len(flag.quote) if flag.quote in there.text else len(there.text)
    return {"segment_id": there.id, "end_segment_id": there.id, "start": start, "end": end}


def flag_json(flag: FlagRow, case: Case, decision: Decision | None) -> dict[str, Any]:
    """One flag with its case."""
    return {
        "id": flag.id,
        "case_id": case.id,
        "case_version": case.version,
        "segment_id": flag.segment_id,
        "end_segment_id": flag.end_segment_id,
        "start": flag.start,
        "end": flag.end,
        "start_ms": flag.start_ms,
        "end_ms": flag.end_ms,
        "category": flag.category,
        "category_name": category_name(flag.category),
        "product_category": flag.product_category,
        "severity": flag.severity,
        "quote": flag.quote,
        "rule": flag.rule,
        "rule_text": flag.rule_title,
        "confidence": flag.confidence,
        "evidence": flag.evidence,
        "legal_basis": flag.legal_basis,
        "platform_basis": flag.platform_basis,
        "suggestion": flag.suggestion,
        "heard_as": flag.heard_as,
        "state": case.state,
        "decision": decision_json(decision),
    }


def case_json(case: Case, decision: Decision | None) -> dict[str, Any]:
    """One case and what was decided last."""
    return {
        "case_id": case.id,
        "case_version": case.version,
        "version": case.version,
        "start_ms": case.start_ms,
        "end_ms": case.end_ms,
        "state": case.state,
        "decision": decision_json(decision),
    }


def decision_json(decision: Decision | None) -> dict[str, Any] | None:
    """A decision in one line: who, when, why."""
    if decision is None:
        return None
    return {
        "by": decision.decided_by_name,
        "at": decision.decided_at.astimezone(SHANGHAI).isoformat(timespec="minutes"),
        "outcome": decision.outcome,
        "reason": reason_text(decision),
        "note": decision.note,
    }


def category_name(slug: str) -> str:
    """A risk category's name in the reader's language; empty for none."""
    if not slug:
        return ""
    facts = RISK_CATEGORIES[RiskCategory(slug)]
    return facts.en if locale() == "en" else facts.zh


def product_name(slug: str) -> str:
    """A product category's name in the reader's language."""
    category = ProductCategory(slug)
    return category.en if locale() == "en" else category.zh


def reason_text(decision: Decision) -> str:
    """Why it was decided so, from the catalogue."""
    entry = reason(Outcome(decision.outcome), decision.reason)
    return entry.text(locale()) if entry else decision.reason


def _recording_json(recording: Recording, actor: Actor) -> dict[str, Any]:
    return {
        "id": recording.id,
        "title": recording.title,
        "duration_ms": recording.duration_ms,
        "state": recording.state,
        "unreadable": recording.unreadable,
        "media_url": url_for("streams.media", recording_id=recording.id) if recording.m4a_key else "",
        "peaks_url": url_for("streams.peaks", recording_id=recording.id) if recording.peaks_key else "",
        "can_decide": actor.may(Permission.DECIDE_CASES),
        "can_correct": actor.may(Permission.CORRECT_TRANSCRIPTS),
        "can_mark": actor.may(Permission.MARK_TIMELINES),
        "urls": {
            "decide": "/cases/{id}/decide",
            "correct": f"/recordings/{recording.id}/segments/{{id}}/words",
            "timeline": f"/recordings/{recording.id}/timeline",
        },
    }


def _streamers(recording: Recording) -> Sequence[Streamer]:
    return onboarding.streamers_of(recording.live_session_id) if recording.live_session_id else []


def _recordings(cases: Sequence[Case]) -> tuple[dict[int, Recording], dict[int, LiveSession]]:
    ids = {case.recording_id for case in cases}
    recordings = {row.id: row for row in db.session.scalars(select(Recording).where(Recording.id.in_(ids)))}
    sessions = live_sessions.by_id(row.live_session_id for row in recordings.values() if row.live_session_id)
    return recordings, sessions
