"""What other rooms may hear from accounts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PersonJoined:
    """Somebody accepted an invitation. `subject` names the row to be tied to the account, or is empty."""

    user_id: int
    subject: str


@dataclass(frozen=True, slots=True)
class RolesChanged:
    """Somebody got other roles."""

    user_id: int


@dataclass(frozen=True, slots=True)
class PersonLeft:
    """An account was closed."""

    user_id: int
