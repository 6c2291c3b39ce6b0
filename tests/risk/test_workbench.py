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
from livequal.risk.matcher import PackError, ProductContext, compile_pack
from livequal.risk.models import PackVersion
from livequal.risk.overlay import RuleEntry, faults
from livequal.taxonomy.rules import ProductCategory

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


def edited(desk: FlaskClient, version_id: int, slug: str, changes: str, **more: object) -> None:
    rule = next(rule for rule in force.shipped().pack.rules if rule.slug == slug)
    entry = overlay.entry_of(rule, force.shipped_rules()[slug])
    data: dict[str, object] = {name: getattr(entry, name) for name in RuleEntry.__dataclass_fields__}
    data = {name: "\n".join(value) if isinstance(value, tuple) else value for name, value in data.items()}
    data |= {"products": list(entry.products), "was": slug, "changes": changes, "sound": "y"} | more
    answer = desk.post(f"/rules/versions/{version_id}/rule", data=data)
    assert answer.status_code == 302, answer.text


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


def test_everything_that_is_wrong_is_told_at_once(desk: FlaskClient) -> None:
    version = begun(desk)
    page = desk.post(f"/rules/versions/{version}/rule", data={"changes": "1"})
    assert page.status_code == 422
    for field in ("title", "slug", "category", "products", "literals", "always", "hits", "misses"):
        assert f'href="#{field}' in page.text, field


@pytest.mark.parametrize(
    ("field", "value"),
    [("evidence", "hearsay"), ("hits", "moonware: 蓝鲸石特调"), ("hits", "jewelry: "), ("severity", "9")],
)
def test_what_no_list_offers_is_refused_beside_its_field(desk: FlaskClient, field: str, value: str) -> None:
    answer = typed(desk, begun(desk), **{field: value})
    assert answer.status_code == 422
    assert f'href="#{field}' in answer.text


def test_examples_bear_their_product_by_its_name_and_all_products_are_one_tick(desk: FlaskClient) -> None:
    version = begun(desk)
    named = {
        "products": [],
        "everything": "y",
        "hits": "珠宝玉石：戴上就是蓝鲸石特调",
        "misses": "普通食品: 月亮饼很圆",
    }
    assert typed(desk, version, **named).status_code == 302
    rule = next(one for one in force.of_version(state_of(version)).pack.rules if one.slug == "moon-stone")
    assert [product.value for product, _text in (*rule.hits, *rule.misses)] == ["jewelry", "food"]
    assert len(rule.products) == len(ProductCategory)
    shown = desk.get(f"/rules/versions/{version}/rule?slug=moon-stone").text
    assert "珠宝玉石：戴上就是蓝鲸石特调" in shown


def test_the_second_person_sees_the_words_and_what_differs(app: Flask, desk: FlaskClient, second: User) -> None:
    version = begun(desk)
    assert typed(desk, version).status_code == 302
    edited(desk, version, "off-platform-word", "2", literals="蓝鲸号加我")
    page = signed_in(app.test_client(), second).get(f"/rules/versions/{version}").text
    assert "<ins>蓝鲸石特调</ins>" in page
    assert "<ins>蓝鲸号加我</ins>" in page
    assert "<del>加薇</del>" in page


def test_cues_stand_with_the_rule_they_belong_to(desk: FlaskClient) -> None:
    version = begun(desk)
    pack = force.shipped().pack
    assert any(rule.cue for rule in pack.rules)
    alone = next(rule for rule in pack.rules if rule.cue and rule.hits)
    paired = next(rule for rule in pack.rules if rule.cue and not rule.hits)
    for url in ("/rules", f"/rules/versions/{version}/rules"):
        page = desk.get(f"{url}?q={paired.slug.removesuffix('-cue')}").text
        assert f"· {paired.slug.removesuffix('-cue')}" in page
        assert f"· {paired.slug}" not in page
    assert desk.get(f"/rules/versions/{version}/rule?slug={paired.slug}").status_code == 200
    name = alone.slug.removesuffix("-cue")
    listed = desk.get(f"/rules/versions/{version}/rules?q={name}").text
    assert f'value="{name}"' in listed
    assert desk.post(f"/rules/versions/{version}/switch", data={"slug": name, "changes": "1"}).status_code == 302
    assert f'value="{name}"' in desk.get(f"/rules/versions/{version}").text, "the way to switch it on again"


def test_a_step_that_is_not_possible_says_why_on_the_page_itself(desk: FlaskClient) -> None:
    version = begun(desk)
    assert typed(desk, version, misses="jewelry: 这颗是蓝鲸石特调").status_code == 302
    answer = desk.post(f"/rules/versions/{version}/move", data={"step": "shadow"})
    assert answer.status_code == 409
    assert "moon-stone" in answer.text
    assert "data-error-summary" in answer.text
    assert f"/rules/versions/{version}/rule" in answer.text
    assert state_of(version).state == "drafted"


def test_who_may_not_change_a_version_gets_no_form_to_type_into(
    app: Flask, desk: FlaskClient, house: Organisation
) -> None:
    version = begun(desk)
    other = signed_in(app.test_client(), make_user(house, Role.RULE_OWNER))
    assert other.get(f"/rules/versions/{version}/rule").status_code == 302
    assert typed(desk, version).status_code == 302
    assert desk.post(f"/rules/versions/{version}/move", data={"step": "shadow"}).status_code == 302
    kept = typed(desk, version, changes=2, slug="late-stone", title="写到一半")
    assert kept.status_code == 409
    assert 'value="写到一半"' in kept.text


def test_whoever_may_approve_is_told_that_something_waits(app: Flask, desk: FlaskClient, second: User) -> None:
    version = begun(desk)
    assert typed(desk, version).status_code == 302
    assert desk.post(f"/rules/versions/{version}/move", data={"step": "submit", "note": "新说法"}).status_code == 302
    assert "state=submitted" in signed_in(app.test_client(), second).get("/rules").text
    assert "state=submitted" not in desk.get("/rules").text, "not to its author"


def test_a_version_that_fits_no_more_can_still_be_put_away(
    desk: FlaskClient, author: User, second: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = activated(author, second, GOLD).id

    def unfit(*_given: object, **_more: object) -> None:
        raise PackError("own.yaml, rule moon-stone: {disease} is neither a slot nor a macro of the pack")

    with monkeypatch.context() as release:
        release.setattr(force, "combined", unfit)
        force._known.clear()
        listed, page = desk.get("/rules/versions"), desk.get(f"/rules/versions/{version}")
        assert (listed.status_code, page.status_code) == (200, 200)
        assert "neither a slot" not in page.text
        assert desk.post(f"/rules/versions/{version}/move", data={"step": "retire"}).status_code == 302
    assert state_of(version).state == "retired"


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
    edited(desk, version, "cures-disease", "1", title="改过")
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
