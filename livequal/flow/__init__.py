"""What follows what: the business on one screen."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from ..accounts import work as accounts_work
from ..accounts.events import PersonJoined, PersonLeft, RolesChanged
from ..jobs import service as jobs
from ..jobs import work as jobs_work
from ..jobs.run import Run
from ..kernel.bus import Handler
from ..notifications import service as notifications
from ..onboarding import service as onboarding
from ..onboarding.events import LiveSessionChanged, StreamerChanged, StreamerLeft
from ..review import service as review
from ..review.events import ConfirmationWithdrawn, ViolationConfirmed
from ..risk import backtest as risk_backtest
from ..risk import work as risk_work
from ..risk.events import BacktestAsked, FlagSuperseded, Scanned
from ..streams import work as streams_work
from ..streams.events import (
    DictationBegun,
    RecordingPrepared,
    RecordingRefused,
    RecordingStored,
    TranscriptChanged,
    TranscriptReady,
)
from ..training import assigning
from ..training import work as training_work
from ..training.events import AssignmentRuleChanged, CertificateChanged, ExamPassed
from . import teach, tell

# Lower runs first; a mail has 1. What somebody waits for in front of the screen comes before a whole recording.
PRIORITIES = {
    "hear": 1,
    "scan": 2,
    "cut_clip": 2,
    "review_assignments": 3,
    "prepare": 4,
    "transcribe": 6,
    "backtest": 7,
}
# Jobs of many minutes: the worker keeps one thread free of them.
LONG = frozenset({"transcribe", "backtest"})


def later(
    name: str, payload: Callable[[Any], dict[str, Any]], *, after: timedelta = timedelta(0), once: bool = False
) -> Handler:
    """A handler that queues a job in the transaction of the fact; `once`: not while an equal one waits."""

    def queue(event: Any) -> None:
        facts = payload(event)
        keys = (key for key in ("recording_id", "case_id", "dictation_id", "backtest_id") if key in facts)
        about = next((f"{key.removesuffix('_id')}:{facts[key]}" for key in keys), "")
        queue_it = jobs.enqueue_once if once else jobs.enqueue
        queue_it(name, facts, subject=about, priority=PRIORITIES[name], after=after)

    return queue


FLOW: dict[type[object], tuple[Handler, ...]] = {
    PersonJoined: (lambda e: onboarding.tie(e.user_id, e.subject), lambda e: assigning.joined(e.user_id)),
    PersonLeft: (lambda e: assigning.left(e.user_id),),
    RolesChanged: (lambda e: assigning.joined(e.user_id),),
    StreamerChanged: (teach.streamer_moved,),
    StreamerLeft: (teach.streamer_moved,),
    LiveSessionChanged: (lambda e: assigning.session_changed(e.live_session_id),),
    AssignmentRuleChanged: (later("review_assignments", lambda _e: {}, once=True),),
    RecordingStored: (later("prepare", lambda e: {"recording_id": e.recording_id}),),
    RecordingPrepared: (later("transcribe", lambda e: {"recording_id": e.recording_id}),),
    RecordingRefused: (tell.uploader_of_refused,),
    TranscriptReady: (later("scan", lambda e: {"recording_id": e.recording_id, "transcript_id": e.transcript_id}),),
    TranscriptChanged: (
        later(
            "scan",
            lambda e: {"recording_id": e.recording_id, "transcript_id": e.transcript_id},
            after=timedelta(seconds=2),
            once=True,
        ),
    ),
    BacktestAsked: (later("backtest", lambda e: {"backtest_id": e.backtest_id}),),
    DictationBegun: (later("hear", lambda e: {"dictation_id": e.dictation_id}),),
    FlagSuperseded: (lambda e: review.supersede_case_of(e.flag_id),),
    Scanned: (lambda e: review.open_cases(e.recording_id, e.transcript_id), tell.uploader_of_ready),
    ViolationConfirmed: (
        later("cut_clip", lambda e: {"case_id": e.case_id}),
        tell.concerned_of_confirmed,
        teach.confirmed,
    ),
    ConfirmationWithdrawn: (tell.concerned_of_withdrawn, teach.withdrawn),
    ExamPassed: (teach.passed,),
    CertificateChanged: (tell.owner_of_certificate,),
}

JOBS: dict[str, Callable[[Run], None]] = {
    "prepare": streams_work.prepare,
    "transcribe": streams_work.transcribe,
    "scan": risk_work.scan,
    "hear": streams_work.hear,
    "backtest": risk_backtest.run_backtest,
    "cut_clip": teach.cut_clip,
    "send_mail": notifications.deliver,
    "expire_uploads": streams_work.expire_uploads,
    "forget_dictations": streams_work.forget_dictations,
    "forget_sign_in_tries": accounts_work.forget_sign_in_tries,
    "forget_old_sign_ins": accounts_work.forget_old_sign_ins,
    "forget_done_jobs": jobs_work.forget_done_jobs,
    "review_assignments": training_work.review_assignments,
    "send_reminders": training_work.send_reminders,
}

# Jobs that come round by themselves: name → every so many seconds.
PERIODIC: dict[str, int] = {
    "expire_uploads": 3600,
    "forget_dictations": 300,
    "forget_sign_in_tries": 3600,
    "forget_old_sign_ins": 86400,
    "forget_done_jobs": 86400,
    "review_assignments": 900,
    "send_reminders": 3600,
}
