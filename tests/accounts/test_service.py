"""Organisations, invitations, roles and leaving."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from sqlalchemy import select

from livequal.accounts import resets, service, sign_ins
from livequal.accounts.events import PersonJoined, PersonLeft
from livequal.accounts.models import Organisation, User
from livequal.accounts.rules import INVITATION_LIFE, ROLES_OF, SYSTEM, OrganisationKind, Role
from livequal.audit.models import AuditEvent
from livequal.kernel import clock
from livequal.kernel.db import db
from livequal.kernel.errors import Forbidden, Invalid, NotFound, WrongState

from .. import factories
from .conftest import World

pytestmark = pytest.mark.usefixtures("session")
NEW_PASSWORD = "seven quiet harbours"


def actions() -> list[str]:
    return list(db.session.scalars(select(AuditEvent.action).order_by(AuditEvent.seq)))


def payloads() -> str:
    return "\n".join(db.session.scalars(select(AuditEvent.payload)))


def names(query: object) -> set[str]:
    return {row.name for row in db.session.scalars(query).unique()}  # type: ignore[call-overload]


def test_platform_people_see_every_tenant_and_others_their_own(world: World) -> None:
    everyone = {"晴川直播平台", "禾木文化", "南枝传媒"}
    assert names(service.visible_to_organisations(world.administrator.actor)) == everyone
    assert names(service.visible_to_organisations(world.manager.actor)) == {"禾木文化"}
    assert names(service.visible_to_organisations(SYSTEM)) == everyone
    with pytest.raises(NotFound):
        service.get_organisation(world.rival.id, world.manager.actor)


def test_people_are_seen_by_who_manages_them_and_oneself(world: World) -> None:
    assert names(service.visible_to_people(world.administrator.actor)) == {"沈一舟", "何木", "南知", "林晚"}
    assert names(service.visible_to_people(world.manager.actor)) == {"何木", "林晚"}
    assert names(service.visible_to_people(world.streamer.actor)) == {"林晚"}
    moderator = factories.make_user(world.platform, Role.MODERATOR, name="莫德")
    assert names(service.visible_to_people(moderator.actor)) == {"莫德"}
    with pytest.raises(NotFound):
        service.get_user(world.rival_manager.id, world.manager.actor)


def test_people_are_found_by_role_state_organisation_and_part_of_a_name(world: World) -> None:
    by = world.administrator.actor
    assert names(service.visible_to_people(by, role=Role.MCN_MANAGER)) == {"何木", "南知"}
    assert names(service.visible_to_people(by, organisation_id=world.rival.id)) == {"南知"}
    assert names(service.visible_to_people(by, search="wan")) == {"林晚"}
    assert names(service.visible_to_people(by, search="晚")) == {"林晚"}
    assert names(service.visible_to_people(by, search="%")) == set()
    service.leave(world.streamer, by=by)
    assert names(service.visible_to_people(by, state="left")) == {"林晚"}
    # The tenant's wall stands whatever is asked for.
    assert names(service.visible_to_people(world.manager.actor, organisation_id=world.rival.id)) == set()


def test_the_platform_exists_once(world: World) -> None:
    with pytest.raises(Invalid) as caught:
        service.create_organisation(OrganisationKind.PLATFORM, "另一个平台", by=world.administrator.actor)
    assert set(caught.value.fields) == {"kind"}


def test_an_administrator_adds_organisations_with_names_of_their_own(world: World) -> None:
    row = service.create_organisation(OrganisationKind.ROOM_OPERATOR, "  青石  小店 ", by=world.administrator.actor)
    assert (row.name, row.kind) == ("青石 小店", "room_operator")
    assert actions() == ["organisation.create"]
    for name in ("禾木文化", "  ", "长" * 61):
        with pytest.raises(Invalid) as caught:
            service.create_organisation(OrganisationKind.MCN, name, by=world.administrator.actor)
        assert set(caught.value.fields) == {"name"}
    with pytest.raises(Forbidden):
        service.create_organisation(OrganisationKind.MCN, "新机构", by=world.manager.actor)


def test_whoever_has_the_invitation_comes_in_once(world: World, heard: list[object]) -> None:
    issued = service.invite(
        world.mcn.id, "周小满", frozenset({Role.STREAMER}), by=world.manager.actor, subject="streamer:12"
    )
    user = service.accept(issued.token, login="XiaoMan", name="周小满", password=NEW_PASSWORD, email="X@Example.com")
    assert (user.login, user.email, user.organisation_id) == ("xiaoman", "x@example.com", world.mcn.id)
    assert user.roles == {Role.STREAMER}
    assert heard == [PersonJoined(user.id, "streamer:12")]
    assert actions() == ["invitation.create", "invitation.accept"]
    with pytest.raises(NotFound):
        service.accept(issued.token, login="again", name="又来", password=NEW_PASSWORD)


def test_an_invitation_ends_after_its_days_and_when_it_is_taken_back(world: World) -> None:
    streamer = frozenset({Role.STREAMER})
    old = service.invite(world.mcn.id, "旧", streamer, by=world.manager.actor)
    with clock.frozen(clock.now() + INVITATION_LIFE + timedelta(seconds=1)), pytest.raises(NotFound):
        service.invitation_of(old.token)
    back = service.invite(world.mcn.id, "收回", streamer, by=world.manager.actor)
    service.revoke(back.invitation, by=world.manager.actor)
    with pytest.raises(NotFound):
        service.invitation_of(back.token)
    with pytest.raises(WrongState):
        service.revoke(back.invitation, by=world.manager.actor)
    assert service.invitation_of(old.token).name == "旧"


def test_managers_invite_into_their_own_house_only(world: World) -> None:
    with pytest.raises(NotFound):
        service.invite(world.rival.id, "某人", frozenset({Role.STREAMER}), by=world.manager.actor)
    with pytest.raises(NotFound):
        service.invite(world.platform.id, "某人", frozenset({Role.MODERATOR}), by=world.manager.actor)
    with pytest.raises(Invalid) as caught:
        service.invite(world.mcn.id, "某人", frozenset({Role.MODERATOR}), by=world.manager.actor)
    assert set(caught.value.fields) == {"roles"}
    with pytest.raises(Invalid):
        service.invite(world.mcn.id, "某人", frozenset(), by=world.manager.actor)
    with pytest.raises(Invalid):
        service.invite(world.mcn.id, "某人", frozenset({Role.STREAMER}), by=world.streamer.actor)
    with pytest.raises(NotFound):
        service.get_invitation(
            service.invite(
                world.rival.id, "南", frozenset({Role.STREAMER}), by=world.administrator.actor
            ).invitation.id,
            world.manager.actor,
        )


def test_only_an_administrator_gives_the_platforms_roles(world: World) -> None:
    lead = factories.make_user(world.platform, Role.LEAD_MODERATOR)
    with pytest.raises(Invalid):
        service.invite(world.platform.id, "某人", frozenset({Role.MODERATOR}), by=lead.actor)
    issued = service.invite(world.platform.id, "某人", frozenset({Role.MODERATOR}), by=world.administrator.actor)
    assert issued.invitation.given_roles == {Role.MODERATOR}
    assert service.roles_to_give(world.platform, lead.actor) == frozenset()
    assert service.roles_to_give(world.mcn, world.manager.actor) == ROLES_OF[OrganisationKind.MCN]


@pytest.mark.parametrize(
    ("login", "name", "password", "field"),
    [
        ("hemu", "新人", NEW_PASSWORD, "login"),
        ("HEMU", "新人", NEW_PASSWORD, "login"),
        ("a b", "新人", NEW_PASSWORD, "login"),
        ("fresh", " ", NEW_PASSWORD, "name"),
        ("fresh", "新人", "short", "password"),
        ("freshfresh", "新人", "FreshFresh", "password"),
        ("fresh", "新人", "password123", "password"),
    ],
)
def test_whoever_comes_in_hears_at_the_field_what_to_change(
    world: World, login: str, name: str, password: str, field: str
) -> None:
    issued = service.invite(world.mcn.id, "新人", frozenset({Role.STREAMER}), by=world.manager.actor)
    with pytest.raises(Invalid) as caught:
        service.accept(issued.token, login=login, name=name, password=password)
    assert set(caught.value.fields) == {field}
    assert service.invitation_of(issued.token).accepted_at is None


def test_leaving_ends_sign_ins_links_and_open_invitations(world: World, heard: list[object]) -> None:
    token = sign_ins.begin(world.manager, "127.0.0.1", "tests")
    link = resets.give_reset(world.manager, by=world.administrator.actor)
    issued = service.invite(world.mcn.id, "某人", frozenset({Role.STREAMER}), by=world.manager.actor)
    service.leave(world.manager, by=world.administrator.actor)
    assert sign_ins.account_of(token) is None
    for ended in (lambda: resets.of_token(link), lambda: service.invitation_of(issued.token)):
        with pytest.raises(NotFound):
            ended()
    assert heard == [PersonLeft(world.manager.id)]
    assert actions()[-1] == "person.leave"
    with pytest.raises(WrongState):
        service.leave(world.manager, by=world.administrator.actor)


def test_who_may_close_whose_account(world: World) -> None:
    with pytest.raises(Forbidden):
        service.leave(world.rival_manager, by=world.manager.actor)
    with pytest.raises(Forbidden):
        service.leave(world.manager, by=world.streamer.actor)
    service.leave(world.streamer, by=world.streamer.actor)
    assert world.streamer.state == "left"


def test_the_last_active_administrator_stays(world: World) -> None:
    administrator = world.administrator
    factories.make_user(world.platform, Role.ADMINISTRATOR, state="left")
    for attempt in (
        lambda: service.leave(administrator, by=administrator.actor),
        lambda: service.change_roles(administrator, frozenset({Role.AUDITOR}), by=administrator.actor),
    ):
        with pytest.raises(WrongState):
            attempt()
    second = factories.make_user(world.platform, Role.ADMINISTRATOR)
    service.leave(administrator, by=second.actor)
    assert administrator.state == "left"


def test_roles_change_within_reach_and_on_record(world: World) -> None:
    service.change_roles(world.streamer, frozenset({Role.STREAMER, Role.MCN_FILE_APPROVER}), by=world.manager.actor)
    db.session.expire_all()
    assert world.streamer.roles == {Role.STREAMER, Role.MCN_FILE_APPROVER}
    event = db.session.scalars(select(AuditEvent)).one()
    told = json.loads(event.payload)
    assert (told["before"], told["after"]) == ({"roles": "streamer"}, {"roles": "mcn_file_approver,streamer"})
    with pytest.raises(Forbidden):
        service.change_roles(world.rival_manager, frozenset({Role.STREAMER}), by=world.manager.actor)
    with pytest.raises(Invalid):
        service.change_roles(world.streamer, frozenset({Role.AUDITOR}), by=world.manager.actor)
    service.leave(world.streamer, by=world.manager.actor)
    with pytest.raises(WrongState):
        service.change_roles(world.streamer, frozenset({Role.STREAMER}), by=world.manager.actor)


def test_an_installation_is_founded_once(app: object) -> None:
    user = service.create_first_administrator("晴川直播平台", "Boss", NEW_PASSWORD)
    assert (user.login, user.roles, user.organisation.kind) == ("boss", {Role.ADMINISTRATOR}, "platform")
    assert actions() == ["organisation.create", "person.first_administrator"]
    with pytest.raises(WrongState):
        service.create_first_administrator("第二平台", "boss2", NEW_PASSWORD)


def test_founding_names_the_field_that_is_wrong(app: object) -> None:
    for arguments, field in (
        (("", "boss", NEW_PASSWORD), "platform_name"),
        (("晴川", "b", NEW_PASSWORD), "login"),
        (("晴川", "boss", "short"), "password"),
    ):
        with pytest.raises(Invalid) as caught:
            service.create_first_administrator(*arguments)
        assert set(caught.value.fields) == {field}
        db.session.rollback()
    assert db.session.scalars(select(Organisation)).all() == []


def test_a_person_keeps_name_mail_and_language(world: World) -> None:
    by = world.streamer.actor
    service.change_profile(world.streamer, name="林 晚晚", email="New@Example.com", by=by)
    service.choose_locale(world.streamer, "en", by=by)
    service.choose_locale(world.streamer, "en", by=by)
    db.session.expire_all()
    kept = db.session.get_one(User, world.streamer.id)
    assert (kept.name, kept.email, kept.locale) == ("林 晚晚", "new@example.com", "en")
    assert actions() == ["person.profile", "person.locale"]
    assert "example.com" not in payloads()
    with pytest.raises(Invalid):
        service.choose_locale(world.streamer, "tlh", by=by)


def test_the_record_holds_no_password_and_no_token(world: World) -> None:
    issued = service.invite(world.mcn.id, "周小满", frozenset({Role.STREAMER}), by=world.manager.actor)
    user = service.accept(issued.token, login="xiaoman", name="周小满", password=NEW_PASSWORD)
    token = sign_ins.begin(user, "127.0.0.1", "tests")
    link = resets.give_reset(user, by=world.manager.actor)
    resets.reset_password(link, "eight quiet harbours")
    sign_ins.sign_out(token)
    for secret in (issued.token, token, link, NEW_PASSWORD, "eight quiet harbours", user.password_hash):
        assert secret not in payloads()


def test_ids_are_resolved_to_names_and_roles_to_people(world: World) -> None:
    assert service.names_of({world.manager.id, 10**6}) == {world.manager.id: "何木"}
    assert service.names_of(set()) == {}
    assert service.active_with_role(world.mcn.id, Role.MCN_MANAGER) == [world.manager.id]
    service.leave(world.manager, by=SYSTEM)
    assert service.active_with_role(world.mcn.id, Role.MCN_MANAGER) == []
