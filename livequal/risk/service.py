"""Read transcripts with the rule pack and keep what it suspects."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Select, false, select
from sqlalchemy.exc import IntegrityError

from ..accounts.rules import Actor
from ..kernel import bus
from ..kernel.clock import SHANGHAI, now
from ..kernel.db import db
from ..onboarding.models import LiveSession
from ..streams import service as streams
from ..streams.models import Recording, SegmentRow, Transcript
from ..streams.rules import SpanKind, Word
from ..streams.timeline import SpeakerRole, TimelineSpan, context_for
from ..taxonomy.rules import ProductCategory
from .events import FlagSuperseded
from .models import FlagRow, UsedPack

if TYPE_CHECKING:
    from .matcher import Flag, Matcher, RulePack, Utterance

BASE_PACK = Path(__file__).parent / "packs" / "base"


@dataclass(frozen=True, slots=True)
class Reading:
    """A transcript as the matcher reads it, with no transaction open meanwhile."""

    transcript_id: int
    utterances: tuple[Utterance, ...]
    categories: tuple[ProductCategory, ...]
    segment_ids: dict[str, int]
    spoken_on: date


@lru_cache(maxsize=1)
def matcher() -> Matcher:
    """The base pack, compiled once for this process."""
    from .matcher import compile_pack

    return compile_pack(pack())


@lru_cache(maxsize=1)
def pack() -> RulePack:
    """The rule pack in force."""
    from .matcher import load_pack

    return load_pack(BASE_PACK)


def visible_to(actor: Actor) -> Select[FlagRow]:
    """Flags are suspicions: only the platform sees them."""
    query = select(FlagRow)
    return query if actor.sees_platform else query.where(false())


def flags_of(transcript: Transcript) -> list[FlagRow]:
    """The flags that stand, in order of time."""
    query = (
        select(FlagRow)
        .where(FlagRow.transcript_id == transcript.id, FlagRow.superseded_at.is_(None))
        .order_by(FlagRow.start_ms, FlagRow.id)
    )
    return list(db.session.scalars(query))


def reading_of(transcript_id: int) -> Reading:
    """Load what the matcher needs.

    Stretches that were not understood and invented text are left out: no claim is read from words nobody heard.
    They are heard by a human instead. What a viewer says is no claim of the host.
    """
    transcript = db.session.get_one(Transcript, transcript_id)
    recording = db.session.get_one(Recording, transcript.recording_id)
    spans = streams.timeline(recording)
    rows = [
        row
        for row in db.session.scalars(streams.segments_of(transcript))
        if not row.unintelligible and not row.invented and row.text and not _of_viewer(spans, row)
    ]
    session = db.session.get(LiveSession, recording.live_session_id) if recording.live_session_id else None
    spoken_at = session.starts_at if session else recording.created_at
    return Reading(
        transcript_id,
        tuple(_utterance(row) for row in rows),
        tuple(_category(spans, row) for row in rows),
        {str(row.id): row.id for row in rows},
        spoken_at.astimezone(SHANGHAI).date(),
    )


def read(reading: Reading) -> tuple[Flag, ...]:
    """What the pack suspects in a transcript. Pure work: needs no database."""
    from .matcher import ProductContext

    session = matcher().session()
    found: list[Flag] = []
    for utterance, category in zip(reading.utterances, reading.categories, strict=True):
        found.extend(session.feed(utterance, ProductContext(category, spoken_on=reading.spoken_on)))
    found.extend(session.finish())
    return tuple(found)


def keep(reading: Reading, flags: Sequence[Flag]) -> tuple[int, int]:
    """Keep what is new, supersede what no longer follows; answer how many of each.

    The same rule on the same words of the same line, judged alike, stays the same row with its decision, even where
    a correction moved the words along the line.
    """
    transcript = db.session.get_one(Transcript, reading.transcript_id)
    standing = _numbered((_mark_of(row), row) for row in flags_of(transcript))
    said = {u.id: (u, category) for u, category in zip(reading.utterances, reading.categories, strict=True)}
    used = _used_pack()
    found = _numbered((_mark_of(row), row) for row in (_row(reading, said, flag, used) for flag in flags))
    added = 0
    for mark, fresh in found.items():
        old = standing.pop(mark, None)
        if old is None:
            db.session.add(fresh)
            added += 1
        else:
            old.start, old.end, old.start_ms, old.end_ms = fresh.start, fresh.end, fresh.start_ms, fresh.end_ms
    for gone in standing.values():
        gone.superseded_at = now()
        db.session.flush()
        bus.emit(FlagSuperseded(gone.id))
    db.session.flush()
    return added, len(standing)


Mark = tuple[object, ...]
Said = dict[str, tuple["Utterance", ProductCategory]]


def _mark_of(row: FlagRow) -> Mark:
    return (
        row.rule,
        row.segment_id,
        row.quote,
        row.category,
        row.product_category,
        row.severity,
        row.evidence,
        row.legal_basis,
    )


def _numbered(marked: Iterable[tuple[Mark, FlagRow]]) -> dict[Mark, FlagRow]:
    """Rows by their mark and which of its like in the line they are."""
    counted: Counter[Mark] = Counter()
    numbered: dict[Mark, FlagRow] = {}
    for mark, row in marked:
        counted[mark] += 1
        numbered[(*mark, counted[mark])] = row
    return numbered


def _row(reading: Reading, said: Said, flag: Flag, used: UsedPack) -> FlagRow:
    first, category = said[flag.utterance]
    last, _category_there = said[flag.end_utterance or flag.utterance]
    return FlagRow(
        transcript_id=reading.transcript_id,
        segment_id=reading.segment_ids[first.id],
        end_segment_id=reading.segment_ids[last.id],
        pack_id=used.id,
        start=flag.start,
        end=flag.end,
        start_ms=(first.start_ms or 0) if flag.start_ms is None else flag.start_ms,
        end_ms=(last.end_ms or 0) if flag.end_ms is None else flag.end_ms,
        quote=flag.quote,
        heard_as=flag.heard_as,
        category=flag.category.value,
        product_category=category.value,
        severity=int(flag.severity),
        rule=flag.rule,
        rule_title=flag.title,
        confidence=flag.confidence,
        evidence=flag.evidence.value,
        legal_basis=flag.legal_basis,
        platform_basis=flag.platform_basis,
        suggestion=flag.suggestion,
        raised_at=now(),
    )


def _used_pack() -> UsedPack:
    current = pack()
    known = select(UsedPack).where(UsedPack.sha256 == current.sha256)
    row = db.session.scalars(known).first()
    if row is not None:
        return row
    body = {path.name: path.read_text(encoding="utf-8") for path in sorted(BASE_PACK.glob("*.yaml"))}
    row = UsedPack(
        name=f"{current.slug}@{current.version}",
        sha256=current.sha256,
        body=json.dumps(body, ensure_ascii=False),
        first_used_at=now(),
    )
    try:
        with db.session.begin_nested():
            db.session.add(row)
    except IntegrityError:
        # Another scan was quicker by a moment: its row is the same.
        return db.session.scalars(known).one()
    return row


def _utterance(row: SegmentRow) -> Utterance:
    from .matcher import Utterance

    words = tuple(Word(w[0], w[1], w[2], w[3] / 100) for w in json.loads(row.words))
    return Utterance(str(row.id), row.text, row.start_ms, row.end_ms, words)


def _of_viewer(spans: Sequence[TimelineSpan], row: SegmentRow) -> bool:
    speaker = context_for(tuple(s for s in spans if s.kind is SpanKind.SPEAKER), row.start_ms, row.end_ms)
    return speaker is not None and speaker.speaker_role == SpeakerRole.VIEWER


def _category(spans: Sequence[TimelineSpan], row: SegmentRow) -> ProductCategory:
    span = context_for(tuple(s for s in spans if s.kind is SpanKind.PRODUCT), row.start_ms, row.end_ms)
    slug = span.product_category if span is not None else None
    return ProductCategory(slug) if slug else ProductCategory.GENERAL
