"""Organisations, accounts, their sign-ins, invitations and resets."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ..kernel.db import Base
from .rules import Actor, InvitationState, OrganisationKind, Role, invitation_state


class Organisation(Base):
    """The platform itself, an MCN, or a room operator: one tenant."""

    __tablename__ = "organisation"
    __table_args__ = (
        CheckConstraint("kind IN ('platform','mcn','room_operator')", name="kind"),
        UniqueConstraint("name"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    name: Mapped[str]
    demo: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]


class User(Base):
    """An account. `login` and `email` are kept in lower case; an account that left keeps its row and can't sign in."""

    __tablename__ = "user_account"
    __table_args__ = (
        CheckConstraint("state IN ('active','left')", name="state"),
        UniqueConstraint("login"),
        Index("ix_user_account_organisation_id_state", "organisation_id", "state"),
        Index("ix_user_account_email", "email"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"))
    login: Mapped[str]
    name: Mapped[str]
    email: Mapped[str] = mapped_column(default="")
    password_hash: Mapped[str]
    locale: Mapped[str] = mapped_column(default="zh_Hans_CN")
    state: Mapped[str] = mapped_column(default="active")
    created_at: Mapped[datetime]
    left_at: Mapped[datetime | None]

    organisation: Mapped[Organisation] = relationship(lazy="joined")
    role_rows: Mapped[list[UserRole]] = relationship(lazy="selectin", cascade="all, delete-orphan")

    # Flask-Login asks this of whoever is signed in.
    is_authenticated = True

    @property
    def roles(self) -> frozenset[Role]:
        """The roles held now."""
        return frozenset(Role(row.role) for row in self.role_rows)

    @property
    def actor(self) -> Actor:
        """This account as services see it."""
        return Actor(self.id, self.name, self.organisation_id, OrganisationKind(self.organisation.kind), self.roles)


class UserRole(Base):
    """One role of one account."""

    __tablename__ = "user_role"
    __table_args__ = (Index("ix_user_role_role", "role"),)

    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"), primary_key=True)
    role: Mapped[str] = mapped_column(primary_key=True)


class SignIn(Base):
    """One signed-in browser: listed to its owner, revocable. Only the digest of its token is kept."""

    __tablename__ = "sign_in"
    __table_args__ = (UniqueConstraint("token_digest"), Index("ix_sign_in_user_id_ended_at", "user_id", "ended_at"))

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    token_digest: Mapped[str]
    address: Mapped[str]
    browser: Mapped[str]
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]

    user: Mapped[User] = relationship(lazy="joined")


class SignInTry(Base):
    """A failed sign-in, for the throttle. The typed name is kept as a digest only."""

    __tablename__ = "sign_in_try"
    __table_args__ = (
        Index("ix_sign_in_try_login_digest_at", "login_digest", "at"),
        Index("ix_sign_in_try_address_at", "address", "at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    login_digest: Mapped[str]
    address: Mapped[str]
    at: Mapped[datetime]


class Invitation(Base):
    """A link or QR code by which one person comes in, once.

    `subject` names the row of another room that is to be tied to the new account, such as `streamer:12`.
    """

    __tablename__ = "invitation"
    __table_args__ = (UniqueConstraint("token_digest"), Index("ix_invitation_organisation_id", "organisation_id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"))
    token_digest: Mapped[str]
    name: Mapped[str]
    roles: Mapped[str]
    subject: Mapped[str] = mapped_column(default="")
    created_by: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    accepted_at: Mapped[datetime | None]
    accepted_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    revoked_at: Mapped[datetime | None]

    organisation: Mapped[Organisation] = relationship(lazy="joined")

    @property
    def given_roles(self) -> frozenset[Role]:
        """The roles that whoever accepts will hold."""
        return frozenset(Role(role) for role in self.roles.split(","))

    def state(self, at: datetime) -> InvitationState:
        """Where the invitation stands at a moment."""
        return invitation_state(self.accepted_at, self.revoked_at, self.expires_at, at)


class PasswordReset(Base):
    """A link to choose a new password, once."""

    __tablename__ = "password_reset"
    __table_args__ = (UniqueConstraint("token_digest"), Index("ix_password_reset_user_id", "user_id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    token_digest: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]

    user: Mapped[User] = relationship(lazy="joined")
