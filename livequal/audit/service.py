"""Write and read the record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol, TypedDict

from sqlalchemy import Select, select

from ..kernel.clock import now
from ..kernel.db import db
from .models import AuditEvent
from .rules import canonical, sha256


class By(Protocol):
    """Who acts: an account, or livequal itself (`user_id` None)."""

    @property
    def user_id(self) -> int | None:
        """The account's id."""

    @property
    def name(self) -> str:
        """The name as shown at the time."""


class Asked(TypedDict, total=False):
    """What `events` is asked for."""

    action: str
    actor_id: int | None
    subject_type: str
    subject_id: str


def record(
    action: str,
    subject: object,
    *,
    by: By,
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
    reason: str = "",
) -> AuditEvent:
    """Append one act to the record, in the caller's transaction.

    `subject`: a flushed row (its table and id are kept) or a (type, id) pair. Never put secrets, passwords or
    a person's identity number into `before` and `after`.
    """
    subject_type, subject_id = _name_of(subject)
    at = now()
    payload = canonical(
        {
            "at": at,
            "action": action,
            "actor": by.user_id,
            "actor_name": by.name,
            "subject": [subject_type, subject_id],
            "before": before or {},
            "after": after or {},
            "reason": reason,
        }
    )
    event = AuditEvent(
        at=at,
        action=action,
        actor_id=by.user_id,
        actor_name=by.name,
        subject_type=subject_type,
        subject_id=subject_id,
        payload=payload,
        sha256=sha256(payload),
    )
    db.session.add(event)
    db.session.flush()
    return event


def events(
    *, action: str = "", actor_id: int | None = None, subject_type: str = "", subject_id: str = ""
) -> Select[AuditEvent]:
    """The record, newest first. `subject_id` counts only together with `subject_type`."""
    query = select(AuditEvent).order_by(AuditEvent.seq.desc())
    if action:
        query = query.where(AuditEvent.action == action)
    if actor_id is not None:
        query = query.where(AuditEvent.actor_id == actor_id)
    if subject_type:
        query = query.where(AuditEvent.subject_type == subject_type)
        if subject_id:
            query = query.where(AuditEvent.subject_id == subject_id)
    return query


def in_blocks(query: Select[AuditEvent], size: int = 1000) -> Iterator[AuditEvent]:
    """Every event of a query, in constant memory."""
    yield from db.session.scalars(query.execution_options(yield_per=size))


def _name_of(subject: object) -> tuple[str, str]:
    if isinstance(subject, tuple):
        return str(subject[0]), str(subject[1])
    return str(getattr(subject, "__tablename__", type(subject).__name__)), str(getattr(subject, "id", ""))
