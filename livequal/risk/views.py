"""The rules as people may read them."""

from __future__ import annotations

from flask import render_template, request

from ..accounts.access import actor, allow
from ..accounts.rules import Permission
from ..kernel import web
from ..kernel.pages import PAGE_SIZE, Page, paginate
from ..taxonomy.rules import RiskCategory
from . import line_check, service, shown, versions, workbench
from .blueprint import pages

__all__ = ["line_check", "pages", "workbench"]


@pages.get("/rules")
@allow(Permission.READ_RULES)
def rules() -> str:
    """Every rule of the pack in force, with its legal basis and what to say instead."""
    pack = service.pack()
    category, words = request.args.get("category", ""), request.args.get("q", "").strip()
    found = shown.rules_found(pack, category, words)
    number = min(max(1, web.page_number()), max(1, -(-len(found) // PAGE_SIZE)))
    rows = found[(number - 1) * PAGE_SIZE : number * PAGE_SIZE]
    return render_template(
        "risk/rules.html",
        pack=pack,
        count=len(shown.rules_found(pack, "", "")),
        basis_of=shown.basis_of,
        platform_basis_of=shown.platform_basis_of,
        waiting=paginate(versions.waiting(actor()), 1, 1),
        page=Page(rows, number, PAGE_SIZE, len(found)),
        categories=list(RiskCategory),
    )
