"""Read transcripts with the rule pack and keep what it suspects."""

from __future__ import annotations

import json
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, false, literal, select

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
from .force import Force, in_force, used
from .models import FlagRow, ReadText, UsedPack

if TYPE_CHECKING:
    from .matcher import Flag, Matcher, RulePack, Utterance


@dataclass(frozen=True, slots=True)
class Reading:
    """A transcript as the matcher reads it, with no transaction open meanwhile."""

    transcript_id: int
    utterances: tuple[Utterance, ...]
    categories: tuple[ProductCategory, ...]
    segment_ids: dict[str, int]
    spoken_on: date


def matcher() -> Matcher:
    """The pack in force, compiled once in this process; an activation counts from the next call."""
    return in_force().matcher


def pack() -> RulePack:
    """The rule pack in force."""
    return in_force().pack


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


def reading_of(transcript_id: int, *, words: bool = True) -> Reading:
    """Load what the matcher needs; without `words` (times and certainty of each) it is several times quicker.

    Stretches that were not understood and invented text are left out: no claim is read from words nobody heard.
    They are heard by a human instead. What a viewer says is no claim of the host.
    """
    transcript = db.session.get_one(Transcript, transcript_id)
    recording = db.session.get_one(Recording, transcript.recording_id)
    spans = streams.timeline(recording)
    speakers = tuple(span for span in spans if span.kind is SpanKind.SPEAKER)
    products = tuple(span for span in spans if span.kind is SpanKind.PRODUCT)
    understood = streams.segments_of(transcript).where(
        SegmentRow.unintelligible.is_(False), SegmentRow.invented == "", SegmentRow.text != ""
    )
    told = SegmentRow.words if words else literal("[]").label("words")
    columns = understood.with_only_columns(SegmentRow.id, SegmentRow.text, SegmentRow.start_ms, SegmentRow.end_ms, told)
    rows = [row for row in db.session.execute(columns) if not _of_viewer(speakers, row)]
    session = db.session.get(LiveSession, recording.live_session_id) if recording.live_session_id else None
    spoken_at = session.starts_at if session else recording.created_at
    return Reading(
        transcript_id,
        tuple(_utterance(row) for row in rows),
        tuple(_category(products, row) for row in rows),
        {str(row.id): row.id for row in rows},
        spoken_at.astimezone(SHANGHAI).date(),
    )


def read(reading: Reading, matcher: Matcher) -> tuple[Flag, ...]:
    """What a pack suspects in a transcript. Pure work: needs no database."""
    from .matcher import ProductContext

    session = matcher.session()
    found: list[Flag] = []
    for utterance, category in zip(reading.utterances, reading.categories, strict=True):
        found.extend(session.feed(utterance, ProductContext(category, spoken_on=reading.spoken_on)))
    found.extend(session.finish())
    return tuple(found)


def keep(reading: Reading, flags: Sequence[Flag], force: Force) -> tuple[int, int]:
    """Keep what is new, supersede what no longer follows; answer how many of each. `force` raised the flags.

    The same rule on the same words of the same line, judged alike, stays the same row with its decision, even where
    a correction moved the words along the line.
    """
    transcript = db.session.get_one(Transcript, reading.transcript_id)
    standing = _numbered((_mark_of(row), row) for row in flags_of(transcript))
    said = {u.id: (u, category) for u, category in zip(reading.utterances, reading.categories, strict=True)}
    pack_row = used(force)
    found = _numbered((_mark_of(row), row) for row in (_row(reading, said, flag, pack_row) for flag in flags))
    added: list[FlagRow] = []
    for mark, fresh in found.items():
        old = standing.pop(mark, None)
        if old is None:
            added.append(fresh)
        else:
            old.start, old.end, old.start_ms, old.end_ms = fresh.start, fresh.end, fresh.start_ms, fresh.end_ms
    if added:
        text = ReadText(transcript_id=transcript.id, body=kept_text(reading), read_at=now())
        db.session.add(text)
        db.session.flush()
        for fresh in added:
            fresh.read_text_id = text.id
        db.session.add_all(added)
    for gone in standing.values():
        gone.superseded_at = now()
        db.session.flush()
        bus.emit(FlagSuperseded(gone.id))
    db.session.flush()
    return len(added), len(standing)


def kept_text(reading: Reading) -> bytes:
    """What was read, to the letter, as it is kept for replay."""
    lines = [
        [reading.segment_ids[said.id], said.text, said.start_ms, said.end_ms, category.value]
        for said, category in zip(reading.utterances, reading.categories, strict=True)
    ]
    facts = {"spoken_on": reading.spoken_on.isoformat(), "lines": lines}
    return zlib.compress(json.dumps(facts, ensure_ascii=False, separators=(",", ":")).encode(), 6)


def reading_from(row: ReadText) -> Reading:
    """What was read then, without the words' times and certainty, on which no flag's place depends."""
    from .matcher import Utterance

    facts = json.loads(zlib.decompress(row.body))
    lines = facts["lines"]
    return Reading(
        row.transcript_id,
        tuple(Utterance(str(segment_id), text, start_ms, end_ms) for segment_id, text, start_ms, end_ms, _ in lines),
        tuple(ProductCategory(line[4]) for line in lines),
        {str(line[0]): line[0] for line in lines},
        date.fromisoformat(facts["spoken_on"]),
    )


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
        raised_start=flag.start,
        raised_end=flag.end,
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


def _utterance(row: Any) -> Utterance:
    from .matcher import Utterance

    words = tuple(Word(w[0], w[1], w[2], w[3] / 100) for w in json.loads(row.words))
    return Utterance(str(row.id), row.text, row.start_ms, row.end_ms, words)


def _of_viewer(speakers: Sequence[TimelineSpan], row: Any) -> bool:
    speaker = context_for(speakers, row.start_ms, row.end_ms)
    return speaker is not None and speaker.speaker_role == SpeakerRole.VIEWER


def _category(products: Sequence[TimelineSpan], row: Any) -> ProductCategory:
    span = context_for(products, row.start_ms, row.end_ms)
    slug = span.product_category if span is not None else None
    return ProductCategory(slug) if slug else ProductCategory.GENERAL
