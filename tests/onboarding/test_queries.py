"""Lists ask the database a constant number of questions, however long they are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event

from livequal.accounts.rules import Role
from livequal.kernel.db import db

from ..factories import make_mcn, make_operator, signed_in
from .factories import EVENING, World, make_live_session, make_room, make_streamer

PAGES = {
    Role.MODERATOR: (
        "/streamers",
        "/streamers?q=星&category=tea",
        "/rooms",
        "/live-sessions",
        "/live-sessions/new",
        "/live-sessions?room=间&title=夜",
    ),
    Role.MCN_MANAGER: ("/streamers", "/rooms", "/live-sessions", "/live-sessions/new"),
    Role.STREAMER: ("/live-sessions",),
}
ONE_ROW = {
    "甲's room": "/rooms/{room}",
    "云朵": "/streamers/{streamer}",
    "甲's session": "/live-sessions/{session}",
}


@contextmanager
def statements() -> Iterator[list[str]]:
    """The statements sent to the database inside the block."""
    sent: list[str] = []

    def keep(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        sent.append(statement)

    event.listen(db.engine, "before_cursor_execute", keep)
    try:
        yield sent
    finally:
        event.remove(db.engine, "before_cursor_execute", keep)


def asked_for(browser: FlaskClient, path: str) -> int:
    """How many statements a page takes."""
    with statements() as sent:
        answer = browser.get(path)
    assert answer.status_code == 200, path
    return len(sent)


def grow(world: World) -> None:
    """Twenty more of everything, each of another tenant where tenants can differ."""
    cloud, room = world.streamers["云朵"], world.rooms["甲"]
    for number in range(20):
        mine = make_streamer(world.mcn, f"星{number:02}", "tea", "food", "drug")
        other = make_streamer(make_mcn(), f"星儿{number:02}", "tea")
        served = make_room(make_operator(), f"间{number:02}", mcn=world.mcn)
        make_live_session(served, f"夜{number:02}", mine, other, cloud, starts_at=EVENING)
        make_live_session(room, f"夜场{number:02}", mine, other, cloud, starts_at=EVENING + timedelta(days=number + 1))


@pytest.mark.parametrize("role", list(PAGES))
def test_a_list_takes_as_many_queries_for_many_rows_as_for_few(world: World, client: FlaskClient, role: Role) -> None:
    # One of each kind that `grow` makes, so that every eager load has something to do in the short list too.
    make_live_session(make_room(world.operator, "间", mcn=world.mcn), "夜", *world.streamers.values())
    make_streamer(world.mcn, "星", "tea")
    browser = signed_in(client, world.person(role))
    few = {path: asked_for(browser, path) for path in PAGES[role]}
    grow(world)
    assert {path: asked_for(browser, path) for path in PAGES[role]} == few


def test_a_page_of_one_row_takes_as_many_queries_however_much_hangs_on_it(world: World, client: FlaskClient) -> None:
    make_live_session(world.rooms["甲"], "夜", *world.streamers.values(), starts_at=EVENING - timedelta(days=1))
    make_streamer(world.mcn, "星", "tea")
    browser = signed_in(client, world.person(Role.MCN_MANAGER))
    ids = {"room": world.rooms["甲"].id, "streamer": world.streamers["云朵"].id, "session": world.sessions["甲"].id}
    few = {name: asked_for(browser, path.format(**ids)) for name, path in ONE_ROW.items()}
    grow(world)
    assert {name: asked_for(browser, path.format(**ids)) for name, path in ONE_ROW.items()} == few


def test_the_counter_counts(world: World, client: FlaskClient) -> None:
    browser = signed_in(client, world.person(Role.MODERATOR))
    assert 3 <= asked_for(browser, "/streamers") <= 25
