"""Find words in transcripts, one- and two-character words too, on both databases."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Select, bindparam, select, text

from ..accounts.rules import Actor
from ..kernel.db import db
from . import service
from .grams import index_terms, query_terms
from .models import Recording, SegmentRow, Transcript
from .rules import TranscriptState

QUERY_MAX = 50


def index(segments: Sequence[SegmentRow]) -> None:
    """Put flushed segments into the index, or renew them."""
    if not segments:
        return
    rows = [{"id": segment.id, "terms": index_terms(segment.text)} for segment in segments]
    if _postgres():
        statement = (
            "INSERT INTO segment_search (rowid, terms) VALUES (:id, to_tsvector('simple', :terms)) "
            "ON CONFLICT (rowid) DO UPDATE SET terms = EXCLUDED.terms"
        )
    else:
        statement = "INSERT OR REPLACE INTO segment_search (rowid, terms) VALUES (:id, :terms)"
    db.session.execute(text(statement), rows)


def found(words: str, actor: Actor, *, recording_id: int | None = None) -> Select[SegmentRow]:
    """Segments in which the words stand, newest recording first; nothing for a query without words.

    The index narrows down, the last condition decides: the words must stand there as they were typed.
    """
    query = (
        select(SegmentRow)
        .join(Transcript, SegmentRow.transcript_id == Transcript.id)
        .join(Recording, Transcript.recording_id == Recording.id)
        .where(Transcript.state != TranscriptState.SUPERSEDED)
        .where(Recording.id.in_(service.visible_to(actor).with_only_columns(Recording.id)))
        .order_by(Recording.id.desc(), SegmentRow.position)
    )
    if recording_id is not None:
        query = query.where(Recording.id == recording_id)
    words = words.strip()[:QUERY_MAX]
    terms = query_terms(words)
    if not terms:
        return query.where(text("1 = 0"))
    if _postgres():
        match = "segment.id IN (SELECT rowid FROM segment_search WHERE terms @@ CAST(:terms AS tsquery))"
        joined = " & ".join(f"'{term}'" for term in terms)
    else:
        match = "segment.id IN (SELECT rowid FROM segment_search WHERE segment_search MATCH :terms)"
        joined = " AND ".join(f'"{term}"' for term in terms)
    return query.where(text(match).bindparams(bindparam("terms", joined))).where(
        SegmentRow.text.icontains(words, autoescape=True)
    )


def _postgres() -> bool:
    return db.engine.dialect.name == "postgresql"
