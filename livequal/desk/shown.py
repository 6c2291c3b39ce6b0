"""What the desk's operations pages show, in people's words."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from flask_babel import LazyString

from ..audit.models import AuditEvent
from ..audit.rules import sha256
from ..jobs.models import Job
from ..jobs.rules import JobState
from ..kernel.i18n import gettext, lazy_gettext
from ..notifications.models import Notice
from ..notifications.rules import MailState, NoticeKind
from ..review.shown import category_name

_ = lazy_gettext
SHOWN_MAX = 300

JOB_NAMES: dict[str, LazyString] = {
    "prepare": _("Check and convert a recording"),
    "transcribe": _("Transcribe"),
    "scan": _("Look for risky claims"),
    "hear": _("Write down what somebody said"),
    "cut_clip": _("Cut a clip"),
    "backtest": _("Backtest a version of the rules"),
    "send_reminders": _("Remind of what is due"),
    "review_assignments": _("Work out who has to learn what"),
    "send_mail": _("Send a mail"),
    "expire_uploads": _("Clear away old uploads"),
    "forget_dictations": _("Clear away what was said"),
    "forget_sign_in_tries": _("Forget old sign-in tries"),
    "forget_old_sign_ins": _("Forget old sign-ins"),
    "forget_done_jobs": _("Clear away old jobs"),
}

JOB_STATES: dict[JobState, tuple[LazyString, str]] = {
    JobState.QUEUED: (_("waits"), "unknown"),
    JobState.RUNNING: (_("runs"), "accent"),
    JobState.DONE: (_("done"), "holds"),
    JobState.DEAD: (_("failed"), "stop"),
    JobState.CANCELLED: (_("cancelled"), "unknown"),
}

MAIL_STATES: dict[MailState, tuple[LazyString, str]] = {
    MailState.WAITING_FOR_HAND: (_("to be passed on"), "proof"),
    MailState.QUEUED: (_("on its way"), "unknown"),
    MailState.FAILED: (_("not delivered"), "stop"),
    MailState.SENT: (_("passed on"), "holds"),
}

ACTIONS: dict[str, LazyString] = {
    "assignment.give": _("Gave somebody an exercise"),
    "assignment.waive": _("Let somebody off a course"),
    "assignment.withdraw": _("A course is no longer asked for"),
    "assignment_rule.add": _("Added a rule for learning"),
    "assignment_rule.off": _("Switched a rule for learning off"),
    "assignment_rule.on": _("Switched a rule for learning on"),
    "case.decide": _("Decided a case"),
    "certificate.decide": _("Suspended, reinstated or revoked a certificate"),
    "certificate.issue": _("Issued a certificate"),
    "commitment.publish": _("Published a version of a commitment"),
    "commitment.sign": _("Signed a commitment"),
    "courses.sync": _("Loaded courses"),
    "demo.load": _("Loaded the demo data"),
    "exam.start": _("Began an exam"),
    "exam.close": _("Ended an exam"),
    "exam.grant": _("Gave somebody another attempt or more time"),
    "exercise.no_questions": _("No exercise: no bank has a question on this"),
    "invitation.accept": _("Accepted an invitation"),
    "invitation.create": _("Invited somebody"),
    "invitation.revoke": _("Took an invitation back"),
    "job.cancel": _("Cancelled a job"),
    "job.retry": _("Ran a job again"),
    "live_room.add": _("Added a live room"),
    "live_room.change": _("Changed a live room"),
    "live_room.close": _("Closed a live room"),
    "live_room.reopen": _("Opened a live room again"),
    "live_session.add": _("Added a live session"),
    "live_session.change": _("Changed a live session"),
    "live_session.staff": _("Changed who is in a live session"),
    "mail.pass_on": _("Passed a mail on by hand"),
    "organisation.create": _("Added an organisation"),
    "pack.activate": _("Put a version of the rules in force"),
    "pack.approve": _("Approved a version of the rules"),
    "pack.backtest": _("Asked for a backtest of the rules"),
    "pack.draft": _("Began a version of the rules"),
    "pack.retire": _("Put a version of the rules away"),
    "pack.return": _("Returned a version of the rules"),
    "pack.roll_back": _("Went back to an earlier version of the rules"),
    "pack.rule": _("Wrote a rule"),
    "pack.rule_drop": _("Took an own rule out"),
    "pack.rule_off": _("Switched a shipped rule off"),
    "pack.rule_on": _("Switched a shipped rule on"),
    "pack.shadow": _("Let a version of the rules be read along"),
    "pack.submit": _("Submitted a version of the rules"),
    "pack.take_back": _("Took a version of the rules back"),
    "password.change": _("Changed a password"),
    "password.reset": _("Chose a new password"),
    "password.reset_asked": _("Asked for a new password"),
    "password.reset_given": _("Gave a link for a new password"),
    "person.first_administrator": _("Founded the platform"),
    "person.leave": _("Closed an account"),
    "person.locale": _("Chose a language"),
    "person.profile": _("Changed a profile"),
    "person.roles": _("Changed roles"),
    "recording.session": _("Put a recording into a session"),
    "recording.upload": _("Uploaded a recording"),
    "sign_in": _("Signed in"),
    "sign_in.end": _("Ended a sign-in"),
    "sign_in.end_others": _("Ended the other sign-ins"),
    "sign_in.failed": _("Sign-in failed"),
    "sign_in.throttled": _("Sign-in refused: too many tries"),
    "sign_out": _("Signed out"),
    "streamer.add": _("Added a streamer"),
    "streamer.change": _("Changed a streamer"),
    "streamer.come_back": _("A streamer came back"),
    "streamer.leave": _("A streamer left"),
    "streamer.tie": _("A streamer got an account"),
    "timeline.mark": _("Marked the timeline"),
    "timeline.unmark": _("Took a mark off the timeline"),
    "transcript.correct": _("Corrected a word"),
    "transcript.import": _("Imported subtitles"),
}

# What acts are about, as the record names them (tables): listed, so that no page reads the whole record for it.
SUBJECT_TYPES = (
    "assignment",
    "assignment_rule",
    "invitation",
    "job",
    "live_room",
    "live_session",
    "mail",
    "organisation",
    "pack_version",
    "recording",
    "review_case",
    "segment",
    "sign_in",
    "streamer",
    "transcript",
    "user_account",
    "word_correction",
)


@dataclass(frozen=True, slots=True)
class JobLine:
    """One job on its page. `tone` is a badge's; `percent` None while nobody can say."""

    job: Job
    title: str
    state: str
    tone: str
    percent: int | None
    can_retry: bool
    can_cancel: bool


@dataclass(frozen=True, slots=True)
class AuditLine:
    """One act on its page; `changes` are (field, before, after). `intact`: the text still fits its digest."""

    event: AuditEvent
    title: str
    reason: str
    changes: tuple[tuple[str, str, str], ...]
    intact: bool


@dataclass(frozen=True, slots=True)
class NoticeLine:
    """One notice in the reader's language."""

    id: int
    text: str
    at: datetime
    unread: bool


def job_line(job: Job) -> JobLine:
    """A job in people's words."""
    state = JobState(job.state)
    word, tone = JOB_STATES[state]
    stopping = state is JobState.RUNNING and job.cancel_asked
    return JobLine(
        job,
        str(JOB_NAMES.get(job.name, job.name)),
        gettext("is being stopped") if stopping else str(word),
        tone,
        min(100, 100 * job.done // job.total) if job.total else None,
        state in {JobState.DEAD, JobState.CANCELLED},
        state in {JobState.QUEUED, JobState.RUNNING} and not stopping,
    )


def action_name(action: str) -> str:
    """An act in people's words; one without words is shown as it is recorded."""
    return str(ACTIONS.get(action, action))


def audit_line(event: AuditEvent) -> AuditLine:
    """An act as its page shows it, read from the payload that the digest covers."""
    intact = sha256(event.payload) == event.sha256
    facts = json.loads(event.payload) if intact else {}
    before, after = facts.get("before", {}), facts.get("after", {})
    changes = tuple((name, _plain(before.get(name)), _plain(after.get(name))) for name in sorted({*before, *after}))
    return AuditLine(event, action_name(event.action), facts.get("reason", ""), changes, intact)


def notice_line(notice: Notice) -> NoticeLine:
    """A notice as a sentence."""
    title = str(notice.facts.get("title", ""))
    category = category_name(str(notice.facts.get("category", "")))
    kind = NoticeKind(notice.kind)
    if kind is NoticeKind.FINDING_CONFIRMED:
        text = gettext("A finding in “%(title)s” was confirmed: %(category)s.", title=title, category=category)
    elif kind is NoticeKind.FINDING_WITHDRAWN:
        text = gettext("A finding in “%(title)s” was withdrawn. It no longer counts.", title=title)
    elif kind is NoticeKind.TRANSCRIPT_READY:
        text = gettext("“%(title)s” is transcribed and can be reviewed.", title=title)
    elif kind is NoticeKind.EXERCISE_GIVEN:
        due_on = str(notice.facts.get("due_on", ""))
        text = gettext("There is a short exercise for you, “%(title)s”. Do it by %(day)s.", title=title, day=due_on)
    elif kind is NoticeKind.EXERCISE_WITHDRAWN:
        text = gettext("The exercise “%(title)s” is no longer asked for.", title=title)
    elif kind is NoticeKind.LEARNING_DUE:
        due_on = str(notice.facts.get("due_on", ""))
        text = gettext("“%(title)s” is to be passed by %(day)s.", title=title, day=due_on)
    elif kind is NoticeKind.LEARNING_OVERDUE:
        due_on = str(notice.facts.get("due_on", ""))
        text = gettext("“%(title)s” was to be passed by %(day)s. Do it as soon as you can.", title=title, day=due_on)
    elif kind is NoticeKind.CERTIFICATE_SUSPENDED:
        text = gettext("Your certificate “%(title)s” does not hold for now. Its page says why.", title=title)
    elif kind is NoticeKind.CERTIFICATE_REINSTATED:
        text = gettext("Your certificate “%(title)s” holds again.", title=title)
    elif kind is NoticeKind.CERTIFICATE_REVOKED:
        text = gettext("Your certificate “%(title)s” was revoked. Its page says why.", title=title)
    else:
        text = gettext("“%(title)s” could not be taken. Its page says why.", title=title)
    return NoticeLine(notice.id, text, notice.created_at, notice.read_at is None)


def _plain(value: object) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    # Long ones stand whole in the table that is taken along.
    return text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}…"
