"""Remind people of what is due: each reminder once, none for what is done or no longer asked for."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from ..accounts.models import User
from ..kernel.clock import now
from ..kernel.db import db
from ..kernel.i18n import gettext
from ..notifications import service as notifications
from ..notifications.rules import NoticeKind
from . import duties
from .assigning import today
from .assignment_models import Assignment, Reminder
from .team import titles_of

BATCH = 200
# Nobody is reminded of what was due long before anybody thought of reminding.
LATEST = timedelta(days=14)


def remind(after: int = 0) -> int | None:
    """Send what is due today to the next people; answer where to go on, None at the end. A term that is only
    provisional is told before it ends, never as missed."""
    day = today()
    query = (
        select(Assignment)
        .where(Assignment.id > after, Assignment.listed, Assignment.ended == "", Assignment.done_at.is_(None))
        .where(Assignment.due_on >= day - LATEST, Assignment.due_on <= day + timedelta(days=max(duties.REMIND_BEFORE)))
        .order_by(Assignment.id)
        .limit(BATCH)
    )
    rows = db.session.scalars(query).all()
    titles = titles_of({row.course_id for row in rows})
    sent = {
        (one.assignment_id, one.due_on, one.days)
        for one in db.session.scalars(select(Reminder).where(Reminder.assignment_id.in_([row.id for row in rows])))
    }
    for row in rows:
        days = duties.reminder_due(row.due_on, day)
        if row.due_on is None or days is None or (days < 0 and row.provisional) or (row.id, row.due_on, days) in sent:
            continue
        db.session.add(Reminder(assignment_id=row.id, due_on=row.due_on, days=days, sent_at=now()))
        _tell(row, titles[row.course_id], missed=days < 0)
    db.session.flush()
    return rows[-1].id if len(rows) == BATCH else None


def _tell(row: Assignment, title: str, *, missed: bool) -> None:
    facts = {"title": title, "due_on": str(row.due_on)}
    kind = NoticeKind.LEARNING_OVERDUE if missed else NoticeKind.LEARNING_DUE
    notifications.tell([row.user_id], kind, facts, url=f"/learn/courses/{row.course.slug}")
    user = db.session.get_one(User, row.user_id)
    if user.email:
        subject = gettext("To learn: %(title)s", title=title)
        said = (
            gettext("“%(title)s” was to be passed by %(day)s. Do it as soon as you can.", title=title, day=row.due_on)
            if missed
            else gettext("“%(title)s” is to be passed by %(day)s.", title=title, day=row.due_on)
        )
        notifications.send_mail(user.email, subject, said)
