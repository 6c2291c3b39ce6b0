"""Who is at the door: Flask-Login's set-up, and the permission that every route names."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from flask import Flask, flash, redirect, request, session, url_for
from flask_login import LoginManager, current_user
from werkzeug.routing import IntegerConverter, Map
from werkzeug.wrappers import Response

from ..kernel.clock import now
from ..kernel.db import edge
from ..kernel.errors import Forbidden
from ..kernel.i18n import gettext
from ..kernel.web import wants_json
from . import sign_ins
from .models import User
from .rules import Actor, Permission

View = TypeVar("View", bound=Callable[..., Any])
SESSION_TOKEN = "sign_in"  # noqa: S105 - the name of a cookie field
SEEN = "seen"
LOCALE = "locale"
SEEN_EVERY_S = 600
login_manager = LoginManager()


def init_app(app: Flask) -> None:
    """Let Flask-Login find the account behind a request."""
    login_manager.init_app(app)
    login_manager.request_loader(_load)
    login_manager.session_protection = None
    app.before_request(_note_presence)
    app.url_map.converters["int"] = RowNumber


class RowNumber(IntegerConverter):
    """A row's number in an address; one that no database counts to is nobody's row and so 404."""

    def __init__(self, url_map: Map) -> None:
        super().__init__(url_map, max=2**31 - 1)


def enter(token: str) -> None:
    """Begin this browser's session anew for a sign-in; of the one before nothing stays but the chosen language."""
    locale = session.get(LOCALE)
    session.clear()
    session.permanent = True
    session[SESSION_TOKEN], session[SEEN] = token, now().timestamp()
    if locale:
        session[LOCALE] = locale


def present_token() -> str:
    """The token of this browser's sign-in; empty without one."""
    token = session.get(SESSION_TOKEN)
    return token if isinstance(token, str) else ""


def _note_presence() -> None:
    """Note every few minutes that a sign-in is in use.

    A reading request must not turn into a writing one half-way, so this is an edge of its own before anything is read.
    """
    token = present_token()
    if not token or request.endpoint in {"static", "assets.bootstrap"}:
        return
    at = now().timestamp()
    if at - session.get(SEEN, 0) > SEEN_EVERY_S:
        with edge():
            sign_ins.seen(token)
        session[SEEN] = at


def _load(_request: Any) -> User | None:
    token = present_token()
    return sign_ins.account_of(token) if token else None


def actor() -> Actor:
    """Who acts in this request."""
    return cast(User, current_user).actor


def allow(permission: Permission) -> Callable[[View], View]:
    """Let only those in who hold the permission; strangers are sent to sign in."""

    def guard(view: View) -> View:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            if not current_user.is_authenticated:
                return _to_sign_in()
            if not actor().may(permission):
                raise Forbidden(gettext("Your role can't do this. Ask your administrator if you need it."))
            return view(*args, **kwargs)

        guarded.permission = permission  # type: ignore[attr-defined]
        return cast(View, guarded)

    return guard


def public(view: View) -> View:
    """Let everybody in: sign-in, joining, resetting, health."""
    view.permission = None  # type: ignore[attr-defined]
    return view


def _to_sign_in() -> Response | tuple[dict[str, str], int]:
    if wants_json():
        return {"message": gettext("You are signed out. Sign in again; what you typed is still here.")}, 401
    if request.method == "GET":
        return redirect(url_for("accounts.sign_in", next=request.full_path.rstrip("?")))
    flash(gettext("You were signed out. Sign in and send it again."))
    return redirect(url_for("accounts.sign_in"))
