from __future__ import annotations

import json
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select, text

from livequal.accounts.models import Organisation, User
from livequal.accounts.rules import Role
from livequal.kernel.db import db, edge
from livequal.review import service as review
from livequal.review.models import Case
from livequal.review.rules import Outcome
from livequal.review.tally import decided_flags, precision_by_rule
from livequal.risk import force
from livequal.risk.evaluation import Share
from livequal.risk.matcher import ProductContext, compile_pack, read_pack
from livequal.risk.matcher.engine import READER_SLUG
from livequal.risk.models import FlagRow, UsedPack
from livequal.risk.replay import Replayed, replay
from livequal.streams import service as streams
from livequal.streams.models import Recording, SegmentRow

from ..factories import make_platform, make_user
from ..recordings import make_recording, run_jobs, transcribed
from .test_versions import GOLD, SAID, activated

SETS = sorted((Path(__file__).parent / "sets").glob("*.jsonl"))


@pytest.fixture(scope="module")
def implicit() -> str:
    """Words of which the second reader alone is suspicious."""
    matcher = compile_pack(force.shipped().pack)
    rows = (json.loads(line) for path in SETS for line in path.read_text(encoding="utf-8").splitlines())
    return next(
        str(row["text"])
        for row in rows
        if row["risky"]
        and len(row["text"]) < 30
        and [flag.rule for flag in matcher.judge(row["text"], ProductContext())] == [READER_SLUG]
    )


@pytest.fixture
def house(app: Flask) -> Organisation:
    return make_platform()


@pytest.fixture
def author(house: Organisation) -> User:
    return make_user(house, Role.RULE_OWNER, Role.MODERATOR)


@pytest.fixture
def second(house: Organisation) -> User:
    return make_user(house, Role.QUALITY_OFFICER)


def _decided(by: User, *outcomes: Outcome) -> list[int]:
    """Decide every open claim, in turn; the flags' ids."""
    ids = []
    with edge():
        cases = db.session.scalars(select(Case).where(Case.state == "open", Case.flag_id.is_not(None))).all()
        for number, case in enumerate(cases):
            outcome = outcomes[number % len(outcomes)]
            reason = "said_against_rule" if outcome is Outcome.CONFIRMED else "harmless_here"
            review.decide(case, review.Verdict(outcome, reason), case.version, by=by.actor)
            ids.append(case.flag_id or 0)
    return ids


def _replayed() -> dict[int, Replayed]:
    return {one.flag_id: one for one in replay(decided_flags())}


def test_a_decided_flag_replays_identically_after_corrections_and_a_change_of_the_rules(
    author: User, second: User, implicit: str
) -> None:
    recording = transcribed(make_recording(author), "大家好", "这款全网最低价", SAID, implicit)
    rules = {flag.rule for flag in db.session.scalars(select(FlagRow))}
    assert "second-reader" in rules, "the second reader's flags are replayed too"
    ids = _decided(author, Outcome.CONFIRMED)
    assert ids
    activated(author, second, GOLD, off=tuple(sorted(rules - {"second-reader"})))
    with edge():
        row = db.session.get_one(Recording, recording.id)
        lines = db.session.scalars(
            select(SegmentRow).where(SegmentRow.text.in_(("这款全网最低价", implicit))).order_by(SegmentRow.id)
        ).all()
        for line in lines:
            streams.correct_word(row, line.id, 0, "啊啊啊啊", version=line.version, by=author.actor)
    assert run_jobs("scan")
    assert db.session.scalar(select(FlagRow).where(FlagRow.rule == "moon-stone")) is not None
    assert all(one.same for one in _replayed().values())
    assert set(_replayed()) >= set(ids)


def test_a_flag_is_replayed_with_the_second_reader_of_its_time(
    author: User, implicit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    transcribed(make_recording(author), implicit)
    _decided(author, Outcome.DISMISSED)
    files = force.shipped_files()
    without = force.Force(read_pack(files, reader=""), files)
    monkeypatch.setattr(force, "shipped", lambda: without)
    assert not force.in_force().matcher.judge(implicit, ProductContext())
    assert [one.same for one in _replayed().values()] == [True]


def test_the_command_names_what_differs_and_fails(app: Flask, author: User) -> None:
    transcribed(make_recording(author), "这款全网最低价")
    (flag_id, *_more) = _decided(author, Outcome.CONFIRMED)
    run = app.test_cli_runner().invoke
    done = run(args=["risk", "replay"])
    assert (done.exit_code, json.loads(done.stdout)) == (0, {"flags": 1 + len(_more), "differing": 0})
    with edge():
        db.session.execute(text("UPDATE flag SET severity = 4, raised_end = raised_end + 1"))
    done = run(args=["risk", "replay"])
    assert done.exit_code == 1
    told = json.loads(done.stdout.splitlines()[0])
    assert (told["flag"], set(told["differences"])) == (flag_id, {"end", "severity"})


def test_a_flag_whose_pack_was_tampered_with_is_named(author: User) -> None:
    transcribed(make_recording(author), "这款全网最低价")
    _decided(author, Outcome.CONFIRMED)
    with edge():
        used = db.session.scalars(select(UsedPack)).one()
        files = {name: body for name, body in json.loads(used.body).items() if name == "pack.yaml"}
        used.body = json.dumps(files)
    assert [one.raised for one in _replayed().values()] == [False] * len(_replayed())


def test_the_precision_of_a_rule_comes_from_decisions(author: User) -> None:
    transcribed(make_recording(author), "这款全网最低价")
    transcribed(make_recording(author), "这款全网最低价")
    transcribed(make_recording(author), "那款全网最低价")
    _decided(author, Outcome.CONFIRMED, Outcome.CONFIRMED, Outcome.DISMISSED)
    shares = precision_by_rule()
    assert sum(share.total for share in shares.values()) == len(_replayed())
    assert any(share == Share(2, 3) for share in shares.values())
    assert precision_by_rule(["no-such-rule"]) == {}
