"""Replay 10,000 attempts of 20 questions each: how long it takes, and that one flipped byte is named.

    .venv/bin/python bench/training_replay.py [--attempts 10000]

Papers are drawn from the entry course's bank, answers are by chance (some of them saved twice). Papers, steps and
grades are made by the code that an exam uses, only written in bulk. Exits with 1 above 60 s, when anything differs
before the byte is flipped, or when the flip is not named with attempt, slot and step.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from types import SimpleNamespace
from typing import Any

from exam_made import an_answer, people
from sqlalchemy import func, insert, select, text, update

from livequal import config
from livequal.accounts.rules import SYSTEM
from livequal.app import create_app
from livequal.kernel.clock import now
from livequal.kernel.db import Base, db, edge
from livequal.training import attempts, loading, papers, service
from livequal.training.content import ENTRY, canonical, read_library, sha256
from livequal.training.models import Attempt, AttemptSlot, AttemptStep, Course, Grade, QuestionVersion

ROOT = Path(__file__).resolve().parent.parent
QUESTIONS = 20
LIMIT_S = 60
BLOCK = 500
FLASK = [str(Path(sys.executable).parent / "flask"), "training", "replay", "--all"]


def main() -> int:
    """Make, replay, flip, replay; print what came out."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--attempts", type=int, default=10_000)
    count = options.parse_args().attempts
    with tempfile.TemporaryDirectory(prefix="livequal-") as var:
        environ = {"LIVEQUAL_VAR": var, "LIVEQUAL_DEMO": "0"}
        with create_app(config.from_environment(environ)).app_context():
            begun = time.monotonic()
            Base.metadata.create_all(db.engine)
            _make(count)
            with edge(write=False):
                steps = db.session.scalar(select(func.count()).select_from(AttemptStep))
            print(f"made {count} attempts of {QUESTIONS} questions, {steps} steps: {time.monotonic() - begun:.1f} s")
            code, said, taken = _replay(environ)
            used = getrusage(RUSAGE_CHILDREN)
            print(f"replayed in {taken:.1f} s (limit {LIMIT_S} s): {said[-1]}")
            busy = used.ru_utime + used.ru_stime
            print(f"processor time of it {busy:.1f} s; load of the machine {os.getloadavg()[0]:.1f}", flush=True)
            named = _flip(count // 2)
            flipped_code, told, _taken = _replay(environ)
            print("after one byte of one answer was flipped:", *told, sep="\n  ")
            db.engine.dispose()
    return int(bool(code) or taken > LIMIT_S or not flipped_code or not any(one.startswith(named) for one in told))


def _replay(environ: dict[str, str]) -> tuple[int, list[str], float]:
    """The command as an operator types it."""
    begun = time.monotonic()
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("LIVEQUAL_")}
    run = subprocess.run(FLASK, cwd=ROOT, env=inherited | environ, capture_output=True, text=True, check=False)
    taken = time.monotonic() - begun
    # Progress goes to stderr as JSON.
    lines = [line for line in (run.stdout + run.stderr).splitlines() if line and not line.startswith("{")]
    return run.returncode, lines[-3:] or ["nothing was said"], taken


def _make(count: int) -> None:
    library, _faults = read_library([ROOT / "courses" / ENTRY], whole=False)
    with edge():
        loading.apply(loading.plan(library), by=SYSTEM)
        learners = [user.id for user in people(max(1, count // 20))]
    with edge(write=False):
        course = db.session.scalars(select(Course)).one()
        told = service.facts(course)
        versions = {row.id: row for row in db.session.scalars(select(QuestionVersion))}
        stock = [papers.Stock(row.id, row.tag, 0) for row in versions.values()]
        contents = {row.id: json.loads(row.content) for row in versions.values()}
        categories = sorted(told.risk_categories)
    blueprint = _twice(told.draw)
    chance = random.Random(2)
    for first in range(1, count + 1, BLOCK):
        rows: dict[Any, list[dict[str, Any]]] = {Attempt: [], AttemptSlot: [], AttemptStep: [], Grade: []}
        for number in range(first, min(first + BLOCK, count + 1)):
            slots = _paper(f"{number:032}", stock, blueprint, versions, contents, categories)
            _add(rows, number, learners[number % len(learners)], told, slots, chance)
        with edge():
            for kind, batch in rows.items():
                db.session.execute(insert(kind), batch)


def _twice(draw: dict[str, int]) -> dict[str, int]:
    """The course's blueprint, stretched to twenty questions."""
    blueprint = dict(draw)
    tags = sorted(blueprint)
    for number in range(QUESTIONS - sum(draw.values())):
        blueprint[tags[number % len(tags)]] += 1
    return blueprint


def _paper(
    seed: str, stock: list[papers.Stock], blueprint: dict[str, int], versions: Any, contents: Any, categories: list[str]
) -> list[dict[str, Any]]:
    slots = []
    for place, version_id in enumerate(papers.draw(stock, blueprint, seed), 1):
        slot = papers.frozen(place, version_id, versions[version_id].sha256, contents[version_id], seed)
        if slot["type"] == "clip_review":
            slot["categories"] = sorted({*categories, *slot["key"].values()})
        slots.append(slot)
    return slots


def _add(
    rows: dict[Any, list[dict[str, Any]]],
    number: int,
    user_id: int,
    told: service.CourseFacts,
    slots: list[dict[str, Any]],
    chance: random.Random,
) -> None:
    at = now() - timedelta(days=1)
    policy = canonical({"pass_percent": told.pass_percent, "slots": [sha256(slot) for slot in slots]})
    rows[Attempt].append(
        {
            "id": number,
            "user_id": user_id,
            "course_id": told.course_id,
            "course_version_id": told.version_id,
            "number": number,
            "seed": f"{number:032}",
            "policy": policy,
            "policy_sha256": sha256(policy),
            "started_at": at,
            "deadline": at + timedelta(minutes=told.exam_minutes),
            "closed_at": at + timedelta(minutes=1),
            "closed_by": "learner",
        }
    )
    for slot in slots:
        rows[AttemptSlot].append(
            {
                "attempt_id": number,
                "slot": slot["slot"],
                "question_version_id": slot["question_version"],
                "frozen": canonical(slot),
                "sha256": sha256(slot),
            }
        )
    rows[Grade].append(_grade(number, slots, _steps(rows, number, slots, sha256(policy), at, chance), told, at))


def _steps(
    rows: dict[Any, list[dict[str, Any]]], number: int, slots: Any, before: str, at: Any, chance: random.Random
) -> dict[int, list[tuple[int, object]]]:
    answers: dict[int, list[tuple[int, object]]] = {}
    asked = [slot for slot in slots for _once in range(chance.choice((1, 1, 1, 2)))]
    for place, slot in enumerate(asked, 1):
        answer = an_answer(slot, chance)
        step = SimpleNamespace(
            attempt_id=number,
            number=place,
            slot=slot["slot"],
            answer=canonical(answer),
            client="bench",
            seq=place,
            received_at=at + timedelta(seconds=place),
            late=False,
        )
        before = attempts.step_sha256(step, before)
        rows[AttemptStep].append(vars(step) | {"sha256": before})
        answers.setdefault(slot["slot"], []).append((place, answer))
    return answers


def _grade(number: int, slots: Any, answers: Any, told: service.CourseFacts, at: Any) -> dict[str, Any]:
    scored, verdict = attempts.score({slot["slot"]: slot for slot in slots}, answers, told.pass_percent)
    facts = canonical(scored)
    return {
        "attempt_id": number,
        "number": 1,
        "points": verdict.points,
        "possible": verdict.possible,
        "passed": verdict.passed,
        "slots": facts,
        "sha256": attempts.grade_sha256(verdict.points, verdict.possible, verdict.passed, facts),
        "graded_at": at,
    }


def _flip(attempt_id: int) -> str:
    """Change one byte of one saved answer, as no code of ours would; answers how it must be named."""
    with edge():
        step = db.session.scalars(
            select(AttemptStep).where(AttemptStep.attempt_id == attempt_id, AttemptStep.number == 7)
        ).one()
        last = step.answer[-1]
        flipped = step.answer[:-1] + chr(ord(last) ^ 1)
        for trigger in db.session.scalars(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all():
            db.session.execute(text(f'DROP TRIGGER "{trigger}"'))
        db.session.execute(update(AttemptStep).where(AttemptStep.id == step.id).values(answer=flipped))
        return f"attempt {attempt_id}, slot {step.slot}, step 7"


if __name__ == "__main__":
    sys.exit(main())
