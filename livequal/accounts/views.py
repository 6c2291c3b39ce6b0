"""Signing in and one's own account over HTTP. The pages about others stand in people.py."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, session, url_for
from flask_login import current_user

from ..kernel import installation
from ..kernel.db import commit
from ..kernel.errors import Invalid, NotFound, TooMany
from ..kernel.forms import Form
from ..kernel.i18n import LOCALES, get_locale
from ..kernel.i18n import gettext as _
from ..kernel.pages import paginate
from ..kernel.web import page_number, safe_next
from . import access, people, resets, service, shown, sign_ins
from .access import actor, allow, public
from .blueprint import Answer, pages
from .forms import AskForResetForm, JoinForm, LeaveForm, PasswordForm, ProfileForm, ResetForm, SignInForm, text
from .models import User
from .rules import Permission

__all__ = ["pages", "people"]


@pages.route("/sign-in", methods=["GET", "POST"])
@public
def sign_in() -> Answer:
    """Sign in, and go on to where one wanted to be."""
    form = SignInForm()
    if request.method == "GET":
        if current_user.is_authenticated:
            return redirect(safe_next(request.args.get("next"), "/"))
        form.next.data = request.args.get("next", "")
    if not form.validate_on_submit():
        return _shown("accounts/sign_in.html", form)
    try:
        access.enter(sign_ins.sign_in(text(form.login), text(form.password), *_from_where()))
    except Invalid as error:
        form.reject(error)
        return _shown("accounts/sign_in.html", form)
    except TooMany as error:
        form.form_errors.append(error.message)
        return render_template("accounts/sign_in.html", form=form), 429, {"Retry-After": str(error.retry_after_s)}
    return redirect(safe_next(text(form.next), "/"), 303)


@pages.post("/sign-out")
@public
def sign_out() -> Answer:
    """End this browser's sign-in."""
    sign_ins.sign_out(access.present_token())
    session.clear()
    flash(_("You are signed out."))
    return redirect(url_for(".sign_in"), 303)


@pages.post("/language")
@public
def language() -> Answer:
    """Choose a language, signed in or not."""
    locale = request.form.get("locale", "")
    if current_user.is_authenticated:
        service.choose_locale(_me(), locale, by=actor())
    if locale in LOCALES:
        session[access.LOCALE] = locale
    return redirect(safe_next(request.form.get("next"), "/"), 303)


@pages.route("/join/<token>", methods=["GET", "POST"])
@public
def join(token: str) -> Answer:
    """Come in by an invitation."""
    try:
        invitation = service.invitation_of(token)
    except NotFound as error:
        return render_template("accounts/link_gone.html", message=error.message), 404
    form = JoinForm(name=invitation.name)
    if form.validate_on_submit():
        commit()  # What was only read ends here: the password is hashed while no transaction is open.
        try:
            user = service.accept(
                token,
                login=text(form.login),
                name=text(form.name),
                password=text(form.password),
                email=text(form.email),
                locale=str(get_locale()),
            )
        except Invalid as error:
            form.reject(error)
        else:
            access.enter(sign_ins.begin(user, *_from_where()))
            flash(_("Welcome. Your account is ready."), "success")
            return redirect("/", 303)
    roles = shown.roles_text(invitation.given_roles)
    return _shown("accounts/join.html", form, invitation=invitation, roles=roles)


@pages.route("/reset", methods=["GET", "POST"])
@public
def forgot() -> Answer:
    """Ask for a link to choose a new password."""
    form = AskForResetForm()
    if not form.validate_on_submit():
        return _shown("accounts/forgot.html", form)
    # The address in a mail comes from the settings: the Host header is the sender's to choose.
    base = installation.settings().public_url
    resets.ask_for_reset(text(form.login), lambda token: base + url_for(".reset", token=token))
    return redirect(url_for(".asked"), 303)


@pages.get("/reset/asked")
@public
def asked() -> Answer:
    """What happens now: the same words for everybody."""
    return render_template("accounts/asked.html")


@pages.route("/reset/<token>", methods=["GET", "POST"])
@public
def reset(token: str) -> Answer:
    """Choose a new password by a link."""
    try:
        person = resets.of_token(token).user
    except NotFound as error:
        return render_template("accounts/link_gone.html", message=error.message), 404
    form = ResetForm()
    if form.validate_on_submit():
        try:
            user = resets.reset_password(token, text(form.password))
        except Invalid as error:
            form.reject(error)
        else:
            access.enter(sign_ins.begin(user, *_from_where()))
            flash(_("Your new password holds from now on. All other sign-ins were ended."), "success")
            return redirect("/", 303)
    return _shown("accounts/reset.html", form, person=person)


@pages.get("/account")
@allow(Permission.OWN_ACCOUNT)
def account() -> Answer:
    """One's own account."""
    return _account()


@pages.post("/account/profile")
@allow(Permission.OWN_ACCOUNT)
def profile() -> Answer:
    """Change one's name and mail address."""
    form = ProfileForm()
    if not form.validate_on_submit():
        return _account(profile=form)
    me = _me()
    name, email = text(form.name), text(form.email)
    try:
        if email.lower() != me.email and not sign_ins.prove(me.login, text(form.current), *_from_where()):
            raise Invalid({"current": _("Type your present password to change the mail address.")})
        service.change_profile(service.get_user(me.id, actor()), name=name, email=email, by=actor())
    except Invalid as error:
        form.reject(error)
        return _account(profile=form)
    flash(_("Saved."), "success")
    return redirect(url_for(".account"), 303)


@pages.post("/account/password")
@allow(Permission.OWN_ACCOUNT)
def password() -> Answer:
    """Change one's password."""
    form = PasswordForm()
    if form.validate_on_submit():
        current, new = text(form.current), text(form.password)
        address, browser = _from_where()
        try:
            token = resets.change_password(_me().id, current=current, new=new, address=address, browser=browser)
        except Invalid as error:
            form.reject(error)
        else:
            access.enter(token)
            flash(_("Your new password holds from now on. All other sign-ins were ended."), "success")
            return redirect(url_for(".account"), 303)
    return _account(password=form)


@pages.post("/account/leave")
@allow(Permission.OWN_ACCOUNT)
def leave() -> Answer:
    """Close one's own account."""
    form = LeaveForm()
    if not form.validate_on_submit():
        return _account(leave=form)
    me = _me()
    if not sign_ins.prove(me.login, text(form.current), *_from_where()):
        form.reject(Invalid({"current": _("This is not your present password.")}))
        return _account(leave=form)
    service.leave(service.get_user(me.id, actor()), by=actor())
    session.clear()
    flash(_("Your account is closed. Thank you for working with us."))
    return redirect(url_for(".sign_in"), 303)


@pages.post("/account/sign-ins/<int:sign_in_id>/end")
@allow(Permission.OWN_ACCOUNT)
def end_sign_in(sign_in_id: int) -> Answer:
    """End one of one's own sign-ins."""
    sign_ins.end(sign_in_id, by=actor())
    flash(_("That sign-in has ended."), "success")
    return redirect(url_for(".account") + "#sign-ins", 303)


@pages.post("/account/sign-ins/end-others")
@allow(Permission.OWN_ACCOUNT)
def end_other_sign_ins() -> Answer:
    """End all of one's sign-ins but this one."""
    sign_ins.end_others(access.present_token(), by=actor())
    flash(_("All other sign-ins have ended."), "success")
    return redirect(url_for(".account") + "#sign-ins", 303)


def _account(**sent: Form) -> Answer:
    me = service.get_user(_me().id, actor())
    forms: dict[str, Form] = {
        "profile": ProfileForm(None, obj=me),
        "password": PasswordForm(None),
        "leave": LeaveForm(None),
    } | sent
    page = render_template(
        "accounts/account.html",
        me=me,
        roles=shown.roles_text(me.roles),
        forms=forms,
        page=paginate(sign_ins.visible_to(actor()), page_number()),
        current=sign_ins.current(access.present_token()),
        device=shown.device,
    )
    return (page, 422) if sent else page


def _shown(template: str, form: Form, **more: object) -> Answer:
    page = render_template(template, form=form, **more)
    return (page, 422) if form.is_submitted() else page


def _me() -> User:
    user: User = current_user._get_current_object()
    return user


def _from_where() -> tuple[str, str]:
    return request.remote_addr or "", request.user_agent.string
