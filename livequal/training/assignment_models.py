"""Rules that assign courses, and what they assigned."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Date, ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ..kernel.db import Base
from .models import Course


class AssignmentRule(Base):
    """When, who, what, until when. `key` names a shipped rule.

    `roles` and `product_categories` are words as ",streamer,"; empty means everybody's. Without a course: the one
    that runs out (renewal) or an exercise on what was confirmed (violation).
    """

    __tablename__ = "assignment_rule"
    __table_args__ = (
        CheckConstraint("occasion IN ('joining','date','renewal','violation')", name="occasion"),
        CheckConstraint("held IN ('','never','expiring','expired')", name="held"),
        CheckConstraint("(occasion = 'date') = (on_date IS NOT NULL)", name="dated"),
        CheckConstraint("occasion IN ('renewal','violation') OR course_id IS NOT NULL", name="course"),
        CheckConstraint("working_days >= 0 AND working_days <= 250", name="working_days"),
        CheckConstraint("title <> ''", name="titled"),
        UniqueConstraint("key"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str | None]
    title: Mapped[str]
    occasion: Mapped[str]
    on_date: Mapped[date | None] = mapped_column(Date)
    roles: Mapped[str] = mapped_column(default="")
    product_categories: Mapped[str] = mapped_column(default="")
    organisation_id: Mapped[int | None] = mapped_column(ForeignKey("organisation.id"))
    room_id: Mapped[int | None] = mapped_column(ForeignKey("live_room.id"))
    held: Mapped[str] = mapped_column(default="")
    course_id: Mapped[int | None] = mapped_column(ForeignKey("course.id"))
    working_days: Mapped[int]
    before_live: Mapped[bool] = mapped_column(default=False)
    active: Mapped[bool] = mapped_column(default=True)
    created_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    created_by_name: Mapped[str]
    created_at: Mapped[datetime]

    course: Mapped[Course | None] = relationship(lazy="joined")


class Assignment(Base):
    """One person has to pass one course for one cause; whether it is overdue is worked out at read time.

    `due_on` is empty while "before the first live session" has no session yet. `organisation_id` and `listed` follow
    the account: they stand here so that a team's page counts without a join. `category`: what was confirmed.
    """

    __tablename__ = "assignment"
    __table_args__ = (
        UniqueConstraint("rule_id", "user_id", "cause"),
        CheckConstraint("ended IN ('','waived','withdrawn')", name="ended"),
        CheckConstraint("(ended = '') = (ended_at IS NULL)", name="ended_at"),
        CheckConstraint("ended <> 'waived' OR reason <> ''", name="reasoned"),
        Index("ix_assignment_user_id_course_id", "user_id", "course_id", "done_at"),
        Index(
            "ix_assignment_team",
            "organisation_id",
            "listed",
            "ended",
            "done_at",
            "provisional",
            "due_on",
            "course_id",
        ),
        Index("ix_assignment_due_on", "due_on"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    rule_id: Mapped[int] = mapped_column(ForeignKey("assignment_rule.id"))
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"))
    course_id: Mapped[int] = mapped_column(ForeignKey("course.id"))
    cause: Mapped[str]
    category: Mapped[str] = mapped_column(default="")
    assigned_at: Mapped[datetime]
    due_on: Mapped[date | None] = mapped_column(Date)
    provisional: Mapped[bool] = mapped_column(default=False)
    done_at: Mapped[datetime | None]
    listed: Mapped[bool] = mapped_column(default=True)
    ended: Mapped[str] = mapped_column(default="")
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    ended_by_name: Mapped[str] = mapped_column(default="")
    reason: Mapped[str] = mapped_column(Text, default="")

    rule: Mapped[AssignmentRule] = relationship(lazy="joined", innerjoin=True)
    course: Mapped[Course] = relationship(lazy="joined", innerjoin=True)


class Reminder(Base):
    """A reminder that was sent: once for each assignment, due day and number of days before (-1: after)."""

    __tablename__ = "reminder"
    __table_args__ = (UniqueConstraint("assignment_id", "due_on", "days"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    assignment_id: Mapped[int] = mapped_column(ForeignKey("assignment.id"))
    due_on: Mapped[date] = mapped_column(Date)
    days: Mapped[int]
    sent_at: Mapped[datetime]


class PersonalCourse(Base):
    """An exercise made for one person, on what was confirmed of her; nobody else sees it."""

    __tablename__ = "personal_course"
    __table_args__ = (Index("ix_personal_course_user_id", "user_id"),)

    course_id: Mapped[int] = mapped_column(ForeignKey("course.id"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    category: Mapped[str]
