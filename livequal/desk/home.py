"""The first page: what matters today, for whom it is."""

from __future__ import annotations

from flask import render_template

from ..accounts.access import actor, allow
from ..accounts.rules import Permission
from ..jobs import service as jobs
from ..jobs.rules import JobState
from ..kernel import installation
from ..kernel.clock import SHANGHAI, now
from ..kernel.pages import paginate
from ..onboarding import live_sessions
from ..onboarding import service as onboarding
from ..review import service as review
from ..review import shown as review_shown
from ..streams import service as streams
from ..streams import shown as streams_shown
from ..training import team
from .blueprint import pages

FEW = 5


@pages.get("/")
@allow(Permission.OWN_ACCOUNT)
def home() -> str:
    """Today."""
    by = actor()
    may = by.may
    waiting = paginate(review.queue(by), 1, FEW) if may(Permission.READ_CASES) else None
    recent = paginate(streams.listed(by), 1, FEW) if may(Permission.READ_RECORDINGS) else None
    found = paginate(review.findings(by), 1, FEW) if may(Permission.READ_FINDINGS) and not by.sees_platform else None
    tonight = (
        paginate(onboarding.live_sessions(by, day=now().astimezone(SHANGHAI).date()), 1, FEW)
        if may(Permission.READ_LIVE_SESSIONS)
        else None
    )
    return render_template(
        "desk/home.html",
        to_learn=team.asked_of(by.user_id or 0)[:FEW],
        waiting=waiting,
        waiting_rows=review_shown.queue_rows(waiting.rows) if waiting else [],
        recent=recent,
        progress=streams_shown.progress_of(recent.rows) if recent else {},
        sessions=live_sessions.by_id(r.live_session_id for r in recent.rows if r.live_session_id) if recent else {},
        found=found,
        found_rows=review_shown.finding_rows(found.rows) if found else [],
        tonight=tonight,
        dead=jobs.counts().get(JobState.DEAD, 0) if may(Permission.STEER_JOBS) else 0,
        model=streams.model_state(installation.settings()),
    )
