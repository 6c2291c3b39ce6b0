"""Learning and exams over HTTP; above all that no key leaves the server before the exam is submitted."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from livequal.accounts.models import User
from livequal.accounts.rules import Role
from livequal.kernel import installation
from livequal.kernel.clock import frozen, now
from livequal.kernel.db import db
from livequal.training import attempts, service, shown
from livequal.training.grading import FULL
from livequal.training.models import (
    Attempt,
    AttemptEvent,
    AttemptSlot,
    AttemptStep,
    Course,
    Enrolment,
    ExamGrant,
    Grade,
    QuestionVersion,
)
from livequal.training.papers import frozen as freeze

from ..factories import PASSWORD, make_mcn, make_platform, make_user, signed_in
from .sample import PLAN, item, items
from .test_attempts import begun, right_answers

EXAM = "/learn/courses/sample/exam"
START = {"password": PASSWORD, "agreed": "y"}


@pytest.fixture
def browser(client: FlaskClient, learner: User) -> FlaskClient:
    return signed_in(client, learner)


def test_the_learning_page_says_what_is_mine_and_how_long_it_takes(browser: FlaskClient) -> None:
    page = browser.get("/learn").text
    assert "价格怎么说" in page
    assert "/learn/courses/sample" in page


def test_a_course_for_other_roles_is_not_found(client: FlaskClient, course: Course) -> None:
    operator = make_user(make_mcn(), Role.MCN_FILE_APPROVER)
    assert signed_in(client, operator).get("/learn/courses/sample").status_code == 404
    assert "价格怎么说" not in client.get("/learn").text


def test_reading_goes_on_where_another_device_left_off(client: FlaskClient, course: Course) -> None:
    user = make_user(make_mcn(), Role.STREAMER)
    phone = signed_in(client, user)
    place = phone.post("/learn/courses/sample/lessons/02-two/place", json={"place": 3})
    assert place.status_code == 200
    desk = signed_in(client.application.test_client(), user)
    assert 'data-place="3"' in desk.get("/learn/courses/sample/lessons/02-two").text
    assert db.session.get_one(Enrolment, (user.id, course.id)).file == "02-two.md"


@pytest.mark.parametrize("place", [-1, 10**9, "x", None])
def test_a_place_that_is_none_is_refused(browser: FlaskClient, place: object) -> None:
    answer = browser.post("/learn/courses/sample/lessons/02-two/place", json={"place": place})
    assert answer.status_code == 422


@pytest.mark.parametrize(
    "path", ["lessons/09-none", "img/none.png", "img/..%2f..%2fcourse.yaml", "lessons/..%2fcourse"]
)
def test_files_outside_of_a_course_are_not_found(browser: FlaskClient, path: str) -> None:
    assert browser.get(f"/learn/courses/sample/{path}").status_code == 404


def test_reading_the_last_lesson_leads_to_the_exam(client: FlaskClient, course: Course) -> None:
    browser = signed_in(client, make_user(make_mcn(), Role.STREAMER))
    first = browser.post("/learn/courses/sample/lessons/01-one/finish")
    assert first.location.endswith("/lessons/02-two")
    assert "data-ask" not in browser.get(EXAM).text
    assert browser.post(EXAM, data=START).status_code == 409
    assert browser.post("/learn/courses/sample/lessons/02-two/finish").location.endswith("/courses/sample")
    assert browser.post(EXAM, data=START).status_code == 303


def test_the_learner_signs_in_again_to_begin(browser: FlaskClient) -> None:
    assert browser.post(EXAM, data=START | {"password": "wrong"}).status_code == 422
    assert browser.post(EXAM, data={"password": PASSWORD}).status_code == 422
    assert db.session.scalars(select(Attempt)).all() == []
    begun = browser.post(EXAM, data=START)
    assert re.fullmatch(r"/learn/exams/\d+", begun.location)


@pytest.fixture
def all_types(course: Course, learner: User) -> Attempt:
    """A running exam with one question of every type, the clip with its sound."""
    attempt = begun(learner, course)
    for row in db.session.scalars(select(AttemptSlot).where(AttemptSlot.slot > 8)).all():
        db.session.delete(row)
    incoming = installation.storage().new_incoming()
    incoming.write_bytes(b"\0\0\0 ftypM4A ")
    key = installation.storage().adopt(incoming, "course", ".m4a")
    slots = []
    for number, (kind, _count) in enumerate(PLAN, 1):
        version = db.session.scalars(select(QuestionVersion).where(QuestionVersion.type == kind)).first()
        assert version is not None
        if kind == "clip_review":
            version.clip_key = key
            version.clip_times = json.dumps({f"s{n}": [n * 1000, n * 1000 + 900] for n in range(1, 5)})
        slot = freeze(number, version.id, version.sha256, json.loads(version.content), "seed")
        if kind == "clip_review":
            slot["categories"] = ["fake_scarcity", "lowest_price"]
        slots.append(slot)
        db.session.execute(
            update(AttemptSlot)
            .where(AttemptSlot.slot == number)
            .values(question_version_id=version.id, frozen=attempts.canonical(slot), sha256=attempts.sha256(slot))
        )
    policy = json.loads(attempt.policy) | {"slots": [attempts.sha256(slot) for slot in slots]}
    attempt.policy = attempts.canonical(policy)
    attempt.policy_sha256 = attempts.sha256(attempt.policy)
    db.session.commit()
    return attempt


def save(browser: FlaskClient, attempt: Attempt, steps: list[dict[str, Any]], client: str = "w1") -> Any:
    return browser.post(f"/learn/exams/{attempt.id}/steps", json={"client": client, "steps": steps})


def right_steps(attempt: Attempt) -> list[dict[str, Any]]:
    slots = attempts.slots_of(attempt)
    pairs = [(number, answer) for number, slot in slots.items() for answer in right_answers(slot)]
    return [{"seq": seq, "slot": number, "answer": answer} for seq, (number, answer) in enumerate(pairs)]


def test_until_submission_no_byte_of_key_or_explanation_leaves_the_server(
    browser: FlaskClient, all_types: Attempt
) -> None:
    url = f"/learn/exams/{all_types.id}"
    answers = [browser.get(url), browser.get(EXAM), browser.get("/learn"), browser.get("/learn/courses/sample")]
    for step in right_steps(all_types):
        answers.append(save(browser, all_types, [step]))
        answers.append(browser.get(url))
    answers += [
        browser.get(f"{url}/result", follow_redirects=True),
        browser.post(f"{url}/events", json={"kind": "left"}),
        browser.post(f"{url}/steps", json={"client": "w1", "steps": [{"seq": 99, "slot": 1, "answer": "x"}]}),
        browser.get(f"{url}/clips/1.m4a"),
    ]
    contents = [json.loads(version.content) for version in _versions_of(all_types)]
    told_later = {content["explanation"] for content in contents} | {content["source"] for content in contents}
    told_later |= {row["why"] for content in contents for row in content.get("options", ()) if row.get("why")}
    for content in contents:
        for step in content.get("steps", ()):
            told_later |= {word for row in step["options"] for word in (row["why"], row["outcome"]) if word}
    assert len(told_later) > 10
    told_later -= {"《明码标价和禁止价格欺诈规定》第十六条"}  # the course's own page names what it rests on
    for answer in answers:
        body = answer.get_data(as_text=True)
        assert [secret for secret in told_later if secret in body] == []
        for word in ('"key"', '"points"', '"why"', "question_version", '"next":', "t01-"):
            assert word not in body, (word, answer.request.path)
    assert "第十六条" not in browser.get(url).text


def _versions_of(attempt: Attempt) -> list[QuestionVersion]:
    query = select(QuestionVersion).join(AttemptSlot, AttemptSlot.question_version_id == QuestionVersion.id)
    return list(db.session.scalars(query.where(AttemptSlot.attempt_id == attempt.id)))


def test_no_response_of_a_running_exam_changes_with_its_key(browser: FlaskClient, all_types: Attempt) -> None:
    """Flip the keys in the frozen slots: not a byte of any answer to the learner may follow."""
    with frozen(all_types.started_at):
        steps = right_steps(all_types)
        # Once before, so that nothing is answered anew and no message of an earlier call is shown.
        _responses(browser, all_types, steps)
        browser.get("/learn")
        before = _responses(browser, all_types, steps)
        assert len(before) > 20
        browser.get("/learn")
        for row in db.session.scalars(select(AttemptSlot)).all():
            row.frozen = attempts.canonical(_flipped(json.loads(row.frozen)))
        db.session.commit()
        after = _responses(browser, all_types, steps)
    assert [name for name, body in before.items() if after[name] != body] == []
    words = ("解析", "没成交过", "错在", "没有依据", "与小票不符", "这样收尾最稳", "explanation", '"key"')
    assert [(name, word) for name, body in before.items() for word in words if word in body] == []


def _flipped(slot: dict[str, Any]) -> dict[str, Any]:
    match slot["type"]:
        case "single":
            slot["key"] = next(one for one in slot["order"] if one != slot["key"])
        case "true_false":
            slot["key"] = not slot["key"]
        case "ordering" | "multiple":
            slot["key"] = slot["key"][::-1][:2]
        case "fill_in":
            slot["key"] = [["9"], ["8"]]
        case "matching":
            slot["key"] = dict.fromkeys(slot["key"], "r3")
        case "clip_review":
            slot["key"] = {"s1": "fake_scarcity"}
        case _:
            for rows in slot["key"]["steps"].values():
                for way in rows.values():
                    way["points"] = 100 - way["points"]
    return slot


def _responses(browser: FlaskClient, attempt: Attempt, steps: list[dict[str, Any]]) -> dict[str, str]:
    """What every page and call says while the exam runs, by its name, without what is drawn anew each time."""
    url = f"/learn/exams/{attempt.id}"
    pages = [url, f"{url}/result", EXAM, "/learn", "/learn/courses/sample", "/learn/courses/sample/lessons/01-one"]
    clip = next(number for number, one in attempts.slots_of(attempt).items() if one["type"] == "clip_review")
    told = {page: browser.get(page) for page in [*pages, f"{url}/clips/{clip}.m4a"]}
    told |= {f"save {step['seq']}": save(browser, attempt, [step]) for step in steps}
    told |= {
        "save nonsense": save(browser, attempt, [{"seq": 99, "slot": 1, "answer": {"a": "b"}}]),
        "save elsewhere": save(browser, attempt, [{"seq": 99, "slot": 9, "answer": 1}]),
        "save all": save(browser, attempt, steps),
        "leave": browser.post(f"{url}/events", json={"kind": "left"}),
        "begin": browser.post(EXAM, data=START),
        "form": browser.post(f"{url}/submit", data={"answers": "1", "action": "save"}),
    }
    bare = {name: re.sub(r'(csrf[^>]*?)(value|content)="[^"]*"', "", one.text) for name, one in told.items()}
    return bare | {f"{name}, head": f"{one.status} {one.location}" for name, one in told.items()}


@pytest.mark.parametrize(
    ("more", "answered"),
    [
        ({"type": "ordering", "answer": [2, 0, 1]}, False),
        ({"type": "ordering", "answer": [2, 3, 1]}, True),
        ({"type": "fill_in", "answer": ["七", ""]}, False),
        ({"type": "matching", "left": ((1, "甲"), (2, "乙")), "answer": {"1": 2}}, False),
        ({"type": "matching", "left": ((1, "甲"), (2, "乙")), "answer": {"1": 2, "2": 1}}, True),
        ({"type": "true_false", "answer": False}, True),
        ({"type": "clip_review", "answer": {}}, True),
        ({"type": "single"}, False),
    ],
)
def test_a_question_counts_as_answered_when_nothing_of_it_is_open(more: dict[str, Any], answered: bool) -> None:
    assert shown.Asked(slot=1, red_line=False, text="", **more).answered is answered


def test_a_scenarios_next_step_is_told_only_after_the_choice(browser: FlaskClient, all_types: Attempt) -> None:
    url = f"/learn/exams/{all_types.id}"
    assert "小票来了" not in browser.get(url).text
    slot = next(number for number, one in attempts.slots_of(all_types).items() if one["type"] == "scenario")
    first = next(step for step in right_steps(all_types) if step["slot"] == slot)
    answer = save(browser, all_types, [first]).get_json()
    assert "小票来了" in json.dumps(answer["scenes"], ensure_ascii=False)
    assert "有人问哪家" not in json.dumps(answer, ensure_ascii=False)


def test_all_eight_types_are_answered_over_http_and_told_afterwards(browser: FlaskClient, all_types: Attempt) -> None:
    for step in right_steps(all_types):
        answer = save(browser, all_types, [step])
        assert (answer.status_code, answer.get_json()["late"]) == (200, [])
    done = browser.post(f"/learn/exams/{all_types.id}/submit")
    assert done.location.endswith("/result")
    grade = db.session.scalars(select(Grade)).one()
    assert (grade.points, grade.passed) == (8 * FULL, True)
    page = browser.get(done.location).text
    assert "解析" in page
    assert "第十六条" in page


def test_what_went_wrong_is_told_with_its_lesson(browser: FlaskClient, all_types: Attempt) -> None:
    single = next(number for number, one in attempts.slots_of(all_types).items() if one["type"] == "single")
    wrong = attempts.slots_of(all_types)[single]["order"].index("a") + 1
    save(browser, all_types, [{"seq": 0, "slot": single, "answer": wrong}])
    browser.post(f"/learn/exams/{all_types.id}/submit")
    page = browser.get(f"/learn/exams/{all_types.id}/result").text
    for words in ("没成交过", "前几天最低一二九", "/lessons/01-one"):
        assert words in page


def test_a_page_without_scripts_saves_and_submits_by_its_form(browser: FlaskClient, all_types: Attempt) -> None:
    slots = attempts.slots_of(all_types)
    data: dict[str, Any] = {"answers": "1"}
    for number, slot in slots.items():
        answer, name = right_answers(slot)[-1], f"s{number}"
        match slot["type"]:
            case "single":
                data[name] = str(answer)
            case "multiple":
                data[name] = [str(place) for place in answer]  # type: ignore[attr-defined]
            case "true_false":
                data[name] = "true" if answer else "false"
            case "fill_in":
                data |= {f"{name}-{n}": word for n, word in enumerate(answer, 1)}  # type: ignore[arg-type]
            case "matching":
                data |= {f"{name}-{left}": str(right) for left, right in answer.items()}  # type: ignore[attr-defined]
            case "ordering":
                data |= {f"{name}-{place}": str(rank) for rank, place in enumerate(answer, 1)}  # type: ignore[arg-type]
            case "clip_review":
                data |= {f"{name}-{place}": mark for place, mark in answer.items()}  # type: ignore[attr-defined]
    scenario = next(number for number, slot in slots.items() if slot["type"] == "scenario")
    path: Any = right_answers(slots[scenario])[-1]
    url = f"/learn/exams/{all_types.id}/submit"
    first = browser.post(url, data=data | {f"s{scenario}": str(path[0]), "action": "save"})
    assert first.location == f"/learn/exams/{all_types.id}"
    browser.post(url, data=data | {f"s{scenario}": str(path[1]), "action": "submit"})
    assert db.session.scalars(select(Grade.points)).one() == 8 * FULL
    # What did not change was not saved again.
    assert len(db.session.scalars(select(AttemptStep)).all()) == 9


@pytest.mark.parametrize("hours", [-1, 1])
@pytest.mark.parametrize(("seconds", "late"), [(-1, False), (1, True)])
def test_the_servers_clock_decides_whatever_the_clients_says(
    browser: FlaskClient, all_types: Attempt, hours: int, seconds: int, late: bool
) -> None:
    step = right_steps(all_types)[0]
    at = all_types.deadline + timedelta(seconds=seconds)
    shifted = (at + timedelta(hours=hours)).isoformat()
    with frozen(at):
        body = {"client": "w1", "at": shifted, "steps": [step | {"at": shifted, "sent_at": shifted}]}
        answer = browser.post(f"/learn/exams/{all_types.id}/steps", json=body, headers={"Date": shifted})
    assert answer.get_json()["late"] == ([0] if late else [])
    assert db.session.scalars(select(AttemptStep.late)).one() is late


def test_looking_at_an_overdue_exam_closes_it(browser: FlaskClient, all_types: Attempt) -> None:
    with frozen(all_types.deadline.replace(year=all_types.deadline.year + 1)):
        pass
    db.session.execute(
        update(Attempt).values(
            started_at=now().replace(year=2020), deadline=now().replace(year=2020, hour=23, minute=59)
        )
    )
    answer = browser.get(f"/learn/exams/{all_types.id}")
    assert answer.location.endswith("/result")
    assert db.session.scalars(select(Attempt.closed_by)).one() == "clock"


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {"client": "w"},
        {"client": "", "steps": []},
        {"client": "x" * 41, "steps": [{"seq": 0, "slot": 1, "answer": None}]},
        {"client": "form", "steps": [{"seq": 0, "slot": 1, "answer": None}]},
        {"client": "w", "steps": [{"seq": -1, "slot": 1, "answer": None}]},
        {"client": "w", "steps": [{"seq": 0, "slot": "1", "answer": None}]},
        {"client": "w", "steps": ["x"]},
        {"client": "w", "steps": []},
    ],
)
def test_nonsense_is_refused_and_nothing_kept(browser: FlaskClient, all_types: Attempt, body: object) -> None:
    assert browser.post(f"/learn/exams/{all_types.id}/steps", json=body).status_code == 422
    assert db.session.scalars(select(AttemptStep)).all() == []


def test_a_clip_is_heard_by_whoever_has_it_on_the_paper_only(
    browser: FlaskClient, all_types: Attempt, app: Flask
) -> None:
    slot = next(number for number, one in attempts.slots_of(all_types).items() if one["type"] == "clip_review")
    url = f"/learn/exams/{all_types.id}/clips/{slot}.m4a"
    sound = browser.get(url)
    assert (sound.status_code, sound.mimetype, sound.data) == (200, "audio/mp4", b"\0\0\0 ftypM4A ")
    stranger = signed_in(app.test_client(), make_user(make_mcn(), Role.STREAMER))
    assert stranger.get(url).status_code == 404
    assert app.test_client().get(url).status_code == 302


def test_leaving_the_page_is_noted_and_seen_by_the_administrator(
    browser: FlaskClient, all_types: Attempt, app: Flask, learner: User
) -> None:
    browser.post(f"/learn/exams/{all_types.id}/events", json={"kind": "left"})
    assert browser.post(f"/learn/exams/{all_types.id}/events", json={"kind": "cheated"}).status_code == 422
    assert "left" in db.session.scalars(select(AttemptEvent.kind)).all()
    chief = signed_in(app.test_client(), make_user(make_platform(), Role.ADMINISTRATOR))
    url = f"/learn/people/{learner.id}"
    assert chief.get(url).status_code == 200
    assert chief.post(url, data={"course": "sample", "kind": "attempt", "reason": ""}).status_code == 422
    assert chief.post(url, data={"course": "sample", "kind": "attempt", "reason": "断电"}).status_code == 303
    assert db.session.scalars(select(ExamGrant.reason)).all() == ["断电"]
    assert browser.get(url).status_code == 403


def test_html_in_questions_and_answers_is_shown_as_text(browser: FlaskClient, all_types: Attempt) -> None:
    number = next(n for n, one in attempts.slots_of(all_types).items() if one["type"] == "fill_in")
    save(browser, all_types, [{"seq": 0, "slot": number, "answer": ['"><script>alert(1)</script>', "3"]}])
    assert "<script>alert" not in browser.get(f"/learn/exams/{all_types.id}").text
    browser.post(f"/learn/exams/{all_types.id}/submit")
    assert "<script>alert" not in browser.get(f"/learn/exams/{all_types.id}/result").text
    assert service.facts(db.session.scalars(select(Course)).one()).title
    assert item(1, "single")["id"] in {row["id"] for row in items()}
