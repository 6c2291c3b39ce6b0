"""A loaded course and a learner who has read it."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from livequal.accounts.models import User
from livequal.accounts.rules import SYSTEM, Role
from livequal.kernel.db import db
from livequal.training import loading, service
from livequal.training.content import read_library
from livequal.training.models import Course

from ..factories import make_mcn, make_user
from .sample import write_course


@pytest.fixture
def course(app: Flask, tmp_path: Path) -> Course:
    """The sample course, loaded."""
    library, _faults = read_library([write_course(tmp_path)], whole=False)
    loading.apply(loading.plan(library), by=SYSTEM)
    db.session.commit()
    return db.session.scalars(select(Course)).one()


@pytest.fixture
def learner(course: Course) -> User:
    """A streamer who has read all lessons."""
    user = make_user(make_mcn(), Role.STREAMER)
    read_all(user, course)
    return user


def read_all(user: User, course: Course) -> None:
    """Read every lesson to its end."""
    told = service.facts(course)
    for lesson in told.lessons:
        service.finish_lesson(told, lesson.file, by=user.actor)
    db.session.commit()
