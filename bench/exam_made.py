"""Learners in the middle of an exam, and answers for its questions: what the benchmarks of the exam work on.

python bench/exam_made.py begin PEOPLE   in an installation's environment: streamers who have just begun; JSON on stdout
python bench/exam_made.py count          how many answers are kept, how many attempts there are
"""

from __future__ import annotations

import json
import random
import sys
from typing import Any

from flask import Flask, session
from sqlalchemy import func, select

from livequal.accounts import access, sign_ins
from livequal.accounts.models import Organisation, User, UserRole
from livequal.accounts.rules import OrganisationKind, Role
from livequal.app import create_app
from livequal.kernel.clock import now
from livequal.kernel.db import db, edge
from livequal.training import attempts, service
from livequal.training.content import END, ENTRY
from livequal.training.models import Attempt, AttemptStep, Course


def people(count: int) -> list[User]:
    """Streamers of one agency, who have read the entry course."""
    agency = Organisation(kind=OrganisationKind.MCN.value, name="禾木文化", created_at=now())
    rows = [
        User(
            organisation=agency,
            login=f"learner-{number}",
            name=f"学员{number}",
            password_hash="!",
            created_at=now(),
            role_rows=[UserRole(role=Role.STREAMER.value)],
        )
        for number in range(count)
    ]
    db.session.add_all([agency, *rows])
    db.session.flush()
    return rows


def an_answer(slot: dict[str, Any], chance: random.Random) -> object:
    """Some answer that fits a frozen slot."""
    order: Any = slot.get("order")
    places = list(range(1, len(order) + 1)) if isinstance(order, list) else []
    match slot["type"]:
        case "single":
            return chance.choice(places)
        case "multiple":
            return sorted(chance.sample(places, chance.randint(1, len(places))))
        case "true_false":
            return chance.random() < 0.5
        case "fill_in":
            return [chance.choice([*accepted, "不知道"]) for accepted in slot["key"]]
        case "matching":
            rights = range(1, len(order["right"]) + 1)
            return {str(left): chance.choice(rights) for left in range(1, len(order["left"]) + 1)}
        case "ordering":
            return chance.sample(places, len(places))
        case "clip_review":
            marked = chance.sample(places, chance.randint(0, 2))
            return {str(place): chance.choice(slot["categories"]) for place in marked}
    return _a_path(slot, chance)


def _a_path(slot: dict[str, Any], chance: random.Random) -> list[int]:
    step, path = slot["key"]["start"], []
    while step != END:
        choice = chance.randint(1, len(slot["order"][step]))
        path.append(choice)
        step = slot["key"]["steps"][step][slot["order"][step][choice - 1]]["next"]
    return path


def _begin(app: Flask, count: int) -> list[dict[str, Any]]:
    """Sign in and begin the entry course's exam; answers cookies and what each may send."""
    course = db.session.scalars(select(Course).where(Course.slug == ENTRY)).one()
    told, chance = service.facts(course), random.Random(1)
    serializer = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
    found = []
    for user in people(count):
        for lesson in told.lessons:
            service.finish_lesson(told, lesson.file, by=user.actor)
        attempt = attempts.start(course, by=user.actor)
        with app.test_request_context():
            access.enter(sign_ins.begin(user, "127.0.0.1", "bench"))
            cookie = serializer.dumps(dict(session))
        answers = [[number, an_answer(slot, chance)] for number, slot in attempts.slots_of(attempt).items()]
        found.append({"attempt": attempt.id, "cookie": cookie, "answers": answers})
    return found


def main(arguments: list[str]) -> int:
    """Do what is asked in this installation."""
    app = create_app()
    with app.app_context(), edge(write=arguments[0] == "begin"):
        if arguments[0] == "begin":
            json.dump({"name": app.config["SESSION_COOKIE_NAME"], "people": _begin(app, int(arguments[1]))}, sys.stdout)
        else:
            counts = [db.session.scalar(select(func.count()).select_from(kind)) for kind in (AttemptStep, Attempt)]
            json.dump(counts, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
