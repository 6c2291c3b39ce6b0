"""The exam over HTTP: rules, sign in again, questions, saving, submitting, result."""

from __future__ import annotations

import json

from flask import Response, flash, jsonify, redirect, render_template, request, send_file, url_for
from flask_login import current_user
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as BaseResponse

from ..accounts import sign_ins
from ..accounts.access import actor, allow
from ..accounts.rules import Permission
from ..kernel import installation, web
from ..kernel.db import commit
from ..kernel.errors import Invalid, NotFound, TooMany, WrongState
from ..kernel.i18n import gettext as _
from . import attempts, certificates, grading, service, shown, standing
from .attempts import Saving
from .blueprint import pages
from .forms import StartForm
from .models import Attempt, QuestionVersion
from .rules import EventKind

Answer = str | tuple[str, int] | tuple[str, int, dict[str, str]] | BaseResponse
BY_FORM = "form"


@pages.route("/learn/courses/<slug>/exam", methods=["GET", "POST"])
@allow(Permission.LEARN)
def exam(slug: str) -> Answer:
    """The rules of a course's exam; to begin, one signs in once more."""
    course, by = service.get(slug, actor()), actor()
    attempts.close_overdue(by.user_id or 0, course.id)
    told = service.facts(course)
    form = StartForm()
    if form.validate_on_submit():
        stand = standing.standing(by.user_id or 0, told)
        if stand.running is None and not stand.admission.open:
            raise WrongState(standing.refusal(stand.admission))
        commit()  # The password is checked while no transaction is open.
        try:
            if sign_ins.prove(current_user.login, form.password.data or "", *_from_where()):
                attempt = attempts.start(service.get(slug, actor()), by=actor())
                return redirect(url_for(".room", attempt_id=attempt.id), 303)
            form.reject(Invalid({"password": _("This is not your password. Try again.")}))
        except TooMany as error:
            form.form_errors.append(error.message)
            return _rules(form, told.slug), 429, {"Retry-After": str(error.retry_after_s)}
    return (_rules(form, slug), 422) if form.errors else _rules(form, slug)


def _rules(form: StartForm, slug: str) -> str:
    course = service.get(slug, actor())
    told = service.facts(course)
    stand = standing.standing(actor().user_id or 0, told)
    return render_template("training/exam.html", form=form, course=told, standing=stand, shown=shown)


@pages.get("/learn/exams/<int:attempt_id>")
@allow(Permission.LEARN)
def room(attempt_id: int) -> Answer:
    """The exam room."""
    attempt = _open_or_closed(attempt_id)
    if attempt.closed_at is not None:
        return redirect(url_for(".result", attempt_id=attempt.id))
    told = service.facts_in(attempts.version_of(attempt))
    return render_template(
        "training/room.html",
        attempt=attempt,
        course=told,
        paper=shown.paper_of(attempt),
        times=shown.times_json(attempt),
    )


@pages.post("/learn/exams/<int:attempt_id>/steps")
@allow(Permission.LEARN)
def save(attempt_id: int) -> Response:
    """Keep answers; each has the window it comes from and a number there, so that it can be sent again."""
    attempt = attempts.get(attempt_id, actor())
    savings = _savings(request.get_json(silent=True))
    saved = attempts.save(attempt, savings)
    scenes = shown.scenes_json(attempt, [one.slot for one in savings])
    return jsonify(kept=saved.kept, late=saved.late, scenes=scenes, **shown.times_json(attempt))


def _savings(body: object) -> list[Saving]:
    wrong = Invalid({"steps": _("Send a window's name and its answers.")})
    if not isinstance(body, dict) or not isinstance(body.get("steps"), list):
        raise wrong
    client = body.get("client")
    if not isinstance(client, str) or not 1 <= len(client) <= attempts.CLIENT_MAX or client == BY_FORM:
        raise wrong
    found = []
    for row in body["steps"]:
        seq, slot = (row.get(name) if isinstance(row, dict) else None for name in ("seq", "slot"))
        if type(seq) is not int or type(slot) is not int or not 0 <= seq < 2**31:
            raise wrong
        found.append(Saving(client, seq, slot, row.get("answer")))
    return found


@pages.post("/learn/exams/<int:attempt_id>/events")
@allow(Permission.LEARN)
def note(attempt_id: int) -> Response:
    """Note that the page was left or come back to."""
    attempt = attempts.get(attempt_id, actor())
    body = request.get_json(silent=True)
    kind = body.get("kind") if isinstance(body, dict) else None
    if kind not in {EventKind.LEFT, EventKind.RETURNED}:
        raise Invalid({"kind": _("Say whether the page was left or come back to.")})
    attempts.note_once_in_a_while(attempt, EventKind(kind))
    return jsonify(**shown.times_json(attempt))


@pages.post("/learn/exams/<int:attempt_id>/submit")
@allow(Permission.LEARN)
def submit(attempt_id: int) -> BaseResponse:
    """Submit; from a page without scripts the answers come along."""
    attempt = attempts.get(attempt_id, actor())
    savings = _from_form(attempt, request.form)
    if savings:
        attempts.save(attempt, savings)
    if request.form.get("action") == "save" and attempt.closed_at is None:
        flash(_("Saved."), "success")
        return redirect(url_for(".room", attempt_id=attempt.id), 303)
    attempts.submit(attempt, by=actor())
    return redirect(url_for(".result", attempt_id=attempt.id), 303)


@pages.get("/learn/exams/<int:attempt_id>/result")
@allow(Permission.LEARN)
def result(attempt_id: int) -> Answer:
    """What an exam came to, what went wrong and where to learn it."""
    attempt = _open_or_closed(attempt_id)
    grade = standing.grade_of(attempt)
    if grade is None:
        return redirect(url_for(".room", attempt_id=attempt.id))
    told = service.facts_in(attempts.version_of(attempt))
    policy = json.loads(attempt.policy)
    return render_template(
        "training/result.html",
        attempt=attempt,
        course=told,
        grade=grade,
        percent=grade.points * 100 // grade.possible if grade.possible else 0,
        pass_percent=policy["pass_percent"],
        rows=shown.result_of(attempt, grade),
        standing=standing.standing(attempt.user_id, told),
        certificate=certificates.of_attempt(attempt.id),
        shown=shown,
    )


@pages.get("/learn/exams/<int:attempt_id>/clips/<int:slot>.m4a")
@allow(Permission.LEARN)
def clip(attempt_id: int, slot: int) -> Response:
    """The sound of a question, to whoever has it on the paper."""
    attempt = attempts.get(attempt_id, actor())
    version: QuestionVersion | None = attempts.question_of(attempt, slot)
    if version is None or not version.clip_key:
        raise NotFound(_("This question has no sound."))
    answer = send_file(installation.storage().path(version.clip_key), mimetype="audio/mp4", conditional=True)
    answer.headers["Cache-Control"] = "private, no-cache"
    return answer


def _open_or_closed(attempt_id: int) -> Attempt:
    attempts.close_overdue(actor().user_id or 0)
    return attempts.get(attempt_id, actor())


def _from_where() -> tuple[str, str]:
    return request.remote_addr or "", request.headers.get("User-Agent", "")


# ── answers from a page without scripts ───────────────────────────────────────────────────────────────────────────


def _from_form(attempt: Attempt, form: MultiDict[str, str]) -> list[Saving]:
    """The answers of a posted form that differ from what is saved already."""
    if form.get("answers") != "1":
        return []
    known = {number: rows[-1][1] for number, rows in attempts.answers_of(attempt, late=True).items()}
    seq = attempts.next_seq(attempt, BY_FORM)
    savings: list[Saving] = []
    for asked in shown.paper_of(attempt):
        answer = _answer(asked, form)
        if answer is not None and answer != known.get(asked.slot):
            savings.append(Saving(BY_FORM, seq + len(savings), asked.slot, answer))
    slots = attempts.slots_of(attempt)
    return [one for one in savings if grading.fits(slots[one.slot], one.answer)]


def _answer(asked: shown.Asked, form: MultiDict[str, str]) -> object:
    name = f"s{asked.slot}"
    match asked.type:
        case "single":
            return _number(form.get(name))
        case "true_false":
            return {"true": True, "false": False}.get(form.get(name, ""))
        case "multiple":
            return [place for place in map(_number, form.getlist(name)) if place] or None
        case "fill_in":
            words = [form.get(f"{name}-{n}", "").strip() for n in range(1, len(asked.parts))]
            return words if any(words) else None
        case "matching":
            pairs = {str(place): _number(form.get(f"{name}-{place}")) for place, _text in asked.left}
            return {place: target for place, target in pairs.items() if target} or None
        case "ordering":
            ranks = {_number(form.get(f"{name}-{place}")): place for place, _text in asked.options}
            return [ranks.get(rank, 0) for rank in range(1, len(asked.options) + 1)]
        case "scenario":
            choice = _number(form.get(name))
            return [*asked.answer, choice] if choice else None
        case _:
            marks = {str(one.place): form.get(f"{name}-{one.place}", "none") for one in asked.sentences}
            found = {place: "" if mark == "unsure" else mark for place, mark in marks.items() if mark != "none"}
            return found if found or form.get(f"{name}-clean") else None


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 4 else None


for _endpoint in ("exam", "room", "result"):
    # Looking at an exam whose time is over closes it.
    web.writes(f"training.{_endpoint}")
