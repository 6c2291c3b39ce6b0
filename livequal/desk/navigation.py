"""What stands in the frame of every page: menu, language, notices about the installation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from time import monotonic
from typing import Any

from flask import Flask, has_request_context, request, url_for
from flask_login import current_user
from markupsafe import Markup, escape

from ..accounts.access import actor
from ..accounts.rules import Permission
from ..kernel import i18n, installation
from ..kernel.i18n import gettext as _
from ..kernel.pages import paginate
from ..review import service as review
from ..review import shown as review_shown
from ..review import tally
from ..review.rules import CaseState
from ..streams import service as streams
from ..streams.models import Recording
from ..streams.rules import RecordingState

MODEL_CHECKED_EVERY_S = 20


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of the menu. `badge` is a number that waits, 0 for none."""

    label: str
    href: str
    icon: str
    active: bool = False
    badge: int = 0
    post: bool = False


def init_app(app: Flask) -> None:
    """Give every template its frame."""
    app.context_processor(_frame)


def _frame() -> dict[str, Any]:
    if not has_request_context():
        return {}
    locale = i18n.locale()
    frame: dict[str, Any] = {
        "locale": locale,
        "languages": [
            {"code": "zh_Hans_CN", "label": "简体中文", "active": locale == "zh_Hans_CN"},
            {"code": "en", "label": "English", "active": locale == "en"},
        ],
        "language_url": url_for("accounts.language"),
        "home_url": url_for("desk.home"),
        "can": _can,
        "asked": request.args,
        "filters_set": any(value for key, value in request.args.items() if key != "page"),
        "category_name": review_shown.category_name,
        "product_name": review_shown.product_name,
        "state_name": state_name,
        "marked": marked,
        "open_counts_of": open_counts_of,
        "recordings_in": recordings_in,
        "precision_by_rule": tally.precision_by_rule,
        "states_of": tally.states_of,
    }
    if not current_user.is_authenticated:
        return frame | {"sign_in_url": url_for("accounts.sign_in")}
    return frame | {
        "nav": _menu(),
        "account_nav": [
            Item(_("My account"), url_for("accounts.account"), "person"),
            Item(_("Notices"), url_for("desk.notices"), "mail"),
            Item(_("Sign out"), url_for("accounts.sign_out"), "signout", post=True),
        ],
        "account_note": current_user.organisation.name,
        "demo": current_user.organisation.demo,
        "no_model": _can("read_recordings") and not _model_present(int(monotonic() / MODEL_CHECKED_EVERY_S)),
    }


def _can(permission: str) -> bool:
    return current_user.is_authenticated and actor().may(Permission(permission))


def _menu() -> list[Item]:
    may = actor().may
    entries = [
        (True, _("Today"), "desk.home", "home", ()),
        (may(Permission.READ_CASES), _("To decide"), "review.queue", "queue", ("review.",)),
        (may(Permission.READ_RECORDINGS), _("Recordings"), "streams.recordings", "recording", ("streams.",)),
        (may(Permission.LEARN), _("Learning"), "training.home", "learn", ("training.",)),
        (may(Permission.READ_FINDINGS), _("Findings"), "review.findings", "flag", ()),
        (may(Permission.CHECK_LINES), _("Check a line"), "risk.line_check", "script", ("risk.line", "risk.saved_line")),
        (may(Permission.READ_RECORDINGS), _("Search"), "streams.search_all", "search", ()),
        (
            may(Permission.READ_LIVE_SESSIONS),
            _("Live sessions"),
            "onboarding.live_sessions",
            "calendar",
            ("onboarding.live_session",),
        ),
        (may(Permission.READ_STREAMERS), _("Streamers"), "onboarding.streamers", "people", ("onboarding.streamer",)),
        (may(Permission.READ_ROOMS), _("Live rooms"), "onboarding.rooms", "room", ("onboarding.room",)),
        (may(Permission.READ_RULES), _("Rules"), "risk.rules", "shield", ("risk.",)),
        (may(Permission.READ_PEOPLE), _("People"), "accounts.people", "person", ("accounts.people", "accounts.person")),
        (may(Permission.INVITE_PEOPLE), _("Invitations"), "accounts.invitations", "link", ("accounts.invit",)),
        (
            may(Permission.WRITE_ORGANISATIONS),
            _("Organisations"),
            "accounts.organisations",
            "building",
            ("accounts.organ",),
        ),
        (may(Permission.READ_JOBS), _("Work in progress"), "desk.jobs", "job", ()),
        (may(Permission.READ_OUTBOX), _("Outbox"), "desk.outbox", "mail", ()),
        (may(Permission.READ_AUDIT), _("Record"), "desk.audit", "history", ()),
    ]
    here = request.endpoint or ""
    exact = {endpoint for _allowed, _label, endpoint, _icon, _prefixes in entries}
    # Of all entries whose prefix fits, the one that says most of the page is where we are.
    fitting = [prefix for entry in entries for prefix in entry[4] if here.startswith(prefix)]
    nearest = max(fitting, key=len, default=here)
    waiting = review.open_count(actor()) if may(Permission.DECIDE_CASES) else 0
    return [
        Item(
            label,
            url_for(endpoint),
            icon,
            active=here == endpoint or (here not in exact and nearest in prefixes),
            badge=waiting if endpoint == "review.queue" else 0,
        )
        for allowed, label, endpoint, icon, prefixes in entries
        if allowed
    ]


@lru_cache(maxsize=1)
def _model_present(_tick: int) -> bool:
    return streams.model_state(installation.settings()).present


def state_name(state: str) -> str:
    """A recording's stage in the reader's language."""
    return {
        RecordingState.ARRIVED: _("Arrived"),
        RecordingState.PREPARED: _("Transcribing"),
        RecordingState.TRANSCRIBED: _("Looking for risky claims"),
        RecordingState.READY: _("Ready to review"),
        RecordingState.REFUSED: _("Can't be taken"),
        RecordingState.DUPLICATE: _("Already here"),
    }[RecordingState(state)]


def open_counts_of(recordings: Sequence[Recording]) -> dict[int, int]:
    """How many cases of each recording wait."""
    counts = review.counts_of([row.id for row in recordings])
    return {recording_id: states.get(CaseState.OPEN, 0) for recording_id, states in counts.items()}


def recordings_in(live_session_id: int) -> Sequence[Recording]:
    """The newest recordings of a live session that the reader may see."""
    query = streams.listed(actor(), live_session_id=live_session_id)
    return paginate(query, 1).rows


def marked(text: str, words: str) -> Markup:
    """The text with the searched words marked."""
    at = text.lower().find(words.lower()) if words else -1
    if at < 0:
        return escape(text)
    end = at + len(words)
    return Markup("{}<mark>{}</mark>{}").format(text[:at], text[at:end], text[end:])
