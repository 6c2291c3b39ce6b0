"""The append-only record of who did what."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from ..kernel.db import Base


class AuditEvent(Base):
    """One recorded act. `payload` is canonical JSON; `sha256` its digest, hex."""

    __tablename__ = "audit_event"
    __table_args__ = (
        Index("ix_audit_event_subject", "subject_type", "subject_id"),
        Index("ix_audit_event_actor_id_seq", "actor_id", "seq"),
        Index("ix_audit_event_action_seq", "action", "seq"),
        {"sqlite_autoincrement": True},
    )

    seq: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    action: Mapped[str]
    actor_id: Mapped[int | None]
    actor_name: Mapped[str]
    subject_type: Mapped[str]
    subject_id: Mapped[str]
    payload: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str]
