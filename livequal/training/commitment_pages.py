"""Commitments over HTTP: read and sign, what was signed, and the platform's texts and list."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from ..accounts.access import actor, allow
from ..accounts.rules import Permission
from ..kernel.errors import Conflict, Invalid, NotFound
from ..kernel.i18n import gettext as _
from ..kernel.pages import paginate
from ..kernel.web import page_number
from . import commitments, shown
from .blueprint import pages
from .commitments import Text
from .forms import CommitmentForm, SignForm

Answer = Response | str | tuple[str, int]


@pages.get("/commitments")
@allow(Permission.LEARN)
def commitments_of_mine() -> str:
    """What is to be signed, and what was."""
    page = paginate(commitments.signatures_of(actor()), page_number())
    texts = [commitments.current(slug) for slug in commitments.FOR]
    return render_template("training/commitments.html", dues=commitments.dues(actor()), page=page, texts=texts)


@pages.get("/commitments/signed")
@allow(Permission.STEER_COMMITMENTS)
def signed() -> str:
    """Who signed which version."""
    slug = request.args.get("slug", "")
    page = paginate(commitments.signatures(slug if slug in commitments.FOR else ""), page_number())
    texts = [commitments.current(one) for one in commitments.FOR]
    return render_template("training/signed.html", page=page, texts=texts)


@pages.route("/commitments/<commitment>", methods=["GET", "POST"])
@allow(Permission.LEARN)
def commitment(commitment: str) -> Answer:
    """Read a commitment and sign it."""
    text = _open(commitment)
    form = SignForm()
    if form.validate_on_submit():
        try:
            commitments.sign(commitment, form.read.data or "", by=actor())
        except Conflict as error:
            before = commitments.read_as(commitment, form.read.data or "")
            return _page(commitments.current(commitment), SignForm(None), before=before, changed=error.message), 409
        flash(_("Signed. It stands in your list from now on."), "success")
        return redirect(url_for(".commitments_of_mine"), 303)
    body = _page(text, form)
    return (body, 422) if form.errors else body


@pages.get("/commitments/<commitment>/<version>")
@allow(Permission.LEARN)
def commitment_version(commitment: str, version: str) -> str:
    """A version as it stood, such as the one that was signed."""
    _open(commitment)
    text = commitments.version(commitment, version)
    return render_template("training/commitment_version.html", text=text, html=shown.manual_html(text.body))


@pages.route("/commitments/<commitment>/edit", methods=["GET", "POST"])
@allow(Permission.STEER_COMMITMENTS)
def edit_commitment(commitment: str) -> Answer:
    """Write a new version."""
    text, status = commitments.current(commitment), 200
    form = CommitmentForm(None) if request.method == "GET" else CommitmentForm()
    if request.method == "GET":
        form.title.data, form.body.data, form.read.data = text.title, text.body, text.sha256
    elif not form.validate():
        status = 422
    else:
        try:
            row = commitments.publish(
                commitment,
                title=form.title.data or "",
                body=form.body.data or "",
                ask_again=form.change.data == "major",
                read=form.read.data or "",
                by=actor(),
            )
        except Invalid as error:
            form.reject(error)
            status = 422
        except Conflict as error:
            form.reject(Invalid({}, error.message))
            form.read.data = text.sha256
            status = 409
        else:
            flash(_("Version %(version)s is in force.", version=row.version), "success")
            return redirect(url_for(".commitment", commitment=commitment), 303)
    body = render_template(
        "training/edit_commitment.html", form=form, text=text, html=shown.manual_html(text.body), conflict=status == 409
    )
    return (body, status) if status != 200 else body


def _open(slug: str) -> Text:
    by = actor()
    text = commitments.current(slug)
    if not commitments.covers(slug, by) and not by.sees_platform:
        raise NotFound(_("There is no such commitment, or it is for other roles."))
    return text


def _page(text: Text, form: SignForm, *, before: Text | None = None, changed: str = "") -> str:
    by = actor()
    form.read.data = text.sha256
    due = next((one for one in commitments.dues(by) if one.text.slug == text.slug), None)
    return render_template(
        "training/commitment.html",
        text=text,
        html=shown.manual_html(text.body),
        form=form,
        due=due,
        before=before,
        before_html=shown.manual_html(before.body) if before else "",
        changed=changed,
    )
