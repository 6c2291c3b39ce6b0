"""Organisations and the people in them: coming in, changing, leaving."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Select, func, or_, select, update
from sqlalchemy.exc import IntegrityError

from ..audit import service as audit
from ..kernel import bus, crypto
from ..kernel.clock import now
from ..kernel.db import db
from ..kernel.errors import Forbidden, Invalid, NotFound, WrongState
from ..kernel.i18n import LOCALES, gettext
from . import passwords, resets, sign_ins
from .events import PersonJoined, PersonLeft, RolesChanged
from .models import Invitation, Organisation, User, UserRole
from .rules import (
    INVITATION_LIFE,
    NAME_MAX,
    ROLES_OF,
    SYSTEM,
    Actor,
    InvitationState,
    OrganisationKind,
    Permission,
    Role,
    UserState,
    login_fits,
    may_give,
    may_manage,
    normal_login,
)


@dataclass(frozen=True, slots=True)
class Issued:
    """A fresh invitation and its token, which is handed out now and kept nowhere."""

    invitation: Invitation
    token: str


def visible_to_organisations(by: Actor) -> Select[Organisation]:
    """Platform people see every tenant, others their own, the platform first."""
    query = select(Organisation).order_by(Organisation.kind != OrganisationKind.PLATFORM, Organisation.name)
    return query if by.sees_platform else query.where(Organisation.id == by.organisation_id)


def get_organisation(organisation_id: int, by: Actor) -> Organisation:
    """One organisation.

    Raises: NotFound.
    """
    row = db.session.scalars(visible_to_organisations(by).where(Organisation.id == organisation_id)).first()
    if row is None:
        raise NotFound(gettext("There is no such organisation."))
    return row


def create_organisation(kind: OrganisationKind, name: str, *, by: Actor, demo: bool = False) -> Organisation:
    """Add a tenant; the platform itself exists once.

    Raises: Forbidden, Invalid at `kind` or `name`.
    """
    if not by.may(Permission.WRITE_ORGANISATIONS):
        raise Forbidden(gettext("Only an administrator adds organisations."))
    name = _named(name)
    if db.session.scalar(select(Organisation.id).where(Organisation.name == name)):
        raise Invalid({"name": gettext("There is an organisation of this name already.")})
    if kind is OrganisationKind.PLATFORM and platform() is not None:
        raise Invalid({"kind": gettext("The platform exists already. Choose an agency or a room operator.")})
    row = Organisation(kind=kind.value, name=name, demo=demo, created_at=now())
    db.session.add(row)
    db.session.flush()
    audit.record("organisation.create", row, by=by, after={"kind": row.kind, "name": row.name})
    return row


def platform() -> Organisation | None:
    """The platform that this installation serves; None before `flask init`."""
    return db.session.scalars(select(Organisation).where(Organisation.kind == OrganisationKind.PLATFORM)).first()


def visible_to_people(
    by: Actor, *, organisation_id: int | None = None, role: str = "", state: str = "", search: str = ""
) -> Select[User]:
    """Accounts: all for platform people who may read them, a tenant's own for its managers, else one's own.

    `search` looks for a part of name or sign-in name.
    """
    query = select(User).order_by(User.state, User.name, User.id)
    if not by.may(Permission.READ_PEOPLE):
        query = query.where(User.id == by.user_id)
    elif not by.sees_platform:
        query = query.where(User.organisation_id == by.organisation_id)
    if organisation_id is not None:
        query = query.where(User.organisation_id == organisation_id)
    if role:
        query = query.where(User.id.in_(select(UserRole.user_id).where(UserRole.role == role)))
    if state:
        query = query.where(User.state == state)
    if search:
        query = query.where(
            or_(User.name.icontains(search, autoescape=True), User.login.icontains(search, autoescape=True))
        )
    return query


def get_user(user_id: int, by: Actor) -> User:
    """One account.

    Raises: NotFound.
    """
    row = db.session.scalars(visible_to_people(by).where(User.id == user_id)).first()
    if row is None:
        raise NotFound(gettext("There is no such account."))
    return row


def names_of(user_ids: set[int]) -> dict[int, str]:
    """The names of accounts by id, for lists that show who did something."""
    if not user_ids:
        return {}
    return {row.id: row.name for row in db.session.execute(select(User.id, User.name).where(User.id.in_(user_ids)))}


def active_with_role(organisation_id: int, role: Role) -> list[int]:
    """The ids of an organisation's active accounts that hold a role."""
    query = (
        select(User.id)
        .join(UserRole)
        .where(User.organisation_id == organisation_id, User.state == UserState.ACTIVE, UserRole.role == role)
    )
    return list(db.session.scalars(query.order_by(User.id)))


def visible_to_invitations(by: Actor) -> Select[Invitation]:
    """Invitations of every organisation for platform people, of one's own for others; newest first."""
    query = select(Invitation).order_by(Invitation.id.desc())
    return query if by.sees_platform else query.where(Invitation.organisation_id == by.organisation_id)


def get_invitation(invitation_id: int, by: Actor) -> Invitation:
    """One invitation.

    Raises: NotFound.
    """
    row = db.session.scalars(visible_to_invitations(by).where(Invitation.id == invitation_id)).first()
    if row is None:
        raise NotFound(gettext("There is no such invitation."))
    return row


def invite(organisation_id: int, name: str, roles: frozenset[Role], *, by: Actor, subject: str = "") -> Issued:
    """Make an invitation for one person.

    `subject` names another room's row to be tied to the account, such as `streamer:12`; the caller has seen to it
    that `by` may see that row.
    Raises: NotFound (the organisation), Invalid at `name` or `roles`.
    """
    organisation = get_organisation(organisation_id, by)
    name = _named(name)
    _check_roles(organisation, roles, by)
    token, at = crypto.token(), now()
    row = Invitation(
        organisation=organisation,
        token_digest=crypto.digest(token),
        name=name,
        roles=_listed(roles),
        subject=subject,
        created_by=by.user_id,
        created_at=at,
        expires_at=at + INVITATION_LIFE,
    )
    db.session.add(row)
    db.session.flush()
    after = {"organisation": organisation.id, "name": name, "roles": row.roles, "subject": subject}
    audit.record("invitation.create", row, by=by, after=after)
    return Issued(row, token)


def invitation_of(token: str) -> Invitation:
    """The open invitation behind a token.

    Raises: NotFound when it was used, revoked or is too old.
    """
    query = select(Invitation).where(Invitation.token_digest == crypto.digest(token))
    row = db.session.scalars(query.with_for_update(of=Invitation)).first()
    if row is None or row.state(now()) is not InvitationState.OPEN:
        raise NotFound(gettext("This invitation was used already, taken back, or is too old. Ask for a new one."))
    return row


def accept(token: str, *, login: str, name: str, password: str, email: str = "", locale: str = LOCALES[0]) -> User:
    """Come in by an invitation. Emits PersonJoined.

    Raises: NotFound, Invalid at `login`, `name` or `password`.
    """
    # Hashing takes its time on purpose: it comes before the transaction.
    fresh = passwords.accepted(password, normal_login(login))
    invitation = invitation_of(token)
    user = _add(invitation.organisation, invitation.given_roles, login, name, fresh, email, locale)
    invitation.accepted_at, invitation.accepted_by = now(), user.id
    audit.record("invitation.accept", invitation, by=user.actor, after={"user": user.id, "login": user.login})
    db.session.flush()
    bus.emit(PersonJoined(user.id, invitation.subject))
    return user


def revoke(invitation: Invitation, *, by: Actor) -> None:
    """Take an invitation back; its link says so from now on.

    Raises: WrongState when it was accepted or revoked before.
    """
    if invitation.state(now()) not in {InvitationState.OPEN, InvitationState.EXPIRED}:
        raise WrongState(gettext("This invitation was accepted or taken back before."))
    invitation.revoked_at = now()
    audit.record("invitation.revoke", invitation, by=by, before={"name": invitation.name})
    db.session.flush()


def add_account(
    organisation: Organisation,
    roles: frozenset[Role],
    *,
    login: str,
    name: str,
    password: str,
    email: str = "",
    locale: str = LOCALES[0],
) -> User:
    """Add an account without asking who wants it: for invitations, the first administrator and demo data.

    Raises: Invalid at `login`, `name` or `password`.
    """
    fresh = passwords.accepted(password, normal_login(login))
    return _add(organisation, roles, login, name, fresh, email, locale)


def _add(
    organisation: Organisation,
    roles: frozenset[Role],
    login: str,
    name: str,
    password_hash: str,
    email: str,
    locale: str,
) -> User:
    login, name = _free_login(login), _named(name)
    user = User(
        organisation=organisation,
        login=login,
        name=name,
        email=email.strip().lower(),
        password_hash=password_hash,
        locale=locale if locale in LOCALES else LOCALES[0],
        created_at=now(),
        role_rows=[UserRole(role=role.value) for role in sorted(roles)],
    )
    try:
        with db.session.begin_nested():
            db.session.add(user)
    except IntegrityError:
        raise _taken() from None
    return user


def create_first_administrator(platform_name: str, login: str, password: str, name: str = "") -> User:
    """Found the platform and its first administrator (`flask init`).

    Raises: WrongState when there is a platform already; Invalid at `platform_name`, `login`, `name` or `password`.
    """
    if platform() is not None:
        raise WrongState(gettext("This installation has its platform and an administrator already."))
    try:
        organisation = create_organisation(OrganisationKind.PLATFORM, platform_name, by=SYSTEM)
    except Invalid as error:
        raise Invalid({"platform_name": error.fields["name"]}) from None
    user = add_account(
        organisation, frozenset({Role.ADMINISTRATOR}), login=login, name=name or login, password=password
    )
    audit.record("person.first_administrator", user, by=SYSTEM, after={"login": user.login})
    return user


def change_roles(user: User, roles: frozenset[Role], *, by: Actor) -> None:
    """Give an active account these roles instead of the ones it has.

    Raises: Forbidden, WrongState (closed, or the last administrator), Invalid at `roles`.
    """
    _check_may_manage(user, by)
    _check_roles(user.organisation, roles, by)
    before = _listed(user.roles)
    if Role.ADMINISTRATOR in user.roles - roles:
        _keep_an_administrator(user)
    user.role_rows[:] = [row for row in user.role_rows if row.role in roles]
    user.role_rows += [UserRole(role=role.value) for role in sorted(roles - user.roles)]
    db.session.flush()
    audit.record("person.roles", user, by=by, before={"roles": before}, after={"roles": _listed(roles)})
    bus.emit(RolesChanged(user.id))


def leave(user: User, *, by: Actor) -> None:
    """Close an account: its sign-ins, links and the invitations it made end. Emits PersonLeft.

    Everybody may close their own. Raises: Forbidden, WrongState (closed already, or the last administrator).
    """
    if by.user_id != user.id:
        _check_may_manage(user, by)
    if user.state != UserState.ACTIVE:
        raise WrongState(gettext("This account is closed already."))
    if Role.ADMINISTRATOR in user.roles:
        _keep_an_administrator(user)
    at = now()
    user.state, user.left_at, user.password_hash = UserState.LEFT.value, at, ""
    sign_ins.end_all(user.id)
    resets.void(user.id)
    db.session.execute(
        update(Invitation)
        .where(Invitation.created_by == user.id, Invitation.accepted_at.is_(None), Invitation.revoked_at.is_(None))
        .values(revoked_at=at)
        .execution_options(synchronize_session="fetch")
    )
    db.session.flush()
    audit.record("person.leave", user, by=by, before={"roles": _listed(user.roles)})
    bus.emit(PersonLeft(user.id))


def change_profile(user: User, *, name: str, email: str, by: Actor) -> None:
    """Change one's own name and mail address; the view asks for the password when the address changes.

    Raises: Invalid at `name`.
    """
    name, email = _named(name), email.strip().lower()
    if (name, email) == (user.name, user.email):
        return
    before = {"name": user.name, "email_changed": email != user.email}
    user.name, user.email = name, email
    db.session.flush()
    audit.record("person.profile", user, by=by, before=before, after={"name": name})


def choose_locale(user: User, locale: str, *, by: Actor) -> None:
    """Keep the language a person reads.

    Raises: Invalid at `locale`.
    """
    if locale not in LOCALES:
        raise Invalid({"locale": gettext("Choose one of the languages shown.")})
    if user.locale == locale:
        return
    before, user.locale = user.locale, locale
    audit.record("person.locale", user, by=by, before={"locale": before}, after={"locale": locale})


def roles_to_give(organisation: Organisation, by: Actor) -> frozenset[Role]:
    """The roles that somebody may hand out in an organisation."""
    roles = ROLES_OF[OrganisationKind(organisation.kind)]
    return roles if may_give(by, OrganisationKind(organisation.kind), organisation.id, roles) else frozenset()


def _named(name: str) -> str:
    name = " ".join(name.split())
    if not name:
        raise Invalid({"name": gettext("Give a name.")})
    if len(name) > NAME_MAX:
        raise Invalid({"name": gettext("Take at most %(count)s characters.", count=NAME_MAX)})
    return name


def _free_login(login: str) -> str:
    login = normal_login(login)
    if not login_fits(login):
        raise Invalid(
            {"login": gettext("Take 2 to 60 letters, digits or Chinese characters; . _ @ + - may stand between.")}
        )
    if db.session.scalar(select(func.count()).where(User.login == login)):
        raise _taken()
    return login


def _taken() -> Invalid:
    return Invalid({"login": gettext("This sign-in name is taken. Choose another one.")})


def _listed(roles: frozenset[Role]) -> str:
    return ",".join(sorted(roles))


def _check_roles(organisation: Organisation, roles: frozenset[Role], by: Actor) -> None:
    if not roles:
        raise Invalid({"roles": gettext("Choose at least one role.")})
    if not may_give(by, OrganisationKind(organisation.kind), organisation.id, roles):
        raise Invalid({"roles": gettext("You can't give these roles in this organisation. Choose others.")})


def _check_may_manage(user: User, by: Actor) -> None:
    if not may_manage(by, user.organisation_id):
        raise Forbidden(gettext("Only people who manage this organisation's accounts can do this."))
    if user.state != UserState.ACTIVE:
        raise WrongState(gettext("This account is closed. Invite the person again."))


def _keep_an_administrator(user: User) -> None:
    # Locked together: two administrators who leave at the same moment don't both count on each other.
    active = select(User.id).join(UserRole).where(UserRole.role == Role.ADMINISTRATOR, User.state == UserState.ACTIVE)
    if set(db.session.scalars(active.order_by(User.id).with_for_update(of=User))) <= {user.id}:
        raise WrongState(gettext("This is the last administrator. Make somebody else an administrator first."))
