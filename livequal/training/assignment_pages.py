"""Pages of the curriculum manager: rules that assign courses."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]

from ..accounts import shown as accounts_shown
from ..accounts.access import actor, allow
from ..accounts.rules import Permission
from ..kernel import web
from ..kernel.errors import Invalid
from ..kernel.i18n import gettext as _
from ..kernel.pages import paginate
from ..onboarding import shown as onboarding_shown
from . import assignment_rules, service
from .assignment_forms import RuleForm
from .assignment_rules import Preview, RuleEntry
from .blueprint import pages
from .duties import Held, Occasion

Answer = str | tuple[str, int] | Response


@pages.get("/learn/rules")
@allow(Permission.STEER_TRAINING)
def learning_rules() -> str:
    """The rules that assign courses, with how many people each asks at present."""
    page = paginate(assignment_rules.rules(), web.page_number())
    told = service.facts_of([row.course for row in page.rows if row.course]).values()
    return render_template(
        "training/rules.html",
        page=page,
        titles={one.course_id: one.title for one in told},
        counts=assignment_rules.open_counts([row.id for row in page.rows]),
        role_names=accounts_shown.role_names(),
        product_name=onboarding_shown.category,
    )


@pages.route("/learn/rules/new", methods=["GET", "POST"])
@allow(Permission.STEER_TRAINING)
def new_learning_rule() -> Answer:
    """Write a rule: first it is shown how many people it meets, then it is saved."""
    form, preview = RuleForm(), None
    courses = service.facts_of(service.all_of(service.visible_to(actor()))).values()
    form.course.choices = [SelectChoice(str(one.course_id), one.title) for one in courses]
    names = accounts_shown.role_names()
    form.roles.choices = [(role, names[role]) for role in sorted({role for one in courses for role in one.roles})]
    form.product_categories.choices = onboarding_shown.categories()
    if form.validate_on_submit():
        try:
            entry = _entry(form)
            preview = assignment_rules.preview(entry)
            if request.form.get("save") and form.counted.data == _counted(preview):
                assignment_rules.add_rule(entry, by=actor())
                flash(_("The rule holds. Whom it meets finds the course on the learning page in a moment."), "success")
                return redirect(url_for(".learning_rules"), 303)
        except Invalid as error:
            form.reject(error)
            preview = None
    if preview is not None:
        form.counted.data = _counted(preview)
    body = render_template("training/new_rule.html", form=form, preview=preview)
    return (body, 422) if form.errors else body


@pages.post("/learn/rules/<int:learning_rule_id>/switch")
@allow(Permission.STEER_TRAINING)
def switch_learning_rule(learning_rule_id: int) -> Response:
    """Switch a rule off or on."""
    rule = assignment_rules.get_rule(learning_rule_id)
    on = request.form.get("on") == "1"
    assignment_rules.switch(rule, on=on, by=actor())
    told = (
        _("The rule holds again.") if on else _("The rule is switched off. What it asked for and is open is withdrawn.")
    )
    flash(told, "success")
    return redirect(url_for(".learning_rules"), 303)


def _entry(form: RuleForm) -> RuleEntry:
    dated = form.occasion.data == Occasion.DATE
    return RuleEntry(
        title=form.title.data or "",
        occasion=Occasion(form.occasion.data),
        course_id=int(form.course.data),
        working_days=form.working_days.data or 0,
        roles=frozenset(form.roles.data or ()),
        product_categories=frozenset(form.product_categories.data or ()),
        on_date=form.on_date.data if dated else None,
        organisation_id=assignment_rules.organisation_called(form.organisation.data or ""),
        room_id=assignment_rules.room_numbered(form.room.data or ""),
        held=Held(form.held.data),
    )


def _counted(preview: Preview) -> str:
    return f"{preview.people}-{preview.done}"
