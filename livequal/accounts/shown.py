"""How accounts' stored words are read by people, and links that are handed over."""

from __future__ import annotations

from dataclasses import dataclass

import segno
from flask import request, session

from ..kernel import installation
from ..kernel.i18n import gettext as _
from .rules import InvitationState, OrganisationKind, Role, UserState, device_name

HANDED = "handed"


def role_names() -> dict[str, str]:
    """Every role in the reader's language."""
    return {
        Role.ADMINISTRATOR: _("Administrator"),
        Role.LEAD_MODERATOR: _("Lead moderator"),
        Role.MODERATOR: _("Moderator"),
        Role.APPEAL_REVIEWER: _("Appeal reviewer"),
        Role.RULE_OWNER: _("Rule owner"),
        Role.CURRICULUM_MANAGER: _("Curriculum manager"),
        Role.QUALITY_OFFICER: _("Chief quality officer"),
        Role.AUDITOR: _("Auditor"),
        Role.MCN_MANAGER: _("Agency manager"),
        Role.MCN_FILE_APPROVER: _("Agency file approver"),
        Role.ROOM_OPERATOR: _("Room operator"),
        Role.STREAMER: _("Streamer"),
    }


def role_choices(roles: frozenset[Role]) -> list[tuple[str, str]]:
    """Roles to choose from, in the order people think of them."""
    return [(role, name) for role, name in role_names().items() if role in roles]


def roles_text(roles: frozenset[Role]) -> str:
    """Roles in one line."""
    return str(_(", ")).join(name for _role, name in role_choices(roles))


def kind_names() -> dict[str, str]:
    """The kinds of organisations in the reader's language."""
    return {
        OrganisationKind.PLATFORM: _("Platform"),
        OrganisationKind.MCN: _("Agency (MCN)"),
        OrganisationKind.ROOM_OPERATOR: _("Room operator"),
    }


def state_names() -> dict[str, str]:
    """The states of accounts."""
    return {UserState.ACTIVE: _("In use"), UserState.LEFT: _("Left")}


def invitation_state(state: InvitationState) -> tuple[str, str]:
    """Tone and word of an invitation's state."""
    return {
        InvitationState.OPEN: ("proof", _("Not accepted yet")),
        InvitationState.ACCEPTED: ("holds", _("Came in")),
        InvitationState.REVOKED: ("unknown", _("Taken back")),
        InvitationState.EXPIRED: ("unknown", _("Too old")),
    }[state]


def device(browser: str) -> str:
    """A browser's self-description as its owner would say it."""
    shown = device_name(browser)
    for name, own in (("WeChat", _("WeChat")), ("DingTalk", _("DingTalk")), ("Lark", _("Lark"))):
        shown = shown.replace(name, own)
    return shown or _("Unknown device")


@dataclass(frozen=True, slots=True)
class Code:
    """A link as QR code: sharp in print, and as a picture that WeChat can read with a long press."""

    link: str
    svg: str
    png: str


def address(path: str) -> str:
    """The whole address of a page, to be handed to somebody: what LIVEQUAL_PUBLIC_URL says.

    Only where that is left at its default is it the address by which whoever hands it over reached livequal.
    """
    settings = installation.settings()
    chosen = settings.public_url != f"http://{settings.host}:{settings.port}"
    return (settings.public_url if chosen else request.host_url.rstrip("/")) + path


def code(link: str) -> Code:
    """The QR code of a link, as data: images."""
    made = segno.make(link, error="m", micro=False)
    return Code(link, made.svg_data_uri(scale=6, border=3, light="#fff"), made.png_data_uri(scale=10, border=4))


def hand(kind: str, row_id: int, token: str) -> None:
    """Remember in this browser's session the link just made: whoever made it may look at it until the next one."""
    session[HANDED] = [kind, row_id, token]


def handed(kind: str, row_id: int) -> str:
    """The token made in this browser for this row; empty when it was another one."""
    kept = session.get(HANDED)
    return str(kept[2]) if isinstance(kept, list) and kept[:2] == [kind, row_id] else ""
