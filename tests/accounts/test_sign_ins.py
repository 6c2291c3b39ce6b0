"""Signing in: what is counted, what is recorded, what ends a sign-in."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from sqlalchemy import event, func, select

from livequal.accounts import passwords, service, sign_ins
from livequal.accounts.models import SignIn, SignInTry, User
from livequal.accounts.rules import SESSION_LIFE, SESSION_LONGEST, SYSTEM, TRIES_PER_ADDRESS, TRIES_PER_LOGIN
from livequal.audit.models import AuditEvent
from livequal.kernel import clock, crypto
from livequal.kernel.db import db, edge, intent
from livequal.kernel.errors import Invalid, NotFound, TooMany

from .. import factories
from .conftest import World

HOME, ELSEWHERE = "203.0.113.7", "198.51.100.9"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0) Firefox/140.0"
WRONG = "wrong wrong wrong"


@pytest.fixture(autouse=True)
def writing(world: World) -> Iterator[None]:
    with intent(write=True):
        yield


def fail(login: str = "wanwan", address: str = HOME) -> None:
    with pytest.raises(Invalid):
        sign_ins.sign_in(login, WRONG, address, FIREFOX)


def enter(login: str = "wanwan", address: str = HOME) -> str:
    return sign_ins.sign_in(login, factories.PASSWORD, address, FIREFOX)


def recorded() -> list[tuple[str, int | None, str]]:
    rows = db.session.scalars(select(AuditEvent).order_by(AuditEvent.seq)).all()
    return [(row.action, row.actor_id, row.subject_id) for row in rows]


def test_name_and_password_give_a_token_that_stands_for_the_account(world: World) -> None:
    token = enter("  WanWan ")
    user = sign_ins.account_of(token)
    assert user is not None
    assert user.id == world.streamer.id
    row = db.session.scalars(select(SignIn)).one()
    assert (row.address, row.browser, row.token_digest) == (HOME, FIREFOX, crypto.digest(token))
    assert recorded() == [("sign_in", user.id, str(user.id))]


def test_an_unknown_name_a_wrong_password_and_a_closed_account_get_the_same_answer(world: World) -> None:
    service.leave(world.rival_manager, by=SYSTEM)
    db.session.commit()
    messages = set()
    for login, password in (("nobody", WRONG), ("wanwan", WRONG), ("nanzhi", factories.PASSWORD), ("", "")):
        with pytest.raises(Invalid) as caught:
            sign_ins.sign_in(login, password, HOME, FIREFOX)
        messages.add(str(caught.value.fields))
    assert len(messages) == 1


def test_a_failed_try_is_on_record_without_what_was_typed(world: World) -> None:
    fail("wanwan")
    fail("my-password-in-the-wrong-field")
    streamer = str(world.streamer.id)
    assert recorded() == [("sign_in.failed", None, streamer), ("sign_in.failed", None, "")]
    everything = "".join(db.session.scalars(select(AuditEvent.payload))) + "".join(
        f"{row.login_digest}{row.address}" for row in db.session.scalars(select(SignInTry))
    )
    assert "wrong" not in everything
    assert "my-password" not in everything


def test_a_try_stays_counted_although_its_request_fails(world: World) -> None:
    with pytest.raises(Invalid), edge():
        sign_ins.sign_in("wanwan", WRONG, HOME, FIREFOX)
    assert db.session.scalar(select(func.count()).select_from(SignInTry)) == 1


def test_after_too_many_tries_even_the_right_password_waits(world: World) -> None:
    start = clock.now()
    for minute in range(TRIES_PER_LOGIN):
        with clock.frozen(start + timedelta(minutes=minute)):
            fail(address=f"198.51.100.{minute}")
    with clock.frozen(start + timedelta(minutes=5)), pytest.raises(TooMany) as caught:
        enter(address=ELSEWHERE)
    # The first try leaves the window of 15 minutes ten minutes from now.
    assert caught.value.retry_after_s == 600
    assert "10" in caught.value.message
    assert recorded()[-1] == ("sign_in.throttled", None, str(world.streamer.id))
    with clock.frozen(start + timedelta(minutes=5, seconds=599)), pytest.raises(TooMany):
        enter(address=ELSEWHERE)
    with clock.frozen(start + timedelta(minutes=15)):
        assert sign_ins.account_of(enter(address=ELSEWHERE))


def test_a_throttled_name_leaves_other_people_alone(world: World) -> None:
    for _ in range(TRIES_PER_LOGIN):
        fail("wanwan")
    assert enter("hemu")


def test_unknown_names_are_throttled_too(world: World) -> None:
    for _ in range(TRIES_PER_LOGIN):
        fail("nobody")
    with pytest.raises(TooMany):
        enter("nobody")


def test_an_address_that_tries_many_names_is_stopped(world: World) -> None:
    for number in range(TRIES_PER_ADDRESS):
        fail(f"guess{number}", "2001:db8:1:2::1")
    with pytest.raises(TooMany):
        enter("hemu", "2001:db8:1:2:ffff::9")
    assert enter("hemu", "2001:db8:1:3::1")


def test_success_clears_the_tries_of_that_name_only(world: World) -> None:
    for _ in range(TRIES_PER_LOGIN - 1):
        fail("wanwan")
    fail("hemu")
    enter("wanwan")
    kept = db.session.scalars(select(SignInTry.login_digest)).all()
    assert kept == [crypto.digest("hemu")]
    for _ in range(TRIES_PER_LOGIN - 1):
        fail("wanwan")
    enter("wanwan")


def test_no_transaction_is_open_while_a_password_is_checked(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    open_during: list[bool] = []
    real = passwords.fits

    def watched(kept: str | None, password: str) -> bool:
        open_during.append(db.session.registry.has() and db.session().in_transaction())
        return real(kept, password)

    monkeypatch.setattr(passwords, "fits", watched)
    enter()
    fail()
    assert open_during == [False, False]


def test_an_old_hash_is_made_anew_at_the_next_sign_in(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    before = world.streamer.password_hash
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher(time_cost=2, memory_cost=64, parallelism=1))
    enter()
    kept = db.session.scalars(select(User.password_hash).where(User.login == "wanwan")).one()
    assert kept != before
    assert not passwords.outdated(kept)
    assert enter()
    assert db.session.scalars(select(User.password_hash).where(User.login == "wanwan")).one() == kept


def test_a_sign_in_ends_when_it_lies_unused_and_after_its_longest_life(world: World) -> None:
    token, start = enter(), clock.now()
    with clock.frozen(start + SESSION_LIFE - timedelta(minutes=1)):
        assert sign_ins.account_of(token)
        with edge():
            sign_ins.seen(token)
    with clock.frozen(start + SESSION_LIFE + timedelta(days=1)):
        assert sign_ins.account_of(token), "it was used in between"
    with clock.frozen(start + 2 * SESSION_LIFE):
        assert sign_ins.account_of(token) is None
        with edge():
            sign_ins.seen(token)
        assert sign_ins.account_of(token) is None, "too late to revive it"
    for day in range(0, SESSION_LONGEST.days, 10):
        with clock.frozen(start + timedelta(days=day)), edge():
            sign_ins.seen(token)
    with clock.frozen(start + SESSION_LONGEST + timedelta(minutes=1)):
        assert sign_ins.account_of(token) is None


def test_an_account_is_found_with_its_roles_in_one_query(world: World) -> None:
    token = enter()
    db.session.remove()
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        statements.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        user = sign_ins.account_of(token)
        assert user is not None
        assert user.actor.organisation_kind == "mcn"
        assert user.actor.roles
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    assert len([text for text in statements if text.lstrip().upper().startswith("SELECT")]) == 1


def test_nonsense_stands_for_nobody(world: World) -> None:
    for token in ("", "x", crypto.token()):
        assert sign_ins.account_of(token) is None
        assert sign_ins.current(token) is None
        sign_ins.sign_out(token)


def test_one_sees_and_ends_ones_own_sign_ins_only(world: World) -> None:
    mine, other, foreign = enter(), enter(), enter("hemu")
    me = world.streamer.actor
    ids = [row.id for row in db.session.scalars(sign_ins.visible_to(me))]
    assert len(ids) == 2
    with pytest.raises(NotFound):
        sign_ins.end(sign_ins.current(foreign) or 0, by=me)
    sign_ins.end(sign_ins.current(other) or 0, by=me)
    assert sign_ins.account_of(other) is None
    assert sign_ins.account_of(mine)
    with pytest.raises(NotFound):
        sign_ins.end(max(ids), by=me)


def test_all_others_end_and_this_one_stays(world: World) -> None:
    tokens = [enter() for _ in range(3)]
    foreign = enter("hemu")
    assert sign_ins.end_others(tokens[0], by=world.streamer.actor) == 2
    assert [sign_ins.account_of(token) is not None for token in (*tokens, foreign)] == [True, False, False, True]
    assert recorded()[-1][0] == "sign_in.end_others"


def test_signing_out_ends_the_sign_in_on_record(world: World) -> None:
    token = enter()
    sign_ins.sign_out(token)
    assert sign_ins.account_of(token) is None
    assert [action for action, _actor, _subject in recorded()] == ["sign_in", "sign_out"]


def test_old_tries_are_forgotten_by_the_periodic_job(world: World) -> None:
    start = clock.now()
    fail("wanwan")
    with clock.frozen(start + timedelta(minutes=14)):
        fail("hemu")
    with clock.frozen(start + timedelta(minutes=16)), edge():
        sign_ins.forget_tries()
    assert db.session.scalars(select(SignInTry.login_digest)).all() == [crypto.digest("hemu")]


def test_proving_a_password_is_counted_like_a_sign_in(world: World) -> None:
    assert sign_ins.prove("wanwan", factories.PASSWORD, HOME, FIREFOX)
    for _ in range(TRIES_PER_LOGIN):
        assert not sign_ins.prove("wanwan", WRONG, HOME, FIREFOX)
    with pytest.raises(TooMany):
        sign_ins.prove("wanwan", factories.PASSWORD, HOME, FIREFOX)
