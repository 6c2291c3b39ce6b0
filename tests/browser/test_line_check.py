"""话术自查 on a phone: two taps from the first page, by text and by voice."""

from __future__ import annotations

import sqlite3
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from playwright.sync_api import Browser, Page, Playwright, expect

from ..conftest import need
from .conftest import CHROMIUM, FLAGS, Site
from .test_story import sideways

pytestmark = [pytest.mark.browser, pytest.mark.model, pytest.mark.xdist_group("browser")]
RISKY = Path(__file__).parents[1] / "media" / "risky.ogg"
TEXT = "姐妹们晚上好\n这款面霜是全网最低价，<b>七天</b>见效，加薇"
NOTHING = "没听出问题。这不等于合规，拿不准就照档案里的话讲。"


@pytest.fixture(scope="module")
def chromium(playwright: Playwright, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Chromium with a microphone into which a voice says a risky line over and over."""
    need(CHROMIUM.exists(), "Chromium is not installed (Debian: apt install chromium fonts-noto-cjk)")
    spoken = tmp_path_factory.mktemp("spoken") / "spoken.wav"
    _as_wav(RISKY, spoken)
    microphone = [
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-audio-capture={spoken}",
    ]
    browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=[*FLAGS, *microphone])
    yield browser
    browser.close()


def _as_wav(source: Path, target: Path, rate: int = 48_000) -> None:
    with av.open(str(source)) as container:
        resampler = av.AudioResampler(format="s16", layout="mono", rate=rate)
        pieces = [part.to_ndarray() for frame in container.decode(audio=0) for part in resampler.resample(frame)]
    with wave.open(str(target), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.concatenate(pieces, axis=1).astype("<i2").tobytes())


def seconds(source: Path) -> float:
    with av.open(str(source)) as container:
        return float(container.duration or 0) / 1e6


def shown_text(page: Page) -> str:
    """The checked text as it stands on the page, without the numbers beside it."""
    return str(
        page.locator(".lq-line-text").evaluate(
            "box => { const copy = box.cloneNode(true); copy.querySelectorAll('sup').forEach(n => n.remove());"
            " return copy.textContent; }"
        )
    )


def runs(page: Page) -> list[str]:
    """The marked stretches; those that touch are one."""
    return list(
        page.locator(".lq-line-text").evaluate(
            """box => {
                const found = [];
                let last = null;
                for (const node of box.childNodes) {
                    if (node.nodeName === "SUP") continue;
                    if (node.nodeName !== "MARK") { last = null; continue; }
                    if (last === null) found.push("");
                    found[found.length - 1] += node.textContent;
                    last = node;
                }
                return found;
            }"""
        )
    )


@pytest.mark.parametrize("width", [360, 1280])
def test_a_text_is_checked_in_two_taps_marked_to_the_letter_and_saved(visit: Callable[..., Page], width: int) -> None:
    page = visit("streamer", width)
    page.locator("main a[href='/lines']").click()
    page.fill("[name=text]", TEXT)
    page.locator("[data-text-form] [name=product]").select_option("cosmetics")
    page.locator("[data-text-form] button[type=submit]").click()
    expect(page.locator(".lq-claims > li").first).to_be_visible()
    assert shown_text(page) == TEXT
    assert runs(page)[0] == "全网最低价"
    assert runs(page)[-1].startswith("加薇")
    assert sideways(page) <= 0
    page.locator(".lq-line-text sup a").first.click()
    expect(page.locator(".lq-claims > li:target")).to_be_visible()

    page.fill("#title", f"开场 {width}")
    page.locator("form[action='/lines/saved'] button").click()
    page.locator("main a", has_text=f"开场 {width}").click()
    assert page.input_value("[name=text]") == TEXT
    assert page.input_value("[data-text-form] [name=product]") == "cosmetics"
    assert sideways(page) <= 0

    page.fill("[name=text]", "姐妹们晚上好，看一下质地")
    page.locator("[data-text-form] button[type=submit]").click()
    expect(page.locator("main")).to_contain_text(NOTHING)
    assert page.locator(".lq-tone-holds").count() == 0


def test_without_scripts_a_text_is_checked_all_the_same(visit: Callable[..., Page], site: Site) -> None:
    signed = visit("streamer", 360)
    plain = signed.context.browser.new_context(  # type: ignore[union-attr]
        java_script_enabled=False, storage_state=signed.context.storage_state(), base_url=site.url
    )
    page = plain.new_page()
    page.goto("/lines")
    page.fill("[name=text]", TEXT)
    page.locator("[data-text-form] button[type=submit]").click()
    expect(page.locator(".lq-line-text mark").first).to_be_visible()
    plain.close()


@pytest.mark.parametrize(("width", "by"), [(360, "touch"), (1280, "keyboard")])
def test_what_is_said_while_the_button_is_held_is_checked_and_then_nowhere(
    visit: Callable[..., Page], site: Site, width: int, by: str
) -> None:
    page = visit("streamer", width)
    page.goto("/lines")
    page.locator("[data-text-form] [name=product]").select_option("cosmetics")
    button = page.locator("[data-hold]")
    _hold(page, by, seconds(RISKY) * 1000 + 500)
    expect(page.locator("[data-result]")).to_be_visible(timeout=120_000)
    assert page.locator(".lq-line-text mark").count() > 0
    assert shown_text(page) == page.input_value("[name=text]")
    expect(button).to_be_enabled()
    assert sideways(page) <= 0
    _nothing_left(site, shown_text(page))


def test_a_touch_that_ends_at_once_sends_nothing(visit: Callable[..., Page]) -> None:
    page = visit("streamer", 360)
    page.goto("/lines")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    _hold(page, "touch", 100)
    page.wait_for_timeout(800)
    assert sent == []
    assert page.locator("[data-part=status]").inner_text() != ""


def _hold(page: Page, by: str, ms: float) -> None:
    button = page.locator("[data-hold]")
    if by == "keyboard":
        button.focus()
        page.keyboard.down(" ")
        page.wait_for_timeout(ms)
        page.keyboard.up(" ")
        return
    box: Any = button.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.wait_for_timeout(ms)
    page.mouse.up()


def _nothing_left(site: Site, words: str) -> None:
    assert not list((site.var / "files" / "incoming").glob(".said-*"))
    assert words not in (site.var / "serve.log").read_text(encoding="utf-8")
    database = site.var / "livequal.db"
    if database.exists():
        with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
            assert connection.execute("SELECT count(*) FROM dictation").fetchone() == (0,)
