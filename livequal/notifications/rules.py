"""What people are told about, and the life of a mail. Pure."""

from __future__ import annotations

from enum import StrEnum


class NoticeKind(StrEnum):
    """Why somebody is told; the sentence is made when it is shown, in the reader's language."""

    FINDING_CONFIRMED = "finding_confirmed"
    FINDING_WITHDRAWN = "finding_withdrawn"
    TRANSCRIPT_READY = "transcript_ready"
    RECORDING_REFUSED = "recording_refused"


class MailState(StrEnum):
    """Where a mail stands; WAITING_FOR_HAND means no mail server is set and somebody passes it on by hand."""

    QUEUED = "queued"
    SENT = "sent"
    FAILED = "failed"
    WAITING_FOR_HAND = "waiting_for_hand"
