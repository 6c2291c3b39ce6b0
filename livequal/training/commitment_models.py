"""Commitments in their versions and who signed them. Rows are only added."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ..accounts.models import User
from ..kernel.db import Base


class CommitmentText(Base):
    """One version of a commitment. `slug` says for whom; `sha256` is the digest of title and body."""

    __tablename__ = "commitment_text"
    __table_args__ = (
        UniqueConstraint("slug", "major", "minor"),
        CheckConstraint("slug IN ('streamer','operator','agency','moderator')", name="slug"),
        CheckConstraint("major > 0 AND minor >= 0", name="version"),
        CheckConstraint("title <> '' AND body <> '' AND length(sha256) = 64", name="whole"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str]
    major: Mapped[int]
    minor: Mapped[int]
    title: Mapped[str]
    body: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str]
    published_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    published_by_name: Mapped[str]
    published_at: Mapped[datetime]

    @property
    def version(self) -> str:
        """The version as people read it."""
        return f"{self.major}.{self.minor}"


class CommitmentSignature(Base):
    """Somebody signed a version; `sha256` is of the text as it stood before their eyes."""

    __tablename__ = "commitment_signature"
    __table_args__ = (
        UniqueConstraint("user_id", "text_id"),
        CheckConstraint("name <> '' AND length(sha256) = 64", name="whole"),
        Index("ix_commitment_signature_text_id", "text_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    text_id: Mapped[int] = mapped_column(ForeignKey("commitment_text.id"))
    name: Mapped[str]
    sha256: Mapped[str]
    signed_at: Mapped[datetime]

    text: Mapped[CommitmentText] = relationship(lazy="joined", innerjoin=True)
    user: Mapped[User] = relationship(lazy="joined", innerjoin=True)
