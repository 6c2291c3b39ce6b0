"""What a shadowed version would have flagged: kept apart from flags, for nothing follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Select, case, delete, func, select

from ..kernel.clock import now
from ..kernel.db import db
from ..streams.models import Transcript
from .force import Force
from .models import PackVersion, ShadowHit

if TYPE_CHECKING:
    from .matcher import Flag
    from .service import Reading


@dataclass(frozen=True, slots=True)
class RuleCount:
    """How often a rule spoke in the shadow, and how often the pack in force said the same."""

    rule: str
    hits: int
    also_active: int


def keep(force: Force, reading: Reading, hits: Sequence[Flag], active: Sequence[Flag]) -> None:
    """Put a transcript's hits in the place of those kept from an earlier reading of it."""
    version = db.session.get(PackVersion, force.version_id)
    if version is None:
        return
    of_transcript = (ShadowHit.version_id == version.id, ShadowHit.transcript_id == reading.transcript_id)
    db.session.execute(delete(ShadowHit).where(*of_transcript))
    known = {_place(flag) for flag in active}
    said = {u.id: (u, category) for u, category in zip(reading.utterances, reading.categories, strict=True)}
    for flag in hits:
        utterance, product = said[flag.utterance]
        db.session.add(
            ShadowHit(
                version_id=version.id,
                sha256=force.pack.sha256,
                transcript_id=reading.transcript_id,
                segment_id=reading.segment_ids[flag.utterance],
                end_segment_id=reading.segment_ids[flag.end_utterance or flag.utterance],
                start=flag.start,
                end=flag.end,
                start_ms=(utterance.start_ms or 0) if flag.start_ms is None else flag.start_ms,
                quote=flag.quote,
                rule=flag.rule,
                category=flag.category.value,
                product_category=product.value,
                severity=int(flag.severity),
                also_active=_place(flag) in known,
                at=now(),
            )
        )
    db.session.flush()


def _place(flag: Flag) -> tuple[str, int, str, int, str]:
    return flag.utterance, flag.start, flag.end_utterance or flag.utterance, flag.end, flag.category.value


def hits_of(version_id: int, rule: str = "", *, only_new: bool = False) -> Select[ShadowHit]:
    """A version's hits, newest first; `only_new`: those that the pack in force did not raise."""
    query = select(ShadowHit).where(ShadowHit.version_id == version_id).order_by(ShadowHit.id.desc())
    if rule:
        query = query.where(ShadowHit.rule == rule)
    return query.where(ShadowHit.also_active.is_(False)) if only_new else query


def counts_of(version_id: int) -> list[RuleCount]:
    """Hits per rule of a version, those first that the pack in force did not raise."""
    active = func.sum(case((ShadowHit.also_active, 1), else_=0))
    rows = db.session.execute(
        select(ShadowHit.rule, func.count(), active).where(ShadowHit.version_id == version_id).group_by(ShadowHit.rule)
    )
    counts = [RuleCount(rule, hits, int(both or 0)) for rule, hits, both in rows]
    return sorted(counts, key=lambda one: (one.also_active - one.hits, one.rule))


def recordings_of(transcript_ids: Sequence[int]) -> dict[int, int]:
    """The recording of each transcript."""
    rows = db.session.execute(select(Transcript.id, Transcript.recording_id).where(Transcript.id.in_(transcript_ids)))
    return {row.id: row.recording_id for row in rows}
