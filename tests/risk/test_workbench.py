from __future__ import annotations

import time
from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from livequal.accounts.models import Organisation, User
from livequal.accounts.rules import Role
from livequal.kernel.db import db
from livequal.risk import force, overlay, versions
from livequal.risk.matcher import ProductContext, compile_pack
from livequal.risk.models import PackVersion
from livequal.risk.overlay import RuleEntry, faults

from ..factories import make_platform, make_user, signed_in
from ..recordings import make_recording, run_jobs, transcribed
from .test_versions import GOLD, SAID, activated, drafted

TYPED = {
    "slug": "moon-stone",
    "title": "宣称蓝鲸石特调",
    "category": "false_material_spec",
    "severity": "3",
    "products": ["jewelry", "general"],
    "literals": "蓝鲸石特调",
    "always": "O117 34",
    "hits": "jewelry: 戴上就是蓝鲸石特调",
    "misses": "jewelry: 这颗月亮石很圆",
    "sound": "y",
}


@pytest.fixture
def house(app: Flask) -> Organisation:
    return make_platform()


@pytest.fixture
def author(house: Organisation) -> User:
    return make_user(house, Role.RULE_OWNER)


@pytest.fixture
def second(house: Organisation) -> User:
    return make_user(house, Role.QUALITY_OFFICER)


@pytest.fixture
def desk(client: FlaskClient, author: User) -> FlaskClient:
    return signed_in(client, author)


def begun(desk: FlaskClient) -> int:
    answer = desk.post("/rules/versions")
    assert answer.status_code == 302
    return int(answer.location.rpartition("/")[2])


def state_of(version_id: int) -> PackVersion:
    return db.session.get_one(PackVersion, version_id, populate_existing=True)


def typed(desk: FlaskClient, version_id: int, *, changes: int = 1, **more: object) -> TestResponse:
    return desk.post(f"/rules/versions/{version_id}/rule", data=TYPED | {"changes": str(changes)} | more)


def test_a_rule_is_written_tried_approved_by_a_second_person_and_put_in_force(
    app: Flask, desk: FlaskClient, second: User
) -> None:
    version = begun(desk)
    page = f"/rules/versions/{version}"
    assert typed(desk, version).status_code == 302
    assert "moon-stone" in desk.get(page).text
    tried = desk.post(f"{page}/try", data={"text": f"家人们{SAID}吧", "product": "jewelry"}).text
    assert "<mark>蓝鲸石特调<sup>1</sup></mark>" in tried
    assert desk.post(f"{page}/move", data={"step": "submit", "note": ""}).status_code == 422
    assert desk.post(f"{page}/move", data={"step": "submit", "note": "新说法"}).status_code == 302
    assert desk.post(f"{page}/judge", data={"verdict": "approve"}).status_code == 403, "not by its author"
    other = signed_in(app.test_client(), second)
    assert other.post(f"{page}/judge", data={"verdict": "send_back", "reason": ""}).status_code == 422
    assert other.post(f"{page}/judge", data={"verdict": "approve"}).status_code == 302
    assert other.post(f"{page}/move", data={"step": "activate"}).status_code == 403, "approving is all she may"
    assert desk.post(f"{page}/move", data={"step": "activate"}).status_code == 302
    assert "moon-stone" in desk.get("/rules?q=moon-stone").text
    assert state_of(version).state == "active"


@pytest.mark.parametrize(
    ("field", "value", "line"),
    [
        ("slug", "Mond Stein", ""),
        ("slug", "second-reader", ""),
        ("slug", "cures-disease", ""),
        ("category", "none", ""),
        ("products", [], ""),
        ("literals", "", ""),
        ("patterns", "蓝鲸{-4}石\n蓝(鲸", "2"),
        ("patterns", "蓝鲸石\n\n蓝鲸{nolist}", "2"),
        ("patterns", ".*", "1"),
        ("patterns", r"(蓝)鲸\1", "1"),
        ("patterns", "(" * 300 + "蓝" + ")" * 300, "1"),
        ("unless", "蓝鲸\n[", "2"),
        ("always", "", ""),
        ("always", "XYZ 3", ""),
        ("always", "AdL nine", ""),
        ("hits", "", ""),
        ("misses", "", ""),
        ("title", "", ""),
    ],
)
def test_what_is_wrong_stands_at_its_field_and_names_the_line_and_nothing_typed_is_lost(
    desk: FlaskClient, field: str, value: object, line: str
) -> None:
    version = begun(desk)
    answer = typed(desk, version, **{field: value})
    assert answer.status_code == 422
    assert f'href="#{field}' in answer.text
    if line:
        at = answer.text.index(f'id="{field}-error"')
        assert line in answer.text[at : at + 300]
    kept = TYPED["title"] if field != "title" else TYPED["slug"]
    assert f'value="{kept}"' in answer.text
    assert state_of(version).changes == 1


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|a)*b$", "(.*)*x", "(蓝*)*鲸$"])
def test_a_pattern_that_hangs_other_engines_is_refused_or_read_in_linear_time(app: Flask, pattern: str) -> None:
    entry = replace(GOLD, patterns=(pattern,))
    if "patterns" in faults(entry, force.shipped().pack):
        return
    text = overlay.written(overlay.Overlay((overlay.raw_of(entry),)))
    matcher = compile_pack(force.combined(text).pack)

    def seconds(length: int) -> float:
        words = "ab" * (length // 2) + "蓝" * 20 + "a!"
        begun_at = time.process_time()
        matcher.judge_by_rules(words, ProductContext())
        return time.process_time() - begun_at

    seconds(1000)
    short, long = max(seconds(5_000), 0.01), seconds(50_000)
    assert long < 40 * short


def test_of_two_who_change_one_draft_the_second_is_told_and_keeps_what_she_typed(desk: FlaskClient) -> None:
    version = begun(desk)
    assert typed(desk, version).status_code == 302
    answer = typed(desk, version, slug="other-stone", title="第二个人写的")
    assert answer.status_code == 409
    assert 'value="第二个人写的"' in answer.text
    assert 'name="changes" type="hidden" value="2"' in answer.text.replace(
        'type="hidden" name="changes"', 'name="changes" type="hidden"'
    )


def test_a_shipped_rule_is_changed_through_the_form_and_keeps_what_the_form_does_not_show(desk: FlaskClient) -> None:
    version = begun(desk)
    page = desk.get(f"/rules/versions/{version}/rule?slug=cures-disease").text
    assert 'value="cures-disease"' in page
    rule = next(rule for rule in force.shipped().pack.rules if rule.slug == "cures-disease")
    entry = overlay.entry_of(rule, force.shipped_rules()["cures-disease"])
    data = {name: getattr(entry, name) for name in RuleEntry.__dataclass_fields__}
    data = {name: "\n".join(value) if isinstance(value, tuple) else value for name, value in data.items()}
    data |= {"products": list(entry.products), "was": "cures-disease", "changes": "1", "sound": "y", "title": "改过"}
    assert desk.post(f"/rules/versions/{version}/rule", data=data).status_code == 302
    kept = state_of(version)
    mended = next(rule for rule in force.of_version(kept).pack.rules if rule.slug == "cures-disease")
    assert (mended.title, mended.by_product, mended.confidence) == ("改过", rule.by_product, rule.confidence)
    assert versions.examined(kept)[0].passes


def test_a_rule_is_switched_off_and_on_and_an_own_one_taken_out(desk: FlaskClient) -> None:
    version = begun(desk)
    url = f"/rules/versions/{version}"
    assert desk.post(f"{url}/switch", data={"slug": "cures-disease", "changes": "1"}).status_code == 302
    assert "cures-disease" in desk.get(url).text
    assert desk.post(f"{url}/switch", data={"slug": "cures-disease", "changes": "1", "on": "1"}).status_code == 409
    assert desk.post(f"{url}/switch", data={"slug": "cures-disease", "changes": "2", "on": "1"}).status_code == 302
    assert "cures-disease" not in desk.get(url).text
    assert typed(desk, version, changes=3).status_code == 302
    assert desk.post(f"{url}/drop", data={"slug": "moon-stone", "changes": "4"}).status_code == 302
    assert "moon-stone" not in desk.get(url).text


def test_a_backtest_is_asked_for_and_read_with_links_to_the_moment(desk: FlaskClient, author: User) -> None:
    recording_id = transcribed(make_recording(author), "大家好", SAID).id
    version = drafted(author, GOLD).id
    answer = desk.post(f"/rules/versions/{version}/backtests", data={"room": "", "since": "", "until": ""})
    assert answer.status_code == 302
    assert "<progress" in desk.get(answer.location).text
    assert run_jobs("backtest") == ["backtest"]
    page = desk.get(answer.location).text
    assert "蓝鲸石特调" in page
    assert f"/recordings/{recording_id}#t=" in page
    assert desk.post(answer.location + "/cancel").status_code == 409
    assert desk.get(f"{answer.location}?change=removed").text.count("蓝鲸石特调") == 0


def test_shadow_hits_stand_beside_what_is_in_force(desk: FlaskClient, author: User) -> None:
    version, author_id = drafted(author, GOLD).id, author.id
    assert desk.post(f"/rules/versions/{version}/move", data={"step": "shadow"}).status_code == 302
    author_again = db.session.get_one(User, author_id)
    transcribed(make_recording(author_again), SAID, "今天全网最低价")
    page = desk.get(f"/rules/versions/{version}/shadow").text
    assert "moon-stone" in page
    assert "蓝鲸石特调" in page
    only_new = desk.get(f"/rules/versions/{version}/shadow?new=1").text
    assert "蓝鲸石特调" in only_new
    assert "全网最低价" not in only_new


def test_an_earlier_version_is_put_in_force_again_with_a_reason(desk: FlaskClient, author: User, second: User) -> None:
    first, newer = activated(author, second, GOLD).id, activated(author, second).id
    url = f"/rules/versions/{first}/move"
    assert desk.post(url, data={"step": "roll_back", "note": ""}).status_code == 422
    answer = desk.post(url, data={"step": "roll_back", "note": "误报太多"})
    assert answer.status_code == 302
    assert "蓝鲸石" in desk.get(f"{answer.location}/rules?q=moon-stone").text
    assert state_of(newer).state == "retired"
    listed = desk.get("/rules/versions").text
    assert listed.count("/rules/versions/") >= 3


def test_moderators_read_versions_but_write_none(client: FlaskClient, house: Organisation, author: User) -> None:
    version = drafted(author, GOLD).id
    signed_in(client, make_user(house, Role.MODERATOR))
    assert client.get(f"/rules/versions/{version}").status_code == 200
    assert client.post("/rules/versions").status_code == 403
    assert client.post(f"/rules/versions/{version}/move", data={"step": "submit", "note": "x"}).status_code == 403
