"""From an invitation to a passed exam: the courses and the exam room in a browser, on a phone and at a desk."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Response, expect

from . import exam_course
from .seed import PASSWORD
from .test_story import sideways

pytestmark = [pytest.mark.browser, pytest.mark.model, pytest.mark.xdist_group("browser")]
TOUCH_BELOW = 600
# Slots come in an order of their own; what is asked tells the type.
RIGHT = {
    "single": "前几天最低一二九",
    "multiple": ("甲", "丙"),
    "fill_in": ("七", "3"),
    "matching": {"左一": "右二", "左二": "右一"},
    "ordering": {"再说": "1", "先停": "2", "后记": "3"},
    "scenario": ("先问小票", "照小票说"),
}


def look(page: Page, name: str) -> None:
    """Nothing scrolls sideways; LIVEQUAL_SHOTS names a folder to keep pictures in, for eyes to look at."""
    assert sideways(page) <= 0, name
    if folder := os.environ.get("LIVEQUAL_SHOTS"):
        width = page.viewport_size["width"] if page.viewport_size else 0
        page.screenshot(path=Path(folder) / f"{name}-{width}.png", full_page=True)


def in_chinese(part: Locator) -> None:
    """No sentence was left in English."""
    assert re.findall(r"[A-Za-z]{4,}", part.inner_text()) == []


def touches(page: Page) -> bool:
    """Whether this browser is a phone."""
    return bool(page.viewport_size and page.viewport_size["width"] < TOUCH_BELOW)


def press(page: Page, target: Locator) -> None:
    """Touch a button or link on a phone; go to it and press Enter at a desk."""
    if touches(page):
        target.tap()
    else:
        target.focus()
        page.keyboard.press("Enter")


def tick(page: Page, label: Locator) -> None:
    """Touch a choice's words on a phone; press the space bar on it at a desk."""
    if touches(page):
        label.tap()
    else:
        page.locator(f"#{label.get_attribute('for')}").focus()
        page.keyboard.press(" ")


def choose(page: Page, select: Locator, words: str) -> None:
    """Choose from a list: on a phone from the system's own, at a desk with the arrow keys."""
    if touches(page):
        select.select_option(label=words)
        return
    select.focus()
    for _one in range(select.locator("option").count()):
        if select.locator("option:checked").inner_text() == words:
            return
        page.keyboard.press("ArrowDown")
    assert select.locator("option:checked").inner_text() == words


def arrives(visit: Callable[..., Page], width: int) -> tuple[Page, str]:
    """An agency puts a streamer on its list and invites her; she comes in by the link of the QR code."""
    agency = visit("mcn")
    agency.goto("/streamers/new")
    agency.fill("[name=stage_name]", f"小新{width}")
    agency.fill("[name=name]", "周小新")
    agency.get_by_label("普通化妆品").check()
    agency.locator("main form button[type=submit]").first.click()
    agency.locator("form[action^='/invitations'] button").click()
    link = agency.locator("#handed-link").input_value()
    page, login = visit("", width), f"newcomer{width}"
    page.goto(link)
    page.fill("[name=login]", login)
    page.fill("[name=password]", PASSWORD)
    press(page, page.locator("main button[type=submit]"))
    page.wait_for_url("**/")
    return page, login


def read_on(page: Page, course: str) -> None:
    """Read a course's lessons from the open one to the last."""
    for _one in range(12):
        if page.url.endswith(f"/courses/{course}"):
            return
        before = page.url
        press(page, page.locator("main form button[type=submit]"))
        page.wait_for_url(lambda url, before=before: url != before)
    raise AssertionError(f"the lessons of {course} do not end")


@pytest.mark.parametrize("width", [360, 1280])
def test_a_new_streamer_reads_is_interrupted_and_passes_an_exam_of_every_type(
    visit: Callable[..., Page], width: int
) -> None:
    page, login = arrives(visit, width)
    press(page, page.locator("nav a[href='/learn']:visible").first)
    page.wait_for_url("**/learn")
    look(page, "learning")
    _reads_the_entry_course(visit, page, login)
    told = _begins(page)
    said: list[bytes] = []
    page.context.on("response", lambda answer: said.append(_body(answer)))
    _answers_all(page)
    leaked = [words for words in exam_course.TOLD_AFTERWARDS for body in said if words.encode() in body]
    assert leaked == []
    assert any(told.encode() in body for body in said)
    press(page, page.locator("[data-submit] button"))
    page.wait_for_url("**/result")
    result = page.locator("main")
    # One of eight was wrong: it stands first, with why, and where it is taught.
    for words in ("没成交过", "前几天最低一二九", "解析", "第十六条"):
        expect(result.locator("section").first).to_contain_text(words)
    expect(page.locator("main h1")).to_contain_text("通过")
    in_chinese(result.locator("section").first)
    look(page, "result")
    result.locator("details summary").first.click()
    look(page, "result-open")
    press(page, result.locator("section a[href*='/lessons/']").first)
    page.wait_for_url("**/lessons/01-one")


def _reads_the_entry_course(visit: Callable[..., Page], page: Page, login: str) -> None:
    """Begin at the first page; the phone is put away in the middle of a lesson, and another device goes on there."""
    press(page, page.locator("main a[href*='/learn/courses/entry/lessons/']").first)
    page.wait_for_url("**/lessons/*")
    look(page, "lesson")
    with page.expect_response(lambda answer: answer.url.endswith("/place")) as kept:
        page.evaluate("window.scrollTo(0, document.documentElement.scrollHeight / 2)")
    assert kept.value.ok
    other = visit(login)
    other.goto("/learn")
    other.locator("main a[href*='/learn/courses/entry/lessons/']").first.click()
    assert int(other.locator("[data-lesson]").get_attribute("data-place") or 0) > 2
    for _try in range(20):
        if other.evaluate("window.scrollY") > 100:
            break
        other.wait_for_timeout(100)
    assert other.evaluate("window.scrollY") > 100
    other.context.close()
    page.reload()
    read_on(page, "entry")
    look(page, "course-read")
    expect(page.locator("main a[href='/learn/courses/entry/exam']")).to_be_visible()


def _begins(page: Page) -> str:
    """Read the course of all types and begin its exam, signing in again; answers words of the first question."""
    course = f"/learn/courses/{exam_course.SLUG}"
    page.goto(course)
    look(page, "course")
    expect(page.locator(f"main a[href='{course}/exam']")).to_have_count(0)
    press(page, page.locator(f"main a[href^='{course}/lessons/']").first)
    page.wait_for_url("**/lessons/01-one")
    look(page, "lesson-table")
    read_on(page, exam_course.SLUG)
    press(page, page.locator(f"main a[href='{course}/exam']"))
    page.wait_for_url("**/exam")
    in_chinese(page.locator("main"))
    tick(page, page.locator("label[for='agreed']"))
    page.fill("[name=password]", "not-my-password")
    press(page, page.locator("main form button[type=submit]"))
    expect(page.locator(".lq-error-summary, .lq-error").first).to_be_visible()
    look(page, "exam-begin")
    page.fill("[name=password]", PASSWORD)
    if not page.locator("[name=agreed]").is_checked():
        tick(page, page.locator("label[for='agreed']"))
    press(page, page.locator("main form button[type=submit]"))
    page.wait_for_url(re.compile(r"/learn/exams/\d+$"))
    return "照着念"


def _answers_all(page: Page) -> None:
    in_chinese(page.locator("main"))
    look(page, "room")
    saved = page.locator("[data-saved]")
    # Wrong on purpose.
    tick(page, page.locator("[data-type=single] label", has_text="原价三九九"))
    expect(saved).to_have_text("已全部保存")
    _while_offline(page, saved)
    for words in RIGHT["multiple"]:
        tick(page, page.locator("[data-type=multiple] label", has_text=words))
    for gap, words in zip(page.locator("[data-type=fill_in] input").all(), RIGHT["fill_in"], strict=True):
        gap.fill(words)
    page.keyboard.press("Tab")
    expect(saved).to_have_text("已全部保存")
    _through_a_broken_line_and_a_reload(page, saved)
    for words, rank in RIGHT["ordering"].items():  # type: ignore[attr-defined]
        choose(page, _select(page, "ordering", words), rank)
    _scenario(page)
    _clip(page)
    expect(saved).to_have_text("已全部保存")
    expect(page.locator("[data-open-count]")).to_have_text("每题都答了。")
    in_chinese(page.locator("main"))
    look(page, "room-answered")


def _select(page: Page, kind: str, words: str) -> Locator:
    label = page.locator(f"[data-type={kind}] label", has_text=words)
    return page.locator(f"#{label.get_attribute('for')}")


def _while_offline(page: Page, saved: Locator) -> None:
    page.context.set_offline(True)
    tick(page, page.locator("[data-type=true_false] label").first)
    expect(saved).to_contain_text("1 个回答")
    look(page, "room-offline")
    page.context.set_offline(False)
    expect(saved).to_have_text("已全部保存", timeout=20_000)


def _through_a_broken_line_and_a_reload(page: Page, saved: Locator) -> None:
    steps = re.compile(r"/steps$")
    page.route(steps, lambda route: route.abort("connectionreset"))
    pairs: Any = RIGHT["matching"]
    for words, target in pairs.items():
        choose(page, _select(page, "matching", words), target)
    expect(saved).to_contain_text("个回答")
    page.reload()
    for words, target in pairs.items():
        assert _select(page, "matching", words).locator("option:checked").inner_text() == target
    page.unroute(steps)
    expect(saved).to_have_text("已全部保存", timeout=20_000)


def _scenario(page: Page) -> None:
    box = page.locator("[data-type=scenario]")
    for number, words in enumerate(RIGHT["scenario"], 1):
        tick(page, box.locator("label", has_text=words))
        press(page, box.locator("[data-choose]"))
        expect(box.locator(".lq-chosen")).to_have_count(number)
    expect(box.locator("[data-choose]")).to_have_count(0)


def _clip(page: Page) -> None:
    box = page.locator("[data-type=clip_review]")
    press(page, box.locator("[data-play]").nth(1))
    for _try in range(40):
        if box.locator("audio").evaluate("one => one.paused && one.currentTime > 1.8"):
            break
        page.wait_for_timeout(100)
    # It played the second sentence and stopped at its end.
    assert 1.8 <= box.locator("audio").evaluate("one => one.currentTime") < 2.4
    choose(page, _select(page, "clip_review", "全网最低就在今晚"), "最低价")


def _body(answer: Response) -> bytes:
    try:
        return answer.body()
    except Exception:  # A redirect has none, and a torn answer neither
        return b""
