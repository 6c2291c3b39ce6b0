"""The team's page, the rules' pages and what a learner is asked for."""

from __future__ import annotations

import io
import re
from datetime import date, timedelta

import pytest
from flask.testing import FlaskClient
from openpyxl import load_workbook
from sqlalchemy import select

from livequal.accounts.models import User
from livequal.accounts.rules import SYSTEM, Role
from livequal.kernel.clock import now
from livequal.kernel.db import db
from livequal.training import assigning, assignment_rules, team
from livequal.training.assignment_models import Assignment, AssignmentRule
from livequal.training.duties import Sought, Status
from livequal.training.models import Course

from ..factories import make_mcn, make_platform, make_user, signed_in
from .test_assigning import entry

TODAY = assigning.today
HOSTILE = '=HYPERLINK("http://example.com","点我")'


@pytest.fixture
def curriculum(course: Course) -> User:
    return make_user(make_platform(), Role.CURRICULUM_MANAGER)


@pytest.fixture
def manager(course: Course) -> User:
    """A manager with one person in each state, and another house's person who must never be seen."""
    mcn, other = make_mcn("禾木文化"), make_mcn("南枝传媒")
    boss = make_user(mcn, Role.MCN_MANAGER, name="老板")
    for name in ("甲", "乙", "丙", "丁", HOSTILE):
        make_user(mcn, Role.STREAMER, name=name)
    make_user(other, Role.STREAMER, name="别家的人")
    assignment_rules.add_rule(entry(course), by=SYSTEM)
    assigning.review()
    rows = {db.session.get_one(User, row.user_id).name: row for row in db.session.scalars(select(Assignment)).all()}
    rows["甲"].due_on = TODAY() - timedelta(days=1)
    rows["乙"].done_at = now() - timedelta(days=10)
    rows["丙"].done_at = now() - timedelta(days=350)
    rows["丁"].due_on, rows["丁"].provisional = TODAY() - timedelta(days=1), True
    db.session.commit()
    return boss


def names(page: str) -> list[str]:
    return re.findall(r'<th scope="row">([^<]*)</th>', page)


@pytest.mark.parametrize(
    ("status", "people"),
    [
        (Status.OVERDUE, ["甲"]),
        (Status.IN_PROGRESS, ["丁", HOSTILE]),
        (Status.EXPIRING, ["丙"]),
        (Status.DONE, ["乙", "丙"]),
    ],
)
def test_counts_lists_and_workbook_say_the_same_of_ones_own_people(
    client: FlaskClient, manager: User, status: Status, people: list[str]
) -> None:
    assert team.counts(manager.actor, Sought())[status] == len(people)
    signed_in(client, manager)
    page = client.get(f"/learn/team?status={status}").text
    assert "别家的人" not in page
    assert [name.replace("&#34;", '"') for name in names(page)] == people
    book = client.get(f"/learn/team.xlsx?status={status}")
    sheet = load_workbook(io.BytesIO(book.data)).active
    assert sheet
    cells = [cell for row in sheet.iter_rows(min_row=2) for cell in row]
    assert len(cells) // 7 == len(people)
    assert {cell.data_type for cell in cells if cell.value} == {"s"}
    assert not [cell.value for cell in cells if str(cell.value or "").startswith("=")]


def test_the_list_that_hurts_stands_first_and_filters_hold_for_counts_too(client: FlaskClient, manager: User) -> None:
    page = signed_in(client, manager).get("/learn/team").text
    assert names(page) == ["甲"]
    assert team.counts(manager.actor, Sought(words="乙")) == {
        Status.OVERDUE: 0,
        Status.IN_PROGRESS: 0,
        Status.EXPIRING: 0,
        Status.DONE: 1,
    }
    theirs = Sought(organisation_id=manager.organisation_id)
    assert sum(team.counts(make_user(make_mcn(), Role.MCN_MANAGER).actor, theirs).values()) == 0


def test_a_streamer_has_no_team(client: FlaskClient, manager: User) -> None:
    person = db.session.scalars(select(User).where(User.name == "甲")).one()
    assert signed_in(client, person).get("/learn/team").status_code == 403
    assert sum(team.counts(person.actor, Sought()).values()) == 0


def test_the_learning_page_says_what_by_when_and_why_once_for_each_course(client: FlaskClient, manager: User) -> None:
    person = db.session.scalars(select(User).where(User.name == "甲")).one()
    page = signed_in(client, person).get("/learn?").text
    assert str(TODAY() - timedelta(days=1)) in page
    assert page.count('href="/learn/courses/sample"') == 1


def test_a_rule_is_counted_before_it_is_saved_and_counted_again_when_people_came(
    client: FlaskClient, curriculum: User, course: Course
) -> None:
    make_user(make_mcn(), Role.STREAMER)
    sent = {
        "title": "新规",
        "course": str(course.id),
        "occasion": "date",
        "on_date": str(date(2026, 12, 1)),
        "held": "",
        "roles": ["streamer"],
        "working_days": "5",
    }
    signed_in(client, curriculum)
    shown = client.post("/learn/rules/new", data=sent)
    assert (shown.status_code, db.session.scalars(select(AssignmentRule)).all()) == (200, [])
    assert 'value="1-0"' in shown.text
    make_user(make_mcn(), Role.STREAMER)
    again = client.post("/learn/rules/new", data=sent | {"counted": "1-0", "save": "1"})
    assert 'value="2-0"' in again.text
    assert client.post("/learn/rules/new", data=sent | {"counted": "2-0", "save": "1"}).status_code == 303
    rule = db.session.scalars(select(AssignmentRule)).one()
    assert (rule.title, rule.on_date, rule.roles) == ("新规", date(2026, 12, 1), ",streamer,")
    assert "新规" in client.get("/learn/rules").text
    client.post(f"/learn/rules/{rule.id}/switch", data={"on": "0"})
    db.session.expire_all()
    assert not rule.active


@pytest.mark.parametrize(
    ("field", "value"), [("organisation", "没有这家"), ("room", "R0"), ("working_days", "300"), ("roles", ["auditor"])]
)
def test_a_rule_with_a_mistake_says_so_at_the_field_and_saves_nothing(
    client: FlaskClient, curriculum: User, course: Course, field: str, value: object
) -> None:
    sent: dict[str, object] = {
        "title": "x",
        "course": str(course.id),
        "occasion": "joining",
        "roles": ["streamer"],
        "held": "",
    }
    sent |= {"working_days": "5"}
    answer = signed_in(client, curriculum).post("/learn/rules/new", data=sent | {field: value})
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text or f'href="#{field}' in answer.text
    assert db.session.scalars(select(AssignmentRule)).all() == []


def test_the_curriculum_manager_lets_somebody_off_with_a_reason(
    client: FlaskClient, curriculum: User, manager: User
) -> None:
    row = db.session.scalars(select(Assignment).where(Assignment.done_at.is_(None)).order_by(Assignment.id)).first()
    assert row
    signed_in(client, curriculum)
    address = f"/learn/assignments/{row.id}/waive"
    assert client.get(address).status_code == 200
    assert client.post(address, data={"reason": ""}).status_code == 422
    assert client.post(address, data={"reason": "产假"}).status_code == 303
    db.session.expire_all()
    assert (row.ended, row.reason, row.ended_by) == ("waived", "产假", curriculum.id)
    assert client.get(address).status_code == 404
