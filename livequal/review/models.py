"""Cases and the decisions on them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ..kernel.db import Base
from ..risk.models import FlagRow


class Case(Base):
    """Something a moderator must hear: a flagged claim, or a stretch that was not understood.

    `version` grows with every change; a decision carries the version it was made on.
    """

    __tablename__ = "review_case"
    __table_args__ = (
        CheckConstraint("kind IN ('claim','unclear')", name="kind"),
        CheckConstraint("state IN ('open','confirmed','dismissed','superseded')", name="state"),
        CheckConstraint("(kind = 'claim') = (flag_id IS NOT NULL)", name="claim_has_flag"),
        UniqueConstraint("flag_id"),
        Index("ix_review_case_state_severity_id", "state", "severity", "id"),
        Index("ix_review_case_recording_id", "recording_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    recording_id: Mapped[int] = mapped_column(ForeignKey("recording.id"))
    transcript_id: Mapped[int] = mapped_column(ForeignKey("transcript.id"))
    kind: Mapped[str]
    flag_id: Mapped[int | None] = mapped_column(ForeignKey("flag.id"))
    category: Mapped[str] = mapped_column(default="")
    severity: Mapped[int]
    start_ms: Mapped[int]
    end_ms: Mapped[int]
    state: Mapped[str] = mapped_column(default="open")
    version: Mapped[int] = mapped_column(default=1)
    opened_at: Mapped[datetime]

    flag: Mapped[FlagRow | None] = relationship(lazy="joined")


class Decision(Base):
    """One decision of one human, never edited; what counts is the newest.

    `category` is what was violated (confirmed only), `streamer_id` the person it names, None while nobody is named.
    """

    __tablename__ = "decision"
    __table_args__ = (
        CheckConstraint("outcome IN ('confirmed','dismissed','withdrawn')", name="outcome"),
        CheckConstraint("outcome <> 'confirmed' OR category <> ''", name="confirmed_has_category"),
        UniqueConstraint("case_id", "case_version"),
        Index("ix_decision_streamer_id_id", "streamer_id", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("review_case.id"))
    case_version: Mapped[int]
    outcome: Mapped[str]
    category: Mapped[str] = mapped_column(default="")
    reason: Mapped[str]
    reasons_version: Mapped[int]
    note: Mapped[str] = mapped_column(Text, default="")
    streamer_id: Mapped[int | None] = mapped_column(ForeignKey("streamer.id"))
    decided_by: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    decided_by_name: Mapped[str]
    decided_at: Mapped[datetime]

    case: Mapped[Case] = relationship(lazy="joined")


class Clip(Base):
    """The sound of a finding, cut from the rendition with a little before and after it (key into storage)."""

    __tablename__ = "clip"

    case_id: Mapped[int] = mapped_column(ForeignKey("review_case.id"), primary_key=True)
    start_ms: Mapped[int]
    end_ms: Mapped[int]
    key: Mapped[str]
