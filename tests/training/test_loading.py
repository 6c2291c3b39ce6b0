"""Loading courses: only added to, in one go, and who is affected is told before anything is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from livequal.accounts.rules import SYSTEM, Role
from livequal.commands import courses
from livequal.kernel.clock import now
from livequal.kernel.db import db
from livequal.training import loading
from livequal.training.content import Fault, Library, read_library
from livequal.training.models import (
    Attempt,
    AttemptSlot,
    Course,
    CourseVersion,
    Grade,
    LessonVersion,
    Question,
    QuestionVersion,
)

from ..factories import make_mcn, make_user
from .sample import item, items, write_course


def library_of(root: Path, **more: Any) -> Library:
    write_course(root, **more)
    library, _faults = read_library([root], whole=False)
    return library


def load(root: Path, **more: Any) -> None:
    loading.apply(loading.plan(library_of(root, **more)), by=SYSTEM)


def count(kind: type) -> int:
    return db.session.scalar(select(func.count()).select_from(kind)) or 0


def bank_with(number: int, **more: Any) -> list[dict[str, Any]]:
    return [row | more if row["id"] == f"t01-{number:03}" else row for row in items()]


@pytest.mark.usefixtures("session")
def test_loading_twice_changes_nothing_the_second_time(tmp_path: Path) -> None:
    load(tmp_path)
    assert loading.plan(library_of(tmp_path)).empty
    assert (count(CourseVersion), count(LessonVersion), count(Question), count(QuestionVersion)) == (1, 2, 43, 43)


@pytest.mark.usefixtures("session")
def test_a_change_adds_versions_of_what_changed_and_keeps_the_earlier_ones(tmp_path: Path) -> None:
    load(tmp_path)
    load(tmp_path, bank=bank_with(1, explanation="说得更清楚"), version="1.1.0")
    assert (count(CourseVersion), count(LessonVersion), count(QuestionVersion)) == (2, 2, 44)
    course = db.session.scalars(select(Course)).one()
    assert course.current == 2
    assert loading.current_version(course).version == "1.1.0"


@pytest.mark.usefixtures("session")
def test_a_course_whose_folder_is_gone_is_offered_no_longer_but_stays(tmp_path: Path) -> None:
    load(tmp_path)
    loading.apply(loading.plan(Library((), ())), by=SYSTEM)
    assert db.session.scalars(select(Course.listed)).all() == [False]
    assert count(QuestionVersion) == 43
    load(tmp_path)
    assert db.session.scalars(select(Course.listed)).all() == [True]


@pytest.fixture
def sat(app: Flask, tmp_path: Path) -> dict[str, int]:
    """Three people with an attempt each: a running, a passed and a failed one on item 1; a fourth passed on item 2."""
    load(tmp_path)
    house = make_mcn()
    course = db.session.scalars(select(Course)).one()
    version = loading.current_version(course)
    ids = {}
    for name, number, passed in (("甲", 1, None), ("乙", 1, True), ("丙", 1, False), ("丁", 2, True)):
        user = make_user(house, Role.STREAMER, name=name)
        at = now()
        ended = None if passed is None else at
        attempt = Attempt(
            user_id=user.id,
            course_id=course.id,
            course_version_id=version.id,
            number=1,
            seed="s",
            policy="{}",
            policy_sha256="",
            started_at=at,
            deadline=at.replace(year=at.year + 1),
            closed_at=ended,
            closed_by="learner" if ended else "",
        )
        db.session.add(attempt)
        db.session.flush()
        asked = select(QuestionVersion.id).join(Question).where(Question.item == f"t01-{number:03}")
        version_id = db.session.scalars(asked).one()
        db.session.add(
            AttemptSlot(attempt_id=attempt.id, slot=1, question_version_id=version_id, frozen="{}", sha256="")
        )
        if passed is not None:
            grade = Grade(
                attempt_id=attempt.id,
                number=1,
                points=0,
                possible=1,
                passed=passed,
                slots="[]",
                sha256="",
                graded_at=at,
            )
            db.session.add(grade)
        ids[name] = attempt.id
    db.session.commit()
    return ids


def names_of(root: Path, **more: Any) -> list[str]:
    return [one.name for one in loading.affected(loading.plan(library_of(root, **more)))]


def test_a_typo_touches_nobody(sat: dict[str, int], tmp_path: Path) -> None:
    mended = item(1, "single")["text"] + "。"
    plan = loading.plan(library_of(tmp_path, bank=bank_with(1, text=mended)))
    assert [one.item.id for course in plan.courses for one in course.asked if one.changed] == ["t01-001"]
    assert loading.affected(plan) == []


def test_a_new_key_lists_exactly_those_whose_running_or_passed_paper_has_it(
    sat: dict[str, int], tmp_path: Path
) -> None:
    bank = bank_with(1, key="a", options=[row | {"why": "x"} for row in item(1, "single")["options"]])
    assert sorted(names_of(tmp_path, bank=bank)) == sorted(["甲", "乙"])


def test_a_second_material_change_still_lists_those_of_the_first_version(sat: dict[str, int], tmp_path: Path) -> None:
    options = [row | {"why": "x"} for row in item(1, "single")["options"]]
    load(tmp_path, bank=bank_with(1, key="a", options=options))
    assert sorted(names_of(tmp_path, bank=bank_with(1, key="b", options=options))) == sorted(["甲", "乙"])


def test_a_start_reads_the_courses_only_when_a_file_or_what_is_loaded_has_changed(
    app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[Path] = []

    def read(folders: list[Path]) -> tuple[Library, list[Fault]]:
        reads.extend(folders)
        return read_library(folders, whole=False)

    monkeypatch.setattr(courses, "existing_dirs", lambda: [tmp_path])
    monkeypatch.setattr(courses, "read_library", read)
    lesson = min(write_course(tmp_path).glob("*.md"))

    with app.app_context():
        for _start in range(2):
            courses.load_quietly(lambda line: None)
        assert len(reads) == 1
        lesson.write_text(lesson.read_text(encoding="utf-8") + "\n再读一遍。\n", encoding="utf-8")
        courses.load_quietly(lambda line: None)
        assert len(reads) == 2
        monkeypatch.setattr(loading, "newest", lambda: "an older backup")
        courses.load_quietly(lambda line: None)
    assert len(reads) == 3
