"""The pages of streamers, rooms and sessions."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from livequal.accounts.models import Invitation
from livequal.accounts.rules import Role
from livequal.kernel.db import db
from livequal.onboarding.models import LiveRoom, LiveSession, Streamer

from ..factories import make_operator, make_user, signed_in
from .factories import EVENING, World, make_live_session, make_room, make_streamer


@pytest.fixture
def manager(world: World, client: FlaskClient) -> FlaskClient:
    """The browser of the MCN's manager."""
    return signed_in(client, world.person(Role.MCN_MANAGER))


@pytest.fixture
def operator(world: World, client: FlaskClient) -> FlaskClient:
    """The browser of the operator's person."""
    return signed_in(client, world.person(Role.ROOM_OPERATOR))


@pytest.fixture
def administrator(world: World, client: FlaskClient) -> FlaskClient:
    """The browser of the platform's administrator."""
    return signed_in(client, world.person(Role.ADMINISTRATOR))


def count_of(table: type[Streamer] | type[LiveRoom] | type[LiveSession]) -> int:
    return db.session.scalar(select(func.count()).select_from(table)) or 0


def errors_at(page: str) -> set[str]:
    """The fields with an error beside them."""
    return set(re.findall(r'class="lq-error" id="(\w+)-error"', page))


# ── streamers ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_manager_adds_a_streamer_and_lands_on_her_page(world: World, manager: FlaskClient) -> None:
    sent = {"stage_name": " 岚岚 ", "name": "周岚", "categories": ["tea", "food"]}
    answer = manager.post("/streamers/new", data=sent, follow_redirects=True)
    assert answer.status_code == 200
    row = db.session.scalars(select(Streamer).where(Streamer.stage_name == "岚岚")).one()
    assert answer.request.path == f"/streamers/{row.id}"
    assert (row.organisation_id, row.categories) == (world.mcn.id, {"tea", "food"})


def test_a_refused_streamer_comes_back_with_what_was_typed(world: World, manager: FlaskClient) -> None:
    answer = manager.post("/streamers/new", data={"stage_name": "岚岚", "name": " ", "categories": ["tea"]})
    assert answer.status_code == 422
    assert errors_at(answer.text) == {"name"}
    assert 'value="岚岚"' in answer.text
    assert re.search(r'<input checked[^>]*value="tea"', answer.text)
    assert count_of(Streamer) == 4


def test_a_streamer_already_there_is_refused_at_her_stage_name(world: World, manager: FlaskClient) -> None:
    cloud = world.streamers["云朵"]
    answer = manager.post("/streamers/new", data={"stage_name": "云朵", "name": cloud.name})
    assert answer.status_code == 422
    assert errors_at(answer.text) == {"stage_name"}
    assert f'value="{cloud.name}"' in answer.text


def test_the_platform_says_for_whom_a_streamer_works(world: World, administrator: FlaskClient) -> None:
    sent = {"stage_name": "岚岚", "name": "周岚", "organisation": "不存在"}
    refused = administrator.post("/streamers/new", data=sent)
    assert (refused.status_code, errors_at(refused.text)) == (422, {"organisation"})
    assert 'value="不存在"' in refused.text
    assert administrator.post("/streamers/new", data=sent | {"organisation": "北辰互娱"}).status_code == 302
    row = db.session.scalars(select(Streamer).where(Streamer.stage_name == "岚岚")).one()
    assert row.organisation_id == world.rival.id


def test_a_tenant_that_names_another_organisation_still_adds_to_its_own(world: World, manager: FlaskClient) -> None:
    manager.post("/streamers/new", data={"stage_name": "岚岚", "name": "周岚", "organisation": "北辰互娱"})
    row = db.session.scalars(select(Streamer).where(Streamer.stage_name == "岚岚")).one()
    assert row.organisation_id == world.mcn.id


def test_changing_categories_shows_on_her_page(world: World, manager: FlaskClient) -> None:
    cloud = world.streamers["云朵"]
    form = manager.get(f"/streamers/{cloud.id}/edit").text
    assert set(re.findall(r'<input checked[^>]*value="(\w+)"', form)) == {"cosmetics", "food"}
    sent = {"stage_name": "云朵", "name": cloud.name, "categories": ["jewelry"]}
    page = manager.post(f"/streamers/{cloud.id}/edit", data=sent, follow_redirects=True)
    assert "珠宝玉石" in page.text
    assert "普通化妆品" not in page.text


def test_a_made_up_category_is_refused(world: World, manager: FlaskClient) -> None:
    cloud = world.streamers["云朵"]
    sent = {"stage_name": "云朵", "name": cloud.name, "categories": ["submarines"]}
    assert manager.post(f"/streamers/{cloud.id}/edit", data=sent).status_code == 422


def test_a_streamer_leaves_and_comes_back(world: World, manager: FlaskClient) -> None:
    path = f"/streamers/{world.streamers['小满'].id}"
    assert manager.post(f"{path}/leave").status_code == 302
    assert world.streamers["小满"].state == "left"
    assert manager.post(f"{path}/leave").status_code == 409
    assert manager.post(f"{path}/come-back").status_code == 302
    assert world.streamers["小满"].state == "active"


def test_one_press_on_her_page_makes_the_invitation_and_joining_ties_her(world: World, manager: FlaskClient) -> None:
    small = world.streamers["小满"]
    page = manager.get(f"/streamers/{small.id}").text
    form = next(form for form in re.findall(r"<form.*?</form>", page, re.S) if "subject" in form)
    action = re.search(r'action="([^"]+)"', form)
    assert action
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))
    made = manager.post(action[1].replace("&amp;", "&"), data=fields, follow_redirects=True)
    assert made.status_code == 200
    row = db.session.scalars(select(Invitation)).one()
    assert (row.subject, row.given_roles, row.organisation_id) == (
        f"streamer:{small.id}",
        {Role.STREAMER},
        world.mcn.id,
    )
    link = re.search(r"/join/[\w-]+", made.text)
    assert link
    joins = manager.application.test_client()
    sent = {"login": "xiaoman", "name": "小满", "password": "lotus-pond-7-lanterns", "again": "lotus-pond-7-lanterns"}
    joins.post(link[0], data=sent)
    assert small.user_id is not None
    assert "subject" not in manager.get(f"/streamers/{small.id}").text


def test_who_has_an_account_or_left_is_not_invited(world: World, manager: FlaskClient) -> None:
    gone = make_streamer(world.mcn, state="left")
    for streamer in (world.streamers["云朵"], gone):
        assert 'name="subject"' not in manager.get(f"/streamers/{streamer.id}").text


def test_who_only_reads_is_offered_no_change(world: World, client: FlaskClient) -> None:
    reader = signed_in(client, world.person(Role.MCN_FILE_APPROVER))
    for path in (f"/streamers/{world.streamers['云朵'].id}", f"/live-sessions/{world.sessions['甲'].id}", "/streamers"):
        main = reader.get(path).text.partition("<main")[2]
        assert "/edit" not in main
        assert "/new" not in main
        assert 'method="post"' not in main
    assert reader.post("/streamers/new", data={}).status_code == 403


def test_the_list_of_streamers_is_searched_filtered_and_paged(world: World, manager: FlaskClient) -> None:
    for number in range(30):
        make_streamer(world.mcn, f"星{number:02}", "tea")
    first = manager.get("/streamers?q=星&category=tea").text
    assert first.count('<th scope="row">') == 25
    # The link to the next page keeps the filter.
    link = re.search(r'rel="next" href="([^"]+)"', first)
    assert link
    second = manager.get("/streamers" + link[1].replace("&amp;", "&")).text
    assert second.count('<th scope="row">') == 5
    assert "云朵" not in first + second


# ── live rooms ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_operator_registers_a_room_served_by_an_mcn(world: World, operator: FlaskClient) -> None:
    sent = {"name": "戊", "platform_number": "5500", "mcn": "禾木文化"}
    answer = operator.post("/rooms/new", data=sent, follow_redirects=True)
    assert answer.status_code == 200
    row = db.session.scalars(select(LiveRoom).where(LiveRoom.platform_number == "5500")).one()
    assert (row.organisation_id, row.mcn_id) == (world.operator.id, world.mcn.id)


def test_a_refused_room_comes_back_with_what_was_typed(world: World, operator: FlaskClient) -> None:
    answer = operator.post("/rooms/new", data={"name": "戊", "platform_number": "5 5", "mcn": ""})
    assert (answer.status_code, errors_at(answer.text)) == (422, {"platform_number"})
    assert 'value="5 5"' in answer.text
    assert 'value="戊"' in answer.text
    answer = operator.post("/rooms/new", data={"name": "戊", "platform_number": "770001"})
    assert (answer.status_code, errors_at(answer.text)) == (422, {"platform_number"})
    answer = operator.post("/rooms/new", data={"name": "戊", "platform_number": "55", "mcn": "没有这家"})
    assert (answer.status_code, errors_at(answer.text)) == (422, {"mcn"})
    assert count_of(LiveRoom) == 4


def test_the_platform_says_whose_room_it_is(world: World, administrator: FlaskClient) -> None:
    make_operator("第三家百货")
    page = administrator.get("/rooms/new").text
    assert '<option value="第三家百货">' in page
    sent = {"name": "戊", "platform_number": "5500", "organisation": "第三家百货"}
    assert administrator.post("/rooms/new", data=sent).status_code == 302


def test_a_room_is_changed_closed_and_opened_again(world: World, operator: FlaskClient) -> None:
    room = world.rooms["甲"]
    assert 'value="禾木文化"' in operator.get(f"/rooms/{room.id}/edit").text
    sent = {"name": "甲一号", "platform_number": "770001", "mcn": ""}
    assert operator.post(f"/rooms/{room.id}/edit", data=sent).status_code == 302
    assert (room.name, room.mcn_id) == ("甲一号", None)
    assert operator.post(f"/rooms/{room.id}/close").status_code == 302
    assert room.state == "closed"
    assert "/live-sessions/new" not in operator.get(f"/rooms/{room.id}").text
    sent = {"title": "返场", "starts_at": "2026-11-22T20:00"}
    assert operator.post(f"/live-sessions/new?room_id={room.id}", data=sent).status_code == 409
    assert operator.post(f"/rooms/{room.id}/reopen").status_code == 302
    assert room.state == "active"


def test_the_mcn_that_serves_a_room_sees_it_without_a_way_to_change_it(world: World, manager: FlaskClient) -> None:
    room = world.rooms["甲"]
    page = manager.get(f"/rooms/{room.id}")
    assert page.status_code == 200
    assert f"/rooms/{room.id}/edit" not in page.text
    sent = {"name": "乙", "platform_number": "770001"}
    assert manager.post(f"/rooms/{room.id}/edit", data=sent).status_code == 403
    assert manager.post(f"/rooms/{room.id}/close").status_code == 403


# ── live sessions ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_planning_asks_for_the_room_first_then_keeps_beijing_time(world: World, manager: FlaskClient) -> None:
    chooser = manager.get("/live-sessions/new").text
    assert {name for name in "甲乙丙丁" if f">{name}</a>" in chooser} == {"甲", "丁"}
    path = f"/live-sessions/new?room_id={world.rooms['甲'].id}"
    sent = {"title": "双十一返场", "starts_at": "2026-11-22T20:00", "ends_at": "2026-11-23T01:30"}
    answer = manager.post(path, data=sent, follow_redirects=True)
    assert answer.status_code == 200
    row = db.session.scalars(select(LiveSession).where(LiveSession.title == "双十一返场")).one()
    assert row.starts_at == datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
    assert row.ends_at == datetime(2026, 11, 22, 17, 30, tzinfo=UTC)
    assert "2026-11-22 20:00" in answer.text
    assert "2026-11-23 01:30" in answer.text


def test_a_closed_room_is_not_offered_for_planning(world: World, manager: FlaskClient) -> None:
    make_room(world.mcn, "戊", state="closed")
    assert ">戊</a>" not in manager.get("/live-sessions/new").text


@pytest.mark.parametrize(
    ("sent", "fields"),
    [
        ({}, {"title", "starts_at"}),
        ({"title": "返场", "starts_at": "今晚八点"}, {"starts_at"}),
        ({"title": "返场", "starts_at": "2026-02-30T20:00"}, {"starts_at"}),
        ({"title": "返场", "starts_at": "0001-01-01T00:00"}, {"starts_at"}),
        ({"title": "返场", "starts_at": "9999-12-31T23:59"}, {"starts_at"}),
        ({"title": "返场", "starts_at": "2026-11-22T20:00", "ends_at": "2026-11-22T19:00"}, {"ends_at"}),
        ({"title": "返场", "starts_at": "2026-11-22T20:00", "ends_at": "9999-12-31T23:59"}, {"ends_at"}),
        ({"title": "返" * 121, "starts_at": "2026-11-22T20:00"}, {"title"}),
        ({"title": "返场", "starts_at": "2026-11-20T20:00"}, {"starts_at"}),
    ],
)
def test_a_refused_session_comes_back_with_what_was_typed(
    world: World, manager: FlaskClient, sent: dict[str, str], fields: set[str]
) -> None:
    answer = manager.post(f"/live-sessions/new?room_id={world.rooms['甲'].id}", data=sent)
    assert (answer.status_code, errors_at(answer.text)) == (422, fields)
    for value in sent.values():
        assert f'value="{value}"' in answer.text
    assert count_of(LiveSession) == 4


def test_the_form_of_a_session_shows_its_times_as_entered(world: World, manager: FlaskClient) -> None:
    row = make_live_session(world.rooms["甲"], "返场", starts_at=EVENING + timedelta(days=1))
    form = manager.get(f"/live-sessions/{row.id}/edit").text
    assert 'value="2026-11-21T20:00"' in form
    sent = {"title": "返场加场", "starts_at": "2026-11-21T20:00", "ends_at": ""}
    assert manager.post(f"/live-sessions/{row.id}/edit", data=sent).status_code == 302
    assert (row.title, row.starts_at, row.ends_at) == ("返场加场", EVENING + timedelta(days=1), None)


def test_streamers_are_put_on_and_taken_off_by_one_press(world: World, manager: FlaskClient) -> None:
    row, small = world.sessions["甲"], world.streamers["小满"]
    path = f"/live-sessions/{row.id}"
    assert f'name="on" value="{small.id}"' in manager.get(f"{path}?who=小").text
    assert manager.post(f"{path}/streamers", data={"on": small.id}).status_code == 302
    assert [streamer.stage_name for streamer in row.streamers] == ["云朵", "小满"]
    assert manager.post(f"{path}/streamers", data={"off": small.id}).status_code == 302
    assert [streamer.stage_name for streamer in row.streamers] == ["云朵"]


@pytest.mark.parametrize("who", ["", "x", "0", "-1", "9" * 30])
def test_nonsense_is_not_put_on(world: World, manager: FlaskClient, who: str) -> None:
    answer = manager.post(f"/live-sessions/{world.sessions['甲'].id}/streamers", data={"on": who})
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text


def test_a_guest_streamers_mcn_reads_the_session_without_a_way_to_change_it(world: World, manager: FlaskClient) -> None:
    path = f"/live-sessions/{world.sessions['丙'].id}"
    page = manager.get(path).text.partition("<main")[2]
    assert "小满" in page
    assert 'method="post"' not in page
    assert f"/rooms/{world.rooms['丙'].id}" not in page
    assert f"/streamers/{world.streamers['晚星'].id}" not in page
    assert manager.post(f"{path}/streamers", data={"off": world.streamers["晚星"].id}).status_code == 403
    sent = {"title": "别的", "starts_at": "2026-11-22T20:00"}
    assert manager.post(f"{path}/edit", data=sent).status_code == 403


def test_a_streamer_opens_her_session_and_nothing_she_may_not(world: World, client: FlaskClient) -> None:
    browser = signed_in(client, world.cloud)
    page = browser.get(f"/live-sessions/{world.sessions['甲'].id}")
    assert page.status_code == 200
    main = page.text.partition("<main")[2]
    assert "/rooms/" not in main
    assert "/streamers/" not in main
    assert browser.get(f"/live-sessions/{world.sessions['乙'].id}").status_code == 404


@pytest.mark.parametrize(
    ("asked", "titles"),
    [
        ("title=返", {"返场"}),
        ("room=7700", {"甲", "返场"}),
        ("day=2026-11-21", {"返场"}),
        ("day=2026-11-22", set()),
        ("room=丁&title=丁", {"丁"}),
        ("day=nonsense", {"甲", "丁", "丙", "返场"}),
        ("day=0001-01-01", {"甲", "丁", "丙", "返场"}),
        ("day=9999-12-31", {"甲", "丁", "丙", "返场"}),
        ("room_id=x&page=99999999999", {"甲", "丁", "丙", "返场"}),
    ],
)
def test_the_list_of_sessions_answers_its_filters(
    world: World, manager: FlaskClient, asked: str, titles: set[str]
) -> None:
    make_live_session(world.rooms["甲"], "返场", starts_at=EVENING + timedelta(days=1))
    answer = manager.get(f"/live-sessions?{asked}")
    assert answer.status_code == 200
    assert set(re.findall(r'<th scope="row"><a[^>]*>([^<]+)</a>', answer.text)) == titles


def test_what_was_typed_never_becomes_markup(world: World, manager: FlaskClient) -> None:
    row = make_streamer(world.mcn, "<b>粗</b>", name="<script>1</script>")
    make_live_session(world.rooms["甲"], '"><img src=x>', row, starts_at=EVENING + timedelta(days=1))
    for path in (
        "/streamers",
        f"/streamers/{row.id}",
        "/live-sessions",
        '/streamers?q="><b>',
        f"/rooms/{world.rooms['甲'].id}",
    ):
        page = manager.get(path).text
        assert "<b>" not in page
        assert "<script>1" not in page
        assert "<img src=x" not in page


@pytest.mark.parametrize("path", ["/streamers", "/rooms", "/live-sessions"])
def test_an_empty_list_names_the_first_step(client: FlaskClient, path: str) -> None:
    browser = signed_in(client, make_user(make_operator(), Role.ROOM_OPERATOR))
    page = browser.get(path)
    assert page.status_code == 200
    assert "lq-empty" in page.text
    assert f'href="{path}/new"' in page.text


def test_strangers_are_sent_to_sign_in(client: FlaskClient) -> None:
    for path in ("/streamers", "/rooms/new", "/live-sessions/1"):
        answer = client.get(path)
        assert (answer.status_code, answer.location.partition("?")[0]) == (302, "/sign-in")
