"""A small world of tenants and people, and an ear on the bus."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from flask import Flask

from livequal import flow
from livequal.accounts.events import PersonJoined, PersonLeft
from livequal.accounts.models import Organisation, User
from livequal.accounts.rules import Role
from livequal.kernel import bus

from .. import factories


@dataclass
class World:
    """The platform with its administrator, two MCNs with a manager each, and a streamer of the first."""

    platform: Organisation
    mcn: Organisation
    rival: Organisation
    administrator: User
    manager: User
    rival_manager: User
    streamer: User


@pytest.fixture
def world(app: Flask) -> World:
    """People to start from; each signs in with factories.PASSWORD."""
    platform, mcn, rival = factories.make_platform(), factories.make_mcn("禾木文化"), factories.make_mcn("南枝传媒")
    return World(
        platform,
        mcn,
        rival,
        factories.make_user(platform, Role.ADMINISTRATOR, login="admin1", name="沈一舟"),
        factories.make_user(mcn, Role.MCN_MANAGER, login="hemu", name="何木"),
        factories.make_user(rival, Role.MCN_MANAGER, login="nanzhi", name="南知"),
        factories.make_user(mcn, Role.STREAMER, login="wanwan", name="林晚", email="wanwan@example.com"),
    )


@pytest.fixture
def heard(app: Flask) -> Iterator[list[object]]:
    """The facts that accounts told, in order."""
    facts: list[object] = []
    bus.connect({PersonJoined: [facts.append], PersonLeft: [facts.append]})
    yield facts
    bus.connect(flow.FLOW)
