"""From a confirmed violation to an exercise, and back."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from livequal.accounts.models import User
from livequal.accounts.rules import Role
from livequal.flow import teach
from livequal.kernel.clock import now
from livequal.kernel.db import db
from livequal.kernel.errors import NotFound
from livequal.notifications.models import Notice
from livequal.onboarding.models import LiveRoom, LiveSession, Streamer
from livequal.review import service as review
from livequal.review.models import Case, Clip
from livequal.review.rules import Outcome
from livequal.review.service import Verdict
from livequal.streams.models import SegmentRow, Span, Transcript
from livequal.training import attempts, certificates, remedy, service, standing
from livequal.training.assignment_models import Assignment
from livequal.training.models import Certificate, Course

from ..factories import make_mcn, make_operator, make_platform, make_user, signed_in
from ..recordings import make_recording

pytestmark = pytest.mark.usefixtures("app", "course")
SAID = ("姐妹们看质地。", "全网最低就今晚。", "库存看页面。")


@dataclass
class Scene:
    """A moderator, a streamer with an account, a colleague, and an open case on the second sentence."""

    moderator: User
    streamer: User
    colleague: User
    case: Case

    def decide(self, outcome: Outcome, reason: str, streamer: bool = True) -> None:
        row = db.session.scalars(select(Streamer).where(Streamer.user_id == self.streamer.id)).one()
        verdict = Verdict(outcome, reason, "一句话", "lowest_price", row.id if streamer else None)
        review.decide(self.case, verdict, self.case.version, by=self.moderator.actor)
        db.session.commit()

    def confirm(self) -> None:
        self.decide(Outcome.CONFIRMED, "misleads_viewers")

    def clip(self) -> bool:
        db.session.merge(Clip(case_id=self.case.id, start_ms=0, end_ms=9000, key="clips/aa/x.m4a"))
        db.session.flush()
        return teach.add_own_clip(self.case.id)

    def given(self) -> list[Assignment]:
        db.session.expire_all()
        return list(db.session.scalars(select(Assignment).where(Assignment.cause.startswith("case:"))))


@pytest.fixture
def scene() -> Scene:
    mcn, moderator = make_mcn(), make_user(make_platform(), Role.MODERATOR)
    user, colleague = make_user(mcn, Role.STREAMER), make_user(mcn, Role.STREAMER)
    streamer = Streamer(organisation_id=mcn.id, user_id=user.id, name="林晚", stage_name="晚晚", created_at=now())
    room = LiveRoom(organisation_id=make_operator().id, name="间", platform_number="R1", created_at=now())
    db.session.add_all([streamer, room])
    db.session.flush()
    session = LiveSession(room_id=room.id, title="场", starts_at=now(), created_at=now())
    session.streamers = [streamer]
    db.session.add(session)
    db.session.commit()
    recording = make_recording(moderator, session=session)
    transcript = Transcript(
        recording_id=recording.id, state="complete", engine="fake", model="m", version="1", created_at=now()
    )
    db.session.add(transcript)
    db.session.flush()
    for place, text in enumerate(SAID):
        times = {"start_ms": place * 3000, "end_ms": place * 3000 + 3000}
        db.session.add(SegmentRow(transcript_id=transcript.id, position=place, text=text, words="[]", **times))
    case = Case(
        recording_id=recording.id,
        transcript_id=transcript.id,
        kind="unclear",
        severity=2,
        start_ms=3000,
        end_ms=6000,
        opened_at=now(),
    )
    db.session.add(case)
    db.session.commit()
    return Scene(moderator, user, colleague, case)


def exercise(scene: Scene) -> Course:
    return service.get(scene.given()[0].course.slug, scene.streamer.actor)


def test_a_confirmation_gives_an_exercise_at_once_and_a_flag_alone_gives_none(scene: Scene) -> None:
    assert scene.given() == []
    scene.confirm()
    (row,) = scene.given()
    assert (row.user_id, row.category, row.ended) == (scene.streamer.id, "lowest_price", "")
    told = service.facts(exercise(scene))
    assert told.draw == {"lowest_price": 5}
    kinds = list(db.session.scalars(select(Notice.kind).where(Notice.user_id == scene.streamer.id)))
    assert kinds == ["finding_confirmed", "exercise_given"]


def test_nobody_named_gets_no_exercise(scene: Scene) -> None:
    scene.decide(Outcome.CONFIRMED, "misleads_viewers", streamer=False)
    assert scene.given() == []


def test_nobody_else_sees_the_exercise_not_even_the_platform(client: FlaskClient, scene: Scene) -> None:
    scene.confirm()
    slug = scene.given()[0].course.slug
    for other in (scene.colleague, scene.moderator):
        with pytest.raises(NotFound):
            service.get(slug, other.actor)
    assert signed_in(client, scene.colleague).get(f"/learn/courses/{slug}").status_code == 404
    assert signed_in(client, scene.streamer).get(f"/learn/courses/{slug}").status_code == 200
    assert slug in client.get("/learn").text


def test_a_withdrawn_confirmation_takes_it_back_and_a_new_one_asks_again(scene: Scene) -> None:
    scene.confirm()
    scene.decide(Outcome.WITHDRAWN, "decided_in_error")
    assert [row.ended for row in scene.given()] == ["withdrawn"]
    kinds = set(db.session.scalars(select(Notice.kind).where(Notice.user_id == scene.streamer.id)))
    assert "exercise_withdrawn" in kinds
    scene.confirm()
    assert [row.ended for row in scene.given()] == [""]


def test_her_own_clip_comes_in_once_and_is_graded_like_any_clip(scene: Scene) -> None:
    scene.confirm()
    assert [scene.clip(), scene.clip()] == [True, False]
    db.session.commit()
    told = service.facts(exercise(scene))
    assert told.draw == {"lowest_price": 5, remedy.OWN_CLIP: 1}
    attempt = attempts.start(exercise(scene), by=scene.streamer.actor)
    (own,) = [slot for slot in attempts.slots_of(attempt).values() if slot["tag"] == remedy.OWN_CLIP]
    assert own["key"] == {"s2": "lowest_price"}
    version = attempts.question_of(attempt, own["slot"])
    assert version
    assert (version.clip_key, json.loads(version.clip_times)["s2"]) == ("clips/aa/x.m4a", [3000, 6000])


@pytest.mark.parametrize("role", ["viewer", "assistant", "ai", "unknown"])
def test_a_clip_in_which_somebody_else_speaks_is_left_out(scene: Scene, role: str) -> None:
    scene.confirm()
    span = {"start_ms": 7000, "end_ms": 8000, "label": "", "speaker_role": role}
    db.session.add(Span(recording_id=scene.case.recording_id, kind="speaker", **span))
    assert scene.clip() is False


@pytest.mark.parametrize(
    "said", ["加我一三八零零一三八零零零。", "打 138-0013-8000 找我。", "寄到望江路12号。", "发 a.b@example.com 吧。"]
)
def test_a_clip_with_somebodys_number_or_address_is_left_out(scene: Scene, said: str) -> None:
    scene.confirm()
    db.session.scalars(select(SegmentRow).where(SegmentRow.position == 2)).one().text = said
    assert scene.clip() is False


def test_a_clip_with_something_undecided_in_it_is_left_out(scene: Scene) -> None:
    scene.confirm()
    facts = {"kind": "unclear", "severity": 2, "start_ms": 6000, "end_ms": 7000, "opened_at": now()}
    place = {"recording_id": scene.case.recording_id, "transcript_id": scene.case.transcript_id}
    db.session.add(Case(**place, **facts))
    assert scene.clip() is False


def test_passing_the_exercise_does_it_and_earns_no_certificate(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.confirm()
    attempt = attempts.start(exercise(scene), by=scene.streamer.actor)
    monkeypatch.setattr(attempts, "score", _all_right)
    attempts.submit(attempt, by=scene.streamer.actor)
    db.session.commit()
    assert scene.given()[0].done_at is not None
    assert db.session.scalars(select(Certificate)).all() == []
    assert certificates.of_attempt(attempt.id) is None
    grade = standing.grade_of(attempt)
    assert grade
    assert grade.passed


def _all_right(slots: dict[int, object], _answers: object, _percent: int) -> tuple[list[dict[str, object]], object]:
    from livequal.training import grading, rules

    points = dict.fromkeys(slots, grading.FULL)
    rows: list[dict[str, object]] = [{"slot": number, "points": grading.FULL, "step": None} for number in slots]
    return rows, rules.verdict(points, [], 80)
