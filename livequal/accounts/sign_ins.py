"""Signing in and what keeps it safe: the throttle, the sign-ins of an account, ending them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, delete, or_, select, update
from sqlalchemy.orm import joinedload

from ..audit import service as audit
from ..kernel import crypto
from ..kernel.clock import now
from ..kernel.db import db, edge
from ..kernel.errors import Invalid, NotFound, TooMany
from ..kernel.i18n import gettext
from . import passwords
from .models import SignIn, SignInTry, User
from .rules import (
    BROWSER_MAX,
    SESSION_LIFE,
    SESSION_LONGEST,
    THROTTLE_WINDOW,
    TRIES_PER_ADDRESS,
    TRIES_PER_LOGIN,
    Actor,
    UserState,
    address_group,
    normal_login,
    wait_s,
)


@dataclass(frozen=True, slots=True)
class _Visitor:
    """Who knocks before it is known who it is."""

    user_id: int | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class _Knock:
    """One counted try: whose password is asked for. `user_id` and `kept` are None for an unknown login."""

    digest: str
    address: str
    user_id: int | None
    kept: str | None
    wait_s: int


def account_of(token: str) -> User | None:
    """The account that a sign-in's token stands for; None when it ended, ran out or the account was closed."""
    query = (
        select(User)
        .join(SignIn, SignIn.user_id == User.id)
        .where(SignIn.token_digest == crypto.digest(token), _open(), User.state == UserState.ACTIVE)
        .options(joinedload(User.role_rows))
    )
    return db.session.scalars(query).unique().one_or_none()


def seen(token: str) -> None:
    """Note that a sign-in is being used."""
    at = now()
    db.session.execute(
        update(SignIn)
        .where(SignIn.token_digest == crypto.digest(token), _open())
        .values(seen_at=at)
        .execution_options(synchronize_session=False)
    )


def sign_in(login: str, password: str, address: str, browser: str) -> str:
    """Check name and password and answer the new sign-in's token.

    Works in transactions of its own: the try stays counted and recorded although the request fails, and none is
    open while the password is checked, which takes its time on purpose.

    Raises: TooMany (with the seconds to wait), Invalid (the same whether the account exists or not).
    """
    knock = _knock(login, address)
    if not passwords.fits(knock.kept, password):
        _refuse(knock, browser)
    outdated = knock.kept is not None and passwords.outdated(knock.kept)
    fresh = passwords.hashed(password) if outdated else ""
    with edge():
        user = db.session.get_one(User, knock.user_id)
        if fresh:
            user.password_hash = fresh
        _forget(knock)
        token = begin(user, address, browser)
        audit.record("sign_in", user, by=user.actor, after={"address": address, "browser": browser[:BROWSER_MAX]})
    return token


def prove(login: str, password: str, address: str, browser: str) -> bool:
    """Whether a signed-in person knows their password; counted and throttled like a sign-in, in its own transactions.

    Raises: TooMany.
    """
    knock = _knock(login, address)
    if not passwords.fits(knock.kept, password):
        _record_failure(knock, browser)
        return False
    with edge():
        _forget(knock)
    return True


def begin(user: User, address: str, browser: str) -> str:
    """Open a sign-in for somebody who has just shown who they are, and answer its token."""
    token = crypto.token()
    at = now()
    db.session.add(
        SignIn(
            user_id=user.id,
            token_digest=crypto.digest(token),
            address=address,
            browser=browser[:BROWSER_MAX],
            created_at=at,
            seen_at=at,
        )
    )
    db.session.flush()
    return token


def sign_out(token: str) -> None:
    """End the sign-in of this token; an unknown or ended one is no error."""
    row = _of_token(token)
    if row is None:
        return
    row.ended_at = now()
    audit.record("sign_out", row.user, by=row.user.actor, after={"sign_in": row.id})


def visible_to(by: Actor) -> Select[SignIn]:
    """A person's own sign-ins that are open, the one last used first."""
    return select(SignIn).where(SignIn.user_id == by.user_id, _open()).order_by(SignIn.seen_at.desc(), SignIn.id.desc())


def current(token: str) -> int | None:
    """The id of the open sign-in behind a token."""
    row = _of_token(token)
    return row.id if row else None


def end(sign_in_id: int, *, by: Actor) -> None:
    """End one of one's own sign-ins; its browser is out at its next request.

    Raises: NotFound.
    """
    row = db.session.scalars(visible_to(by).where(SignIn.id == sign_in_id)).first()
    if row is None:
        raise NotFound(gettext("This sign-in has already ended."))
    row.ended_at = now()
    audit.record("sign_in.end", row.user, by=by, after={"sign_in": row.id})


def end_others(token: str, *, by: Actor) -> int:
    """End all of one's own sign-ins except the one of this token; answers how many."""
    count = end_all(by.user_id, spare=token)
    audit.record("sign_in.end_others", ("user_account", by.user_id), by=by, after={"ended": count})
    return count


def end_all(user_id: int | None, *, spare: str = "") -> int:
    """End the sign-ins of an account, sparing the one of a token; answers how many. The caller records why."""
    result = db.session.execute(
        update(SignIn)
        .where(SignIn.user_id == user_id, SignIn.ended_at.is_(None), SignIn.token_digest != crypto.digest(spare))
        .values(ended_at=now())
        .execution_options(synchronize_session="fetch")
        .returning(SignIn.id)
    )
    return len(result.all())


def forget_tries(login: str = "") -> None:
    """Forget the failed tries of one login; without it, all that no longer count (a periodic job's duty)."""
    condition: ColumnElement[bool] = SignInTry.at < now() - THROTTLE_WINDOW
    if login:
        condition = SignInTry.login_digest == crypto.digest(normal_login(login))
    db.session.execute(delete(SignInTry).where(condition).execution_options(synchronize_session=False))


def forget_ended(before: datetime) -> None:
    """Remove sign-ins that were ended, or last seen, before a moment at which an unused one has run out as well."""
    old = or_(SignIn.ended_at < before, SignIn.seen_at < before)
    db.session.execute(delete(SignIn).where(old).execution_options(synchronize_session=False))


def _open() -> ColumnElement[bool]:
    at = now()
    return and_(SignIn.ended_at.is_(None), SignIn.seen_at > at - SESSION_LIFE, SignIn.created_at > at - SESSION_LONGEST)


def _of_token(token: str) -> SignIn | None:
    return db.session.scalars(select(SignIn).where(SignIn.token_digest == crypto.digest(token), _open())).first()


def _knock(login: str, address: str) -> _Knock:
    """Count a try before its password is looked at: many tries at once then stand in line like any others.

    Raises: TooMany, after it was recorded.
    """
    with edge():
        knock = _counted(normal_login(login), address)
    if knock.wait_s:
        minutes = -(-knock.wait_s // 60)
        raise TooMany(
            gettext(
                "Too many tries. The next one is possible in %(minutes)s min. Nothing was changed.", minutes=minutes
            ),
            knock.wait_s,
        )
    return knock


def _counted(login: str, address: str) -> _Knock:
    at = now()
    digest, group = crypto.digest(login), address_group(address)
    # The account's row is locked for this moment, so that PostgreSQL too lets no try slip past the count.
    known = db.session.execute(
        select(User.id, User.password_hash).where(User.login == login, User.state == UserState.ACTIVE).with_for_update()
    ).first()
    tries = db.session.execute(
        select(SignInTry.login_digest, SignInTry.address, SignInTry.at).where(
            SignInTry.at > at - THROTTLE_WINDOW, or_(SignInTry.login_digest == digest, SignInTry.address == group)
        )
    ).all()
    wait = max(
        wait_s([row.at for row in tries if row.login_digest == digest], TRIES_PER_LOGIN, at),
        wait_s([row.at for row in tries if row.address == group], TRIES_PER_ADDRESS, at),
    )
    user_id, kept = (known.id, known.password_hash) if known else (None, None)
    if wait:
        _note("sign_in.throttled", user_id, {"address": address, "wait_s": wait})
    else:
        db.session.add(SignInTry(login_digest=digest, address=group, at=at))
    return _Knock(digest, address, user_id, kept, wait)


def _refuse(knock: _Knock, browser: str) -> None:
    _record_failure(knock, browser)
    raise Invalid(
        {"password": gettext("Name and password don't fit together. Check both, or have the password reset.")}
    )


def _record_failure(knock: _Knock, browser: str) -> None:
    with edge():
        _note("sign_in.failed", knock.user_id, {"address": knock.address, "browser": browser[:BROWSER_MAX]})


def _note(action: str, user_id: int | None, after: dict[str, object]) -> None:
    # What was typed as a name may be a password in the wrong field: an unknown one is never written down.
    subject = ("user_account", user_id) if user_id else ("sign_in", "")
    audit.record(action, subject, by=_Visitor(), after=after)


def _forget(knock: _Knock) -> None:
    db.session.execute(
        delete(SignInTry).where(SignInTry.login_digest == knock.digest).execution_options(synchronize_session=False)
    )
