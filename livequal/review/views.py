"""Cases and findings over HTTP."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, flash, jsonify, redirect, render_template, request, send_file, url_for
from werkzeug.wrappers import Response as BaseResponse

from ..accounts.access import actor, allow
from ..accounts.rules import Permission
from ..kernel import forms, web
from ..kernel.i18n import gettext as _
from ..kernel.pages import paginate
from ..streams import service as streams
from ..taxonomy.rules import RiskCategory
from . import service, shown
from .forms import DecisionForm
from .rules import Outcome

pages = Blueprint("review", __name__)


@pages.get("/queue")
@allow(Permission.READ_CASES)
def queue() -> str:
    """What waits to be heard, the gravest first."""
    asked = {name: request.args.get(name, "") for name in ("kind", "category", "severity", "room")}
    severity, room = (int(asked[n]) if asked[n].isdecimal() and len(asked[n]) < 9 else 0 for n in ("severity", "room"))
    query = service.queue(actor(), kind=asked["kind"], category=asked["category"], severity=severity, room_id=room)
    page = paginate(query, web.page_number())
    return render_template(
        "review/queue.html",
        page=page,
        rows=shown.queue_rows(page.rows),
        categories=list(RiskCategory),
    )


@pages.get("/recordings/<int:recording_id>/transcript.json")
@allow(Permission.READ_RECORDINGS)
def transcript(recording_id: int) -> Response:
    """Everything the transcript page shows, in one document."""
    recording = streams.get(recording_id, actor())
    return Response(shown.transcript_json(recording, actor()), mimetype="application/json")


@pages.post("/cases/<int:case_id>/decide")
@allow(Permission.DECIDE_CASES)
def decide(case_id: int) -> BaseResponse | tuple[Response, int] | tuple[str, int]:
    """Confirm or dismiss a case, or take a confirmation back."""
    case = service.get(case_id, actor())
    form = forms.from_json(DecisionForm) if request.is_json else DecisionForm()
    forms.check(form)
    verdict = service.Verdict(
        Outcome(form.outcome.data or ""),
        form.reason.data or "",
        form.note.data or "",
        form.category.data or "",
        form.streamer.data,
    )
    try:
        service.decide(case, verdict, form.version.data or 0, by=actor())
    except service.StaleCase as stale:
        return _stale(stale)  # nothing was written yet: the version is looked at first
    if web.wants_json():
        return jsonify(shown.case_json(case, service.newest_decision(case)))
    flash(_("Decided."))
    return redirect(url_for("streams.show", recording_id=case.recording_id, case=case.id))


@pages.get("/findings")
@allow(Permission.READ_FINDINGS)
def findings() -> str:
    """Confirmed findings that concern the person."""
    page = paginate(service.findings(actor()), web.page_number())
    return render_template("review/findings.html", page=page, rows=shown.finding_rows(page.rows))


@pages.get("/findings/<int:case_id>")
@allow(Permission.READ_FINDINGS)
def finding(case_id: int) -> str:
    """One finding in plain words, with its sound."""
    decision = service.finding(case_id, actor())
    return render_template(
        "review/finding.html",
        row=shown.finding_rows([decision])[0],
        clip=service.clip_of(case_id),
        whole=actor().sees_platform,
    )


@pages.get("/findings/<int:case_id>/clip.m4a")
@allow(Permission.READ_FINDINGS)
def clip(case_id: int) -> Response:
    """The sound of a finding."""
    service.finding(case_id, actor())
    cut = service.clip_of(case_id)
    path = streams.file(cut.key if cut else "")
    answer = send_file(path, mimetype="audio/mp4", conditional=True)
    # One person's own, and gone when it is withdrawn: nobody on the way may keep it.
    answer.headers["Cache-Control"] = "private, no-cache"
    return answer


def _stale(stale: service.StaleCase) -> tuple[Response, int] | tuple[str, int]:
    facts: dict[str, Any] = shown.case_json(stale.case, stale.decision)
    decided = stale.decision
    if decided is not None:
        facts |= {"by": decided.decided_by_name, "at": decided.decided_at.isoformat(), "outcome": decided.outcome}
    if web.wants_json():
        return jsonify(message=stale.message, **facts), 409
    return render_template("errors/409.html", message=stale.message), 409
