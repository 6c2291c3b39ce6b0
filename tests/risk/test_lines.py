"""话术自查: what stands where in a text, by text and by voice; nothing said or written stays unless it is saved."""

from __future__ import annotations

import html
import io
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from structlog.testing import capture_logs

from livequal.accounts.models import User
from livequal.accounts.rules import Role
from livequal.audit.models import AuditEvent
from livequal.flow import JOBS, PRIORITIES
from livequal.jobs import service as jobs
from livequal.jobs.models import Job
from livequal.jobs.run import Run
from livequal.kernel import clock, installation
from livequal.kernel.db import db, edge
from livequal.onboarding.models import Streamer, StreamerCategory
from livequal.risk import lines
from livequal.risk.line_words import MATTERS
from livequal.risk.matcher import EvidenceState, Flag
from livequal.risk.models import LineUse, SavedLine
from livequal.streams import dictation, work
from livequal.streams.models import Dictation
from livequal.streams.rules import Segment, Window
from livequal.taxonomy.rules import ProductCategory, RiskCategory, Severity

from ..factories import make_mcn, make_user, signed_in
from ..streams.media_maker import beeps, make

TEXT = "姐妹们 <b>晚上</b> 好\n这款面霜是全网最低价，真的\n国 家 级的，蕞好的"
NOTHING = "Nothing was heard that looks wrong. This does not mean it is compliant; when in doubt, say what is on file."
SOUND = make("webm", beeps(1.0))


@pytest.fixture
def streamer(app: Any) -> User:
    user = make_user(make_mcn(), Role.STREAMER, locale="en")
    row = Streamer(
        organisation_id=user.organisation_id, user_id=user.id, name="林", stage_name="晚晚", created_at=clock.now()
    )
    row.category_rows = [StreamerCategory(category="cosmetics")]
    db.session.add(row)
    db.session.commit()
    return user


@pytest.fixture
def browser(client: FlaskClient, streamer: User) -> FlaskClient:
    return signed_in(client, streamer)


def flag(start: int, end: int, text: str, rule: str = "a", category: RiskCategory = RiskCategory.ALCOHOL) -> Flag:
    return Flag(
        category,
        Severity.CORRECT,
        start,
        end,
        text[start:end],
        rule,
        rule,
        "p",
        1.0,
        EvidenceState.NOT_NEEDED,
        "",
        "",
        "",
    )


def marked_in(page: str) -> list[str]:
    """The marked runs: where claims overlap, one stands in several pieces side by side."""
    joined = re.sub(r"</mark>(<sup>.*?</sup>)*<mark>", "", page)
    return [html.unescape(words) for words in re.findall(r"<mark>(.*?)</mark>", joined, re.DOTALL)]


def everything_stored() -> str:
    """Every row of every table, as text."""
    rows: list[str] = []
    for table in db.metadata.sorted_tables:
        rows += [repr(tuple(row)) for row in db.session.execute(select(table))]
    return "\n".join(rows)


# ── what stands where ─────────────────────────────────────────────────────────────────────────────────────────────


@given(
    st.text(max_size=40), st.lists(st.tuples(st.integers(0, 40), st.integers(1, 10), st.sampled_from("ab")), max_size=8)
)
def test_the_pieces_are_the_text_and_each_claim_covers_exactly_its_flags(
    text: str, spans: list[tuple[int, int, str]]
) -> None:
    flags = tuple(flag(a, min(len(text), a + n), text, rule) for a, n, rule in spans if a < len(text))
    checked = lines.marked(text, flags)
    assert "".join(piece.text for piece in checked.pieces) == text
    at = 0
    for piece in checked.pieces:
        over = {(f.rule, f.quote) for f in flags if f.start <= at and at + len(piece.text) <= f.end}
        named = {(claim.flag.rule, claim.flag.quote) for claim in checked.claims if claim.number in piece.claims}
        assert named == over
        at += len(piece.text)
    assert sum(claim.times for claim in checked.claims) == len(flags)


def test_the_same_words_judged_the_same_are_one_claim() -> None:
    checked = lines.marked("好好", (flag(0, 1, "好好"), flag(1, 2, "好好")))
    assert [(claim.number, claim.times) for claim in checked.claims] == [(1, 2)]


def test_every_category_has_its_plain_words() -> None:
    assert set(MATTERS) == set(RiskCategory)


# ── by text ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_marked_is_exactly_what_was_written(browser: FlaskClient) -> None:
    page = browser.post("/lines", data={"text": TEXT, "product": "cosmetics"}).text
    assert marked_in(page) == ["全网最低价", "国 家 级", "蕞好的"]
    shown = re.search(r'<p class="lq-line-text">(.*?)</p>', page, re.DOTALL)
    assert shown
    assert html.unescape(re.sub(r"<sup>.*?</sup>|</?mark>", "", shown[1])) == TEXT
    assert "Say this differently" in page
    assert "去掉绝对化用语" in page
    assert "广告法" in page
    assert "lq-tone-holds" not in page


def test_a_claim_that_papers_could_prove_asks_for_proof(browser: FlaskClient) -> None:
    page = browser.post("/lines", data={"text": "原价1999，今天99", "product": "apparel"}).text
    assert "This needs proof" in page
    assert "with records to show" in page


def test_a_suspicion_without_a_rule_is_told_in_the_words_of_the_one_who_speaks(
    browser: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = lines.check("全网最低价", ProductCategory.GENERAL)
    claim = replace(checked.claims[0], flag=replace(checked.claims[0].flag, rule="second-reader", title="没有规则命中"))
    monkeypatch.setattr(lines, "check", lambda *_said: replace(checked, claims=(claim,)))
    page = browser.post("/lines", data={"text": "全网最低价", "product": "general"}).text
    assert "Judge for yourself" in page
    assert "命中" not in page


def test_nothing_found_is_no_seal(browser: FlaskClient) -> None:
    page = browser.post("/lines", data={"text": "姐妹们晚上好，看一下质地", "product": "cosmetics"}).text
    assert NOTHING in html.unescape(page)
    assert marked_in(page) == []
    assert "lq-tone-holds" not in page


@pytest.mark.parametrize(
    ("text", "complaint"), [("", "Write or paste"), (" \n ", "Write or paste"), ("好" * 20_001, "At most 20,000")]
)
def test_a_text_that_cannot_be_checked_is_refused_and_kept(browser: FlaskClient, text: str, complaint: str) -> None:
    answer = browser.post("/lines", data={"text": text, "product": "food"})
    assert answer.status_code == 422
    assert complaint in answer.text
    assert text.strip() in answer.text


def test_twenty_thousand_characters_are_taken_and_the_browser_cuts_nothing_off(browser: FlaskClient) -> None:
    answer = browser.post("/lines", data={"text": "看一下质地，" * 3333, "product": "food"})
    assert answer.status_code == 200
    assert not re.search(r"<textarea[^>]*maxlength", answer.text)


def test_line_ends_count_as_one_character_whatever_the_browser_sends(browser: FlaskClient) -> None:
    assert browser.post("/lines", data={"text": "好\r\n" * 9999 + "好", "product": "food"}).status_code == 200


def test_the_last_choice_stands_there_next_time_and_her_own_products_come_first(browser: FlaskClient) -> None:
    first = browser.get("/lines").text
    assert re.search(r'<option selected value="cosmetics">', first)
    assert first.index('value="cosmetics"') < first.index('value="food"')
    browser.post("/lines", data={"text": "大家好", "product": "tea"})
    assert re.search(r'<option selected value="tea">', browser.get("/lines").text)


def test_too_many_checks_are_told_kindly_and_keep_what_was_written(
    browser: FlaskClient, streamer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "TEXTS_PER_WINDOW", 2)
    for _time in range(2):
        assert browser.post("/lines", data={"text": "大家好", "product": "food"}).status_code == 200
    refused = browser.post("/lines", data={"text": "这句还在", "product": "food"})
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 0
    assert "Please wait 10 minutes" in refused.text
    assert "这句还在" in refused.text
    use = db.session.get_one(LineUse, streamer.id)
    use.since -= lines.WINDOW
    db.session.commit()
    assert browser.post("/lines", data={"text": "大家好", "product": "food"}).status_code == 200


def test_a_checked_text_is_in_no_log_no_record_and_no_table(browser: FlaskClient) -> None:
    secret = "云朵面霜全网最低价七天见效"
    with capture_logs() as logs:
        assert secret in browser.post("/lines", data={"text": secret, "product": "food"}).text
        browser.post("/lines", data={"text": secret * 3000, "product": "food"})
    assert logs
    assert "云朵" not in json.dumps(logs, ensure_ascii=False, default=str)
    assert "云朵" not in everything_stored()


# ── saved texts ───────────────────────────────────────────────────────────────────────────────────────────────────


def saved(browser: FlaskClient, title: str = "开场白", text: str = "大家晚上好") -> int:
    answer = browser.post("/lines/saved", data={"title": title, "text": text, "product": "tea"})
    assert answer.status_code == 302
    return db.session.scalars(select(SavedLine.id).order_by(SavedLine.id.desc())).first() or 0


def test_a_saved_text_is_opened_again_and_deleted(browser: FlaskClient) -> None:
    kept = saved(browser)
    assert "开场白" in browser.get("/lines/saved").text
    opened = browser.get(f"/lines/saved/{kept}").text
    assert "大家晚上好" in opened
    assert re.search(r'<option selected value="tea">', opened)
    browser.post(f"/lines/saved/{kept}/delete")
    assert browser.get(f"/lines/saved/{kept}").status_code == 404
    assert db.session.scalars(select(SavedLine)).all() == []


def test_a_saved_text_leaves_no_trace_in_the_record(browser: FlaskClient) -> None:
    saved(browser)
    assert db.session.scalars(select(AuditEvent)).all() == []


def test_a_text_without_a_title_is_not_saved_and_stays_on_the_page(browser: FlaskClient) -> None:
    answer = browser.post("/lines/saved", data={"title": "", "text": "大家晚上好", "product": "tea"})
    assert answer.status_code == 422
    assert "大家晚上好" in answer.text
    assert "Give it a title" in answer.text


def test_saved_texts_come_in_pages_and_a_full_list_says_so(
    browser: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(26):
        saved(browser, f"第{number}段")
    assert "第0段" not in browser.get("/lines/saved").text
    assert "第0段" in browser.get("/lines/saved?page=2").text
    monkeypatch.setattr(lines, "SAVED_MAX", 26)
    assert browser.post("/lines/saved", data={"title": "x", "text": "y", "product": "tea"}).status_code == 409


def test_nobody_else_opens_or_deletes_what_somebody_saved(browser: FlaskClient, streamer: User) -> None:
    kept = saved(browser)
    colleague = make_user(streamer.organisation, Role.STREAMER, Role.MCN_MANAGER)
    other = signed_in(browser.application.test_client(), colleague)
    assert other.get(f"/lines/saved/{kept}").status_code == 404
    assert other.post(f"/lines/saved/{kept}/delete").status_code == 404
    assert "开场白" not in other.get("/lines/saved").text


# ── by voice ──────────────────────────────────────────────────────────────────────────────────────────────────────


class Ear:
    """Hears what it is told to, in one window."""

    engine = model = version = "test"

    def __init__(self, *segments: Segment) -> None:
        self.segments = segments

    def transcribe(self, audio: Path, **_more: Any) -> Iterator[Window]:
        assert audio.read_bytes()[:4] == b"fLaC"
        yield Window(0, 1, 0, 1000, self.segments)


@pytest.fixture
def ear(monkeypatch: pytest.MonkeyPatch) -> Ear:
    hears = Ear(
        Segment(0, 500, "这款面霜是全网最低价。"),
        Segment(500, 700, "咕噜咕噜", unintelligible=True),
        Segment(700, 900, "请不吝点赞", invented="subscribe"),
    )
    monkeypatch.setattr(work, "_engine", lambda: hears)
    monkeypatch.setattr(dictation, "possible", lambda: True)
    return hears


def said(browser: FlaskClient, sound: bytes = SOUND) -> Any:
    headers = {"Content-Type": "application/octet-stream", "Accept": "application/json"}
    return browser.post("/lines/voice?product=cosmetics", data=sound, headers=headers)


def listen() -> Job:
    """Run the job that waits, as a worker would."""
    with edge():
        job = jobs.claim("test")
        assert job is not None
        run = Run(job)
    JOBS[job.name](run)
    with edge():
        jobs.finish(run.job_id, run.token)
    return db.session.get_one(Job, run.job_id)


def sounds() -> list[Path]:
    return list(installation.storage().incoming.glob(f"{dictation.PREFIX}*"))


def test_what_was_said_is_shown_once_like_a_text_and_then_nowhere(browser: FlaskClient, ear: Ear) -> None:
    with capture_logs() as logs:
        address = said(browser).get_json()["url"]
        assert browser.get(address).get_json()["stage"] == "waiting"
        job = listen()
        assert (job.name, job.payload) == ("hear", {"dictation_id": int(address.rpartition("/")[2])})
        assert PRIORITIES["hear"] <= min(PRIORITIES.values())
        assert sounds() == []
        assert browser.get(address).get_json()["stage"] == "heard"
        page = browser.post(address, data={"product": "cosmetics"}).text
    assert marked_in(page) == ["全网最低价"]
    assert "One stretch was not understood and not judged" in page
    assert "点赞" not in page
    assert browser.get(address).status_code == 404
    assert browser.post(address).status_code == 404
    assert "最低价" not in everything_stored()
    assert "最低价" not in json.dumps(logs, ensure_ascii=False, default=str)


def test_hearing_nothing_is_no_clean_result(browser: FlaskClient, ear: Ear) -> None:
    ear.segments = ()
    address = said(browser).get_json()["url"]
    listen()
    page = browser.post(address).text
    assert "No words were heard" in page
    assert "Nothing was heard that looks wrong" not in page


@pytest.mark.parametrize(
    ("sound", "complaint"),
    [
        (b"", "No sound arrived"),
        (b"x" * (dictation.BYTES_MAX + 1), "at most one minute"),
        (b"#EXTM3U\nhttps://example.com/a.ts", "playlist"),
    ],
)
def test_what_is_no_short_sound_is_refused_and_not_kept(
    browser: FlaskClient, ear: Ear, sound: bytes, complaint: str
) -> None:
    answer = said(browser, sound)
    assert answer.status_code == 422
    assert complaint in answer.get_json()["message"]
    assert sounds() == []


def test_sound_longer_than_a_minute_is_not_listened_to(browser: FlaskClient, ear: Ear) -> None:
    address = said(browser, make("ogg", beeps(70.0))).get_json()["url"]
    listen()
    at = browser.get(address).get_json()
    assert (at["stage"], "at most one minute" in at["message"]) == ("failed", True)
    assert sounds() == []


def test_without_a_model_the_page_offers_text_and_takes_no_sound(
    browser: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dictation, "possible", lambda: False)
    page = browser.get("/lines").text
    assert "There is no speech model here yet" in page
    assert "data-voice" not in page
    assert "write it instead" in said(browser).get_json()["message"]


def test_a_model_that_went_away_meanwhile_is_told(browser: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dictation, "possible", lambda: True)
    address = said(browser).get_json()["url"]
    listen()
    assert "No speech model" in browser.get(address).get_json()["message"]


def test_what_nobody_came_back_for_is_gone_after_an_hour(
    browser: FlaskClient, ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard, waiting = said(browser).get_json()["url"], said(browser).get_json()["url"]
    listen()
    row = db.session.scalars(select(Dictation).order_by(Dictation.id)).first()
    assert row is not None
    for one in db.session.scalars(select(Dictation)):
        one.created_at -= timedelta(hours=1, seconds=1)
    db.session.commit()
    assert [browser.get(address).status_code for address in (heard, waiting)] == [404, 404]
    with edge():
        dictation.forget_old()
    assert db.session.scalars(select(Dictation)).all() == []
    assert sounds() == []


def test_sound_that_no_row_knows_goes_too(session: None, monkeypatch: pytest.MonkeyPatch) -> None:
    dictation.receive(io.BytesIO(SOUND))
    assert len(sounds()) == 1
    monkeypatch.setattr(dictation, "KEPT", timedelta(0))
    dictation.forget_old()
    assert sounds() == []


def test_nobody_else_hears_of_what_somebody_said(browser: FlaskClient, ear: Ear, streamer: User) -> None:
    other = signed_in(browser.application.test_client(), make_user(streamer.organisation, Role.STREAMER))
    address = said(browser).get_json()["url"]
    listen()
    assert other.get(address).status_code == 404
    assert other.post(address).status_code == 404
    assert "最低价" in browser.post(address).text


def test_too_much_at_once_is_told(browser: FlaskClient, ear: Ear, monkeypatch: pytest.MonkeyPatch) -> None:
    for _time in range(dictation.WAITING_PER_USER):
        assert said(browser).status_code == 201
    assert said(browser).status_code == 429
    assert len(sounds()) == dictation.WAITING_PER_USER
    monkeypatch.setattr(lines, "VOICES_PER_WINDOW", 1)
    assert "a lot in a short time" in said(browser).get_json()["message"]


def test_her_first_page_leads_there(browser: FlaskClient) -> None:
    assert browser.get("/").text.count('href="/lines"') >= 2
