"""The workbench of rule owners over HTTP."""

from __future__ import annotations

from collections.abc import Callable

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]

from ..accounts.access import actor, allow
from ..accounts.rules import Permission
from ..kernel import db, forms, web
from ..kernel.errors import Invalid, WrongState
from ..kernel.i18n import gettext as _
from ..kernel.pages import PAGE_SIZE, Page, paginate
from ..onboarding import service as onboarding
from ..taxonomy.rules import ProductCategory, RiskCategory
from . import backtest, overlay, shadows, shown, versions
from .blueprint import pages
from .force import in_force, of_version, shipped_rules
from .models import PackVersion
from .rules import may_approve
from .workbench_forms import BacktestForm, DraftForm, JudgeForm, MoveForm, RuleForm, SwitchForm, TryForm

Answer = str | Response | tuple[str, int]
ROOMS_OFFERED = 200


@pages.get("/rules/versions")
@allow(Permission.READ_RULES)
def rule_versions() -> str:
    """Every version of the platform's own rules."""
    state = request.args.get("state", "")
    pack, broken = None, ""
    try:
        pack = in_force().pack
    except WrongState as error:
        broken = error.message
    return render_template(
        "risk/versions.html",
        page=paginate(versions.listed(actor(), state), web.page_number()),
        state=state,
        states=shown.STATES,
        pack=pack,
        count=len(shown.rules_found(pack, "", "")) if pack else 0,
        broken=broken,
        waiting=paginate(versions.waiting(actor()), 1, 1),
        may_write=actor().may(Permission.WRITE_RULES),
    )


@pages.post("/rules/versions")
@allow(Permission.WRITE_RULES)
def begin_version() -> Response:
    """Begin a version."""
    form = DraftForm()
    forms.check(form)
    origin = versions.get(form.origin.data, actor()) if form.origin.data else None
    version = versions.draft(by=actor(), origin=origin)
    return redirect(url_for("risk.rule_version", version_id=version.id))


@pages.get("/rules/versions/<int:version_id>")
@allow(Permission.READ_RULES)
def rule_version(version_id: int) -> Answer:
    """What a version changes, how its examples are read, and what may happen to it next."""
    return _version_page(versions.get(version_id, actor()), MoveForm(), JudgeForm(), BacktestForm())


def _version_page(
    version: PackVersion, move: MoveForm, judge: JudgeForm, test: BacktestForm, status: int = 200
) -> Answer:
    own = overlay.read(version.overlay)
    changes, examined, broken = [], [], ""
    try:
        changes, examined = shown.shown_changes(versions.changed_against_active(version)), versions.examined(version)
    except WrongState as error:
        broken = error.message
    number = min(max(1, web.page_number()), max(1, -(-len(changes) // PAGE_SIZE)))
    by = actor()
    body = render_template(
        "risk/version.html",
        version=version,
        states=shown.STATES,
        changes=Page(changes[(number - 1) * PAGE_SIZE : number * PAGE_SIZE], number, PAGE_SIZE, len(changes)),
        broken=broken,
        contents=shown.contents,
        basis_of=shown.basis_of,
        name_of=shown.name_of,
        examined={one.slug: one for one in examined},
        own={str(raw["slug"]) for raw in own.rules},
        off=own.off,
        shipped=shipped_rules(),
        may_change=versions.may_change(version, by),
        mine=version.author_id == by.user_id,
        may_write=by.may(Permission.WRITE_RULES),
        may_judge=by.may(Permission.APPROVE_RULES) and may_approve(version.author_id, by.user_id),
        backtests=paginate(backtest.of_rules(version), 1, 5).rows,
        shadow_counts=shadows.counts_of(version.id),
        rooms=paginate(onboarding.rooms(by), 1, ROOMS_OFFERED).rows,
        move=move,
        judge=judge,
        test=test,
    )
    return body if status == 200 else (body, status)


@pages.get("/rules/versions/<int:version_id>/rules")
@allow(Permission.READ_RULES)
def version_rules(version_id: int) -> str:
    """Every rule of a version, to change one or switch it off."""
    version = versions.get(version_id, actor())
    words, category = request.args.get("q", "").strip(), request.args.get("category", "")
    found = shown.rules_found(of_version(version).pack, category, words)
    number = min(max(1, web.page_number()), max(1, -(-len(found) // PAGE_SIZE)))
    own = overlay.read(version.overlay)
    return render_template(
        "risk/version_rules.html",
        version=version,
        page=Page(found[(number - 1) * PAGE_SIZE : number * PAGE_SIZE], number, PAGE_SIZE, len(found)),
        own={str(raw["slug"]) for raw in own.rules},
        shipped=shipped_rules(),
        name_of=shown.name_of,
        categories=list(RiskCategory),
        may_change=versions.may_change(version, actor()),
    )


@pages.route("/rules/versions/<int:version_id>/rule", methods=["GET", "POST"])
@allow(Permission.WRITE_RULES)
def edit_rule(version_id: int) -> Answer:
    """Write a rule, or change the one named by ?slug=."""
    version = versions.get(version_id, actor())
    if request.method == "GET" and not versions.may_change(version, actor()):
        flash(_("Only its author changes a version, and only while it is a draft."), "warning")
        return redirect(url_for("risk.rule_version", version_id=version.id))
    form = RuleForm()
    form.severity.choices = [SelectChoice(value, word) for value, word in shown.severity_choices()]
    form.category.choices = [SelectChoice(c.value, c.value) for c in RiskCategory]
    form.evidence.choices = [SelectChoice(value, str(word)) for value, word in shown.evidence_choices()]
    form.products.choices = [SelectChoice(product.value, product.value) for product in ProductCategory]
    if request.method == "GET":
        _fill(form, version, request.args.get("slug", ""))
        return _rule_page(version, form)
    entry, fits = form.entry, form.validate()
    faults = versions.faults_of(version, entry, form.was.data or "")
    form.reject(Invalid({name: message for name, message in faults.items() if not form[name].errors}))
    if faults or not fits:
        return _rule_page(version, form, 422)
    try:
        versions.save_rule(version, entry, form.seen, was=form.was.data or "", by=actor())
    except versions.StaleVersion:
        form.changes.data = str(version.changes)
        flash(_("This version was changed meanwhile. Look at what changed, then save again to add yours."), "warning")
        return _rule_page(version, form, 409)
    except WrongState as error:
        form.reject(Invalid({}, error.message))
        return _rule_page(version, form, 409)
    examples = next(one for one in versions.examined(version) if one.slug == entry.slug)
    if examples.passes:
        flash(_("Saved. All examples are read as wanted."), "success")
    else:
        flash(_("Saved, but not all examples are read as wanted. They must be before others see this."), "warning")
    return redirect(url_for("risk.rule_version", version_id=version.id))


def _fill(form: RuleForm, version: PackVersion, slug: str) -> None:
    form.changes.data, form.was.data = str(version.changes), slug
    rule = next((rule for rule in of_version(version).pack.rules if rule.slug == slug and not rule.cue), None)
    if rule is not None:
        raw = overlay.read(version.overlay).rule(slug) or shipped_rules()[slug]
        form.fill(overlay.entry_of(rule, raw))
    else:
        form.was.data = ""


def _rule_page(version: PackVersion, form: RuleForm, status: int = 200) -> Answer:
    body = render_template(
        "risk/rule_form.html", version=version, form=form, pack=of_version(version).pack, laws=shown.law_names()
    )
    return body if status == 200 else (body, status)


@pages.post("/rules/versions/<int:version_id>/switch")
@allow(Permission.WRITE_RULES)
def switch_rule(version_id: int) -> Response:
    """Switch a shipped rule off, or on again."""
    version, form = versions.get(version_id, actor()), SwitchForm()
    forms.check(form)
    versions.switch(version, form.slug.data or "", form.changes.data or 0, on=bool(form.on.data), by=actor())
    flash(_("The rule counts again.") if form.on.data else _("The rule rests in this version."))
    return redirect(url_for("risk.rule_version", version_id=version.id))


@pages.post("/rules/versions/<int:version_id>/drop")
@allow(Permission.WRITE_RULES)
def drop_rule(version_id: int) -> Response:
    """Take an own rule out."""
    version, form = versions.get(version_id, actor()), SwitchForm()
    forms.check(form)
    versions.drop_rule(version, form.slug.data or "", form.changes.data or 0, by=actor())
    flash(_("The rule is taken out."))
    return redirect(url_for("risk.rule_version", version_id=version.id))


@pages.post("/rules/versions/<int:version_id>/move")
@allow(Permission.WRITE_RULES)
def move_version(version_id: int) -> Answer:
    """Let a version be read along, take it back, submit it, put it in force, put it away or go back to it."""
    version, form = versions.get(version_id, actor()), MoveForm()
    forms.check(form)
    note = form.note.data or ""
    steps: dict[str, Callable[[], object]] = {
        "shadow": lambda: versions.shadow(version, by=actor()),
        "take_back": lambda: versions.take_back(version, by=actor()),
        "submit": lambda: versions.submit(version, note, by=actor()),
        "activate": lambda: versions.activate(version, by=actor()),
        "retire": lambda: versions.retire(version, by=actor()),
        "roll_back": lambda: versions.roll_back(version, note, by=actor()),
    }
    try:
        made = steps[form.step.data or ""]()
    except Invalid as error:
        form.reject(Invalid({"note": " ".join(error.fields.values())}))
        return _version_page(version, form, JudgeForm(formdata=None), BacktestForm(formdata=None), 422)
    except WrongState as error:
        db.rollback()
        form.reject(Invalid({}, error.message))
        version = versions.get(version_id, actor())
        return _version_page(version, form, JudgeForm(formdata=None), BacktestForm(formdata=None), 409)
    where = made.id if isinstance(made, PackVersion) else version.id
    flash(str(shown.MOVED[form.step.data or ""]), "success")
    return redirect(url_for("risk.rule_version", version_id=where))


@pages.post("/rules/versions/<int:version_id>/judge")
@allow(Permission.APPROVE_RULES)
def judge_version(version_id: int) -> Answer:
    """Approve a version somebody else wrote, or return it."""
    version, form = versions.get(version_id, actor()), JudgeForm()
    forms.check(form)
    act = versions.approve if form.verdict.data == "approve" else versions.send_back
    try:
        act(version, form.reason.data or "", by=actor())
    except Invalid as error:
        form.reject(error)
        return _version_page(version, MoveForm(formdata=None), form, BacktestForm(formdata=None), 422)
    except WrongState as error:
        db.rollback()
        form.reject(Invalid({}, error.message))
        version = versions.get(version_id, actor())
        return _version_page(version, MoveForm(formdata=None), form, BacktestForm(formdata=None), 409)
    flash(_("Approved. It is not in force yet.") if act is versions.approve else _("Returned to its author."))
    return redirect(url_for("risk.rule_version", version_id=version.id))


@pages.route("/rules/versions/<int:version_id>/try", methods=["GET", "POST"])
@allow(Permission.READ_RULES)
def try_version(version_id: int) -> Answer:
    """Read some words with a version. They are kept nowhere."""
    version, form = versions.get(version_id, actor()), TryForm()
    result, status = None, 200
    if request.method == "POST":
        if form.validate():
            result = shown.tried(version, form.text.data or "", form.product.data or "")
        else:
            status = 422
    body = render_template("risk/try.html", version=version, form=form, result=result)
    return body if status == 200 else (body, status)


@pages.get("/rules/versions/<int:version_id>/shadow")
@allow(Permission.READ_RULES)
def shadow_hits(version_id: int) -> str:
    """What a version would have flagged while it was read along."""
    version = versions.get(version_id, actor())
    rule, new = request.args.get("rule", ""), request.args.get("new", "") == "1"
    page = paginate(shadows.hits_of(version.id, rule, only_new=new), web.page_number())
    return render_template(
        "risk/shadow.html",
        version=version,
        page=page,
        counts=shadows.counts_of(version.id),
        recordings=shadows.recordings_of([hit.transcript_id for hit in page.rows]),
    )


@pages.post("/rules/versions/<int:version_id>/backtests")
@allow(Permission.WRITE_RULES)
def ask_backtest(version_id: int) -> Answer:
    """Compare a version with the rules in force on stored transcripts."""
    version, form = versions.get(version_id, actor()), BacktestForm()
    if not form.validate():
        return _version_page(version, MoveForm(formdata=None), JudgeForm(formdata=None), form, 422)
    if form.room.data:
        onboarding.get_room(form.room.data, actor())
    row = backtest.ask(version, form.scope, by=actor())
    return redirect(url_for("risk.show_backtest", backtest_id=row.id))


@pages.get("/rules/backtests/<int:backtest_id>")
@allow(Permission.READ_RULES)
def show_backtest(backtest_id: int) -> str:
    """How far a backtest is, and every flag it adds or removes."""
    row = backtest.get(backtest_id, actor())
    change, rule = request.args.get("change", ""), request.args.get("rule", "")
    version = backtest.version_of(row, actor())
    return render_template(
        "risk/backtest.html",
        row=row,
        version=version,
        outdated=row.sha256 != of_version(version).pack.sha256,
        job=backtest.job_of(row),
        page=paginate(backtest.differences(row, change, rule), web.page_number()),
        rules=backtest.rules_in(row),
        may_write=actor().may(Permission.WRITE_RULES),
    )


@pages.post("/rules/backtests/<int:backtest_id>/cancel")
@allow(Permission.WRITE_RULES)
def cancel_backtest(backtest_id: int) -> Response:
    """Stop a backtest."""
    row = backtest.get(backtest_id, actor())
    backtest.cancel(row, by=actor())
    flash(_("The backtest stops within a few seconds."))
    return redirect(url_for("risk.show_backtest", backtest_id=row.id))
