"""Pages for whoever keeps livequal running: jobs, outbox, record; and everybody's notices."""

from __future__ import annotations

import csv
import io
import tempfile
from typing import BinaryIO, cast

from flask import flash, redirect, render_template, request, send_file, url_for
from werkzeug.wrappers import Response

from ..accounts.access import actor, allow
from ..accounts.rules import Permission
from ..audit import service as audit_service
from ..audit.models import AuditEvent
from ..audit.rules import inert
from ..jobs import service as jobs_service
from ..jobs.rules import ALIVE, JobState
from ..kernel import web
from ..kernel.clock import SHANGHAI, now
from ..kernel.i18n import gettext
from ..kernel.pages import paginate
from ..notifications import service as notifications
from ..notifications.models import Mail
from ..notifications.rules import MailState
from . import shown
from .blueprint import pages

EXPORT_IN_MEMORY_BYTES = 4 << 20


@pages.get("/jobs")
@allow(Permission.READ_JOBS)
def jobs() -> str:
    """What the worker does, did and has to do."""
    state = request.args.get("state", "")
    page = paginate(jobs_service.listed(state, request.args.get("name", "")), web.page_number())
    return render_template(
        "desk/jobs.html",
        page=page,
        lines=[shown.job_line(job) for job in page.rows],
        counts=jobs_service.counts(),
        states=shown.JOB_STATES,
        state=state,
        workers=jobs_service.workers(now() - ALIVE),
        may_steer=actor().may(Permission.STEER_JOBS),
    )


@pages.post("/jobs/<int:job_id>/retry")
@allow(Permission.STEER_JOBS)
def retry_job(job_id: int) -> Response:
    """Run a dead or cancelled job again."""
    jobs_service.retry(jobs_service.get(job_id), by=actor())
    flash(gettext("The job runs again, from where it stopped."))
    return redirect(_back_to_jobs())


@pages.post("/jobs/<int:job_id>/cancel")
@allow(Permission.STEER_JOBS)
def cancel_job(job_id: int) -> Response:
    """Stop a job."""
    job = jobs_service.get(job_id)
    jobs_service.cancel(job, by=actor())
    stopped = job.state == JobState.CANCELLED
    flash(gettext("The job is cancelled.") if stopped else gettext("The job stops within a few seconds."))
    return redirect(_back_to_jobs())


def _back_to_jobs() -> str:
    return url_for("desk.jobs", state=request.form.get("state") or None)


@pages.get("/outbox")
@allow(Permission.READ_OUTBOX)
def outbox() -> str:
    """Mails that wait for a hand, and those that could not be delivered."""
    state = request.args.get("state") or MailState.WAITING_FOR_HAND.value
    page = paginate(notifications.outbox(state), web.page_number())
    return render_template("desk/outbox.html", page=page, state=state, states=shown.MAIL_STATES)


@pages.post("/outbox/<int:mail_id>/passed-on")
@allow(Permission.READ_OUTBOX)
def passed_on(mail_id: int) -> Response:
    """The mail was given to its recipient by hand."""
    row: Mail = notifications.mail(mail_id)
    notifications.passed_on(row, by=actor())
    flash(gettext("Marked as passed on. Its text is forgotten."))
    return redirect(url_for("desk.outbox", state=request.form.get("state") or None))


@pages.get("/audit")
@allow(Permission.READ_AUDIT)
def audit() -> str:
    """Who did what."""
    page = paginate(audit_service.events(**_asked()), web.page_number())
    return render_template(
        "desk/audit.html",
        page=page,
        lines=[shown.audit_line(event) for event in page.rows],
        actions=shown.ACTIONS,
        subject_types=shown.SUBJECT_TYPES,
    )


@pages.get("/audit.csv")
@allow(Permission.READ_AUDIT)
def audit_csv() -> Response:
    """The filtered record as a table. A spreadsheet takes none of its cells for a formula."""
    spool = tempfile.SpooledTemporaryFile(max_size=EXPORT_IN_MEMORY_BYTES)  # noqa: SIM115 - the response closes it
    text = io.TextIOWrapper(cast(BinaryIO, spool), encoding="utf-8-sig", newline="", write_through=True)
    table = csv.writer(text)
    table.writerow(["seq", "at", "action", "actor_id", "actor", "subject", "payload", "sha256"])
    for event in audit_service.in_blocks(audit_service.events(**_asked())):
        table.writerow([inert(cell) for cell in _cells(event)])
    text.detach()
    spool.seek(0)
    name = f"livequal-record-{now().astimezone(SHANGHAI):%Y%m%d-%H%M}.csv"
    return send_file(cast(BinaryIO, spool), mimetype="text/csv", as_attachment=True, download_name=name)


def _cells(event: AuditEvent) -> list[str]:
    actor_id = "" if event.actor_id is None else str(event.actor_id)
    subject = f"{event.subject_type}:{event.subject_id}"
    at = event.at.isoformat(timespec="microseconds")
    return [str(event.seq), at, event.action, actor_id, event.actor_name, subject, event.payload, event.sha256]


def _asked() -> audit_service.Asked:
    args = request.args
    actor_id = args.get("actor", "")
    return {
        "action": args.get("action", ""),
        "actor_id": int(actor_id) if actor_id.isascii() and actor_id.isdecimal() and len(actor_id) < 10 else None,
        "subject_type": args.get("type", ""),
        "subject_id": args.get("id", ""),
    }


@pages.get("/notices")
@allow(Permission.OWN_ACCOUNT)
def notices() -> str:
    """What the person was told."""
    mine = _user_id()
    page = paginate(notifications.notices_for(mine), web.page_number())
    lines = [shown.notice_line(notice) for notice in page.rows]
    return render_template("desk/notices.html", page=page, lines=lines, unread=notifications.unread_count(mine))


@pages.post("/notices/read")
@allow(Permission.OWN_ACCOUNT)
def read_notices() -> Response:
    """All of the person's notices are read."""
    notifications.mark_read(_user_id())
    return redirect(url_for("desk.notices"))


@pages.post("/notices/<int:notice_id>/open")
@allow(Permission.OWN_ACCOUNT)
def open_notice(notice_id: int) -> Response:
    """Read one notice and go to what it is about."""
    notice = notifications.notice(notice_id, _user_id())
    notifications.mark_read(_user_id(), notice.id)
    return redirect(web.safe_next(notice.url, url_for("desk.notices")))


def _user_id() -> int:
    return cast(int, actor().user_id)
