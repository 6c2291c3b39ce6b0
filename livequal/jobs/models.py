"""The durable table of jobs: a row in the caller's transaction is the truth."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from ..kernel.db import Base


class Job(Base):
    """One piece of work for the worker.

    `token` is the fencing token: it grows with every claim, and only its holder may write. `failures` counts
    tries in a row that brought no progress. `done`/`total` are in `unit`s of the job's own choice (ms, rows).
    """

    __tablename__ = "job"
    __table_args__ = (
        CheckConstraint("state IN ('queued','running','done','dead','cancelled')", name="state"),
        CheckConstraint("state <> 'running' OR (worker <> '' AND lease_until IS NOT NULL)", name="running_has_lease"),
        Index("ix_job_state_priority_run_after", "state", "priority", "run_after"),
        Index("ix_job_subject", "subject"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
    subject: Mapped[str] = mapped_column(default="")
    state: Mapped[str] = mapped_column(default="queued")
    priority: Mapped[int] = mapped_column(default=5)
    run_after: Mapped[datetime]
    token: Mapped[int] = mapped_column(default=0)
    failures: Mapped[int] = mapped_column(default=0)
    worker: Mapped[str] = mapped_column(default="")
    lease_until: Mapped[datetime | None]
    cancel_asked: Mapped[bool] = mapped_column(default=False)
    checkpoint: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    stage: Mapped[str] = mapped_column(default="")
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    error: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class Worker(Base):
    """A worker that said it was alive."""

    __tablename__ = "worker"

    name: Mapped[str] = mapped_column(primary_key=True)
    started_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    slots: Mapped[int]
    facts: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
