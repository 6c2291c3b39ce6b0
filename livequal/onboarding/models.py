"""Streamers, live rooms and live sessions."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ..accounts.models import Organisation
from ..kernel.db import Base


class Streamer(Base):
    """Somebody who speaks on air for an MCN or a room operator. `user_id` is her account once she has come in."""

    __tablename__ = "streamer"
    __table_args__ = (
        CheckConstraint("state IN ('active','left')", name="state"),
        CheckConstraint("name <> '' AND stage_name <> ''", name="named"),
        UniqueConstraint("user_id"),
        UniqueConstraint("organisation_id", "stage_name", "name"),
        Index("ix_streamer_stage_name_id", "stage_name", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    name: Mapped[str]
    stage_name: Mapped[str]
    state: Mapped[str] = mapped_column(default="active")
    created_at: Mapped[datetime]

    organisation: Mapped[Organisation] = relationship(lazy="joined", innerjoin=True)
    category_rows: Mapped[list[StreamerCategory]] = relationship(
        lazy="selectin", cascade="all, delete-orphan", order_by="StreamerCategory.category"
    )

    @property
    def categories(self) -> frozenset[str]:
        """The slugs of the product categories she sells."""
        return frozenset(row.category for row in self.category_rows)


class StreamerCategory(Base):
    """One product category a streamer sells."""

    __tablename__ = "streamer_category"
    __table_args__ = (Index("ix_streamer_category_category_streamer_id", "category", "streamer_id"),)

    streamer_id: Mapped[int] = mapped_column(ForeignKey("streamer.id", ondelete="CASCADE"), primary_key=True)
    category: Mapped[str] = mapped_column(primary_key=True)


class LiveRoom(Base):
    """A live room: who operates it, and the MCN that serves it, if any.

    `platform_number` is the number under which viewers find it on the platform.
    """

    __tablename__ = "live_room"
    __table_args__ = (
        CheckConstraint("state IN ('active','closed')", name="state"),
        CheckConstraint("name <> '' AND platform_number <> ''", name="named"),
        UniqueConstraint("platform_number"),
        Index("ix_live_room_organisation_id_name", "organisation_id", "name"),
        Index("ix_live_room_mcn_id_name", "mcn_id", "name"),
        Index("ix_live_room_name_id", "name", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"))
    mcn_id: Mapped[int | None] = mapped_column(ForeignKey("organisation.id"))
    name: Mapped[str]
    platform_number: Mapped[str]
    state: Mapped[str] = mapped_column(default="active")
    created_at: Mapped[datetime]

    organisation: Mapped[Organisation] = relationship(lazy="joined", innerjoin=True, foreign_keys=[organisation_id])
    mcn: Mapped[Organisation | None] = relationship(lazy="joined", foreign_keys=[mcn_id])


class LiveSession(Base):
    """One live session 场次 in a room. `ends_at` stays empty until somebody knows it."""

    __tablename__ = "live_session"
    __table_args__ = (
        CheckConstraint("title <> ''", name="titled"),
        CheckConstraint("ends_at IS NULL OR ends_at > starts_at", name="order"),
        UniqueConstraint("room_id", "starts_at"),
        Index("ix_live_session_starts_at_id", "starts_at", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    room_id: Mapped[int] = mapped_column(ForeignKey("live_room.id"))
    title: Mapped[str]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime | None]
    created_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    created_at: Mapped[datetime]

    room: Mapped[LiveRoom] = relationship(lazy="joined", innerjoin=True)
    streamers: Mapped[list[Streamer]] = relationship(
        secondary="live_session_streamer", lazy="selectin", order_by="Streamer.stage_name, Streamer.id"
    )


class LiveSessionStreamer(Base):
    """A streamer takes part in a live session."""

    __tablename__ = "live_session_streamer"
    __table_args__ = (Index("ix_live_session_streamer_streamer_id", "streamer_id", "live_session_id"),)

    live_session_id: Mapped[int] = mapped_column(ForeignKey("live_session.id", ondelete="CASCADE"), primary_key=True)
    streamer_id: Mapped[int] = mapped_column(ForeignKey("streamer.id"), primary_key=True)
