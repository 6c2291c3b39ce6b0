"""Versions of the platform's own rules, packs and readings as they were used, flags, backtests and shadow hits."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from ..kernel.db import Base


class PackVersion(Base):
    """One version of the platform's own rules: what they add to the shipped pack, change and switch off.

    `overlay` is YAML with the keys rules and off. `sha256` names shipped pack, overlay and second reader together, as
    of the last change. `changes` counts changes: who saves an older one is told. `origin_id`: whose content it took
    over. Only its author changes a draft, so that whoever approves has written none of it.
    """

    __tablename__ = "pack_version"
    __table_args__ = (
        CheckConstraint("state IN ('drafted','shadowed','submitted','approved','active','retired')", name="state"),
        CheckConstraint("approver_id <> author_id", name="second_person"),
        CheckConstraint("state NOT IN ('approved','active') OR approver_id IS NOT NULL", name="approved_by_somebody"),
        UniqueConstraint("number"),
        *(
            Index(
                f"ix_pack_version_one_{state}",
                "state",
                unique=True,
                sqlite_where=text(f"state = '{state}'"),
                postgresql_where=text(f"state = '{state}'"),
            )
            for state in ("active", "shadowed")
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int]
    state: Mapped[str] = mapped_column(default="drafted")
    overlay: Mapped[str] = mapped_column(Text, default="")
    sha256: Mapped[str] = mapped_column(default="")
    note: Mapped[str] = mapped_column(Text, default="")
    answer: Mapped[str] = mapped_column(Text, default="")
    changes: Mapped[int] = mapped_column(default=1)
    origin_id: Mapped[int | None] = mapped_column(ForeignKey("pack_version.id"))
    author_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    author_name: Mapped[str]
    approver_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    approver_name: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    submitted_at: Mapped[datetime | None]
    approved_at: Mapped[datetime | None]
    activated_at: Mapped[datetime | None]
    retired_at: Mapped[datetime | None]


class UsedReader(Base):
    """The files of a second reader that raised flags: JSON of base64 by file name."""

    __tablename__ = "used_reader"

    sha256: Mapped[str] = mapped_column(primary_key=True)
    body: Mapped[str] = mapped_column(Text)


class UsedPack(Base):
    """The exact text of a rule pack that raised flags, so that every past decision can be read again.

    `reader` names its second reader; empty for packs used before readers were kept.
    """

    __tablename__ = "used_pack"
    __table_args__ = (UniqueConstraint("sha256"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    sha256: Mapped[str]
    body: Mapped[str] = mapped_column(Text)
    reader: Mapped[str] = mapped_column(default="")
    first_used_at: Mapped[datetime]


class ReadText(Base):
    """What a scan that raised flags read, to the letter: compressed JSON, for words are corrected later."""

    __tablename__ = "read_text"

    id: Mapped[int] = mapped_column(primary_key=True)
    transcript_id: Mapped[int] = mapped_column(ForeignKey("transcript.id"))
    body: Mapped[bytes] = mapped_column(LargeBinary)
    read_at: Mapped[datetime]


class FlagRow(Base):
    """A suspicion: words that may break a rule.

    `start` and `end` count code points of the first and the last segment's text and move when words before them are
    corrected; a flag may reach over a segment border. `raised_start` and `raised_end` are where they stood in
    `read_text_id` when the pack raised it (None: raised before these were kept).
    """

    __tablename__ = "flag"
    __table_args__ = (
        CheckConstraint("severity BETWEEN 1 AND 4", name="severity"),
        CheckConstraint('"start" >= 0 AND "end" >= 0', name="span"),
        Index("ix_flag_transcript_id_start_ms", "transcript_id", "start_ms"),
        Index("ix_flag_segment_id", "segment_id"),
        Index("ix_flag_rule", "rule"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    transcript_id: Mapped[int] = mapped_column(ForeignKey("transcript.id"))
    segment_id: Mapped[int] = mapped_column(ForeignKey("segment.id"))
    end_segment_id: Mapped[int] = mapped_column(ForeignKey("segment.id"))
    pack_id: Mapped[int] = mapped_column(ForeignKey("used_pack.id"))
    read_text_id: Mapped[int | None] = mapped_column(ForeignKey("read_text.id"))
    raised_start: Mapped[int | None]
    raised_end: Mapped[int | None]
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


class ShadowHit(Base):
    """What a shadowed version would have flagged beside the pack in force. Nothing follows from it.

    `also_active`: the pack in force raised the same flag. A transcript read again replaces its hits.
    """

    __tablename__ = "shadow_hit"
    __table_args__ = (
        Index("ix_shadow_hit_version_id_id", "version_id", "id"),
        Index("ix_shadow_hit_transcript_id", "transcript_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    version_id: Mapped[int] = mapped_column(ForeignKey("pack_version.id"))
    sha256: Mapped[str]
    transcript_id: Mapped[int] = mapped_column(ForeignKey("transcript.id"))
    segment_id: Mapped[int] = mapped_column(ForeignKey("segment.id"))
    end_segment_id: Mapped[int] = mapped_column(ForeignKey("segment.id"))
    start: Mapped[int]
    end: Mapped[int]
    start_ms: Mapped[int]
    quote: Mapped[str] = mapped_column(Text)
    rule: Mapped[str]
    category: Mapped[str]
    product_category: Mapped[str]
    severity: Mapped[int]
    also_active: Mapped[bool]
    at: Mapped[datetime]


class Backtest(Base):
    """A version compared with the pack in force on stored transcripts. No flag changes by it.

    `sha256` and `against_sha256` name the two packs; `digest` covers the whole list of differences.
    """

    __tablename__ = "backtest"
    __table_args__ = (Index("ix_backtest_version_id_id", "version_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    version_id: Mapped[int] = mapped_column(ForeignKey("pack_version.id"))
    sha256: Mapped[str]
    against_sha256: Mapped[str] = mapped_column(default="")
    room_id: Mapped[int | None] = mapped_column(ForeignKey("live_room.id"))
    since: Mapped[datetime | None]
    until: Mapped[datetime | None]
    asked_by: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    asked_by_name: Mapped[str]
    asked_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    segments: Mapped[int] = mapped_column(default=0)
    added: Mapped[int] = mapped_column(default=0)
    removed: Mapped[int] = mapped_column(default=0)
    digest: Mapped[str] = mapped_column(default="")


class BacktestFlag(Base):
    """One flag that a version adds to what the pack in force raises, or takes away."""

    __tablename__ = "backtest_flag"
    __table_args__ = (
        CheckConstraint("change IN ('added','removed')", name="change"),
        Index("ix_backtest_flag_backtest_id_id", "backtest_id", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    backtest_id: Mapped[int] = mapped_column(ForeignKey("backtest.id"))
    change: Mapped[str]
    recording_id: Mapped[int] = mapped_column(ForeignKey("recording.id"))
    transcript_id: Mapped[int] = mapped_column(ForeignKey("transcript.id"))
    segment_id: Mapped[int] = mapped_column(ForeignKey("segment.id"))
    start: Mapped[int]
    end: Mapped[int]
    start_ms: Mapped[int]
    quote: Mapped[str] = mapped_column(Text)
    rule: Mapped[str]
    rule_title: Mapped[str]
    category: Mapped[str]
    product_category: Mapped[str]
    severity: Mapped[int]


class SavedLine(Base):
    """A text that somebody checked and chose to keep: nobody else sees it."""

    __tablename__ = "saved_line"
    __table_args__ = (
        CheckConstraint("title <> '' AND body <> ''", name="written"),
        Index("ix_saved_line_user_id_id", "user_id", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    title: Mapped[str]
    body: Mapped[str] = mapped_column(Text)
    product_category: Mapped[str]
    saved_at: Mapped[datetime]


class LineUse(Base):
    """How often somebody checked lines since `since`, by text and by voice, and for which products last."""

    __tablename__ = "line_use"
    __table_args__ = (CheckConstraint("texts >= 0 AND voices >= 0", name="counts"),)

    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"), primary_key=True)
    product_category: Mapped[str]
    since: Mapped[datetime]
    texts: Mapped[int] = mapped_column(default=0)
    voices: Mapped[int] = mapped_column(default=0)
