"""Who sees which streamers, rooms and sessions: one table over all roles."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from livequal.accounts.rules import PERMISSIONS, SYSTEM, Actor, OrganisationKind, Permission, Role
from livequal.kernel.db import db
from livequal.kernel.errors import NotFound
from livequal.onboarding import service

from ..factories import make_user, signed_in
from .factories import World

ALL = ({"云朵", "小满", "晚星", "阿禾"}, set("甲乙丙丁"), set("甲乙丙丁"))
OF_MCN = ({"云朵", "小满"}, {"甲", "丁"}, {"甲", "丙", "丁"})
OF_OPERATOR = ({"阿禾"}, {"甲", "乙"}, {"甲", "乙"})
OF_STREAMER: tuple[set[str], set[str], set[str]] = ({"云朵"}, set(), {"甲"})

Seen = tuple[set[str], set[str], set[str]]


def expected_of(role: Role) -> Seen:
    if role in {Role.MCN_MANAGER, Role.MCN_FILE_APPROVER}:
        return OF_MCN
    return {Role.ROOM_OPERATOR: OF_OPERATOR, Role.STREAMER: OF_STREAMER}.get(role, ALL)


def seen_by(actor: Actor) -> Seen:
    return (
        {row.stage_name for row in db.session.scalars(service.visible_to_streamers(actor)).unique()},
        {row.name for row in db.session.scalars(service.visible_to_rooms(actor)).unique()},
        {row.title for row in db.session.scalars(service.visible_to_sessions(actor)).unique()},
    )


@pytest.mark.parametrize("role", list(Role))
def test_each_role_sees_its_own_and_nothing_else_in_lists_and_one_by_one(world: World, role: Role) -> None:
    actor = world.person(role).actor
    streamers, rooms, sessions = expected_of(role)
    assert seen_by(actor) == (streamers, rooms, sessions)
    for name, streamer in world.streamers.items():
        assert_found(name in streamers, lambda id_=streamer.id: service.get_streamer(id_, actor))
    for name, room in world.rooms.items():
        assert_found(name in rooms, lambda id_=room.id: service.get_room(id_, actor))
    for name, session in world.sessions.items():
        assert_found(name in sessions, lambda id_=session.id: service.get_live_session(id_, actor))


def assert_found(expected: bool, get: object) -> None:
    assert callable(get)
    if expected:
        get()
        return
    with pytest.raises(NotFound):
        get()


def test_livequal_itself_sees_all(world: World) -> None:
    assert seen_by(SYSTEM) == ALL


def test_somebody_without_any_role_left_sees_nothing_of_the_house(world: World) -> None:
    stripped = Actor(make_user(world.mcn).id, "x", world.mcn.id, OrganisationKind.MCN, frozenset())
    assert seen_by(stripped) == (set(), set(), set())


def test_a_manager_who_also_streams_sees_the_whole_house(world: World) -> None:
    both = make_user(world.mcn, Role.MCN_MANAGER, Role.STREAMER)
    assert seen_by(both.actor) == OF_MCN


LISTS = {
    "/streamers": (Permission.READ_STREAMERS, 0),
    "/rooms": (Permission.READ_ROOMS, 1),
    "/live-sessions": (Permission.READ_LIVE_SESSIONS, 2),
}


@pytest.mark.parametrize("role", list(Role))
def test_the_list_pages_show_what_the_role_sees(world: World, client: FlaskClient, role: Role) -> None:
    browser = signed_in(client, world.person(role))
    for path, (permission, column) in LISTS.items():
        answer = browser.get(path)
        if permission not in PERMISSIONS[role]:
            assert answer.status_code == 403
            continue
        assert answer.status_code == 200
        shown = {name for name in ALL[column] if f">{name}</a>" in answer.text}
        assert shown == expected_of(role)[column], path


@pytest.mark.parametrize("path", ["/streamers/{}", "/streamers/{}/edit"])
def test_anothers_streamer_is_404(world: World, client: FlaskClient, path: str) -> None:
    browser = signed_in(client, make_user(world.rival, Role.MCN_MANAGER))
    assert browser.get(path.format(world.streamers["云朵"].id)).status_code == 404


@pytest.mark.parametrize("path", ["/streamers/{}/edit", "/streamers/{}/leave", "/streamers/{}/come-back"])
def test_anothers_streamer_cannot_be_changed(world: World, client: FlaskClient, path: str) -> None:
    browser = signed_in(client, make_user(world.rival, Role.MCN_MANAGER))
    assert browser.post(path.format(world.streamers["云朵"].id), data={}).status_code == 404
    assert world.streamers["云朵"].state == "active"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/rooms/{}"),
        ("GET", "/rooms/{}/edit"),
        ("POST", "/rooms/{}/edit"),
        ("POST", "/rooms/{}/close"),
        ("POST", "/rooms/{}/reopen"),
        ("GET", "/live-sessions?room_id={}"),
        ("GET", "/live-sessions/new?room_id={}"),
        ("POST", "/live-sessions/new?room_id={}"),
    ],
)
def test_anothers_room_is_404(world: World, client: FlaskClient, method: str, path: str) -> None:
    browser = signed_in(client, make_user(world.rival_operator, Role.ROOM_OPERATOR))
    assert browser.open(path.format(world.rooms["甲"].id), method=method).status_code == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/live-sessions/{}"),
        ("GET", "/live-sessions/{}/edit"),
        ("POST", "/live-sessions/{}/edit"),
        ("POST", "/live-sessions/{}/streamers"),
    ],
)
def test_anothers_session_is_404(world: World, client: FlaskClient, method: str, path: str) -> None:
    browser = signed_in(client, make_user(world.rival_operator, Role.ROOM_OPERATOR))
    assert browser.open(path.format(world.sessions["甲"].id), method=method).status_code == 404


def test_ids_of_no_row_are_404(world: World, client: FlaskClient) -> None:
    browser = signed_in(client, world.person(Role.ADMINISTRATOR))
    for path in ("/streamers/{}", "/rooms/{}", "/live-sessions/{}"):
        assert browser.get(path.format(999_999)).status_code == 404
