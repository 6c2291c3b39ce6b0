"""Certificates over HTTP: one's own with picture and PDF, the platform's ledger, and the public page to verify one."""

from __future__ import annotations

from datetime import timedelta

from flask import flash, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]

from ..accounts import shown as links
from ..accounts.access import actor, allow, public
from ..accounts.rules import Permission, address_group
from ..kernel.clock import now
from ..kernel.errors import Forbidden, Invalid, TooMany, WrongState
from ..kernel.i18n import gettext as _
from ..kernel.pages import paginate
from ..kernel.throttle import Window
from ..kernel.web import page_number
from . import attempts, certificate_print, certificates, lettering, shown
from .blueprint import pages
from .certificate_print import Printed
from .forms import CertificateForm
from .ledger import CertificateEventKind, CertificateState, grouped, masked, read_serial
from .models import Certificate

Answer = Response | str | tuple[str, int]
SHOWN_IN_PRINT = (CertificateState.VALID, CertificateState.EXPIRED, CertificateState.SUPERSEDED)
# A person at a door checks a few a minute; whoever asks more often wants to collect.
asked = Window(30, timedelta(minutes=1))


@pages.get("/certificates")
@allow(Permission.LEARN)
def certificates_of_mine() -> str:
    """One's own certificates."""
    page = paginate(certificates.own(actor()), page_number())
    return render_template("training/certificates.html", page=page, shown=shown, state=certificates.state)


@pages.get("/certificates/ledger")
@allow(Permission.STEER_CERTIFICATES)
def ledger() -> str:
    """All certificates, by serial or name."""
    page = paginate(certificates.searched(actor(), request.args.get("words", "").strip()), page_number())
    return render_template("training/ledger.html", page=page, shown=shown, state=certificates.state, grouped=grouped)


@pages.route("/certificates/<serial>", methods=["GET", "POST"])
@allow(Permission.LEARN)
def certificate(serial: str) -> Answer:
    """A certificate to save, print and show; whoever steers certificates decides here."""
    row, form = certificates.get(serial, actor()), CertificateForm()
    steers = actor().may(Permission.STEER_CERTIFICATES)
    choices = certificates.allowed(row) if steers else ()
    form.kind.choices = [SelectChoice(kind.value, shown.certificate_event(kind)) for kind in choices]
    if request.method == "POST" and not steers:
        raise Forbidden(_("Your role can't do this. Ask your administrator if you need it."))
    if form.validate_on_submit():
        try:
            kind, reason = CertificateEventKind(form.kind.data), form.reason.data or ""
            certificates.decide(row, kind, reason=reason, by=actor())
        except Invalid as error:
            form.reject(error)
        else:
            flash(_("Recorded. The person is told."), "success")
            return redirect(url_for(".certificate", serial=row.serial), 303)
    state = certificates.state(row)
    body = render_template(
        "training/certificate.html",
        row=row,
        state=state,
        drawn=state in SHOWN_IN_PRINT,
        missing=lettering.missing(row.name),
        grouped=grouped,
        mine=row.user_id == actor().user_id,
        form=form if choices else None,
        shown=shown,
        link=_verify_link(row.serial),
    )
    return (body, 422) if form.errors else body


@pages.get("/certificates/<serial>/picture.png")
@allow(Permission.LEARN)
def picture(serial: str) -> Response:
    """The certificate as a picture, to be saved by a long press."""
    row = _to_print(serial)
    return _file(certificate_print.picture(_printed(row)), "image/png", f"{row.serial}.png", inline=True)


@pages.get("/certificates/<serial>/certificate.pdf")
@allow(Permission.LEARN)
def paper(serial: str) -> Response:
    """The certificate as a PDF."""
    row = _to_print(serial)
    return _file(certificate_print.pdf(_printed(row)), "application/pdf", f"{row.serial}.pdf", inline=False)


def _to_print(serial: str) -> Certificate:
    row = certificates.get(serial, actor())
    if certificates.state(row) not in SHOWN_IN_PRINT:
        raise WrongState(_("This certificate does not hold; it can't be printed now."))
    return row


def _printed(row: Certificate) -> Printed:
    return Printed(
        row.serial,
        row.name,
        row.course_title,
        row.course_version,
        row.passed_at,
        row.valid_until,
        certificates.issuer(),
        _verify_link(row.serial),
    )


def _verify_link(serial: str) -> str:
    return links.address(url_for(".verify", serial=serial))


def _file(body: bytes, mimetype: str, name: str, *, inline: bool) -> Response:
    answer = make_response(body)
    answer.mimetype = mimetype
    answer.headers["Content-Disposition"] = f"{'inline' if inline else 'attachment'}; filename={name}"
    answer.headers["Cache-Control"] = "private, max-age=300"
    return answer


@pages.post("/learn/exams/<int:attempt_id>/certificate")
@allow(Permission.LEARN)
def claim(attempt_id: int) -> Response:
    """Get the certificate of a passed exam; asked again, it is the same one."""
    row = certificates.issue(attempts.get(attempt_id, actor()).id, by=actor())
    return redirect(url_for(".certificate", serial=row.serial), 303)


# ── for everybody ─────────────────────────────────────────────────────────────────────────────────────────────────


@pages.get("/verify")
@public
def verify_form() -> Answer:
    """Type a certificate's number."""
    typed = request.args.get("serial", "").strip()
    if not typed:
        return render_template("training/verify.html", typed="", found=None, mistyped=False)
    serial = read_serial(typed)
    return redirect(url_for(".verify", serial=serial)) if serial else _verified(typed)


@pages.get("/verify/<serial>")
@public
def verify(serial: str) -> Answer:
    """Whether a certificate holds; one that was revoked or has run out is shown as such."""
    return _verified(serial)


def _verified(typed: str) -> Answer:
    if wait := asked.wait_s(address_group(request.remote_addr or ""), now()):
        raise TooMany(_("Too many certificates were looked up from here. Wait a minute."), wait)
    serial = read_serial(typed)
    row = certificates.find(serial) if serial else None
    body = render_template(
        "training/verify.html",
        typed=typed[:40],
        found=row,
        mistyped=serial is None,
        state=certificates.state(row) if row else None,
        name=masked(row.name) if row else "",
        grouped=grouped,
        issuer=certificates.issuer(),
        checked_at=now(),
        shown=shown,
    )
    return body if row else (body, 404)
