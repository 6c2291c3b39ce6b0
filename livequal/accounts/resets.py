"""Passwords that are changed, forgotten and chosen anew."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import delete, func, or_, select, update

from ..audit import service as audit
from ..kernel import crypto
from ..kernel.clock import now
from ..kernel.db import commit, db
from ..kernel.errors import Forbidden, Invalid, NotFound, WrongState
from ..kernel.i18n import gettext
from ..notifications import service as notifications
from . import passwords, sign_ins
from .models import PasswordReset, User
from .rules import RESET_LIFE, RESET_WINDOW, RESETS_PER_WINDOW, SYSTEM, Actor, UserState, may_manage, normal_login


def change_password(user_id: int, *, current: str, new: str, address: str, browser: str) -> str:
    """Change one's own password. All sign-ins end; answers the token of a new one for this browser.

    Raises: Invalid at `current` or `password`, TooMany.
    """
    login, actor = _login_and_actor(user_id)
    if not sign_ins.prove(login, current, address, browser):
        raise Invalid({"current": gettext("This is not your present password.")})
    # No transaction is open here: hashing takes its time on purpose.
    fresh = passwords.accepted(new, login)
    user = db.session.get_one(User, user_id)
    _set(user, fresh)
    audit.record("password.change", user, by=actor)
    return sign_ins.begin(user, address, browser)


def ask_for_reset(name: str, link: Callable[[str], str]) -> None:
    """Mail a link to whoever's sign-in name or mail address was typed, if there is such an account with an address.

    Answers nothing, whether or not an account exists. `link` makes the address of the page from a token.
    """
    typed = normal_login(name)
    if not typed:
        return
    known = or_(User.login == typed, User.email == typed)
    query = select(User).where(known, User.state == UserState.ACTIVE, User.email != "").order_by(User.id).limit(5)
    for user in db.session.scalars(query).all():
        if _asked_lately(user) >= RESETS_PER_WINDOW:
            continue
        token = _issue(user)
        audit.record("password.reset_asked", user, by=SYSTEM)
        notifications.send_mail(
            user.email,
            gettext("Choose a new livequal password"),
            gettext(
                "Hello %(name)s,\n\nwith this link you choose a new password. It works once and for two hours:\n\n"
                "%(link)s\n\nIf you didn't ask for it, do nothing: your password stays as it is.",
                name=user.name,
                link=link(token),
            ),
        )


def give_reset(user: User, *, by: Actor) -> str:
    """Make a link by which somebody chooses a new password, to be handed over by a person who knows them.

    Answers the token. Raises: Forbidden, WrongState.
    """
    if not may_manage(by, user.organisation_id):
        raise Forbidden(gettext("Only people who manage this organisation's accounts can do this."))
    if user.state != UserState.ACTIVE:
        raise WrongState(gettext("This account is closed. Invite the person again."))
    token = _issue(user)
    audit.record("password.reset_given", user, by=by)
    return token


def of_token(token: str) -> PasswordReset:
    """The open reset behind a token.

    Raises: NotFound when there is none, or it was used or ran out.
    """
    query = select(PasswordReset).where(
        PasswordReset.token_digest == crypto.digest(token),
        PasswordReset.used_at.is_(None),
        PasswordReset.expires_at > now(),
    )
    row = db.session.scalars(query.with_for_update(of=PasswordReset)).first()
    if row is None or row.user.state != UserState.ACTIVE:
        raise NotFound(gettext("This link was used already or is too old. Ask for a new one."))
    return row


def reset_password(token: str, password: str) -> User:
    """Choose a new password by a link; every sign-in and every other link of the account ends.

    Raises: NotFound, Invalid at `password`.
    """
    login = of_token(token).user.login
    # What was only read ends here, and the link is looked up again: hashing takes its time on purpose.
    commit()
    fresh = passwords.accepted(password, login)
    user = of_token(token).user
    _set(user, fresh)
    sign_ins.forget_tries(user.login)
    audit.record("password.reset", user, by=user.actor)
    if user.email:
        notifications.send_mail(
            user.email,
            gettext("Your livequal password was changed"),
            gettext(
                "Hello %(name)s,\n\na new password was chosen for your account, and all its sign-ins were ended. "
                "If that wasn't you, tell your administrator at once.",
                name=user.name,
            ),
        )
    return user


def _login_and_actor(user_id: int) -> tuple[str, Actor]:
    user = db.session.get_one(User, user_id)
    return user.login, user.actor


def _set(user: User, password_hash: str) -> None:
    user.password_hash = password_hash
    sign_ins.end_all(user.id)
    void(user.id)
    db.session.flush()


def void(user_id: int) -> None:
    """Make every open link of an account useless."""
    db.session.execute(
        update(PasswordReset)
        .where(PasswordReset.user_id == user_id, PasswordReset.used_at.is_(None))
        .values(used_at=now())
        .execution_options(synchronize_session="fetch")
    )


def forget_expired(before: datetime) -> None:
    """Remove links that ran out before a moment."""
    old = delete(PasswordReset).where(PasswordReset.expires_at < before)
    db.session.execute(old.execution_options(synchronize_session=False))


def _issue(user: User) -> str:
    token = crypto.token()
    at = now()
    db.session.add(
        PasswordReset(user_id=user.id, token_digest=crypto.digest(token), created_at=at, expires_at=at + RESET_LIFE)
    )
    db.session.flush()
    return token


def _asked_lately(user: User) -> int:
    query = select(func.count()).where(
        PasswordReset.user_id == user.id, PasswordReset.created_at > now() - RESET_WINDOW
    )
    return db.session.scalar(query) or 0
