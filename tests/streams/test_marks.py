"""Changing marks, and long timelines from a file."""

from __future__ import annotations

import io
import json
import random

import pytest
from flask import Flask
from flask.testing import FlaskClient

from livequal.accounts.models import User
from livequal.accounts.rules import Role
from livequal.audit.models import AuditEvent
from livequal.jobs.models import Job
from livequal.kernel.db import db
from livequal.streams import service
from livequal.streams.models import Recording
from livequal.streams.rules import SpanKind
from livequal.streams.service import beside
from livequal.streams.timeline import TimelineSpan

from ..factories import make_platform, make_user, signed_in
from ..recordings import make_recording, transcribed


@pytest.fixture
def moderator(app: Flask) -> User:
    return make_user(make_platform(), Role.MODERATOR)


@pytest.fixture
def desk(client: FlaskClient, moderator: User) -> FlaskClient:
    return signed_in(client, moderator)


def product(start_ms: int, end_ms: int, label: str = "面霜") -> TimelineSpan:
    return TimelineSpan(SpanKind.PRODUCT, start_ms, end_ms, label)


def test_a_changed_mark_takes_the_place_of_the_old_one_in_one_go(desk: FlaskClient, moderator: User) -> None:
    recording = transcribed(make_recording(moderator), "这款面霜很好")
    url = f"/recordings/{recording.id}/timeline"
    body = {"kind": "product", "start_ms": 0, "end_ms": 30_000, "label": "面霜"}
    old = desk.post(url, json=body).get_json()["span"]["id"]
    scans = db.session.query(Job).filter_by(name="scan", state="queued").count()
    late = desk.post(url, json=body | {"start_ms": 60_000, "end_ms": 61_000, "replaces": old})
    assert late.status_code == 422
    assert [s["id"] for s in desk.get(f"/recordings/{recording.id}/transcript.json").get_json()["spans"]] == [old]
    changed = desk.post(url, json=body | {"start_ms": 10_000, "label": "枣糕", "replaces": old})
    assert changed.status_code == 201
    assert [(s["start_ms"], s["end_ms"], s["label"]) for s in changed.get_json()["spans"]] == [(10_000, 30_000, "枣糕")]
    assert db.session.query(Job).filter_by(name="scan", state="queued").count() <= scans + 1
    assert desk.post(url, json=body | {"replaces": 10**6}).status_code == 404
    assert desk.post(url, json=body | {"replaces": 10**30}).status_code == 422
    assert [s["label"] for s in desk.get(f"/recordings/{recording.id}/transcript.json").get_json()["spans"]] == ["枣糕"]


def test_a_mark_of_another_recording_is_not_replaced(desk: FlaskClient, moderator: User) -> None:
    here, there = make_recording(moderator), make_recording(moderator)
    (foreign,) = service.mark(there, [product(0, 5000)], by=moderator.actor)
    db.session.commit()
    body = {"kind": "product", "start_ms": 0, "end_ms": 30_000, "label": "面霜", "replaces": foreign.id}
    assert desk.post(f"/recordings/{here.id}/timeline", json=body).status_code == 404
    assert len(service.spans_of(there)) == 1


@pytest.mark.parametrize("seed", range(30))
def test_what_remains_of_a_stretch_is_what_nothing_newer_covers(seed: int) -> None:
    chance = random.Random(seed)
    borders = sorted(chance.sample(range(60), 8))
    taken = list(zip(borders[::2], borders[1::2], strict=True))
    start = chance.randrange(50)
    stretch = (start, start + chance.randrange(1, 20))
    remains = beside(stretch, taken)
    covered = {ms for a, b in taken for ms in range(a, b)}
    assert {ms for a, b in remains for ms in range(a, b)} == set(range(*stretch)) - covered
    assert all(a < b for a, b in remains)


def test_of_new_stretches_over_each_other_the_last_one_counts(moderator: User) -> None:
    recording = make_recording(moderator)
    service.mark(recording, [product(0, 50_000, "旧")], by=moderator.actor)
    service.mark(recording, [product(5_000, 30_000, "一"), product(10_000, 20_000, "二")], by=moderator.actor)
    rows = [(row.start_ms, row.end_ms, row.label) for row in service.spans_of(recording)]
    assert rows == [
        (0, 5_000, "旧"),
        (5_000, 10_000, "一"),
        (10_000, 20_000, "二"),
        (20_000, 30_000, "一"),
        (30_000, 50_000, "旧"),
    ]


def test_stretches_that_begin_together_keep_the_order_they_came_in(moderator: User) -> None:
    recording = make_recording(moderator)
    speaker = TimelineSpan(SpanKind.SPEAKER, 0, 5000, "小禾")
    service.mark(recording, [product(0, 5000), speaker], by=moderator.actor)
    assert [row.kind for row in service.spans_of(recording)] == ["product", "speaker"]


def test_a_timeline_of_thousands_of_rows_is_taken_whole_and_recorded_shortly(
    desk: FlaskClient, moderator: User
) -> None:
    recording = make_recording(moderator, duration_ms=20_000_000)
    for shift in (0, 500):
        rows = [f"{n * 4000 + shift},{n * 4000 + shift + 3000},product,面霜{n}" for n in range(4000)]
        text = "\n".join(["from_ms,to_ms,kind,product", *rows])
        answer = desk.post(
            f"/recordings/{recording.id}/timeline/import", data={"file": (io.BytesIO(text.encode()), "场次.csv")}
        )
        assert answer.status_code == 302
    spans = service.spans_of(db.session.get_one(Recording, recording.id))
    assert [(row.start_ms, row.end_ms) for row in spans[:3]] == [(0, 500), (500, 3500), (4000, 4500)]
    assert len(spans) == 8000
    for act in db.session.query(AuditEvent).filter_by(action="timeline.mark"):
        after = json.loads(act.payload)["after"]
        assert (after["count"], len(after["sha256"]), "spans" in after) == (4000, 64, False)
