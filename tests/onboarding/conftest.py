"""The world the tests of onboarding live in."""

from __future__ import annotations

import pytest
from flask import Flask

from .factories import World, make_world


@pytest.fixture
def world(app: Flask) -> World:
    """Two MCNs and two operators on one platform."""
    return make_world()
