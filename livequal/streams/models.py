"""Uploads, recordings, transcripts and timelines."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, event, text
from sqlalchemy.orm import Mapped, mapped_column

from ..kernel.db import Base


class Upload(Base):
    """A file on its way in, piece by piece. `incoming` is the name of the growing file in storage."""

    __tablename__ = "upload"
    __table_args__ = (
        CheckConstraint("state IN ('open','finished','abandoned')", name="state"),
        CheckConstraint("received >= 0 AND received <= size", name="received"),
        Index("ix_upload_user_id_state", "user_id", "state"),
        Index("ix_upload_state_touched_at", "state", "touched_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    live_session_id: Mapped[int | None] = mapped_column(ForeignKey("live_session.id"))
    title: Mapped[str]
    file_name: Mapped[str]
    size: Mapped[int] = mapped_column(BigInteger)
    received: Mapped[int] = mapped_column(BigInteger, default=0)
    incoming: Mapped[str]
    state: Mapped[str] = mapped_column(default="open")
    recording_id: Mapped[int | None] = mapped_column(ForeignKey("recording.id"))
    created_at: Mapped[datetime]
    touched_at: Mapped[datetime]


class Recording(Base):
    """One recording of a live session: the original, and what was derived from it (keys into storage).

    `problem` is a RefusalCode when refused. `unreadable` lists stretches of the file that could not be decoded,
    as [start_ms, end_ms]; `missing_ms` is how much more the file promises than it holds.
    """

    __tablename__ = "recording"
    __table_args__ = (
        CheckConstraint("state IN ('arrived','prepared','transcribed','ready','refused','duplicate')", name="state"),
        CheckConstraint("state NOT IN ('prepared','transcribed','ready') OR m4a_key <> ''", name="has_rendition"),
        CheckConstraint("state <> 'duplicate' OR twin_id IS NOT NULL", name="has_twin"),
        Index("ix_recording_sha256", "sha256"),
        Index("ix_recording_live_session_id", "live_session_id"),
        Index("ix_recording_state_id", "state", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    live_session_id: Mapped[int | None] = mapped_column(ForeignKey("live_session.id"))
    title: Mapped[str]
    file_name: Mapped[str]
    uploaded_by: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    state: Mapped[str] = mapped_column(default="arrived")
    incoming: Mapped[str] = mapped_column(default="")
    size: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(default="")
    original_key: Mapped[str] = mapped_column(default="")
    container: Mapped[str] = mapped_column(default="")
    duration_ms: Mapped[int] = mapped_column(default=0)
    m4a_key: Mapped[str] = mapped_column(default="")
    speech_key: Mapped[str] = mapped_column(default="")
    peaks_key: Mapped[str] = mapped_column(default="")
    unreadable: Mapped[list[list[int]]] = mapped_column(JSON, default=list)
    missing_ms: Mapped[int] = mapped_column(default=0)
    problem: Mapped[str] = mapped_column(default="")
    problem_detail: Mapped[str] = mapped_column(Text, default="")
    twin_id: Mapped[int | None] = mapped_column(ForeignKey("recording.id"))
    created_at: Mapped[datetime]


class Transcript(Base):
    """What was understood of a recording, by which engine, model and version."""

    __tablename__ = "transcript"
    __table_args__ = (
        CheckConstraint("state IN ('growing','complete','superseded')", name="state"),
        Index("ix_transcript_recording_id_state", "recording_id", "state"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    recording_id: Mapped[int] = mapped_column(ForeignKey("recording.id"))
    state: Mapped[str] = mapped_column(default="growing")
    engine: Mapped[str]
    model: Mapped[str]
    version: Mapped[str]
    changes: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    completed_at: Mapped[datetime | None]


class SegmentRow(Base):
    """One segment of a transcript.

    `words` is a compact JSON text, `[[start_ms, end_ms, text, probability_percent(, original)] …]`: a fifth
    element is what the engine wrote before somebody corrected the word. It stays text because pages pass it on
    as it is.
    """

    __tablename__ = "segment"
    __table_args__ = (UniqueConstraint("transcript_id", "position"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    transcript_id: Mapped[int] = mapped_column(ForeignKey("transcript.id"))
    position: Mapped[int]
    start_ms: Mapped[int]
    end_ms: Mapped[int]
    text: Mapped[str] = mapped_column(Text)
    words: Mapped[str] = mapped_column(Text, default="[]")
    avg_logprob: Mapped[float] = mapped_column(default=0.0)
    no_speech_prob: Mapped[float] = mapped_column(default=0.0)
    compression_ratio: Mapped[float] = mapped_column(default=1.0)
    unintelligible: Mapped[bool] = mapped_column(default=False)
    invented: Mapped[str] = mapped_column(default="")
    version: Mapped[int] = mapped_column(default=1)


class WordCorrection(Base):
    """One corrected word; never edited, only followed by a newer one."""

    __tablename__ = "word_correction"
    __table_args__ = (Index("ix_word_correction_segment_id", "segment_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    segment_id: Mapped[int] = mapped_column(ForeignKey("segment.id"))
    word_index: Mapped[int]
    before: Mapped[str]
    after: Mapped[str]
    corrected_by: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    at: Mapped[datetime]


class Span(Base):
    """A stretch of a recording's timeline: which product is explained, or who speaks."""

    __tablename__ = "timeline_span"
    __table_args__ = (
        CheckConstraint("kind IN ('product','speaker')", name="kind"),
        CheckConstraint("end_ms > start_ms", name="order"),
        Index("ix_timeline_span_recording_id_start_ms", "recording_id", "start_ms"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    recording_id: Mapped[int] = mapped_column(ForeignKey("recording.id"))
    kind: Mapped[str]
    start_ms: Mapped[int]
    end_ms: Mapped[int]
    label: Mapped[str] = mapped_column(default="")
    sku: Mapped[str] = mapped_column(default="")
    product_category: Mapped[str] = mapped_column(default="")
    speaker_role: Mapped[str] = mapped_column(default="")
    marked_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))


class Dictation(Base):
    """What somebody said into the browser to see it written down. Row and sound go once it was shown, or in an hour.

    `words` is what was understood, `unclear` how many stretches were not. `problem` is a RefusalCode or "no_model".
    """

    __tablename__ = "dictation"
    __table_args__ = (
        CheckConstraint("state IN ('waiting','heard','refused')", name="state"),
        CheckConstraint("state <> 'refused' OR problem <> ''", name="refused_for_a_reason"),
        CheckConstraint("state = 'heard' OR words = ''", name="words_when_heard"),
        Index("ix_dictation_user_id_state", "user_id", "state"),
        Index("ix_dictation_created_at", "created_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    incoming: Mapped[str]
    state: Mapped[str] = mapped_column(default="waiting")
    words: Mapped[str] = mapped_column(Text, default="")
    unclear: Mapped[int] = mapped_column(default=0)
    problem: Mapped[str] = mapped_column(default="")
    problem_detail: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime]


# The search index: characters and bigrams that we cut ourselves. It is no mapped table, because the two
# databases keep full text in different ways.
SEARCH_DDL = {
    "sqlite": (
        "CREATE VIRTUAL TABLE segment_search USING fts5(terms, tokenize='unicode61')",
        "CREATE TRIGGER segment_search_forgets AFTER DELETE ON segment "
        "BEGIN DELETE FROM segment_search WHERE rowid = old.id; END",
    ),
    "postgresql": (
        "CREATE TABLE segment_search (rowid BIGINT PRIMARY KEY REFERENCES segment(id) ON DELETE CASCADE, "
        "terms tsvector NOT NULL)",
        "CREATE INDEX ix_segment_search_terms ON segment_search USING gin (terms)",
    ),
}


def _create_search(target: Any, connection: Any, **_more: Any) -> None:
    for statement in SEARCH_DDL[connection.dialect.name]:
        connection.execute(text(statement))


def _drop_search(target: Any, connection: Any, **_more: Any) -> None:
    connection.execute(text("DROP TABLE IF EXISTS segment_search"))


event.listen(SegmentRow.__table__, "after_create", _create_search)
event.listen(SegmentRow.__table__, "before_drop", _drop_search)
