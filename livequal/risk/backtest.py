"""What a version of the rules would change in stored transcripts. No flag changes by it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, delete, func, insert, select

from ..accounts.rules import Actor
from ..audit import service as audit
from ..jobs import service as jobs
from ..jobs.models import Job
from ..jobs.run import Run
from ..kernel import bus
from ..kernel.clock import now
from ..kernel.db import db, edge
from ..kernel.errors import NotFound, WrongState
from ..kernel.i18n import gettext
from ..onboarding.models import LiveSession
from ..streams.models import Recording, SegmentRow, Transcript
from ..streams.rules import TranscriptState
from . import service, versions
from .events import BacktestAsked
from .force import Force, in_force, of_version
from .models import Backtest, BacktestFlag, PackVersion
from .rules import Change

if TYPE_CHECKING:
    from .matcher.compare import Difference

STAGE = "backtesting"
STEP_SEGMENTS = 2000


@dataclass(frozen=True, slots=True)
class Scope:
    """Which transcripts: of one room (None: all), spoken since and before these moments."""

    room_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None


def ask(version: PackVersion, scope: Scope, *, by: Actor) -> Backtest:
    """Queue a backtest of a version against what is in force when it runs."""
    row = Backtest(
        version_id=version.id,
        sha256=of_version(version).pack.sha256,
        room_id=scope.room_id,
        since=scope.since,
        until=scope.until,
        asked_by=by.user_id,
        asked_by_name=by.name,
        asked_at=now(),
    )
    db.session.add(row)
    db.session.flush()
    audit.record("pack.backtest", version, by=by, after={"backtest": row.id, "sha256": row.sha256})
    bus.emit(BacktestAsked(row.id))
    return row


def get(backtest_id: int, actor: Actor) -> Backtest:
    """One backtest.

    Raises: NotFound.
    """
    row = db.session.get(Backtest, backtest_id) if actor.sees_platform else None
    if row is None:
        raise NotFound(gettext("There is no such backtest, or it is not yours to see."))
    return row


def of_rules(version: PackVersion) -> Select[Backtest]:
    """A version's backtests, newest first."""
    return select(Backtest).where(Backtest.version_id == version.id).order_by(Backtest.id.desc())


def differences(row: Backtest, change: str = "", rule: str = "") -> Select[BacktestFlag]:
    """What a backtest found, in the order of the transcripts."""
    query = select(BacktestFlag).where(BacktestFlag.backtest_id == row.id).order_by(BacktestFlag.id)
    if change:
        query = query.where(BacktestFlag.change == change)
    return query.where(BacktestFlag.rule == rule) if rule else query


def rules_in(row: Backtest) -> list[tuple[str, str, int]]:
    """How many flags of each rule were added or removed: (rule, change, count)."""
    columns = (BacktestFlag.rule, BacktestFlag.change)
    query = select(*columns, func.count()).where(BacktestFlag.backtest_id == row.id).group_by(*columns)
    return [(rule, change, count) for rule, change, count in db.session.execute(query.order_by(*columns))]


def job_of(row: Backtest) -> Job | None:
    """The job that does it."""
    return jobs.active_for(f"backtest:{row.id}")


def cancel(row: Backtest, *, by: Actor) -> None:
    """Stop a backtest.

    Raises: WrongState when it has ended.
    """
    job = job_of(row)
    if job is None:
        raise WrongState(gettext("This backtest has ended."))
    jobs.cancel(job, by=by)


def run_backtest(run: Run) -> None:
    """Read every transcript in scope with both packs, one after the other; a later try goes on where this one ended."""
    with edge(write=False):
        row = db.session.get(Backtest, run.payload["backtest_id"])
        if row is None or row.finished_at is not None:
            return
        before, after = in_force(), of_version(db.session.get_one(PackVersion, row.version_id))
        todo = [(r.id, r.recording_id, r.segments) for r in db.session.execute(_in_scope(row))]
        same = (row.sha256, row.against_sha256) == (after.pack.sha256, before.pack.sha256)
        backtest_id = row.id
    total = sum(segments for _id, _recording, segments in todo)
    begun = int(run.checkpoint.get("after", 0)) if same else 0
    if not begun:
        _begin(run, backtest_id, before, after, total)
    done = sum(segments for transcript_id, _recording, segments in todo if transcript_id <= begun)
    found: list[dict[str, Any]] = []
    unkept = 0
    for transcript_id, recording_id, segments in todo:
        if transcript_id <= begun:
            continue
        found += _read(run, backtest_id, transcript_id, recording_id, before, after)
        done, unkept = done + segments, unkept + segments
        if unkept >= STEP_SEGMENTS:
            _keep(run, found, {"after": transcript_id}, done, total)
            found, unkept = [], 0
    _keep(run, found, {"after": todo[-1][0] if todo else 0}, done, total)
    _finish(run, backtest_id, total)


def _in_scope(row: Backtest) -> Select[int, int, int]:
    spoken_at = func.coalesce(LiveSession.starts_at, Recording.created_at)
    query = (
        select(Transcript.id, Transcript.recording_id, func.count(SegmentRow.id).label("segments"))
        .join(Recording, Transcript.recording_id == Recording.id)
        .outerjoin(LiveSession, Recording.live_session_id == LiveSession.id)
        .join(SegmentRow, SegmentRow.transcript_id == Transcript.id)
        .where(Transcript.state == TranscriptState.COMPLETE)
        .group_by(Transcript.id, Transcript.recording_id)
        .order_by(Transcript.id)
    )
    if row.room_id is not None:
        query = query.where(LiveSession.room_id == row.room_id)
    if row.since is not None:
        query = query.where(spoken_at >= row.since)
    return query.where(spoken_at < row.until) if row.until is not None else query


def _begin(run: Run, backtest_id: int, before: Force, after: Force, total: int) -> None:
    with run.step(checkpoint={"after": 0}, stage=STAGE, done=0, total=total):
        db.session.execute(delete(BacktestFlag).where(BacktestFlag.backtest_id == backtest_id))
        row = db.session.get_one(Backtest, backtest_id)
        row.sha256, row.against_sha256 = after.pack.sha256, before.pack.sha256


def _read(
    run: Run, backtest_id: int, transcript_id: int, recording_id: int, before: Force, after: Force
) -> list[dict[str, Any]]:
    from .matcher import ProductContext
    from .matcher.compare import Comparison

    with edge(write=False):
        reading = service.reading_of(transcript_id, words=False)
    comparison = Comparison(before.matcher, after.matcher)
    found: list[Difference] = []
    for utterance, category in zip(reading.utterances, reading.categories, strict=True):
        run.check()
        found += comparison.feed(utterance, ProductContext(category, spoken_on=reading.spoken_on))
    found += comparison.finish()
    about = {"backtest_id": backtest_id, "transcript_id": transcript_id, "recording_id": recording_id}
    said = {u.id: (u, category) for u, category in zip(reading.utterances, reading.categories, strict=True)}
    return [about | _told(one, reading, said) for one in found]


def _told(one: Difference, reading: service.Reading, said: service.Said) -> dict[str, Any]:
    flag = one.flag
    utterance, category = said[flag.utterance]
    return {
        "change": (Change.ADDED if one.added else Change.REMOVED).value,
        "segment_id": reading.segment_ids[flag.utterance],
        "start": flag.start,
        "end": flag.end,
        "start_ms": (utterance.start_ms or 0) if flag.start_ms is None else flag.start_ms,
        "quote": flag.quote,
        "rule": flag.rule,
        "rule_title": flag.title,
        "category": flag.category.value,
        "product_category": category.value,
        "severity": int(flag.severity),
    }


def _keep(run: Run, found: Sequence[dict[str, Any]], checkpoint: dict[str, int], done: int, total: int) -> None:
    with run.step(checkpoint=checkpoint, stage=STAGE, done=done, total=total):
        if found:
            db.session.execute(insert(BacktestFlag), found)


def _finish(run: Run, backtest_id: int, total: int) -> None:
    columns = (
        *(BacktestFlag.change, BacktestFlag.segment_id, BacktestFlag.start, BacktestFlag.end, BacktestFlag.rule),
        *(BacktestFlag.category, BacktestFlag.severity),
    )
    digest = hashlib.sha256()
    counts = {change.value: 0 for change in Change}
    with run.step(stage=STAGE, done=total, total=total):
        row = db.session.get_one(Backtest, backtest_id)
        query = differences(row).with_only_columns(*columns).execution_options(yield_per=1000)
        for line in db.session.execute(query):
            counts[line.change] += 1
            digest.update(repr(tuple(line)).encode())
        row.added, row.removed = counts[Change.ADDED], counts[Change.REMOVED]
        row.segments, row.digest, row.finished_at = total, digest.hexdigest(), now()


def version_of(row: Backtest, actor: Actor) -> PackVersion:
    """The version that was tested."""
    return versions.get(row.version_id, actor)
