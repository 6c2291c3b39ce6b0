"""The pages: signing in, coming in, one's account, people."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from livequal.accounts import passwords, resets, service
from livequal.accounts.models import Invitation, SignIn, User
from livequal.accounts.rules import TRIES_PER_LOGIN, Role
from livequal.config import Settings
from livequal.kernel import clock, installation
from livequal.kernel.db import db, edge
from livequal.notifications.models import Mail

from .. import factories
from ..factories import PASSWORD, signed_in
from .conftest import World

NEW = "seven quiet harbours"


def sign_in(client: FlaskClient, login: str = "wanwan", password: str = PASSWORD, **more: str) -> TestResponse:
    return client.post("/sign-in", data={"login": login, "password": password, **more})


def browser_session(client: FlaskClient) -> dict[str, object]:
    with client.session_transaction() as session:
        return dict(session)


def link_in(page: TestResponse) -> str:
    found = re.search(r'id="handed-link" value="http://localhost([^"]+)"', page.text)
    assert found
    return html.unescape(found[1])


def test_signing_in_leads_to_where_one_wanted_to_be(client: FlaskClient, world: World) -> None:
    first = client.get("/people?state=active", follow_redirects=False)
    assert first.status_code == 302
    page = client.get(first.location)
    target = re.search(r'id="next"[^>]*value="([^"]*)"', page.text)
    assert target
    answer = sign_in(client, "hemu", next=html.unescape(target[1]))
    assert (answer.status_code, answer.location) == (303, "/people?state=active")
    assert "何木" in client.get("/people").text


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:x", ""])
def test_signing_in_leads_to_no_other_site(client: FlaskClient, world: World, target: str) -> None:
    assert sign_in(client, next=target).location == "/"


def test_a_wrong_password_keeps_the_name_and_says_so_at_the_field(client: FlaskClient, world: World) -> None:
    answer = sign_in(client, password="wrong wrong wrong")
    assert answer.status_code == 422
    assert 'value="wanwan"' in answer.text
    assert 'id="password-error"' in answer.text
    assert "wrong wrong wrong" not in answer.text


def test_too_many_tries_are_told_how_long_to_wait(client: FlaskClient, world: World) -> None:
    with clock.frozen(clock.now()):
        for _ in range(TRIES_PER_LOGIN):
            assert sign_in(client, password="wrong wrong wrong").status_code == 422
        answer = sign_in(client)
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "900"
    assert "15" in answer.text
    assert 'value="wanwan"' in answer.text
    with clock.frozen(clock.now() + timedelta(minutes=15, seconds=1)):
        assert sign_in(client).status_code == 303


def test_nothing_of_the_session_before_survives_a_sign_in(client: FlaskClient, world: World) -> None:
    with client.session_transaction() as session:
        session["planted"] = "by somebody else"
        session["sign_in"] = "planted token"
        session["locale"] = "en"
    before = browser_session(client)
    sign_in(client)
    after = browser_session(client)
    assert "planted" not in after
    assert after["sign_in"] != before["sign_in"]
    assert after["locale"] == "en"


def test_each_sign_in_gets_a_token_of_its_own(client: FlaskClient, world: World) -> None:
    sign_in(client)
    first = browser_session(client)["sign_in"]
    sign_in(client)
    assert browser_session(client)["sign_in"] != first


def test_signing_out_ends_the_sign_in_even_for_a_copied_cookie(client: FlaskClient, world: World) -> None:
    sign_in(client)
    copied = browser_session(client)
    assert client.get("/account").status_code == 200
    assert client.post("/sign-out").location == "/sign-in"
    with client.session_transaction() as session:
        session.update(copied)
    assert client.get("/account").status_code == 302


def test_an_ended_sign_in_is_out_at_its_next_request(client: FlaskClient, world: World) -> None:
    here, there = signed_in(client, world.streamer), client.application.test_client()
    signed_in(there, world.streamer)
    assert there.get("/account").status_code == 200
    page = here.get("/account").text
    (sign_in_id,) = re.findall(r"/account/sign-ins/(\d+)/end\"", page)
    assert here.post(f"/account/sign-ins/{sign_in_id}/end").status_code == 303
    assert there.get("/account").status_code == 302
    assert here.get("/account").status_code == 200


def test_all_other_sign_ins_end_at_their_next_request(client: FlaskClient, world: World) -> None:
    others = [signed_in(client.application.test_client(), world.streamer) for _ in range(2)]
    signed_in(client, world.streamer)
    client.post("/account/sign-ins/end-others")
    assert [other.get("/account").status_code for other in others] == [302, 302]
    assert client.get("/account").status_code == 200


def test_a_closed_account_is_out_at_its_next_request(client: FlaskClient, world: World) -> None:
    there = signed_in(client.application.test_client(), world.streamer)
    signed_in(client, world.manager).post(f"/people/{world.streamer.id}/close")
    assert there.get("/account").status_code == 302
    assert sign_in(there).status_code == 422


def test_a_taken_role_is_gone_at_the_next_request(client: FlaskClient, world: World) -> None:
    second = factories.make_user(world.mcn, Role.MCN_MANAGER)
    there = signed_in(client.application.test_client(), second)
    assert there.get("/people").status_code == 200
    answer = signed_in(client, world.manager).post(f"/people/{second.id}/roles", data={"roles": ["streamer"]})
    assert answer.status_code == 303
    assert there.get("/people").status_code == 403


def test_use_is_noted_every_ten_minutes_and_prolongs_the_sign_in(client: FlaskClient, world: World) -> None:
    start = clock.now()
    with clock.frozen(start):
        signed_in(client, world.streamer)
    seen = []
    for minutes in (5, 11, 15):
        with clock.frozen(start + timedelta(minutes=minutes)):
            assert client.get("/account").status_code == 200
        seen.append((db.session.scalars(select(SignIn.seen_at)).one() - start).total_seconds() // 60)
    assert seen == [0, 11, 11]


def test_programs_that_are_signed_out_get_401(client: FlaskClient, world: World) -> None:
    assert client.get("/account", headers={"Accept": "application/json"}).status_code == 401


def test_a_person_comes_in_by_the_link_and_is_signed_in(client: FlaskClient, world: World) -> None:
    signed_in(client, world.manager)
    made = client.post("/invitations", data={"name": "周小满", "roles": ["streamer"]}, follow_redirects=True)
    assert made.status_code == 200
    link = link_in(made)
    assert "data:image/svg+xml" in made.text
    big = client.get(f"{made.request.path}/code")
    assert "data:image/png;base64," in big.text

    phone = client.application.test_client()
    page = phone.get(link)
    assert "禾木文化" in page.text
    assert 'value="周小满"' in page.text
    refused = phone.post(link, data={"name": "周小满", "login": "hemu", "password": NEW})
    assert refused.status_code == 422
    assert 'id="login-error"' in refused.text
    assert phone.post(link, data={"name": "周小满", "login": "小满", "password": NEW}).location == "/"
    assert "周小满" in phone.get("/account").text
    assert phone.post(link, data={"name": "又来", "login": "again", "password": NEW}).status_code == 404
    assert "周小满" in client.get("/people").text


def test_an_invitations_link_is_shown_only_where_it_was_made(client: FlaskClient, world: World) -> None:
    signed_in(client, world.manager)
    made = client.post("/invitations", data={"name": "周小满", "roles": ["streamer"]})
    other = signed_in(client.application.test_client(), world.administrator)
    page = other.get(made.location)
    assert page.status_code == 200
    assert "handed-link" not in page.text
    assert "/join/" not in page.text


def test_an_invitation_that_was_taken_back_says_so(client: FlaskClient, world: World) -> None:
    signed_in(client, world.manager)
    made = client.post("/invitations", data={"name": "周小满", "roles": ["streamer"]}, follow_redirects=True)
    link = link_in(made)
    client.post(f"{made.request.path}/revoke")
    assert client.application.test_client().get(link).status_code == 404
    assert client.post(f"{made.request.path}/revoke").status_code == 409


def test_another_rooms_row_travels_with_the_invitation(client: FlaskClient, world: World) -> None:
    signed_in(client, world.manager)
    page = client.get("/invitations/new?subject=streamer:12&name=周小满&role=streamer").text
    assert re.search(r'name="subject"[^>]*value="streamer:12"', page)
    assert re.search(r"checked[^>]*value=\"streamer\"", page)
    client.post("/invitations", data={"name": "周小满", "roles": ["streamer"], "subject": "streamer:12"})
    assert db.session.scalars(select(Invitation.subject)).one() == "streamer:12"
    bad = client.post("/invitations", data={"name": "周小满", "roles": ["streamer"], "subject": "x" * 100})
    assert bad.status_code == 422


def test_an_incomplete_invitation_keeps_what_was_typed(client: FlaskClient, world: World) -> None:
    answer = signed_in(client, world.manager).post("/invitations", data={"name": "周小满"})
    assert answer.status_code == 422
    assert 'value="周小满"' in answer.text
    assert "roles-error" in answer.text


def test_roles_that_were_not_offered_are_refused(client: FlaskClient, world: World) -> None:
    signed_in(client, world.manager)
    answer = client.post("/invitations", data={"name": "某人", "roles": ["administrator"]})
    assert answer.status_code == 422
    assert client.post(f"/people/{world.streamer.id}/roles", data={"roles": ["administrator"]}).status_code == 422


def test_an_administrator_invites_into_any_organisation(client: FlaskClient, world: World) -> None:
    signed_in(client, world.administrator)
    page = client.get(f"/invitations/new?organisation={world.rival.id}").text
    assert 'value="mcn_manager"' in page
    assert 'value="moderator"' not in page
    address = f"/invitations?organisation={world.rival.id}"
    assert client.post(address, data={"name": "某人", "roles": ["mcn_manager"]}).status_code == 303
    assert db.session.scalars(select(Invitation.organisation_id)).one() == world.rival.id
    signed_in(client, world.manager)
    assert client.get(f"/invitations/new?organisation={world.rival.id}").status_code == 404
    assert client.post(address, data={"name": "某人", "roles": ["streamer"]}).status_code == 404


def test_people_are_listed_in_pages_and_filtered(client: FlaskClient, world: World) -> None:
    for _ in range(30):
        factories.make_user(world.mcn, Role.STREAMER)
    signed_in(client, world.manager)
    first, second = client.get("/people").text, client.get("/people?page=2").text
    assert first.count("<tr>") - 1 == 25
    assert second.count("<tr>") - 1 == 7
    assert "南知" not in first + second
    found = client.get("/people?q=何").text
    assert "何木" in found
    assert found.count("<tr>") == 2
    assert client.get("/people?q=不存在&role=nonsense&organisation=99999999999&page=x").status_code == 200


def test_lists_take_the_same_number_of_queries_whatever_they_hold(client: FlaskClient, world: World) -> None:
    from sqlalchemy import event

    def queries(address: str) -> int:
        statements: list[str] = []

        def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
            statements.append(statement)

        event.listen(db.engine, "before_cursor_execute", note)
        assert client.get(address).status_code == 200
        event.remove(db.engine, "before_cursor_execute", note)
        return len([text for text in statements if text.startswith("SELECT")])

    signed_in(client, world.administrator)
    service.invite(world.mcn.id, "某人", frozenset({Role.STREAMER}), by=world.administrator.actor)
    pages = ("/people", "/invitations", "/organisations", "/account")
    before = {page: queries(page) for page in pages}
    for _ in range(12):
        factories.make_user(factories.make_mcn(), Role.STREAMER, Role.MCN_MANAGER)
        service.invite(world.mcn.id, "某人", frozenset({Role.STREAMER}), by=world.manager.actor)
        signed_in(client, world.administrator)
    assert {page: queries(page) for page in pages} == before


def test_a_manager_hands_over_a_link_for_a_new_password(client: FlaskClient, world: World) -> None:
    signed_in(client, world.manager)
    page = client.post(f"/people/{world.streamer.id}/reset-link", follow_redirects=True)
    link = link_in(page)
    phone = client.application.test_client()
    assert "wanwan" in phone.get(link).text
    assert phone.post(link, data={"password": "short"}).status_code == 422
    assert phone.post(link, data={"password": NEW}).location == "/"
    assert phone.get("/account").status_code == 200
    assert phone.post(link, data={"password": NEW}).status_code == 404
    assert sign_in(client.application.test_client(), password=NEW).status_code == 303
    assert sign_in(client.application.test_client()).status_code == 422


def test_the_answer_to_a_forgotten_password_is_the_same_for_everybody(client: FlaskClient, world: World) -> None:
    answers = {
        (answer.status_code, answer.location)
        for answer in (client.post("/reset", data={"login": login}) for login in ("wanwan", "nobody", "hemu"))
    }
    assert answers == {(303, "/reset/asked")}
    assert client.get("/reset/asked").status_code == 200
    assert db.session.scalars(select(Mail.recipient)).all() == ["wanwan@example.com"]


def test_the_link_in_a_mail_ignores_the_host_header(client: FlaskClient, world: World) -> None:
    client.post("/reset", data={"login": "wanwan"}, headers={"Host": "evil.example"})
    body = db.session.scalars(select(Mail.body)).one()
    assert "evil.example" not in body
    assert "http://127.0.0.1:8000/reset/" in body


def test_one_changes_ones_password_and_stays_signed_in_here_only(client: FlaskClient, world: World) -> None:
    there = signed_in(client.application.test_client(), world.streamer)
    sign_in(client)
    before = browser_session(client)["sign_in"]
    wrong = client.post("/account/password", data={"current": "wrong wrong wrong", "password": NEW})
    assert wrong.status_code == 422
    assert 'id="password-current-error"' in wrong.text
    assert client.post("/account/password", data={"current": PASSWORD, "password": NEW}).status_code == 303
    assert browser_session(client)["sign_in"] != before
    assert client.get("/account").status_code == 200
    assert there.get("/account").status_code == 302


def test_changing_the_mail_address_asks_for_the_password(client: FlaskClient, world: World) -> None:
    signed_in(client, world.streamer)
    refused = client.post("/account/profile", data={"name": "林晚", "email": "thief@example.com"})
    assert refused.status_code == 422
    assert 'value="thief@example.com"' in refused.text
    assert client.post("/account/profile", data={"name": "林 晚", "email": "wanwan@example.com"}).status_code == 303
    good = {"name": "林晚", "email": "new@example.com", "current": PASSWORD}
    assert client.post("/account/profile", data=good).status_code == 303
    kept = db.session.get_one(User, world.streamer.id)
    assert (kept.name, kept.email) == ("林晚", "new@example.com")


def test_one_closes_ones_own_account_with_the_password(client: FlaskClient, world: World) -> None:
    signed_in(client, world.streamer)
    assert client.post("/account/leave", data={"current": "wrong wrong wrong"}).status_code == 422
    assert client.post("/account/leave", data={"current": PASSWORD}).location == "/sign-in"
    assert client.get("/account").status_code == 302
    assert sign_in(client).status_code == 422


def test_the_last_administrator_is_told_why_the_account_stays(client: FlaskClient, world: World) -> None:
    signed_in(client, world.administrator)
    assert client.post("/account/leave", data={"current": PASSWORD}).status_code == 409
    assert client.get("/account").status_code == 200


def test_the_language_is_chosen_with_and_without_an_account(client: FlaskClient, world: World) -> None:
    answer = client.post("/language", data={"locale": "en", "next": "/sign-in"})
    assert (answer.status_code, answer.location) == (303, "/sign-in")
    assert '<html lang="en">' in client.get("/sign-in").text
    assert client.post("/language", data={"locale": "tlh", "next": "https://evil.example"}).location == "/"
    signed_in(client, world.streamer)
    client.post("/language", data={"locale": "en"})
    assert db.session.get_one(User, world.streamer.id).locale == "en"
    assert client.post("/language", data={"locale": "tlh"}).status_code == 422


def test_an_administrator_adds_an_organisation_and_goes_on_to_invite(client: FlaskClient, world: World) -> None:
    signed_in(client, world.administrator)
    twice = client.post("/organisations/new", data={"name": "禾木文化", "kind": "mcn"})
    assert twice.status_code == 422
    assert 'value="禾木文化"' in twice.text
    assert client.post("/organisations/new", data={"name": "第二平台", "kind": "platform"}).status_code == 422
    answer = client.post(
        "/organisations/new", data={"name": "青石小店", "kind": "room_operator"}, follow_redirects=True
    )
    assert "青石小店" in answer.text
    assert 'value="room_operator"' in answer.text
    assert "青石小店" in client.get("/organisations").text


def test_a_streamer_finds_no_door_to_other_people(client: FlaskClient, world: World) -> None:
    signed_in(client, world.streamer)
    for address in ("/people", "/invitations", "/organisations", f"/people/{world.manager.id}"):
        assert client.get(address).status_code == 403
    assert client.get("/account").status_code == 200


@pytest.mark.parametrize(
    ("public_url", "shown"),
    [("https://quality.example", "https://quality.example"), ("http://127.0.0.1:8000", "http://office.example")],
)
def test_a_link_handed_over_follows_the_settings_and_the_host_header_only_without_them(
    client: FlaskClient, world: World, settings: Settings, public_url: str, shown: str
) -> None:
    signed_in(client, world.administrator)
    host = {"base_url": "http://office.example"}
    signed_in(client, world.administrator)
    installation.install(replace(settings, host="127.0.0.1", port=8000, public_url=public_url))
    with client.session_transaction(**host) as session:
        session.update(browser_session(client))
    client.post(f"/people/{world.streamer.id}/reset-link", **host)
    page = client.get(f"/people/{world.streamer.id}/reset-link", **host)
    installation.install(settings)
    assert f'value="{shown}/reset/' in page.text


def test_no_transaction_is_open_while_a_new_password_is_hashed(
    client: FlaskClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_ones: list[bool] = []
    hashed = passwords.hashed

    def watched(password: str) -> str:
        open_ones.append(db.session().in_transaction())
        return hashed(password)

    with edge():
        by = db.session.get_one(User, world.manager.id).actor
        joining = service.invite(world.mcn.id, "新人", frozenset({Role.STREAMER}), by=by).token
        reset = resets.give_reset(db.session.get_one(User, world.streamer.id), by=by)
    monkeypatch.setattr(passwords, "hashed", watched)
    person = {"login": "xinren", "name": "新人", "password": NEW}
    assert client.post(f"/join/{joining}", data=person).status_code == 303
    other = client.application.test_client()
    assert other.post(f"/reset/{reset}", data={"password": NEW}).status_code == 303
    assert open_ones == [False, False]
