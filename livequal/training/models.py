"""Courses in their versions, learning, exam attempts and grades. What was taught and answered is only added to."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ..kernel.db import Base

_RUNNING = text("closed_at IS NULL")


class Course(Base):
    """A course under its name for ever; what it says stands in its versions, of which `current` is in force.

    `roles`: whom it is for, as ",streamer,moderator,". Not `listed`: no longer offered.
    """

    __tablename__ = "course"
    __table_args__ = (UniqueConstraint("slug"), CheckConstraint("current > 0", name="current"))

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str]
    roles: Mapped[str]
    current: Mapped[int]
    listed: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]


class CourseVersion(Base):
    """What a course said from some moment on. `facts`: course.yaml as canonical JSON."""

    __tablename__ = "course_version"
    __table_args__ = (UniqueConstraint("course_id", "number"), CheckConstraint("number > 0", name="number"))

    id: Mapped[int] = mapped_column(primary_key=True)
    course_id: Mapped[int] = mapped_column(ForeignKey("course.id"))
    number: Mapped[int]
    version: Mapped[str]
    title: Mapped[str]
    facts: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str]
    created_at: Mapped[datetime]

    course: Mapped[Course] = relationship(lazy="joined", innerjoin=True)


class LessonVersion(Base):
    """One version of a lesson's text."""

    __tablename__ = "lesson_version"
    __table_args__ = (UniqueConstraint("course_id", "file", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    course_id: Mapped[int] = mapped_column(ForeignKey("course.id"))
    file: Mapped[str]
    number: Mapped[int]
    markdown: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str]
    created_at: Mapped[datetime]


class CourseVersionLesson(Base):
    """Which lessons a course's version has, in which order."""

    __tablename__ = "course_version_lesson"
    __table_args__ = (Index("ix_course_version_lesson_lesson_version_id", "lesson_version_id"),)

    course_version_id: Mapped[int] = mapped_column(ForeignKey("course_version.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    lesson_version_id: Mapped[int] = mapped_column(ForeignKey("lesson_version.id"))


class CourseFile(Base):
    """An image of a course's version; `key` is its content's address in the storage."""

    __tablename__ = "course_file"

    course_version_id: Mapped[int] = mapped_column(ForeignKey("course_version.id"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str]


class Question(Base):
    """An item of a bank under its name for ever."""

    __tablename__ = "question"
    __table_args__ = (UniqueConstraint("item"), Index("ix_question_course_id", "course_id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    course_id: Mapped[int] = mapped_column(ForeignKey("course.id"))
    item: Mapped[str]


class QuestionVersion(Base):
    """One version of a question. `content`: the whole item as canonical JSON.

    `material_sha256` stays the same when only a typo was mended. `clip_key` and `clip_times` (JSON: segment → start
    and end in ms) are empty where nothing is spoken; a clip review without them is not drawn.
    """

    __tablename__ = "question_version"
    __table_args__ = (UniqueConstraint("question_id", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    question_id: Mapped[int] = mapped_column(ForeignKey("question.id"))
    number: Mapped[int]
    type: Mapped[str]
    tag: Mapped[str]
    content: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str]
    material_sha256: Mapped[str]
    clip_key: Mapped[str] = mapped_column(default="")
    clip_times: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime]

    question: Mapped[Question] = relationship(lazy="joined", innerjoin=True)


class CourseVersionQuestion(Base):
    """Which questions the bank of a course's version holds."""

    __tablename__ = "course_version_question"
    __table_args__ = (Index("ix_course_version_question_question_version_id", "question_version_id"),)

    course_version_id: Mapped[int] = mapped_column(ForeignKey("course_version.id"), primary_key=True)
    question_version_id: Mapped[int] = mapped_column(ForeignKey("question_version.id"), primary_key=True)


class ManualVersion(Base):
    """One version of an operation manual; `roles` are words with commas. The highest number is current."""

    __tablename__ = "manual_version"
    __table_args__ = (UniqueConstraint("slug", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str]
    number: Mapped[int]
    title: Mapped[str]
    version: Mapped[str]
    roles: Mapped[str]
    markdown: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str]
    created_at: Mapped[datetime]


class Enrolment(Base):
    """Somebody began a course. `file` and `place` (a paragraph's number) are where to read on, on any device."""

    __tablename__ = "enrolment"
    __table_args__ = (Index("ix_enrolment_course_id", "course_id"),)

    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"), primary_key=True)
    course_id: Mapped[int] = mapped_column(ForeignKey("course.id"), primary_key=True)
    file: Mapped[str] = mapped_column(default="")
    place: Mapped[int] = mapped_column(default=0)
    started_at: Mapped[datetime]
    touched_at: Mapped[datetime]


class LessonReading(Base):
    """Somebody read a lesson to its end, in this version. Each reading is a row; the newest counts."""

    __tablename__ = "lesson_reading"
    __table_args__ = (Index("ix_lesson_reading_user_id_course_id", "user_id", "course_id", "file"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    course_id: Mapped[int] = mapped_column(ForeignKey("course.id"))
    file: Mapped[str]
    lesson_version_id: Mapped[int] = mapped_column(ForeignKey("lesson_version.id"))
    read_at: Mapped[datetime]


class Attempt(Base):
    """One sitting of a course's exam. `policy`: pass mark, times and the digest of each slot, as canonical JSON.

    One person has at most one running attempt of a course.
    """

    __tablename__ = "attempt"
    __table_args__ = (
        CheckConstraint("(closed_at IS NULL) = (closed_by = '')", name="closed"),
        CheckConstraint("closed_by IN ('','learner','clock')", name="closed_by"),
        CheckConstraint("deadline > started_at", name="order"),
        UniqueConstraint("user_id", "course_id", "number"),
        Index(
            "ix_attempt_one_running",
            "user_id",
            "course_id",
            unique=True,
            sqlite_where=_RUNNING,
            postgresql_where=_RUNNING,
        ),
        Index("ix_attempt_course_id_started_at", "course_id", "started_at"),
        Index("ix_attempt_deadline_open", "deadline", sqlite_where=_RUNNING, postgresql_where=_RUNNING),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    course_id: Mapped[int] = mapped_column(ForeignKey("course.id"))
    course_version_id: Mapped[int] = mapped_column(ForeignKey("course_version.id"))
    number: Mapped[int]
    seed: Mapped[str]
    policy: Mapped[str] = mapped_column(Text)
    policy_sha256: Mapped[str]
    started_at: Mapped[datetime]
    deadline: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str] = mapped_column(default="")

    course: Mapped[Course] = relationship(lazy="joined", innerjoin=True)


class AttemptSlot(Base):
    """One question of a paper. `frozen`: version, order of its parts and key, as canonical JSON."""

    __tablename__ = "attempt_slot"
    __table_args__ = (Index("ix_attempt_slot_question_version_id", "question_version_id"),)

    attempt_id: Mapped[int] = mapped_column(ForeignKey("attempt.id"), primary_key=True)
    slot: Mapped[int] = mapped_column(primary_key=True)
    question_version_id: Mapped[int] = mapped_column(ForeignKey("question_version.id"))
    frozen: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str]


class AttemptStep(Base):
    """One saved answer; only added. `number` counts in the attempt, `client` and `seq` in a browser's window.

    `late`: it came after the end and does not count. `sha256` covers the step and the digest of the one before.
    """

    __tablename__ = "attempt_step"
    __table_args__ = (
        UniqueConstraint("attempt_id", "number"),
        UniqueConstraint("attempt_id", "client", "seq"),
        CheckConstraint("number > 0 AND seq >= 0", name="counted"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    attempt_id: Mapped[int] = mapped_column(ForeignKey("attempt.id"))
    number: Mapped[int]
    slot: Mapped[int]
    answer: Mapped[str] = mapped_column(Text)
    client: Mapped[str]
    seq: Mapped[int]
    received_at: Mapped[datetime]
    late: Mapped[bool]
    sha256: Mapped[str]


class AttemptEvent(Base):
    """Something a reviewer may want to know of an attempt."""

    __tablename__ = "attempt_event"
    __table_args__ = (Index("ix_attempt_event_attempt_id", "attempt_id", "at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    attempt_id: Mapped[int] = mapped_column(ForeignKey("attempt.id"))
    at: Mapped[datetime]
    kind: Mapped[str]
    detail: Mapped[str] = mapped_column(default="")


class Grade(Base):
    """What an attempt came to. `number` 1 is the first; a regrade is followed by a higher one, with its reason.

    `slots`: for each slot its points and the step that earned them, as canonical JSON.
    """

    __tablename__ = "grade"
    __table_args__ = (
        UniqueConstraint("attempt_id", "number"),
        CheckConstraint("points >= 0 AND points <= possible", name="points"),
        CheckConstraint("number = 1 OR reason <> ''", name="reasoned"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    attempt_id: Mapped[int] = mapped_column(ForeignKey("attempt.id"))
    number: Mapped[int]
    points: Mapped[int]
    possible: Mapped[int]
    passed: Mapped[bool]
    slots: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str]
    reason: Mapped[str] = mapped_column(Text, default="")
    graded_at: Mapped[datetime]


class ExamGrant(Base):
    """An administrator gave somebody one more attempt, or more time for the next one, and said why."""

    __tablename__ = "exam_grant"
    __table_args__ = (
        CheckConstraint("kind IN ('attempt','time')", name="kind"),
        CheckConstraint("reason <> ''", name="reasoned"),
        CheckConstraint("(kind = 'time') = (minutes > 0)", name="minutes"),
        Index("ix_exam_grant_user_id_course_id", "user_id", "course_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    course_id: Mapped[int] = mapped_column(ForeignKey("course.id"))
    kind: Mapped[str]
    minutes: Mapped[int] = mapped_column(default=0)
    reason: Mapped[str] = mapped_column(Text)
    granted_by: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    granted_by_name: Mapped[str]
    granted_at: Mapped[datetime]
    attempt_id: Mapped[int | None] = mapped_column(ForeignKey("attempt.id"))


class Certificate(Base):
    """What was issued for a passed attempt, with name and course as they were then. It is never changed.

    Whether it is in force follows from its events and `valid_until`.
    """

    __tablename__ = "certificate"
    __table_args__ = (
        UniqueConstraint("serial"),
        UniqueConstraint("attempt_id"),
        CheckConstraint("length(serial) = 17", name="serial"),
        CheckConstraint("valid_until > passed_at", name="order"),
        CheckConstraint("name <> '' AND course_title <> '' AND course_version <> ''", name="kept"),
        Index("ix_certificate_user_id_course_id", "user_id", "course_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    serial: Mapped[str]
    attempt_id: Mapped[int] = mapped_column(ForeignKey("attempt.id"))
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    course_id: Mapped[int] = mapped_column(ForeignKey("course.id"))
    name: Mapped[str]
    course_title: Mapped[str]
    course_version: Mapped[str]
    passed_at: Mapped[datetime]
    valid_until: Mapped[datetime]

    events: Mapped[list[CertificateEvent]] = relationship(lazy="selectin", order_by="CertificateEvent.number")


class CertificateEvent(Base):
    """Something that happened to a certificate. Rows are only added; a database trigger refuses everything else."""

    __tablename__ = "certificate_event"
    __table_args__ = (
        UniqueConstraint("certificate_id", "number"),
        CheckConstraint("kind IN ('issued','suspended','reinstated','superseded','revoked')", name="kind"),
        CheckConstraint("(number = 1) = (kind = 'issued') AND number > 0", name="first"),
        CheckConstraint("kind IN ('issued','superseded') OR reason <> ''", name="reasoned"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    certificate_id: Mapped[int] = mapped_column(ForeignKey("certificate.id"))
    number: Mapped[int]
    kind: Mapped[str]
    reason: Mapped[str] = mapped_column(Text, default="")
    by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    by_name: Mapped[str]
    at: Mapped[datetime]
