"""Who is told of what."""

from __future__ import annotations

from ..kernel.db import db
from ..notifications import service as notifications
from ..notifications.rules import NoticeKind
from ..onboarding import service as onboarding
from ..review.events import ConfirmationWithdrawn, ViolationConfirmed
from ..review.models import Decision
from ..risk.events import Scanned
from ..streams.events import RecordingRefused
from ..streams.models import Recording
from ..training.events import CertificateChanged
from ..training.models import Certificate


def uploader_of_refused(event: RecordingRefused) -> None:
    """Whoever uploaded a recording hears that it can't be taken."""
    _tell_uploader(event.recording_id, NoticeKind.RECORDING_REFUSED)


def uploader_of_ready(event: Scanned) -> None:
    """Whoever uploaded a recording hears that it can be reviewed."""
    if event.first:
        _tell_uploader(event.recording_id, NoticeKind.TRANSCRIPT_READY)


def concerned_of_confirmed(event: ViolationConfirmed) -> None:
    """The streamer and her MCN hear of a confirmed finding."""
    _tell_concerned(event.case_id, event.decision_id, NoticeKind.FINDING_CONFIRMED)


def concerned_of_withdrawn(event: ConfirmationWithdrawn) -> None:
    """The streamer and her MCN hear that a finding was withdrawn."""
    _tell_concerned(event.case_id, event.decision_id, NoticeKind.FINDING_WITHDRAWN)


def owner_of_certificate(event: CertificateChanged) -> None:
    """Whoever holds a certificate hears that it was suspended, reinstated or revoked; its page says why."""
    row = db.session.get_one(Certificate, event.certificate_id)
    kind = {
        "suspended": NoticeKind.CERTIFICATE_SUSPENDED,
        "reinstated": NoticeKind.CERTIFICATE_REINSTATED,
        "revoked": NoticeKind.CERTIFICATE_REVOKED,
    }[event.kind]
    notifications.tell([event.user_id], kind, {"title": row.course_title}, url=f"/certificates/{row.serial}")


def _tell_uploader(recording_id: int, kind: NoticeKind) -> None:
    recording = db.session.get_one(Recording, recording_id)
    notifications.tell([recording.uploaded_by], kind, {"title": recording.title}, url=f"/recordings/{recording.id}")


def _tell_concerned(case_id: int, decision_id: int, kind: NoticeKind) -> None:
    decision = db.session.get_one(Decision, decision_id)
    if decision.streamer_id is None:
        return
    recording = db.session.get_one(Recording, decision.case.recording_id)
    people = onboarding.user_ids_to_tell(decision.streamer_id)
    url = f"/findings/{case_id}" if kind is NoticeKind.FINDING_CONFIRMED else "/findings"
    notifications.tell(people, kind, {"title": recording.title, "category": decision.category}, url=url)
