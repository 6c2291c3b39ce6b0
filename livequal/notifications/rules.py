"""What people are told about, and the life of a mail. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import parse_qs, unquote, urlsplit

PLAIN_PORT = 587
WRAPPED_PORT = 465
SUBJECT_MAX = 200


class NoticeKind(StrEnum):
    """Why somebody is told; the sentence is made when it is shown, in the reader's language."""

    FINDING_CONFIRMED = "finding_confirmed"
    FINDING_WITHDRAWN = "finding_withdrawn"
    TRANSCRIPT_READY = "transcript_ready"
    RECORDING_REFUSED = "recording_refused"
    EXERCISE_GIVEN = "exercise_given"
    EXERCISE_WITHDRAWN = "exercise_withdrawn"
    LEARNING_DUE = "learning_due"
    LEARNING_OVERDUE = "learning_overdue"
    CERTIFICATE_SUSPENDED = "certificate_suspended"
    CERTIFICATE_REINSTATED = "certificate_reinstated"
    CERTIFICATE_REVOKED = "certificate_revoked"


class MailState(StrEnum):
    """Where a mail stands; WAITING_FOR_HAND means no mail server is set and somebody passes it on by hand."""

    QUEUED = "queued"
    SENT = "sent"
    FAILED = "failed"
    WAITING_FOR_HAND = "waiting_for_hand"


MAIL_MOVES: dict[MailState, frozenset[MailState]] = {
    MailState.QUEUED: frozenset({MailState.SENT, MailState.FAILED}),
    MailState.FAILED: frozenset({MailState.QUEUED, MailState.SENT}),
    MailState.WAITING_FOR_HAND: frozenset({MailState.SENT}),
    MailState.SENT: frozenset(),
}


class BadMailServer(ValueError):
    """LIVEQUAL_SMTP_URL can't be used; the message says what is right."""


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mails are handed in. `wrapped`: TLS from the first byte; `starttls`: TLS after the greeting."""

    host: str
    port: int
    user: str = ""
    password: str = ""
    wrapped: bool = False
    starttls: bool = False


def mail_server(url: str) -> MailServer:
    """Read `smtp://user:password@host:587?starttls` or `smtps://user:password@host`.

    Raises: BadMailServer.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
        raise BadMailServer("LIVEQUAL_SMTP_URL must look like smtp://user:password@host:587?starttls or smtps://…")
    wrapped = parts.scheme == "smtps"
    try:
        port = parts.port or (WRAPPED_PORT if wrapped else PLAIN_PORT)
    except ValueError as error:
        raise BadMailServer("The port in LIVEQUAL_SMTP_URL is not a number.") from error
    starttls = not wrapped and "starttls" in parse_qs(parts.query, keep_blank_values=True)
    return MailServer(
        parts.hostname, port, unquote(parts.username or ""), unquote(parts.password or ""), wrapped, starttls
    )


def one_line(text: str, limit: int = SUBJECT_MAX) -> str:
    """A header's text: line breaks and other control characters, by which headers are forged, become spaces."""
    return re.sub(r"[\x00-\x1f\x7f\u2028\u2029]+", " ", text).strip()[:limit]
