"""Rule packs as they were used, and flags."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from ..kernel.db import Base


class UsedPack(Base):
    """The exact text of a rule pack that raised flags, so that every past decision can be read again."""

    __tablename__ = "used_pack"
    __table_args__ = (UniqueConstraint("sha256"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    sha256: Mapped[str]
    body: Mapped[str] = mapped_column(Text)
    first_used_at: Mapped[datetime]


class FlagRow(Base):
    """A suspicion: words that may break a rule.

    `start` and `end` count code points of the first and the last segment's text as they were when the flag was
    raised; a flag may reach over a segment border.
    """

    __tablename__ = "flag"
    __table_args__ = (
        CheckConstraint("severity BETWEEN 1 AND 4", name="severity"),
        CheckConstraint('"start" >= 0 AND "end" >= 0', name="span"),
        Index("ix_flag_transcript_id_start_ms", "transcript_id", "start_ms"),
        Index("ix_flag_segment_id", "segment_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    transcript_id: Mapped[int] = mapped_column(ForeignKey("transcript.id"))
    segment_id: Mapped[int] = mapped_column(ForeignKey("segment.id"))
    end_segment_id: Mapped[int] = mapped_column(ForeignKey("segment.id"))
    pack_id: Mapped[int] = mapped_column(ForeignKey("used_pack.id"))
    start: Mapped[int]
    end: Mapped[int]
    start_ms: Mapped[int]
    end_ms: Mapped[int]
    quote: Mapped[str] = mapped_column(Text)
    heard_as: Mapped[str] = mapped_column(Text, default="")
    category: Mapped[str]
    product_category: Mapped[str]
    severity: Mapped[int]
    rule: Mapped[str]
    rule_title: Mapped[str]
    confidence: Mapped[float]
    evidence: Mapped[str]
    legal_basis: Mapped[str] = mapped_column(Text)
    platform_basis: Mapped[str] = mapped_column(Text, default="")
    suggestion: Mapped[str] = mapped_column(Text, default="")
    raised_at: Mapped[datetime]
    superseded_at: Mapped[datetime | None]
