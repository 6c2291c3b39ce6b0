"""The permission table, passwords, sign-in names, the throttle's arithmetic."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livequal.accounts import rules
from livequal.accounts.rules import (
    PERMISSIONS,
    ROLES_OF,
    SYSTEM,
    Actor,
    InvitationState,
    OrganisationKind,
    PasswordFault,
    Permission,
    Role,
)

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def actor(kind: OrganisationKind, *roles: Role, organisation_id: int = 1) -> Actor:
    return Actor(7, "某人", organisation_id, kind, frozenset(roles))


def test_every_role_belongs_to_a_kind_of_organisation_and_has_permissions() -> None:
    assert frozenset().union(*ROLES_OF.values()) == set(Role) == set(PERMISSIONS)
    assert all(Permission.OWN_ACCOUNT in PERMISSIONS[role] for role in Role)


def test_every_permission_is_held_by_somebody() -> None:
    assert frozenset().union(*PERMISSIONS.values()) == set(Permission)


def test_tenants_hold_no_permission_over_recordings_cases_jobs_or_the_record() -> None:
    platform_only = {
        Permission.READ_ORGANISATIONS,
        Permission.WRITE_ORGANISATIONS,
        Permission.READ_CASES,
        Permission.DECIDE_CASES,
        Permission.CORRECT_TRANSCRIPTS,
        Permission.READ_JOBS,
        Permission.STEER_JOBS,
        Permission.READ_AUDIT,
        Permission.READ_OUTBOX,
    }
    for kind in (OrganisationKind.MCN, OrganisationKind.ROOM_OPERATOR):
        for role in ROLES_OF[kind]:
            assert not PERMISSIONS[role] & platform_only, role


@pytest.mark.parametrize(
    ("role", "permission", "allowed"),
    [
        (Role.ADMINISTRATOR, Permission.MANAGE_PEOPLE, True),
        (Role.ADMINISTRATOR, Permission.DECIDE_CASES, False),
        (Role.MODERATOR, Permission.DECIDE_CASES, True),
        (Role.MODERATOR, Permission.STEER_JOBS, False),
        (Role.LEAD_MODERATOR, Permission.STEER_JOBS, True),
        (Role.APPEAL_REVIEWER, Permission.DECIDE_CASES, False),
        (Role.AUDITOR, Permission.READ_AUDIT, True),
        (Role.AUDITOR, Permission.MANAGE_PEOPLE, False),
        (Role.QUALITY_OFFICER, Permission.READ_AUDIT, True),
        (Role.MCN_MANAGER, Permission.INVITE_PEOPLE, True),
        (Role.MCN_FILE_APPROVER, Permission.INVITE_PEOPLE, False),
        (Role.STREAMER, Permission.READ_FINDINGS, True),
        (Role.STREAMER, Permission.READ_PEOPLE, False),
    ],
)
def test_a_role_may_do_what_the_table_says(role: Role, permission: Permission, allowed: bool) -> None:
    assert actor(OrganisationKind.PLATFORM, role).may(permission) is allowed


def test_livequal_itself_may_do_everything_and_a_person_without_roles_nothing() -> None:
    assert all(SYSTEM.may(permission) for permission in Permission)
    assert not any(actor(OrganisationKind.MCN).may(permission) for permission in Permission)


MANAGER = actor(OrganisationKind.MCN, Role.MCN_MANAGER, organisation_id=2)
ADMINISTRATOR = actor(OrganisationKind.PLATFORM, Role.ADMINISTRATOR)
LEAD = actor(OrganisationKind.PLATFORM, Role.LEAD_MODERATOR)


@pytest.mark.parametrize(
    ("by", "kind", "organisation_id", "roles", "allowed"),
    [
        (ADMINISTRATOR, OrganisationKind.PLATFORM, 1, {Role.ADMINISTRATOR}, True),
        (ADMINISTRATOR, OrganisationKind.MCN, 2, {Role.MCN_MANAGER}, True),
        (ADMINISTRATOR, OrganisationKind.MCN, 2, {Role.MODERATOR}, False),
        (ADMINISTRATOR, OrganisationKind.MCN, 2, set(), False),
        (LEAD, OrganisationKind.PLATFORM, 1, {Role.MODERATOR}, False),
        (MANAGER, OrganisationKind.MCN, 2, {Role.MCN_MANAGER, Role.STREAMER}, True),
        (MANAGER, OrganisationKind.MCN, 3, {Role.STREAMER}, False),
        (MANAGER, OrganisationKind.MCN, 2, {Role.STREAMER, Role.ADMINISTRATOR}, False),
        (MANAGER, OrganisationKind.PLATFORM, 1, {Role.MODERATOR}, False),
        (actor(OrganisationKind.MCN, Role.STREAMER), OrganisationKind.MCN, 1, {Role.STREAMER}, False),
    ],
)
def test_roles_are_given_within_reach_and_fit_the_organisation(
    by: Actor, kind: OrganisationKind, organisation_id: int, roles: set[Role], allowed: bool
) -> None:
    assert rules.may_give(by, kind, organisation_id, frozenset(roles)) is allowed


def test_managers_manage_their_own_house_only() -> None:
    assert rules.may_manage(MANAGER, 2)
    assert not rules.may_manage(MANAGER, 3)
    assert rules.may_manage(ADMINISTRATOR, 2)
    assert not rules.may_manage(LEAD, 2)


@pytest.mark.parametrize(
    ("password", "login", "fault"),
    [
        ("three lanterns lit", "lin", None),
        ("短的密码", "lin", PasswordFault.SHORT),
        ("x" * 9, "lin", PasswordFault.SHORT),
        ("一条很长又好记的密码", "lin", None),
        ("x1y2z3" * 40, "lin", PasswordFault.LONG),
        ("Linxiaoyue8", "linxiaoyue8", PasswordFault.IS_LOGIN),
        ("8euyoaixnil", "linxiaoyue8", PasswordFault.IS_LOGIN),
        ("xiaoyuexiaoyue", "xiaoyue", PasswordFault.IS_LOGIN),
        ("1234567890", "lin", PasswordFault.COMMON),
        ("PassWord123", "lin", PasswordFault.COMMON),
        ("１２３４５６７８９０", "lin", PasswordFault.COMMON),
        ("aaaaaaaaaaaa", "lin", PasswordFault.COMMON),
        ("ababababab12"[:10], "lin", PasswordFault.COMMON),
    ],
)
def test_passwords_are_long_and_not_what_strangers_try_first(
    password: str, login: str, fault: PasswordFault | None
) -> None:
    assert rules.password_fault(password, login) is fault


@pytest.mark.parametrize("login", ["lin", "林晚", "a1", "139.lin@example.com", "a" * 60])
def test_sign_in_names_may_be_letters_digits_and_chinese(login: str) -> None:
    assert rules.login_fits(login)


@pytest.mark.parametrize("login", ["", "a", ".lin", "lin wan", "lin\n", "Lin", "a" * 61, "lin<b>", "-x"])
def test_other_sign_in_names_are_refused(login: str) -> None:
    assert not rules.login_fits(login)


@given(st.text(max_size=80))
def test_a_normal_sign_in_name_stays_what_it_is(text: str) -> None:
    once = rules.normal_login(text)
    if rules.login_fits(once):
        assert rules.normal_login(once) == once


def test_full_width_and_capitals_are_the_same_sign_in_name() -> None:
    assert rules.normal_login("  Ｌin＠Example.COM ") == "lin@example.com"


def test_one_waits_until_enough_tries_are_out_of_the_window() -> None:
    tries = [NOON - timedelta(minutes=14, seconds=30), *[NOON - timedelta(minutes=m) for m in (10, 5, 2, 1)]]
    assert rules.wait_s(tries, 5, NOON) == 30
    assert rules.wait_s(tries, 6, NOON) == 0
    assert rules.wait_s(tries, 5, NOON + timedelta(seconds=30)) == 0
    assert rules.wait_s([], 5, NOON) == 0


@given(st.lists(st.integers(0, 2000), max_size=12), st.integers(1, 6))
def test_after_the_wait_a_try_is_always_welcome(ages_s: list[int], limit: int) -> None:
    tries = [NOON - timedelta(seconds=age) for age in ages_s]
    wait = rules.wait_s(tries, limit, NOON)
    assert 0 <= wait <= rules.THROTTLE_WINDOW.total_seconds()
    assert rules.wait_s(tries, limit, NOON + timedelta(seconds=wait)) == 0


@pytest.mark.parametrize(
    ("address", "group"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("", "unknown"),
        ("unix:", "unknown"),
    ],
)
def test_addresses_are_throttled_in_groups(address: str, group: str) -> None:
    assert rules.address_group(address) == group


@pytest.mark.parametrize(
    ("accepted", "revoked", "expires_in_h", "state"),
    [
        (None, None, 1, InvitationState.OPEN),
        (None, None, 0, InvitationState.EXPIRED),
        (NOON, None, -1, InvitationState.ACCEPTED),
        (None, NOON, 1, InvitationState.REVOKED),
    ],
)
def test_an_invitation_stands_where_its_dates_say(
    accepted: datetime | None, revoked: datetime | None, expires_in_h: int, state: InvitationState
) -> None:
    assert rules.invitation_state(accepted, revoked, NOON + timedelta(hours=expires_in_h), NOON) is state


@pytest.mark.parametrize(
    ("browser", "name"),
    [
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/130.0 Safari/537.36", "Chrome · Windows"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/130.0 Safari/537.36 Edg/130.0", "Edge · Windows"),
        ("Mozilla/5.0 (Linux; Android 14) Chrome/116 Mobile Safari/537.36 MicroMessenger/8.0.47", "WeChat · Android"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile Safari/604.1", "Safari · iPhone"),
        ("curl/8.5.0", ""),
    ],
)
def test_a_browser_is_shown_by_a_name_people_know(browser: str, name: str) -> None:
    assert rules.device_name(browser) == name
