"""Tell people in the app, and send mail or lay it out to be passed on by hand."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterable, Mapping
from contextlib import contextmanager
from email.message import EmailMessage
from email.utils import parseaddr
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, func, select, update

from ..audit import service as audit
from ..jobs import service as jobs
from ..jobs.rules import Hopeless
from ..kernel import installation
from ..kernel.clock import now
from ..kernel.db import db, edge
from ..kernel.errors import NotFound
from ..kernel.i18n import gettext
from ..kernel.states import move
from .models import Mail, Notice
from .rules import MAIL_MOVES, MailServer, MailState, NoticeKind, mail_server, one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..jobs.run import Run

DELIVER = "send_mail"
SERVER_PATIENCE_S = 20


def tell(user_ids: Iterable[int], kind: NoticeKind, facts: Mapping[str, Any], url: str = "") -> list[Notice]:
    """Leave one notice for each account. `url` is a path on this site."""
    at = now()
    notices = [
        Notice(user_id=user_id, kind=kind.value, facts=dict(facts), url=url, created_at=at)
        for user_id in sorted(set(user_ids))
    ]
    db.session.add_all(notices)
    db.session.flush()
    return notices


def notices_for(user_id: int) -> Select[Notice]:
    """An account's notices, newest first."""
    return select(Notice).where(Notice.user_id == user_id).order_by(Notice.id.desc())


def unread_count(user_id: int) -> int:
    """How many notices an account has not read yet."""
    unread = select(func.count()).select_from(Notice).where(Notice.user_id == user_id, Notice.read_at.is_(None))
    return db.session.scalar(unread) or 0


def notice(notice_id: int, user_id: int) -> Notice:
    """One of the account's own notices.

    Raises: NotFound.
    """
    row = db.session.scalars(notices_for(user_id).where(Notice.id == notice_id)).first()
    if row is None:
        raise NotFound(gettext("There is no such notice."))
    return row


def mark_read(user_id: int, notice_id: int | None = None) -> None:
    """Mark one of an account's notices read, or all of them."""
    unread = update(Notice).where(Notice.user_id == user_id, Notice.read_at.is_(None))
    if notice_id is not None:
        unread = unread.where(Notice.id == notice_id)
    db.session.execute(unread.values(read_at=now()))


def send_mail(recipient: str, subject: str, body: str) -> Mail:
    """Write a mail: a job sends it where a mail server is set, else it waits in the outbox for a hand."""
    settled = installation.settings().smtp_url is not None
    mail = Mail(
        recipient=one_line(recipient),
        subject=one_line(subject),
        body=body,
        state=(MailState.QUEUED if settled else MailState.WAITING_FOR_HAND).value,
        created_at=now(),
    )
    db.session.add(mail)
    db.session.flush()
    if settled:
        jobs.enqueue(DELIVER, {"mail_id": mail.id}, subject=f"mail:{mail.id}", priority=1)
    return mail


def outbox(state: str = MailState.WAITING_FOR_HAND) -> Select[Mail]:
    """Mails in one state (or all, for an empty one), newest first."""
    query = select(Mail).order_by(Mail.id.desc())
    return query.where(Mail.state == state) if state else query


def mail(mail_id: int) -> Mail:
    """One mail.

    Raises: NotFound.
    """
    row = db.session.get(Mail, mail_id)
    if row is None:
        raise NotFound(gettext("There is no such mail."))
    return row


def passed_on(row: Mail, *, by: audit.By) -> None:
    """Somebody gave the recipient this mail by hand; its text, which may hold a link to come in by, is forgotten.

    Raises: WrongState when it has been sent already.
    """
    row.state = move(MailState(row.state), MailState.SENT, MAIL_MOVES).value
    row.sent_at, row.body = now(), ""
    audit.record("mail.pass_on", row, by=by)


def deliver(run: Run) -> None:
    """The job that hands a mail to the mail server. A mail known to be sent is not sent again.

    At least once: when the worker dies between the server's yes and its own note of it, the mail goes out twice,
    under one Message-ID, by which many mail programs show it once.

    Raises: Hopeless when the server refuses the recipient or the mail for good.
    """
    with edge(write=False):
        row = mail(run.payload["mail_id"])
        state, message, url = row.state, _message(row), installation.settings().smtp_url
    if state in {MailState.SENT, MailState.WAITING_FOR_HAND}:
        return
    if url is None:
        with run.step():
            mail(run.payload["mail_id"]).state = MailState.WAITING_FOR_HAND.value
        return
    try:
        with _connected(mail_server(url)) as server:
            server.send_message(message)
    except (smtplib.SMTPException, OSError) as error:
        _refused(run, error)
        raise
    with run.step():
        row = mail(run.payload["mail_id"])
        row.state, row.sent_at, row.error, row.body = MailState.SENT.value, now(), "", ""


def _refused(run: Run, error: Exception) -> None:
    """Keep why it failed, without the recipient's address, and stop trying where trying again is no use."""
    code = _answer_code(error)
    said = f"{type(error).__name__}{f' {code}' if code else ''}"
    final = isinstance(error, smtplib.SMTPNotSupportedError) or code >= 500
    with run.step():
        row = mail(run.payload["mail_id"])
        # A failed mail stands in the outbox, from where somebody can pass it on.
        row.error, row.state = said, (MailState.FAILED if final or run.last_try else MailState.QUEUED).value
    if final:
        raise Hopeless(f"The mail server refused it: {said}") from None
    raise ConnectionError(f"The mail server could not take it: {said}") from None


def _answer_code(error: Exception) -> int:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return max((code for code, _ in error.recipients.values()), default=0)
    return int(getattr(error, "smtp_code", 0) or 0)


def _message(row: Mail) -> EmailMessage:
    message = EmailMessage()
    message["From"] = installation.settings().mail_from
    message["To"] = row.recipient
    message["Subject"] = row.subject
    message["Date"] = row.created_at
    message["Message-ID"] = _message_id(row)
    # Base64: not every server on the way takes 8-bit text.
    message.set_content(row.body, cte="base64")
    return message


def _message_id(row: Mail) -> str:
    """The same at every try; the moment keeps apart installations that send from one domain."""
    domain = parseaddr(installation.settings().mail_from)[1].rpartition("@")[2] or "localhost"
    return f"<livequal.mail.{row.id}.{row.created_at:%Y%m%d%H%M%S%f}@{domain}>"


@contextmanager
def _connected(server: MailServer) -> Iterator[smtplib.SMTP]:
    context = ssl.create_default_context()
    connection: smtplib.SMTP
    if server.wrapped:
        connection = smtplib.SMTP_SSL(server.host, server.port, timeout=SERVER_PATIENCE_S, context=context)
    else:
        connection = smtplib.SMTP(server.host, server.port, timeout=SERVER_PATIENCE_S)
    with connection:
        if server.starttls:
            connection.starttls(context=context)
        if server.user:
            connection.login(server.user, server.password)
        yield connection
