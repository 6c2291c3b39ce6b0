"""A rule from its draft to the air and back, by two people in two browsers."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from .conftest import ROOT, Site
from .test_story import sideways

pytestmark = [pytest.mark.browser, pytest.mark.model, pytest.mark.xdist_group("browser")]
SAID = "戴上就是蓝鲸石特调"
RULE = "blue-whale-stone"


def scanned(site: Site) -> list[str]:
    """The rules that `flask scan` names for the words."""
    flask = str(Path(sys.executable).parent / "flask")
    rows = json.dumps({"id": "1", "text": SAID, "product_category": "jewelry"}, ensure_ascii=False)
    done = subprocess.run(
        [flask, "scan"], cwd=ROOT, env=site.environ, input=rows, text=True, capture_output=True, check=True
    )
    return [flag["rule"] for line in done.stdout.splitlines() for flag in json.loads(line)["flags"]]


def press(page: Page, words: str) -> None:
    """A button by its words; what it asks is agreed to, and the page it leads to may not scroll sideways."""
    with page.expect_navigation():
        page.locator("main").get_by_role("button", name=words, exact=True).click()
    assert sideways(page) <= 0


def approved(second: Page, version: str) -> None:
    second.goto(version)
    press(second, "批准")
    expect(second.locator(".lq-badge", has_text="已批准")).to_be_visible()


def test_a_rule_goes_from_draft_to_air_and_back(visit: Callable[..., Page], site: Site) -> None:
    # One works on a phone, the other at a desk, so that both are looked at.
    author, second = visit("rules", 360), visit("quality", 1280)
    author.on("dialog", lambda dialog: dialog.accept())
    author.goto("/rules/versions")
    press(author, "新开一版")
    version = author.url

    # Its examples fail, and nobody else gets to see it before they are mended.
    author.goto(f"{version}/rule")
    for name, value in (
        ("title", "宣称蓝鲸石特调"),
        ("slug", RULE),
        ("literals", "蓝鲸石特调"),
        ("always", "O117 34"),
        ("hits", f"珠宝玉石：{SAID}"),
        ("misses", "珠宝玉石：这颗就是蓝鲸石特调"),
    ):
        author.fill(f"[name={name}]", value)
    author.select_option("#category", "false_material_spec")
    author.check("[name=everything]")
    author.locator("main form button[type=submit]").click()
    press(author, "影子试读")
    expect(author.locator("[data-error-summary]")).to_contain_text(RULE)
    author.locator(".lq-card a[href*='slug=']").first.click()
    author.fill("[name=misses]", "珠宝玉石：这颗月亮石很圆")
    author.locator("main form button[type=submit]").click()

    press(author, "影子试读")
    author.locator("a[href$='/shadow']").click()
    expect(author.locator(".lq-empty")).to_be_visible()
    author.goto(version)
    author.fill("#note", "珠宝间常说")
    press(author, "提交批准")
    assert author.get_by_role("button", name="批准", exact=True).count() == 0, "not by its author"
    token = author.locator("[name=csrf_token]").first.input_value()
    own = author.request.post(f"{version}/judge", form={"csrf_token": token, "verdict": "approve"})
    assert own.status == 403

    second.goto("/rules")
    second.locator("a[href*='state=submitted']").click()
    second.locator("main td, main th").get_by_role("link").first.click()
    expect(second.locator("ins", has_text="蓝鲸石特调").first).to_be_attached()
    approved(second, version)
    author.goto(version)
    press(author, "生效")
    assert RULE in scanned(site)

    # A backtest shows by itself that it has ended.
    author.locator("form[action$='/backtests'] button").click()
    expect(author.locator("[data-renew]")).to_have_count(0, timeout=60_000)
    assert sideways(author) <= 0

    # The next version takes the rule out; going back brings it back.
    author.goto(version)
    press(author, "用它的内容新开一版")
    newer = author.url
    author.goto(f"{newer}/rules?q={RULE}")
    assert sideways(author) <= 0
    token = author.locator("[name=csrf_token]").first.input_value()
    dropped = {"csrf_token": token, "slug": RULE, "changes": "1"}
    assert author.request.post(f"{newer}/drop", form=dropped).ok
    author.goto(newer)
    author.fill("#note", "误报太多")
    press(author, "提交批准")
    approved(second, newer)
    author.goto(newer)
    press(author, "生效")
    assert RULE not in scanned(site)
    author.goto(version)
    author.fill("#note", "还是要标")
    press(author, "重新生效")
    assert RULE in scanned(site)
    author.locator("main form[data-ask] button.btn-danger").click()
    expect(author.locator("main button.btn-danger")).to_have_count(0)
