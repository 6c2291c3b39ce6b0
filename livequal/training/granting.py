"""What an administrator sees of a learner's exams, and may grant."""

from __future__ import annotations

from flask import flash, redirect, render_template, url_for
from werkzeug.wrappers import Response
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]

from ..accounts import service as accounts
from ..accounts.access import actor, allow
from ..accounts.rules import Permission
from ..kernel import web
from ..kernel.errors import Invalid
from ..kernel.i18n import gettext as _
from ..kernel.pages import paginate
from . import service, standing
from .blueprint import pages
from .forms import GrantForm
from .rules import GrantKind


@pages.route("/learn/people/<int:user_id>", methods=["GET", "POST"])
@allow(Permission.STEER_EXAMS)
def person(user_id: int) -> str | tuple[str, int] | Response:
    """A person's exams with what was noted, and the form for one more attempt or more time."""
    user = accounts.get_user(user_id, actor())
    courses = service.all_of(service.mine(user.actor))
    form = GrantForm()
    form.course.choices = [SelectChoice(one.slug, one.title) for one in service.facts_of(courses).values()]
    if form.validate_on_submit():
        course = next(one for one in courses if one.slug == form.course.data)
        try:
            standing.grant(
                user,
                course,
                GrantKind(form.kind.data),
                reason=form.reason.data or "",
                minutes=form.minutes.data or 0,
                by=actor(),
            )
        except Invalid as error:
            form.reject(error)
        else:
            flash(_("Granted. It counts for the next attempt."), "success")
            return redirect(url_for(".person", user_id=user.id), 303)
    page = paginate(standing.attempts_of(user.id), web.page_number())
    ids = [attempt.id for attempt in page.rows]
    body = render_template(
        "training/person.html",
        person=user,
        form=form,
        page=page,
        grades=standing.grades_of(ids),
        events=standing.events_of(ids),
        grants=standing.grants_of(user.id),
    )
    return (body, 422) if form.errors else body
