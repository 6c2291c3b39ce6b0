"""Streamers, live rooms and live sessions over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import TypeVar

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from ..accounts.access import actor, allow
from ..accounts.rules import Permission, Role
from ..kernel import web
from ..kernel.errors import Invalid
from ..kernel.forms import Form
from ..kernel.i18n import gettext as _
from ..kernel.pages import paginate
from . import schedule, service, shown
from .forms import RoomForm, SessionForm, StreamerForm
from .models import LiveRoom, LiveSession, Streamer
from .rules import RoomState, subject_of

T = TypeVar("T")
Answer = str | Response | tuple[str, int]
RECENT = 10
pages = Blueprint("onboarding", __name__)


def _accepted(form: Form, write: Callable[[], T]) -> T | None:
    """What `write` made of a valid form; None when form or service refuse, with the reasons at the fields."""
    if not form.validate():
        return None
    try:
        return write()
    except Invalid as error:
        form.reject(error)
        return None


def _asked(name: str) -> str:
    return request.args.get(name, "").strip()


def _id(text: str) -> int | None:
    """A row's number; None when the text is no such number."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None


def _asked_day() -> date | None:
    try:
        day = date.fromisoformat(_asked("day"))
    except ValueError:
        return None
    return day if 2000 <= day.year < 3000 else None


# ── streamers ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pages.get("/streamers")
@allow(Permission.READ_STREAMERS)
def streamers() -> str:
    """The list of streamers."""
    asked = {"words": _asked("q"), "category": _asked("category"), "state": _asked("state")}
    return render_template(
        "onboarding/streamers.html",
        page=paginate(service.streamers(actor(), **asked), web.page_number()),
        asked=asked,
        categories=shown.categories(),
        across=actor().sees_platform,
        may_write=actor().may(Permission.WRITE_STREAMERS),
        shown=shown,
    )


@pages.route("/streamers/new", methods=["GET", "POST"])
@allow(Permission.WRITE_STREAMERS)
def streamer_new() -> Answer:
    """Put a streamer on the list."""
    form = StreamerForm()
    by = actor()
    if request.method == "GET":
        return _streamer_form(form, None)
    streamer = _accepted(
        form,
        lambda: service.add_streamer(
            form.entry, organisation_id=service.home_called(form.organisation.data or "", by), by=by
        ),
    )
    if streamer is None:
        return _streamer_form(form, None), 422
    flash(_("%(name)s is on the list.", name=streamer.stage_name), "success")
    return redirect(url_for(".streamer", streamer_id=streamer.id))


@pages.get("/streamers/<int:streamer_id>")
@allow(Permission.READ_STREAMERS)
def streamer(streamer_id: int) -> str:
    """One streamer: what she sells, her account, her sessions."""
    row = service.get_streamer(streamer_id, actor())
    sessions = service.live_sessions(actor(), streamer_id=row.id)
    return render_template(
        "onboarding/streamer.html",
        streamer=row,
        sessions=paginate(sessions, size=RECENT),
        invitation={
            "subject": subject_of(row.id),
            "name": row.stage_name,
            "roles": Role.STREAMER.value,
        },
        may_write=actor().may(Permission.WRITE_STREAMERS),
        may_invite=actor().may(Permission.INVITE_PEOPLE),
        shown=shown,
    )


@pages.route("/streamers/<int:streamer_id>/edit", methods=["GET", "POST"])
@allow(Permission.WRITE_STREAMERS)
def streamer_edit(streamer_id: int) -> Answer:
    """Correct a streamer's names and product categories."""
    row = service.get_streamer(streamer_id, actor())
    form = StreamerForm(data={"name": row.name, "stage_name": row.stage_name, "categories": row.categories})
    if request.method == "GET":
        return _streamer_form(form, row)
    if not _accepted(form, lambda: service.change_streamer(row, form.entry, by=actor())):
        return _streamer_form(form, row), 422
    flash(_("Saved."), "success")
    return redirect(url_for(".streamer", streamer_id=row.id))


@pages.post("/streamers/<int:streamer_id>/leave")
@allow(Permission.WRITE_STREAMERS)
def streamer_leaves(streamer_id: int) -> Response:
    """The streamer no longer works for her organisation."""
    row = service.get_streamer(streamer_id, actor())
    service.leave(row, by=actor())
    flash(_("%(name)s has left. What was recorded stays.", name=row.stage_name), "success")
    return redirect(url_for(".streamer", streamer_id=row.id))


@pages.post("/streamers/<int:streamer_id>/come-back")
@allow(Permission.WRITE_STREAMERS)
def streamer_comes_back(streamer_id: int) -> Response:
    """The streamer works for her organisation again."""
    row = service.get_streamer(streamer_id, actor())
    service.come_back(row, by=actor())
    flash(_("%(name)s is active again.", name=row.stage_name), "success")
    return redirect(url_for(".streamer", streamer_id=row.id))


def _streamer_form(form: StreamerForm, row: Streamer | None) -> str:
    form.categories.choices = shown.categories()
    homes = [] if row else service.homes_to_offer(actor())
    return render_template("onboarding/streamer_form.html", form=form, streamer=row, homes=homes)


# ── live rooms ────────────────────────────────────────────────────────────────────────────────────────────────────


@pages.get("/rooms")
@allow(Permission.READ_ROOMS)
def rooms() -> str:
    """The list of live rooms."""
    asked = {"words": _asked("q"), "state": _asked("state")}
    return render_template(
        "onboarding/rooms.html",
        page=paginate(service.rooms(actor(), **asked), web.page_number()),
        asked=asked,
        may_write=actor().may(Permission.WRITE_ROOMS),
        shown=shown,
    )


@pages.route("/rooms/new", methods=["GET", "POST"])
@allow(Permission.WRITE_ROOMS)
def room_new() -> Answer:
    """Register a live room."""
    form = RoomForm()
    by = actor()
    if request.method == "GET":
        return _room_form(form, None)
    room = _accepted(
        form,
        lambda: service.add_room(
            form.entry,
            organisation_id=service.home_called(form.organisation.data or "", by),
            mcn_id=service.mcn_called(form.mcn.data or ""),
            by=by,
        ),
    )
    if room is None:
        return _room_form(form, None), 422
    flash(_("The room %(name)s is registered.", name=room.name), "success")
    return redirect(url_for(".room", room_id=room.id))


@pages.get("/rooms/<int:room_id>")
@allow(Permission.READ_ROOMS)
def room(room_id: int) -> str:
    """One live room and its sessions."""
    row = service.get_room(room_id, actor())
    return render_template(
        "onboarding/room.html",
        room=row,
        page=paginate(service.live_sessions(actor(), room_id=row.id), web.page_number()),
        may_write=actor().may(Permission.WRITE_ROOMS) and service.may_change_room(row, actor()),
        may_plan=actor().may(Permission.WRITE_LIVE_SESSIONS) and row.state == RoomState.ACTIVE,
        shown=shown,
    )


@pages.route("/rooms/<int:room_id>/edit", methods=["GET", "POST"])
@allow(Permission.WRITE_ROOMS)
def room_edit(room_id: int) -> Answer:
    """Correct a live room."""
    row = service.get_room(room_id, actor())
    mcn = row.mcn.name if row.mcn else ""
    form = RoomForm(data={"name": row.name, "platform_number": row.platform_number, "mcn": mcn})
    if request.method == "GET":
        return _room_form(form, row)
    if not _accepted(
        form, lambda: service.change_room(row, form.entry, mcn_id=service.mcn_called(form.mcn.data or ""), by=actor())
    ):
        return _room_form(form, row), 422
    flash(_("Saved."), "success")
    return redirect(url_for(".room", room_id=row.id))


@pages.post("/rooms/<int:room_id>/close")
@allow(Permission.WRITE_ROOMS)
def room_closes(room_id: int) -> Response:
    """Hold no more sessions in a room."""
    row = service.get_room(room_id, actor())
    service.close_room(row, by=actor())
    flash(_("The room %(name)s is closed. Its sessions stay.", name=row.name), "success")
    return redirect(url_for(".room", room_id=row.id))


@pages.post("/rooms/<int:room_id>/reopen")
@allow(Permission.WRITE_ROOMS)
def room_reopens(room_id: int) -> Response:
    """Hold sessions in a closed room again."""
    row = service.get_room(room_id, actor())
    service.reopen_room(row, by=actor())
    flash(_("The room %(name)s is in use again.", name=row.name), "success")
    return redirect(url_for(".room", room_id=row.id))


def _room_form(form: RoomForm, row: LiveRoom | None) -> str:
    return render_template(
        "onboarding/room_form.html",
        form=form,
        room=row,
        homes=[] if row else service.homes_to_offer(actor()),
        mcns=service.mcns_to_offer(actor()),
    )


# ── live sessions ─────────────────────────────────────────────────────────────────────────────────────────────────


@pages.get("/live-sessions")
@allow(Permission.READ_LIVE_SESSIONS)
def live_sessions() -> str:
    """The list of live sessions."""
    room_id, streamer_id, day = _id(_asked("room_id")), _id(_asked("streamer_id")), _asked_day()
    words = {"room": _asked("room"), "title": _asked("title")}
    query = service.live_sessions(actor(), room_id=room_id, streamer_id=streamer_id, day=day, **words)
    return render_template(
        "onboarding/live_sessions.html",
        page=paginate(query, web.page_number()),
        asked={**words, "day": day, "room_id": room_id, "streamer_id": streamer_id},
        of_room=service.get_room(room_id, actor()) if room_id else None,
        of_streamer=service.get_streamer(streamer_id, actor()) if streamer_id else None,
        may_write=actor().may(Permission.WRITE_LIVE_SESSIONS),
        shown=shown,
    )


@pages.route("/live-sessions/new", methods=["GET", "POST"])
@allow(Permission.WRITE_LIVE_SESSIONS)
def live_session_new() -> Answer:
    """Plan a session: first its room, then the rest."""
    room_id = _id(_asked("room_id"))
    if room_id is None:
        return _choose_room()
    row = service.get_room(room_id, actor())
    form = SessionForm()
    if request.method == "GET":
        return _session_form(form, row, None)
    session = _accepted(form, lambda: schedule.add_live_session(row, form.entry, by=actor()))
    if session is None:
        return _session_form(form, row, None), 422
    flash(_("The session is entered. Now say who is on."), "success")
    return redirect(url_for(".live_session", live_session_id=session.id, _anchor="streamers"))


@pages.get("/live-sessions/<int:live_session_id>")
@allow(Permission.READ_LIVE_SESSIONS)
def live_session(live_session_id: int) -> str:
    """One live session: when, where, who; its recordings."""
    return _session_page(service.get_live_session(live_session_id, actor()))


@pages.route("/live-sessions/<int:live_session_id>/edit", methods=["GET", "POST"])
@allow(Permission.WRITE_LIVE_SESSIONS)
def live_session_edit(live_session_id: int) -> Answer:
    """Correct a session's title and times."""
    row = service.get_live_session(live_session_id, actor())
    form = SessionForm(data={"title": row.title, "starts_at": row.starts_at, "ends_at": row.ends_at})
    if request.method == "GET":
        return _session_form(form, row.room, row)
    if not _accepted(form, lambda: schedule.change_live_session(row, form.entry, by=actor())):
        return _session_form(form, row.room, row), 422
    flash(_("Saved."), "success")
    return redirect(url_for(".live_session", live_session_id=row.id))


@pages.post("/live-sessions/<int:live_session_id>/streamers")
@allow(Permission.WRITE_LIVE_SESSIONS)
def live_session_streamers(live_session_id: int) -> Answer:
    """Put a streamer on (`on`) or take one off (`off`)."""
    row = service.get_live_session(live_session_id, actor())
    on, off = (_id(request.form.get(name, "")) for name in ("on", "off"))
    try:
        if off is not None:
            schedule.take_off(row, off, by=actor())
        else:
            schedule.put_on(row, on or 0, by=actor())
    except Invalid as error:
        return _session_page(row, error.message), 422
    return redirect(url_for(".live_session", live_session_id=row.id, _anchor="streamers"))


def _choose_room() -> str:
    words = _asked("q")
    query = service.rooms(actor(), words=words, state=RoomState.ACTIVE)
    return render_template("onboarding/choose_room.html", page=paginate(query, web.page_number()), words=words)


def _session_form(form: SessionForm, room: LiveRoom, row: LiveSession | None) -> str:
    return render_template("onboarding/live_session_form.html", form=form, room=room, session=row)


def _session_page(row: LiveSession, problem: str = "") -> str:
    by = actor()
    may_write = by.may(Permission.WRITE_LIVE_SESSIONS) and schedule.may_change_session(row, by)
    return render_template(
        "onboarding/live_session.html",
        session=row,
        words=_asked("who"),
        proposed=schedule.proposed(row, by, _asked("who")) if may_write else [],
        problem=problem,
        may_write=may_write,
        across=by.sees_platform,
        may_open_room=by.may(Permission.READ_ROOMS) and schedule.may_change_session(row, by),
        own={streamer.id for streamer in row.streamers if _may_open(streamer)},
        shown=shown,
    )


def _may_open(streamer: Streamer) -> bool:
    by = actor()
    mine = by.sees_platform or streamer.organisation_id == by.organisation_id
    return mine and by.may(Permission.READ_STREAMERS)
