"""What can be done with streamers, rooms and sessions, and what of it is put on record."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select

from livequal.accounts.rules import Actor, Role
from livequal.audit.models import AuditEvent
from livequal.kernel import bus
from livequal.kernel.clock import frozen, now
from livequal.kernel.db import db
from livequal.kernel.errors import Conflict, Forbidden, Invalid, WrongState
from livequal.kernel.pages import paginate
from livequal.onboarding import schedule, service
from livequal.onboarding.events import LiveSessionChanged, RoomClosed, StreamerAdded, StreamerLeft, StreamerTied
from livequal.onboarding.rules import RoomEntry, SessionEntry, StreamerEntry

from ..factories import make_mcn, make_user
from .factories import EVENING, World, make_live_session, make_room, make_streamer

pytestmark = pytest.mark.usefixtures("session")
HOUR = timedelta(hours=1)


def manager_of(world: World) -> Actor:
    return make_user(world.mcn, Role.MCN_MANAGER).actor


def operator_of(world: World) -> Actor:
    return make_user(world.operator, Role.ROOM_OPERATOR).actor


def recorded() -> list[tuple[str, dict[str, object], dict[str, object]]]:
    rows = db.session.scalars(select(AuditEvent).order_by(AuditEvent.seq))
    payloads = [(row.action, json.loads(row.payload)) for row in rows]
    return [(action, payload["before"], payload["after"]) for action, payload in payloads]


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The facts that were emitted, in order."""
    facts: list[object] = []
    kinds = (LiveSessionChanged, RoomClosed, StreamerAdded, StreamerLeft, StreamerTied)
    monkeypatch.setattr(bus, "_handlers", dict.fromkeys(kinds, (facts.append,)))
    return facts


# ── streamers ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_added_streamer_is_on_the_list_with_what_she_sells(world: World, heard: list[object]) -> None:
    by = manager_of(world)
    entry = StreamerEntry("周岚", "岚岚", frozenset({"tea", "food"}))
    row = service.add_streamer(entry, organisation_id=world.mcn.id, by=by)
    db.session.expire_all()
    assert (row.name, row.stage_name, row.state, row.user_id) == ("周岚", "岚岚", "active", None)
    assert row.categories == {"tea", "food"}
    assert heard == [StreamerAdded(row.id)]
    after = {"organisation": world.mcn.id, "name": "周岚", "stage_name": "岚岚", "categories": ["food", "tea"]}
    assert recorded() == [("streamer.add", {}, after)]


def test_the_same_streamer_is_not_added_twice_and_the_transaction_goes_on(world: World) -> None:
    by = manager_of(world)
    entry = StreamerEntry("周岚", "岚岚")
    service.add_streamer(entry, organisation_id=world.mcn.id, by=by)
    with pytest.raises(Invalid) as refused:
        service.add_streamer(entry, organisation_id=world.mcn.id, by=by)
    assert set(refused.value.fields) == {"stage_name"}
    service.add_streamer(StreamerEntry("周岚", "小岚"), organisation_id=world.mcn.id, by=by)
    assert [row.stage_name for row in db.session.scalars(service.streamers(by, words="岚"))] == ["小岚", "岚岚"]


def test_nobody_adds_to_anothers_list(world: World) -> None:
    with pytest.raises(Invalid) as refused:
        service.add_streamer(StreamerEntry("周岚", "岚岚"), organisation_id=world.rival.id, by=manager_of(world))
    assert set(refused.value.fields) == {"organisation"}


def test_nobody_streams_for_the_platform_itself(world: World) -> None:
    by = world.person(Role.ADMINISTRATOR).actor
    with pytest.raises(Invalid):
        service.add_streamer(StreamerEntry("周岚", "岚岚"), organisation_id=world.platform.id, by=by)


def test_an_unknown_product_category_is_refused_at_its_field(world: World) -> None:
    entry = StreamerEntry("周岚", "岚岚", frozenset({"food", "submarines"}))
    with pytest.raises(Invalid) as refused:
        service.add_streamer(entry, organisation_id=world.mcn.id, by=manager_of(world))
    assert set(refused.value.fields) == {"categories"}


def test_a_change_records_only_what_changed(world: World) -> None:
    cloud = world.streamers["云朵"]
    entry = StreamerEntry(cloud.name, "云朵儿", frozenset({"food", "tea"}))
    service.change_streamer(cloud, entry, by=manager_of(world))
    db.session.expire_all()
    assert cloud.categories == {"food", "tea"}
    before = {"stage_name": "云朵", "categories": ["cosmetics", "food"]}
    assert recorded() == [("streamer.change", before, {"stage_name": "云朵儿", "categories": ["food", "tea"]})]


def test_saving_without_a_change_leaves_no_record(world: World) -> None:
    cloud = world.streamers["云朵"]
    service.change_streamer(cloud, StreamerEntry(cloud.name, cloud.stage_name, cloud.categories), by=manager_of(world))
    assert recorded() == []


def test_a_change_that_makes_twins_is_refused_and_undone(world: World) -> None:
    cloud, small = world.streamers["云朵"], world.streamers["小满"]
    with pytest.raises(Invalid) as refused:
        service.change_streamer(small, StreamerEntry(cloud.name, "云朵", small.categories), by=manager_of(world))
    assert set(refused.value.fields) == {"stage_name"}
    assert small.stage_name == "小满"
    assert recorded() == []


def test_leaving_and_coming_back_are_recorded_and_told(world: World, heard: list[object]) -> None:
    cloud, by = world.streamers["云朵"], manager_of(world)
    service.leave(cloud, by=by)
    with pytest.raises(WrongState):
        service.leave(cloud, by=by)
    service.come_back(cloud, by=by)
    with pytest.raises(WrongState):
        service.come_back(cloud, by=by)
    assert cloud.state == "active"
    assert heard == [StreamerLeft(cloud.id)]
    assert [action for action, _, _ in recorded()] == ["streamer.leave", "streamer.come_back"]


def test_words_find_either_name_and_percent_signs_are_only_signs(world: World) -> None:
    by = manager_of(world)
    make_streamer(world.mcn, "100%诚意", name="秦川")
    found = {words: paginate(service.streamers(by, words=words)).total for words in ("秦", "100%", "%", "_", "云")}
    assert found == {"秦": 1, "100%": 1, "%": 1, "_": 0, "云": 1}


def test_streamers_are_filtered_by_what_they_sell_and_by_state(world: World) -> None:
    by = manager_of(world)
    assert {row.stage_name for row in db.session.scalars(service.streamers(by, category="food"))} == {"云朵", "小满"}
    assert {row.stage_name for row in db.session.scalars(service.streamers(by, category="cosmetics"))} == {"云朵"}
    assert paginate(service.streamers(by, state="left")).total == 0


# ── her account ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_accepted_invitation_ties_the_streamer_to_her_account(world: World, heard: list[object]) -> None:
    small, user = world.streamers["小满"], make_user(world.mcn, Role.STREAMER)
    service.tie(user.id, f"streamer:{small.id}")
    assert small.user_id == user.id
    assert service.streamer_of(user.id) is small
    assert heard == [StreamerTied(small.id, user.id)]
    assert recorded() == [("streamer.tie", {}, {"user": user.id})]


@pytest.mark.parametrize("subject", ["", "supplier:1", "streamer:"])
def test_an_invitation_that_speaks_of_no_streamer_ties_nothing(world: World, subject: str) -> None:
    service.tie(make_user(world.mcn, Role.STREAMER).id, subject)
    assert recorded() == []


def test_nobody_is_tied_to_anothers_streamer(world: World) -> None:
    user = make_user(world.rival, Role.STREAMER)
    with pytest.raises(Conflict):
        service.tie(user.id, f"streamer:{world.streamers['小满'].id}")
    assert world.streamers["小满"].user_id is None


def test_a_streamer_has_one_account_only(world: World) -> None:
    with pytest.raises(Conflict):
        service.tie(make_user(world.mcn, Role.STREAMER).id, f"streamer:{world.streamers['云朵'].id}")


def test_one_account_is_one_streamer_only(world: World) -> None:
    with pytest.raises(Conflict):
        service.tie(world.cloud.id, f"streamer:{world.streamers['小满'].id}")
    assert world.streamers["小满"].user_id is None


def test_a_streamer_who_left_is_not_tied(world: World) -> None:
    gone = make_streamer(world.mcn, state="left")
    with pytest.raises(Conflict):
        service.tie(make_user(world.mcn, Role.STREAMER).id, f"streamer:{gone.id}")


def test_a_streamer_who_does_not_exist_is_not_tied(world: World) -> None:
    with pytest.raises(Conflict):
        service.tie(make_user(world.mcn, Role.STREAMER).id, "streamer:999999")


def test_what_concerns_a_streamer_is_told_to_her_and_her_managers(world: World) -> None:
    manager = make_user(world.mcn, Role.MCN_MANAGER)
    make_user(world.mcn, Role.MCN_FILE_APPROVER)
    make_user(world.mcn, Role.STREAMER)
    make_user(world.mcn, Role.MCN_MANAGER, state="left")
    make_user(world.rival, Role.MCN_MANAGER)
    assert service.user_ids_to_tell(world.streamers["云朵"].id) == sorted([world.cloud.id, manager.id])


def test_a_streamer_without_an_account_is_spoken_for_by_her_managers(world: World) -> None:
    runs = make_user(world.operator, Role.ROOM_OPERATOR)
    assert service.user_ids_to_tell(world.streamers["阿禾"].id) == [runs.id]


# ── live rooms ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_operator_registers_its_room_and_names_its_mcn(world: World) -> None:
    by = operator_of(world)
    mcn_id = service.mcn_called("北辰互娱")
    row = service.add_room(RoomEntry("戊", "5500"), organisation_id=world.operator.id, mcn_id=mcn_id, by=by)
    assert (row.organisation_id, row.mcn_id, row.state) == (world.operator.id, world.rival.id, "active")
    after = {"organisation": world.operator.id, "mcn": world.rival.id, "name": "戊", "platform_number": "5500"}
    assert recorded() == [("live_room.add", {}, after)]


def test_a_number_is_registered_once_on_the_whole_platform(world: World) -> None:
    by = make_user(world.rival_operator, Role.ROOM_OPERATOR).actor
    with pytest.raises(Invalid) as refused:
        service.add_room(RoomEntry("戊", "770001"), organisation_id=world.rival_operator.id, by=by)
    assert set(refused.value.fields) == {"platform_number"}


def test_nobody_registers_a_room_for_somebody_else(world: World) -> None:
    with pytest.raises(Invalid) as refused:
        service.add_room(RoomEntry("戊", "5500"), organisation_id=world.operator.id, by=manager_of(world))
    assert set(refused.value.fields) == {"organisation"}


@pytest.mark.parametrize("name", ["青禾商贸", "没有这家", "禾木"])
def test_only_an_mcns_whole_name_names_it(world: World, name: str) -> None:
    with pytest.raises(Invalid) as refused:
        service.mcn_called(name)
    assert set(refused.value.fields) == {"mcn"}


def test_tenants_are_offered_only_mcns_they_know(world: World) -> None:
    make_mcn("第三家")
    assert service.mcns_to_offer(operator_of(world)) == ["禾木文化"]
    assert service.mcns_to_offer(make_user(world.rival_operator, Role.ROOM_OPERATOR).actor) == ["北辰互娱"]
    assert service.mcns_to_offer(manager_of(world)) == ["禾木文化"]
    assert set(service.mcns_to_offer(world.person(Role.ADMINISTRATOR).actor)) == {"禾木文化", "北辰互娱", "第三家"}


def test_the_mcn_that_serves_a_room_does_not_change_it(world: World) -> None:
    room, by = world.rooms["甲"], manager_of(world)
    with pytest.raises(Forbidden):
        service.change_room(room, RoomEntry("甲二", "770001"), mcn_id=world.mcn.id, by=by)
    with pytest.raises(Forbidden):
        service.close_room(room, by=by)
    assert (room.name, room.state) == ("甲", "active")


def test_who_no_longer_serves_a_room_no_longer_sees_it(world: World) -> None:
    room = world.rooms["甲"]
    service.change_room(room, RoomEntry("甲", "770001"), mcn_id=None, by=operator_of(world))
    assert recorded() == [("live_room.change", {"mcn": world.mcn.id}, {"mcn": None})]
    assert {row.name for row in db.session.scalars(service.rooms(manager_of(world)))} == {"丁"}


def test_a_closed_room_takes_no_session_until_it_is_opened_again(world: World, heard: list[object]) -> None:
    room, by = world.rooms["甲"], operator_of(world)
    service.close_room(room, by=by)
    assert heard == [RoomClosed(room.id)]
    with pytest.raises(WrongState):
        schedule.add_live_session(room, SessionEntry("返场", now()), by=by)
    with pytest.raises(WrongState):
        service.close_room(room, by=by)
    service.reopen_room(room, by=by)
    assert schedule.add_live_session(room, SessionEntry("返场", now()), by=by).id
    assert [action for action, _, _ in recorded()] == ["live_room.close", "live_room.reopen", "live_session.add"]


def test_a_room_is_found_by_part_of_its_name_or_the_start_of_its_number(world: World) -> None:
    by = world.person(Role.MODERATOR).actor
    make_room(world.operator, "晴川一号间", number="660001")
    found = {words: paginate(service.rooms(by, words=words)).total for words in ("川一", "6600", "0001", "甲")}
    assert found == {"川一": 1, "6600": 1, "0001": 0, "甲": 1}


# ── live sessions ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_planned_session_keeps_who_planned_it_and_who_is_on(world: World, heard: list[object]) -> None:
    by = manager_of(world)
    entry = SessionEntry("双十一返场", now() + HOUR, now() + 3 * HOUR)
    on = [world.streamers["云朵"].id, world.streamers["小满"].id, world.streamers["云朵"].id]
    row = schedule.add_live_session(world.rooms["甲"], entry, streamer_ids=on, by=by)
    db.session.expire_all()
    assert row.created_by == by.user_id
    assert [streamer.stage_name for streamer in service.streamers_of(row.id)] == ["云朵", "小满"]
    assert heard == [LiveSessionChanged(row.id)]
    [(action, _, after)] = recorded()
    assert (action, after["streamers"]) == ("live_session.add", sorted(on[:2]))


def test_a_room_starts_one_session_at_a_time(world: World) -> None:
    by = operator_of(world)
    with pytest.raises(Invalid) as refused:
        schedule.add_live_session(world.rooms["甲"], SessionEntry("又一场", EVENING), by=by)
    assert set(refused.value.fields) == {"starts_at"}
    later = schedule.add_live_session(world.rooms["甲"], SessionEntry("又一场", EVENING + HOUR), by=by)
    with pytest.raises(Invalid):
        schedule.change_live_session(later, SessionEntry("又一场", EVENING), by=by)
    assert later.starts_at == EVENING + HOUR


def test_faults_of_a_session_stand_at_their_fields(world: World) -> None:
    with pytest.raises(Invalid) as refused:
        schedule.add_live_session(world.rooms["甲"], SessionEntry("", now(), now() - HOUR), by=operator_of(world))
    assert set(refused.value.fields) == {"title", "ends_at"}


def test_moving_a_session_is_recorded_and_told_and_saving_the_same_is_not(world: World, heard: list[object]) -> None:
    row, by = world.sessions["甲"], operator_of(world)
    schedule.change_live_session(row, SessionEntry("甲", EVENING), by=by)
    assert (recorded(), heard) == ([], [])
    schedule.change_live_session(row, SessionEntry("甲", EVENING, EVENING + HOUR), by=by)
    assert heard == [LiveSessionChanged(row.id)]
    assert recorded() == [("live_session.change", {"ends_at": None}, {"ends_at": "2026-11-20T13:00:00.000000+00:00"})]


def test_streamers_are_put_on_and_taken_off_once(world: World, heard: list[object]) -> None:
    row, by, small = world.sessions["甲"], manager_of(world), world.streamers["小满"]
    schedule.put_on(row, small.id, by=by)
    schedule.put_on(row, small.id, by=by)
    assert {streamer.stage_name for streamer in service.streamers_of(row.id)} == {"云朵", "小满"}
    schedule.take_off(row, small.id, by=by)
    schedule.take_off(row, small.id, by=by)
    assert {streamer.stage_name for streamer in service.streamers_of(row.id)} == {"云朵"}
    assert heard == [LiveSessionChanged(row.id)] * 2
    assert [action for action, _, _ in recorded()] == ["live_session.staff"] * 2


def test_nobody_puts_on_a_streamer_of_somebody_else_or_one_who_left(world: World) -> None:
    row, by = world.sessions["甲"], manager_of(world)
    gone = make_streamer(world.mcn, state="left")
    for streamer_id in (world.streamers["晚星"].id, gone.id, 999_999):
        with pytest.raises(Invalid) as refused:
            schedule.put_on(row, streamer_id, by=by)
        assert set(refused.value.fields) == {"streamer"}
    assert [streamer.stage_name for streamer in row.streamers] == ["云朵"]


def test_a_session_takes_thirty_streamers_at_most(world: World) -> None:
    row, by = world.sessions["丁"], manager_of(world)
    for _ in range(30):
        schedule.put_on(row, make_streamer(world.mcn).id, by=by)
    with pytest.raises(Invalid):
        schedule.put_on(row, world.streamers["云朵"].id, by=by)


def test_an_mcn_whose_streamer_is_a_guest_reads_the_session_and_changes_nothing(world: World) -> None:
    row, by = world.sessions["丙"], manager_of(world)
    assert service.get_live_session(row.id, by) is row
    with pytest.raises(Forbidden):
        schedule.change_live_session(row, SessionEntry("别的", EVENING), by=by)
    with pytest.raises(Forbidden):
        schedule.put_on(row, world.streamers["云朵"].id, by=by)
    with pytest.raises(Forbidden):
        schedule.take_off(row, world.streamers["小满"].id, by=by)


def test_a_session_concerns_the_mcn_of_its_room_and_those_of_its_streamers(world: World) -> None:
    concerned = {name: service.mcn_ids_of(row.id) for name, row in world.sessions.items()}
    both = frozenset({world.mcn.id, world.rival.id})
    mine = frozenset({world.mcn.id})
    assert concerned == {"甲": mine, "乙": frozenset(), "丙": both, "丁": mine}


def test_sessions_are_searched_by_room_title_and_day_in_shanghai(world: World) -> None:
    by = operator_of(world)
    room = world.rooms["乙"]
    # 2026-11-21 23:59 and 2026-11-22 00:00 in Shanghai
    make_live_session(room, "深夜专场", starts_at=datetime(2026, 11, 21, 15, 59, tzinfo=UTC))
    make_live_session(room, "零点专场", starts_at=datetime(2026, 11, 21, 16, 0, tzinfo=UTC))

    def titles(**asked: object) -> list[str]:
        return [row.title for row in db.session.scalars(service.live_sessions(by, **asked)).unique()]  # type: ignore[arg-type]

    assert titles(day=date(2026, 11, 21)) == ["深夜专场"]
    assert titles(day=date(2026, 11, 22)) == ["零点专场"]
    assert titles(title="专场") == ["零点专场", "深夜专场"]
    assert titles(title="专场", day=date(2026, 11, 22), room="乙") == ["零点专场"]
    assert titles(room="770001") == ["甲"]
    assert titles(room_id=room.id) == ["零点专场", "深夜专场", "乙"]
    assert titles(streamer_id=world.streamers["阿禾"].id) == ["乙"]


def test_who_was_on_lately_in_the_room_is_proposed_first(world: World) -> None:
    by = manager_of(world)
    fresh = make_live_session(world.rooms["甲"], "下一场", starts_at=EVENING + timedelta(days=1))
    assert [row.stage_name for row in schedule.proposed(fresh, by)] == ["云朵"]
    schedule.put_on(fresh, world.streamers["云朵"].id, by=by)
    assert [row.stage_name for row in schedule.proposed(fresh, by)] == ["小满"]
    assert [row.stage_name for row in schedule.proposed(fresh, by, "晚星")] == []
    assert schedule.proposed(fresh, by, "云") == []


def test_entered_times_are_judged_by_the_clock(world: World) -> None:
    with frozen(datetime(2026, 1, 1, tzinfo=UTC)), pytest.raises(Invalid) as refused:
        schedule.add_live_session(
            world.rooms["乙"], SessionEntry("明年", datetime(2027, 1, 3, tzinfo=UTC)), by=operator_of(world)
        )
    assert set(refused.value.fields) == {"starts_at"}
