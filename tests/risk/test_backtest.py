from __future__ import annotations

import json
import random
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from livequal.accounts.models import Organisation, User
from livequal.accounts.rules import Role
from livequal.jobs import service as jobs
from livequal.jobs.run import Run
from livequal.jobs.service import CancelAsked
from livequal.kernel.clock import now
from livequal.kernel.db import db, edge
from livequal.onboarding.models import LiveSession
from livequal.risk import backtest, force, overlay
from livequal.risk.backtest import Scope
from livequal.risk.matcher import Flag, Matcher, ProductContext, RulePack, Utterance
from livequal.risk.matcher.compare import Comparison, Difference
from livequal.risk.models import Backtest, BacktestFlag, FlagRow
from livequal.risk.overlay import Overlay, RuleEntry
from livequal.taxonomy.rules import ProductCategory

from ..factories import make_operator, make_platform, make_user
from ..recordings import make_live_session, make_recording, run_jobs, transcribed
from .test_versions import GOLD, SAID, activated, drafted

SETS = Path(__file__).parent / "sets"
ROWS = [
    (row["text"], ProductCategory(row.get("product_category") or "general"))
    for path in sorted(SETS.glob("*.jsonl"))
    for row in map(json.loads, path.read_text(encoding="utf-8").splitlines())
]
SOUNDED = replace(GOLD, slug="by-sound", literals=("蓝鲸石", "治疗仪器"), hits=("蓝鲸石",), misses=("好看",))


def _with(*entries: RuleEntry, off: tuple[str, ...] = ()) -> RulePack:
    overlaid = Overlay(off=off)
    for entry in entries:
        overlaid = overlaid.with_rule(overlay.raw_of(entry))
    return force.combined(overlay.written(overlaid)).pack


def _twice(before: RulePack, after: RulePack, stream: list[tuple[str, ProductCategory]]) -> list[Difference]:
    """The plain way: everything read by both packs."""

    def flags(pack: RulePack) -> list[Flag]:
        session, found = Matcher(pack).session(), []
        for number, (text, product) in enumerate(stream):
            found += session.feed(Utterance(str(number), text), ProductContext(product))
        return [*found, *session.finish()]

    def mark(flag: Flag) -> tuple[object, ...]:
        return (
            *(flag.utterance, flag.start, flag.end_utterance, flag.end),
            *(flag.rule, flag.category, flag.severity, flag.evidence),
        )

    old, new = flags(before), flags(after)
    olds, news = set(map(mark, old)), set(map(mark, new))
    gone = [Difference(flag, added=False) for flag in old if mark(flag) not in news]
    return gone + [Difference(flag, added=True) for flag in new if mark(flag) not in olds]


@pytest.mark.parametrize("seed", range(3))
def test_reading_only_what_can_differ_gives_the_same_differences_as_reading_everything_twice(seed: int) -> None:
    chance = random.Random(seed)
    stream = [chance.choice(ROWS) for _ in range(250)]
    product = chance.choice(list(ProductCategory))
    stream += [(text, product) for text, _own in (chance.choice(ROWS) for _ in range(250))]
    slugs = sorted(force.shipped_rules())
    off = tuple(chance.sample(slugs, 24))
    before, after = _with(off=off[:8]), _with(SOUNDED, off=off[8:])
    comparison = Comparison(Matcher(before), Matcher(after))
    found = []
    for number, (text, category) in enumerate(stream):
        found += comparison.feed(Utterance(str(number), text), ProductContext(category))
    found += comparison.finish()
    wanted = _twice(before, after, stream)
    assert wanted, "a comparison without any difference would prove nothing"

    def key(one: Difference) -> tuple[object, ...]:
        flag = one.flag
        return (one.added, int(flag.utterance), flag.start, flag.end, flag.rule, flag.category, flag.severity)

    assert sorted(map(key, found)) == sorted(map(key, wanted))


@pytest.fixture
def house(app: Flask) -> Organisation:
    return make_platform()


@pytest.fixture
def author(house: Organisation) -> User:
    return make_user(house, Role.RULE_OWNER)


@pytest.fixture
def second(house: Organisation) -> User:
    return make_user(house, Role.QUALITY_OFFICER)


def _tested(author: User, scope: Scope = Scope(), **more: object) -> Backtest:  # noqa: B008 - frozen
    with edge():
        version = drafted(author, *more.get("entries", (GOLD,)), off=more.get("off", ()))  # type: ignore[misc, arg-type]
        row = backtest.ask(version, scope, by=author.actor)
    assert run_jobs("backtest") == ["backtest"]
    return db.session.get_one(Backtest, row.id, populate_existing=True)


def _list(row: Backtest) -> list[tuple[object, ...]]:
    return [
        (f.change, f.rule, f.segment_id, f.start, f.end, f.quote) for f in db.session.scalars(backtest.differences(row))
    ]


def test_a_backtest_lists_what_a_version_adds_and_removes_and_touches_no_flag(author: User) -> None:
    transcribed(make_recording(author), "今天全网最低价", SAID, "大家好")
    flags = [(flag.id, flag.rule, flag.superseded_at) for flag in db.session.scalars(select(FlagRow))]
    lowest = next(rule for _id, rule, _at in flags if "price" in rule or "lowest" in rule)
    row = _tested(author, off=(lowest,))
    assert {(change, rule) for change, rule, *_rest in _list(row)} >= {("added", "moon-stone"), ("removed", lowest)}
    assert (row.segments, row.added >= 1, row.removed >= 1) == (3, True, True)
    added = db.session.scalars(backtest.differences(row, "added", "moon-stone")).one()
    assert (added.quote, added.start_ms >= 4000) == ("蓝鲸石特调", True)
    assert [(flag.id, flag.rule, flag.superseded_at) for flag in db.session.scalars(select(FlagRow))] == flags


def test_the_same_backtest_twice_gives_the_same_list(author: User) -> None:
    for _ in range(3):
        transcribed(make_recording(author), SAID, "今天全网最低价", SAID)
    first, again = _tested(author), _tested(author)
    assert _list(first) == _list(again)
    assert first.digest == again.digest
    assert first.added == 6


def test_a_backtest_compares_with_what_is_in_force(author: User, second: User) -> None:
    transcribed(make_recording(author), SAID)
    activated(author, second, GOLD)
    assert _list(_tested(author, entries=())) == []


def test_a_backtest_keeps_to_its_room_and_days(author: User) -> None:
    session = make_live_session(make_operator().id, by=author)
    transcribed(make_recording(author, session=session), SAID)
    transcribed(make_recording(author), SAID)
    room_id = db.session.get_one(LiveSession, session.id).room_id
    assert _tested(author).added == 2
    assert _tested(author, Scope(room_id=room_id)).added == 1
    assert _tested(author, Scope(since=now() + timedelta(hours=1))).segments == 0
    assert _tested(author, Scope(until=now() + timedelta(hours=1))).added == 2


def test_a_backtest_that_was_stopped_half_way_goes_on_and_finds_the_same(
    author: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(4):
        transcribed(make_recording(author), SAID)
    whole = _tested(author)
    monkeypatch.setattr(backtest, "STEP_SEGMENTS", 1)
    with edge():
        row = backtest.ask(drafted(author, GOLD), Scope(), by=author.actor)
    with edge():
        job = jobs.claim("tests")
        assert job is not None
        run = Run(job)
    stopped_at = iter(range(100))
    read = backtest._read

    def stopping(*args: object) -> list[dict[str, object]]:
        if next(stopped_at) == 2:
            run.end(CancelAsked)
        return read(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(backtest, "_read", stopping)
    with pytest.raises(CancelAsked):
        backtest.run_backtest(run)
    assert db.session.query(BacktestFlag).filter_by(backtest_id=row.id).count() == 2
    with edge():
        jobs.stop(run.job_id, run.token)
        jobs.retry(jobs.get(run.job_id), by=author.actor)
    monkeypatch.setattr(backtest, "_read", read)
    assert run_jobs("backtest") == ["backtest"]
    row = db.session.get_one(Backtest, row.id, populate_existing=True)
    assert (row.digest, row.added) == (whole.digest, 4)
