"""The page of an MCN, a room operator or the platform about its people's training, as a list and as a workbook."""

from __future__ import annotations

import tempfile
from typing import BinaryIO, cast

from flask import flash, redirect, render_template, request, send_file, url_for
from werkzeug.wrappers import Response

from ..accounts import service as accounts
from ..accounts.access import actor, allow
from ..accounts.rules import Permission
from ..audit.rules import inert
from ..kernel import web
from ..kernel.clock import SHANGHAI, now
from ..kernel.errors import Invalid
from ..kernel.i18n import gettext as _
from ..kernel.pages import paginate
from . import assigning, team
from .assignment_forms import WaiveForm
from .blueprint import pages
from .duties import Sought, Status

IN_MEMORY_BYTES = 4 << 20
WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@pages.get("/learn/team")
@allow(Permission.READ_TEAM_TRAINING)
def team_training() -> str:
    """How one's people stand: four lists, the one that hurts first."""
    by, sought = actor(), _sought()
    counts = team.counts(by, sought)
    status = _status(counts)
    page = paginate(team.listed(by, sought, status), web.page_number())
    return render_template(
        "training/team.html",
        page=page,
        lines=team.lines(page.rows),
        counts=counts,
        status=status,
        tiles=_tiles(),
        sought=sought,
        courses=[(str(number), title) for number, title in team.courses_offered()],
        houses=_houses() if by.sees_platform else [],
        asked=_asked(),
        may_waive=by.may(Permission.STEER_TRAINING),
    )


@pages.get("/learn/team.xlsx")
@allow(Permission.READ_TEAM_TRAINING)
def team_workbook() -> Response:
    """The list shown, whole, as a workbook. No cell of it is a formula."""
    sought = _sought()
    status = _status(team.counts(actor(), sought))
    # It brings numpy with it: loaded by whoever asks for a workbook, not by every web process.
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell

    book = Workbook(write_only=True)
    sheet = book.create_sheet(_tiles()[status])
    heads = [_("Person"), _("Organisation"), _("Course"), _("Due"), _("Provisional"), _("Passed"), _("Holds until")]
    rows = (
        [
            one.name,
            one.organisation,
            one.course,
            str(one.due_on or ""),
            _("yes") if one.provisional else "",
            one.done_at.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M") if one.done_at else "",
            str(one.until.astimezone(SHANGHAI).date()) if one.until else "",
        ]
        for one in team.in_blocks(actor(), sought, status)
    )
    for row in [heads, *rows]:
        cells = []
        for text in row:
            cell = WriteOnlyCell(sheet, inert(text))
            cell.data_type = "s"
            cells.append(cell)
        sheet.append(cells)
    spool = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_BYTES)  # noqa: SIM115 - the response closes it
    book.save(spool)
    spool.seek(0)
    name = f"livequal-training-{status.value}-{now().astimezone(SHANGHAI):%Y%m%d-%H%M}.xlsx"
    return send_file(cast(BinaryIO, spool), mimetype=WORKBOOK, as_attachment=True, download_name=name)


@pages.route("/learn/assignments/<int:assignment_id>/waive", methods=["GET", "POST"])
@allow(Permission.STEER_TRAINING)
def waive(assignment_id: int) -> str | tuple[str, int] | Response:
    """Let somebody off a course, with a reason that stays on record."""
    row = team.get(assignment_id, actor())
    form = WaiveForm()
    if form.validate_on_submit():
        try:
            assigning.waive(row, form.reason.data or "", by=actor())
        except Invalid as error:
            form.reject(error)
        else:
            flash(_("No longer asked for. The reason stays on record."), "success")
            return redirect(url_for(".team_training"), 303)
    body = render_template("training/waive.html", form=form, line=team.lines([row])[0])
    return (body, 422) if form.errors else body


def _tiles() -> dict[Status, str]:
    return {
        Status.OVERDUE: _("Overdue"),
        Status.IN_PROGRESS: _("In progress"),
        Status.EXPIRING: _("Ends within 30 days"),
        Status.DONE: _("Passed"),
    }


def _status(counts: dict[Status, int]) -> Status:
    text = request.args.get("status", "")
    if text in set(Status):
        return Status(text)
    return Status.OVERDUE if counts[Status.OVERDUE] else Status.IN_PROGRESS


def _sought() -> Sought:
    words = request.args.get("q", "").strip()[:120]
    house = _number("organisation") if actor().sees_platform else None
    return Sought(words, _number("course"), house)


def _asked() -> dict[str, str]:
    return {name: request.args.get(name, "").strip()[:120] for name in ("q", "course", "organisation")}


def _number(name: str) -> int | None:
    text = request.args.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else None


def _houses() -> list[tuple[str, str]]:
    page = paginate(accounts.visible_to_organisations(actor()), size=500)
    return [(str(row.id), row.name) for row in page.rows]
