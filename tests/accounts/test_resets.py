"""Passwords that are changed, forgotten and chosen anew."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import select

from livequal.accounts import passwords, resets, service, sign_ins
from livequal.accounts import work as accounts_work
from livequal.accounts.models import PasswordReset, SignIn
from livequal.accounts.rules import RESET_LIFE, RESETS_PER_WINDOW, SYSTEM, TRIES_PER_LOGIN
from livequal.audit.models import AuditEvent
from livequal.kernel import clock
from livequal.kernel.clock import now
from livequal.kernel.db import db, edge, intent
from livequal.kernel.errors import Forbidden, Invalid, NotFound, TooMany, WrongState
from livequal.notifications.models import Mail

from .. import factories
from .conftest import World

NEW = "seven quiet harbours"


@pytest.fixture(autouse=True)
def writing(app: object) -> Iterator[None]:
    with intent(write=True):
        yield


def link(token: str) -> str:
    return f"https://live.example/reset/{token}"


def mailed() -> list[Mail]:
    return list(db.session.scalars(select(Mail).order_by(Mail.id)))


def token_in(mail: Mail) -> str:
    found = re.search(r"/reset/(\S+)", mail.body)
    assert found
    return found[1]


def change(world: World, current: str, new: str = NEW) -> str:
    return resets.change_password(world.streamer.id, current=current, new=new, address="127.0.0.1", browser="tests")


def test_a_changed_password_ends_every_sign_in_and_opens_one_here(world: World) -> None:
    before = [sign_ins.begin(world.streamer, "127.0.0.1", "tests") for _ in range(2)]
    token = change(world, factories.PASSWORD)
    assert [sign_ins.account_of(old) for old in before] == [None, None]
    assert sign_ins.account_of(token)
    assert sign_ins.sign_in("wanwan", NEW, "127.0.0.1", "tests")
    assert "password.change" in set(db.session.scalars(select(AuditEvent.action)))


def test_changing_asks_for_the_present_password_and_a_good_new_one(world: World) -> None:
    with pytest.raises(Invalid) as caught:
        change(world, "wrong wrong wrong")
    assert set(caught.value.fields) == {"current"}
    with pytest.raises(Invalid) as caught:
        change(world, factories.PASSWORD, "short")
    assert set(caught.value.fields) == {"password"}


def test_guessing_the_present_password_is_throttled(world: World) -> None:
    for _ in range(TRIES_PER_LOGIN):
        with pytest.raises(Invalid):
            change(world, "wrong wrong wrong")
    with pytest.raises(TooMany):
        change(world, factories.PASSWORD)


@pytest.mark.parametrize("typed", ["wanwan", " WanWan ", "wanwan@example.com", "WanWan@Example.com"])
def test_a_link_is_mailed_by_sign_in_name_or_address(world: World, typed: str) -> None:
    resets.ask_for_reset(typed, link)
    (mail,) = mailed()
    assert mail.recipient == "wanwan@example.com"
    assert resets.of_token(token_in(mail)).user.id == world.streamer.id


@pytest.mark.parametrize("typed", ["nobody", "", "hemu", "%"])
def test_nothing_happens_without_an_account_that_has_an_address(world: World, typed: str) -> None:
    resets.ask_for_reset(typed, link)
    assert mailed() == []


def test_a_closed_account_gets_no_link(world: World) -> None:
    service.leave(world.streamer, by=SYSTEM)
    resets.ask_for_reset("wanwan", link)
    assert mailed() == []


def test_nobodys_mailbox_is_flooded(world: World) -> None:
    for _ in range(RESETS_PER_WINDOW + 3):
        resets.ask_for_reset("wanwan", link)
    assert len(mailed()) == RESETS_PER_WINDOW
    with clock.frozen(clock.now() + timedelta(hours=1, seconds=1)):
        resets.ask_for_reset("wanwan", link)
    assert len(mailed()) == RESETS_PER_WINDOW + 1


def test_a_link_works_once_and_ends_sign_ins_and_other_links(world: World) -> None:
    signed_in = sign_ins.begin(world.streamer, "127.0.0.1", "tests")
    first, second = (resets.give_reset(world.streamer, by=world.manager.actor) for _ in range(2))
    resets.reset_password(first, NEW)
    assert sign_ins.account_of(signed_in) is None
    for used in (first, second):
        with pytest.raises(NotFound):
            resets.of_token(used)
    assert mailed()[-1].recipient == "wanwan@example.com", "the owner is told"
    assert passwords.fits(world.streamer.password_hash, NEW)


def test_a_link_ends_after_its_hours_and_with_the_account(world: World) -> None:
    token = resets.give_reset(world.streamer, by=world.manager.actor)
    with clock.frozen(clock.now() + RESET_LIFE), pytest.raises(NotFound):
        resets.of_token(token)
    assert resets.of_token(token)
    service.leave(world.streamer, by=SYSTEM)
    with pytest.raises(NotFound):
        resets.of_token(token)
    with pytest.raises(WrongState):
        resets.give_reset(world.streamer, by=world.manager.actor)


def test_a_new_password_has_to_be_good_and_the_link_waits_for_it(world: World) -> None:
    token = resets.give_reset(world.streamer, by=world.manager.actor)
    with pytest.raises(Invalid):
        resets.reset_password(token, "wanwan")
    resets.reset_password(token, NEW)


def test_a_reset_opens_the_throttle(world: World) -> None:
    token = resets.give_reset(world.streamer, by=world.manager.actor)
    for _ in range(TRIES_PER_LOGIN):
        with pytest.raises(Invalid):
            sign_ins.sign_in("wanwan", "wrong wrong wrong", "127.0.0.1", "tests")
    resets.reset_password(token, NEW)
    assert sign_ins.sign_in("wanwan", NEW, "127.0.0.1", "tests")


def test_links_are_handed_out_by_who_manages_the_organisation(world: World) -> None:
    for stranger in (world.rival_manager, world.streamer):
        with pytest.raises(Forbidden):
            resets.give_reset(world.manager, by=stranger.actor)
    assert resets.give_reset(world.manager, by=world.administrator.actor)
    assert list(db.session.scalars(select(AuditEvent.action))) == ["password.reset_given"]


def test_links_and_sign_ins_that_ended_long_ago_are_removed(world: World) -> None:
    old = now()
    resets.give_reset(world.streamer, by=world.manager.actor)
    sign_ins.begin(world.streamer, "127.0.0.1", "x")
    db.session.commit()
    for days, left in ((80, 1), (91, 0)):
        with clock.frozen(old + timedelta(days=days)), edge():
            sign_ins.forget_ended(now() - accounts_work.ENDED_KEPT)
            resets.forget_expired(now() - accounts_work.ENDED_KEPT)
        with edge(write=False):
            assert len(db.session.scalars(select(PasswordReset)).all()) == left
            assert len(db.session.scalars(select(SignIn)).all()) == left
