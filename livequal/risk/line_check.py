"""话术自查 over HTTP: paste a text or say it, see what to look at again; and the texts one saved."""

from __future__ import annotations

from typing import BinaryIO, cast

from flask import Response, flash, jsonify, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from ..accounts.access import actor, allow
from ..accounts.rules import Permission
from ..kernel import db as kernel_db
from ..kernel import web
from ..kernel.errors import Invalid, TooMany
from ..kernel.i18n import gettext as _
from ..kernel.i18n import locale
from ..kernel.pages import paginate
from ..streams import dictation
from ..taxonomy.rules import ProductCategory
from . import lines
from .blueprint import pages
from .line_forms import LineText, SaveLine
from .line_words import told

SILENT_S = 20
TITLE_FROM_TEXT = 20
Answer = str | tuple[str, int] | tuple[str, int, dict[str, str]]


@pages.get("/lines")
@allow(Permission.CHECK_LINES)
def line_check() -> str:
    """The page to paste a text, or to hold a button and say it."""
    return _page(LineText(formdata=None, product=lines.last_product(actor()).value))


@pages.post("/lines")
@allow(Permission.CHECK_LINES)
def line_checked() -> Answer:
    """What to look at again in a text; it is kept nowhere."""
    form = LineText()
    form.product.choices = _products()
    if not form.validate_on_submit():
        return _page(form), 422
    product = ProductCategory(form.product.data)
    try:
        lines.count_text(product, by=actor())
    except TooMany as error:
        form.text.errors = [error.message]
        return _page(form), 429, {"Retry-After": str(error.retry_after_s)}
    return _page(form, lines.check(form.text.data or "", product))


@pages.post("/lines/voice")
@allow(Permission.CHECK_LINES)
def line_said() -> tuple[Response, int]:
    """Take in what somebody said, to be written down by the worker."""
    by = actor()
    if not dictation.possible():
        message = _("No speech model is installed here yet, so nobody can listen. Please write it instead.")
        raise Invalid({"sound": message})
    lines.count_voice(_product(request.args.get("product", "")), by=by)
    kernel_db.rollback()
    if (connection := request.environ.get("gunicorn.socket")) is not None:
        connection.settimeout(SILENT_S)
    incoming = dictation.receive(cast(BinaryIO, request.stream))
    row = dictation.begin(incoming, by=by)
    return jsonify(url=url_for(".line_heard", dictation_id=row.id)), 201


@pages.get("/lines/voice/<int:dictation_id>")
@allow(Permission.CHECK_LINES)
def line_progress(dictation_id: int) -> Response:
    """How far the listening is."""
    progress = dictation.progress(dictation.get(dictation_id, actor()))
    return jsonify(stage=progress.stage, message=progress.message)


@pages.post("/lines/voice/<int:dictation_id>")
@allow(Permission.CHECK_LINES)
def line_heard(dictation_id: int) -> Answer:
    """What was heard, and the same result as for a text. With this it is nowhere any more."""
    by = actor()
    heard = dictation.take(dictation.get(dictation_id, by))
    product = _product(request.form.get("product", ""))
    form = LineText(formdata=None, product=product.value, text=heard.words)
    return _page(form, lines.check(heard.words, product), heard=heard)


@pages.get("/lines/saved")
@allow(Permission.CHECK_LINES)
def saved_lines() -> str:
    """The texts one saved."""
    return render_template("risk/saved_lines.html", page=paginate(lines.listed(actor()), web.page_number()))


@pages.post("/lines/saved")
@allow(Permission.CHECK_LINES)
def save_line() -> BaseResponse | Answer:
    """Keep a text in one's own list."""
    form = SaveLine()
    form.product.choices = _products()
    if not form.validate_on_submit():
        return _page(form), 422
    lines.save(form.title.data or "", form.text.data or "", ProductCategory(form.product.data), by=actor())
    flash(_("Saved. Only you see it."))
    return redirect(url_for(".saved_lines"))


@pages.get("/lines/saved/<int:saved_line_id>")
@allow(Permission.CHECK_LINES)
def saved_line(saved_line_id: int) -> str:
    """A saved text, to be checked again: what is in force today may be other rules."""
    row = lines.get(saved_line_id, actor())
    return _page(LineText(formdata=None, product=row.product_category, text=row.body), saved=row.title)


@pages.post("/lines/saved/<int:saved_line_id>/delete")
@allow(Permission.CHECK_LINES)
def delete_line(saved_line_id: int) -> BaseResponse:
    """Remove a saved text."""
    lines.delete(lines.get(saved_line_id, actor()))
    flash(_("Deleted."))
    return redirect(url_for(".saved_lines"))


def _page(
    form: LineText,
    checked: lines.Checked | None = None,
    *,
    heard: dictation.Heard | None = None,
    saved: str = "",
) -> str:
    form.product.choices = _products()
    title = form.title.data if isinstance(form, SaveLine) else saved
    return render_template(
        "risk/line_check.html",
        form=form,
        checked=checked,
        claims=told(checked) if checked else [],
        heard=heard,
        title=title or " ".join((form.text.data or "").split())[:TITLE_FROM_TEXT],
        saved=saved,
        voice=dictation.possible(),
        longest_ms=dictation.LONGEST_MS,
    )


def _products() -> dict[str, list[tuple[str, str]]]:
    """The product categories to choose from, the streamer's own first."""
    own = lines.own_products(actor())
    rest = [product for product in ProductCategory if product not in own and product is not ProductCategory.GENERAL]
    groups = ((_("What you sell"), own), (_("All others"), rest), (_("Not sure"), [ProductCategory.GENERAL]))
    return {name: [(one.value, _named(one)) for one in group] for name, group in groups if group}


def _named(product: ProductCategory) -> str:
    return product.zh if locale() == "zh_Hans_CN" else product.en


def _product(word: str) -> ProductCategory:
    return ProductCategory(word) if word in set(ProductCategory) else ProductCategory.GENERAL
