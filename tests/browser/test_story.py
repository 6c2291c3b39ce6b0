"""From a recording to a finding its streamer hears: the whole loop in a browser, at a desk and on a phone."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from playwright.sync_api import Page, expect

from ..streams.media_maker import make

pytestmark = [pytest.mark.browser, pytest.mark.model, pytest.mark.xdist_group("browser")]
CLIP = Path(__file__).parents[1] / "media"
# The speech of each test is its own, so that no file is a twin of an earlier one.
LEADS = {1280: 0.3, 360: 0.7}


def spoken(lead_s: float, rate: int = 48_000) -> Any:
    """The mixed test clip at 48 kHz after a little silence; one row, values -1 … 1."""
    with av.open(str(CLIP / "mixed.ogg")) as container:
        resampler = av.AudioResampler(format="fltp", layout="mono", rate=rate)
        pieces = [part.to_ndarray() for frame in container.decode(audio=0) for part in resampler.resample(frame)]
    return np.concatenate([np.zeros((1, int(lead_s * rate)), np.float32), *pieces], axis=1).astype(np.float32)


def sideways(page: Page) -> int:
    """By how many pixels the page can be scrolled sideways."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


@pytest.mark.parametrize("width", [1280, 360])
def test_a_recording_becomes_a_finding_that_its_streamer_hears(
    visit: Callable[..., Page], tmp_path: Path, width: int
) -> None:
    sound = spoken(LEADS[width])
    files = []
    for kind, film in (("wav", 0.0), ("flac", 0.0), ("mp4", sound.shape[1] / 48_000), ("flv", 3.0)):
        path = tmp_path / f"周末晚场{width}.{kind}"
        path.write_bytes(make(kind, sound, film=film))
        files.append(path)
    moderator = visit("moderator", width)
    moderator.goto("/recordings/new")
    moderator.locator("[name=live_session]").select_option(index=1)
    moderator.locator("[data-picker]").set_input_files([str(path) for path in files])
    links = moderator.locator("[data-part=open]:visible")
    expect(links).to_have_count(4, timeout=60_000)
    pages = [link.get_attribute("href") or "" for link in links.all()]
    assert sideways(moderator) <= 0

    for path in reversed(pages):
        moderator.goto(path)
        moderator.wait_for_selector("[data-items] button", state="attached", timeout=240_000)
        expect(moderator.locator("[data-part=rows] .seg").first).to_be_visible()
        assert sideways(moderator) <= 0

    moderator.goto(pages[2])
    moderator.wait_for_selector("[data-items] button", state="attached")
    quote = _confirm_first(moderator)
    # What plays is the sound from three seconds before the claim.
    _plays(moderator)

    streamer = visit("streamer", width)
    streamer.goto("/findings")
    streamer.locator("main a", has_text=quote).first.click()
    expect(streamer.locator("main")).to_contain_text(quote)
    for _try in range(30):
        if streamer.locator("audio").count():
            break
        streamer.wait_for_timeout(1000)
        streamer.reload()
    heard = streamer.evaluate(
        """async () => {
            const audio = document.querySelector("audio");
            await audio.play();
            await new Promise((done) => setTimeout(done, 800));
            return [audio.duration, audio.currentTime];
        }"""
    )
    assert heard[0] > 3
    assert heard[1] > 0.1
    assert sideways(streamer) <= 0
    assert streamer.goto(pages[2]).status in {403, 404}  # type: ignore[union-attr]


def _plays(page: Page) -> None:
    # Asked again and again from here: the page's policy forbids Playwright to wait by script inside it.
    for _try in range(80):
        if page.evaluate("document.querySelector('[data-part=audio]').currentTime") > 0.2:
            return
        page.wait_for_timeout(250)
    raise AssertionError("the sound does not play")


def _confirm_first(page: Page) -> str:
    """Select the first claim (by keyboard at a desk, by touch on a phone), hear it, confirm it; answers the words."""
    first = page.locator("[data-items] button.item[data-item^=f]").first
    if first.is_visible():
        page.keyboard.press("j")
    else:
        page.locator("[data-part=sheet-toggle]").tap()
        first.tap()
    quote = page.locator("[data-part=detail] .detail-quote")
    expect(quote).to_be_visible()
    words = re.sub('[“”"]', "", quote.inner_text()).strip()
    page.locator("[data-part=detail] [data-do=hear]").click()
    page.keyboard.press("c")
    page.locator("[data-part=detail] form input[name=reason]").first.check()
    with page.expect_response(lambda answer: "/decide" in answer.url) as decided:
        page.locator("[data-part=detail] form button[type=submit]").click()
    assert decided.value.status == 200
    return words


def test_a_broken_connection_goes_on_after_a_reload(visit: Callable[..., Page], tmp_path: Path, site: Any) -> None:
    sound = np.concatenate([spoken(1.1)] * 12, axis=1)
    path = tmp_path / "很长的一场.wav"
    path.write_bytes(make("wav", sound))
    page = visit("moderator")
    page.goto("/recordings/new")
    pieces = {"sent": 0}

    def cut(route: Any) -> None:
        pieces["sent"] += 1
        if pieces["sent"] > 2:
            route.abort("connectionreset")
        else:
            route.continue_()

    page.route(
        re.compile(r"/uploads/\d+$"), lambda route: cut(route) if route.request.method == "PATCH" else route.continue_()
    )
    page.locator("[data-picker]").set_input_files(str(path))
    expect(page.locator(".lq-upload[data-state=retrying]")).to_be_visible(timeout=30_000)
    page.unroute_all()
    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()
    expect(page.locator("[data-unfinished]")).to_have_count(1)
    page.locator("[data-picker]").set_input_files(str(path))
    link = page.locator("[data-part=open]:visible")
    expect(link).to_be_visible(timeout=60_000)
    original = page.request.get(f"{site.url}{link.get_attribute('href')}/original")
    for _try in range(60):
        if original.ok:
            break
        page.wait_for_timeout(1000)
        original = page.request.get(f"{site.url}{link.get_attribute('href')}/original")
    assert original.body() == path.read_bytes()
