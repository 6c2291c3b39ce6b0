"""Cases, decisions and findings."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest
from flask import current_app

from livequal.accounts.models import User
from livequal.accounts.rules import Role
from livequal.jobs.models import Job
from livequal.kernel.db import db
from livequal.kernel.errors import Invalid, NotFound, WrongState
from livequal.notifications.models import Notice
from livequal.onboarding.models import LiveSessionStreamer, Streamer
from livequal.review import service, shown
from livequal.review.models import Case, Decision
from livequal.review.rules import Outcome
from livequal.risk.models import FlagRow
from livequal.streams import search
from livequal.streams import service as streams
from livequal.streams.models import Recording, SegmentRow
from livequal.streams.timeline import TimelineSpan

from ..factories import make_mcn, make_operator, make_platform, make_user
from ..recordings import make_live_session, make_recording, make_streamer, run_jobs, segments, transcribed

pytestmark = pytest.mark.usefixtures("app")
RISKY = "这款酵素能治疗糖尿病，保证三天见效"
HARMLESS = "姐妹们晚上好，今天风有点大"


@dataclass
class Story:
    moderator: User
    manager: User
    streamer: User
    person: Streamer
    stranger: User
    recording: Recording

    @property
    def case(self) -> Case:
        return db.session.query(Case).filter_by(kind="claim").order_by(Case.id).first()  # type: ignore[return-value]


@pytest.fixture
def story() -> Story:
    moderator = make_user(make_platform(), Role.MODERATOR)
    mcn, operator = make_mcn(), make_operator()
    streamer = make_user(mcn, Role.STREAMER)
    person = make_streamer(mcn.id, user=streamer)
    session = make_live_session(operator.id, person, by=moderator)
    recording = transcribed(make_recording(moderator, session=session), HARMLESS, RISKY, "嗯嗯嗯", unclear=[2])
    return Story(
        moderator,
        make_user(mcn, Role.MCN_MANAGER),
        streamer,
        person,
        make_user(make_mcn(), Role.MCN_MANAGER),
        recording,
    )


def confirm(story: Story, case: Case | None = None, **more: object) -> Decision:
    case = case or story.case
    facts = {"streamer_id": story.person.id} | more
    verdict = service.Verdict(Outcome.CONFIRMED, "said_against_rule", **facts)  # type: ignore[arg-type]
    return service.decide(case, verdict, case.version, by=story.moderator.actor)


def test_a_risky_claim_and_a_stretch_not_understood_wait_in_the_queue(story: Story) -> None:
    cases = db.session.scalars(service.queue(story.moderator.actor)).all()
    assert {case.kind for case in cases} == {"claim", "unclear"}
    assert [case.severity for case in cases] == sorted((case.severity for case in cases), reverse=True)
    unclear = next(case for case in cases if case.kind == "unclear")
    assert (unclear.start_ms, unclear.end_ms) == (8000, 12_000)
    assert not db.session.scalars(service.queue(story.manager.actor)).all()


def test_a_confirmed_finding_reaches_the_streamer_and_her_mcn_and_nobody_else(story: Story) -> None:
    decision = confirm(story)
    db.session.commit()
    for person in (story.streamer, story.manager, story.moderator):
        assert service.finding(decision.case_id, person.actor).id == decision.id
    with pytest.raises(NotFound):
        service.finding(decision.case_id, story.stranger.actor)
    told = {row.user_id for row in db.session.query(Notice).filter_by(kind="finding_confirmed")}
    assert told == {story.streamer.id, story.manager.id}
    assert db.session.query(Job).filter_by(name="cut_clip", subject=f"case:{decision.case_id}").count() == 1


def test_a_stale_decision_says_who_was_first(story: Story) -> None:
    first = confirm(story)
    with pytest.raises(service.StaleCase) as stale:
        service.decide(
            story.case, service.Verdict(Outcome.DISMISSED, "misheard"), first.case_version, by=story.moderator.actor
        )
    assert stale.value.decision is not None
    assert stale.value.decision.id == first.id


def test_a_withdrawn_confirmation_is_no_finding_any_more(story: Story) -> None:
    decision = confirm(story)
    case = story.case
    service.decide(case, service.Verdict(Outcome.WITHDRAWN, "decided_in_error"), case.version, by=story.moderator.actor)
    db.session.commit()
    with pytest.raises(NotFound):
        service.finding(decision.case_id, story.streamer.actor)
    assert db.session.query(Notice).filter_by(kind="finding_withdrawn", user_id=story.streamer.id).count() == 1
    assert db.session.query(Decision).count() == 2


def test_only_a_confirmation_can_be_withdrawn(story: Story) -> None:
    case = story.case
    with pytest.raises(WrongState):
        service.decide(
            case, service.Verdict(Outcome.WITHDRAWN, "decided_in_error"), case.version, by=story.moderator.actor
        )


@pytest.mark.parametrize(
    ("verdict", "field"),
    [
        (service.Verdict(Outcome.DISMISSED, "no such reason"), "reason"),
        (service.Verdict(Outcome.DISMISSED, "other"), "note"),
        (service.Verdict(Outcome.CONFIRMED, "said_against_rule", category="nonsense"), "category"),
        (service.Verdict(Outcome.CONFIRMED, "said_against_rule", streamer_id=999), "streamer"),
        (service.Verdict(Outcome.DISMISSED, "misheard", note="长" * 1001), "note"),
    ],
)
def test_what_is_missing_is_said_at_its_field(story: Story, verdict: service.Verdict, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        service.decide(story.case, verdict, story.case.version, by=story.moderator.actor)
    assert field in refused.value.fields


def mark(story: Story, kind: str, **more: str) -> None:
    facts = {"label": "", "sku": "", "product_category": "", "speaker_role": ""} | more
    streams.mark(
        story.recording,
        [TimelineSpan.stored(kind=kind, start_ms=0, end_ms=60_000, **facts)],
        by=story.moderator.actor,
    )
    db.session.commit()
    run_jobs("scan")


def test_nobody_is_named_unless_the_moderator_names_somebody(story: Story) -> None:
    decision = confirm(story, streamer_id=None)
    assert decision.streamer_id is None
    assert not db.session.query(Notice).filter_by(kind="finding_confirmed").count()


def test_a_viewer_s_words_are_no_claim_of_the_host_and_name_nobody(story: Story) -> None:
    case = story.case
    mark(story, "speaker", speaker_role="viewer")
    assert db.session.get_one(Case, case.id).state == "superseded"
    mark(story, "speaker", speaker_role="ai")
    again = db.session.query(Case).filter_by(kind="claim", state="open").first()
    assert again is not None
    with pytest.raises(Invalid) as refused:
        confirm(story, again)
    assert "streamer" in refused.value.fields


def test_a_product_marked_after_the_scan_is_what_the_flag_is_about(story: Story) -> None:
    mark(story, "product", label="枣糕", product_category="food")
    standing = db.session.query(FlagRow).filter(FlagRow.superseded_at.is_(None)).all()
    assert {row.product_category for row in standing} == {"food"}
    assert {case.flag_id for case in db.session.query(Case).filter_by(kind="claim", state="open")} == {
        row.id for row in standing
    }


def test_naming_somebody_else_takes_the_finding_from_the_first(story: Story) -> None:
    other = make_streamer(story.person.organisation_id)
    db.session.add(LiveSessionStreamer(live_session_id=story.recording.live_session_id, streamer_id=other.id))
    db.session.commit()
    confirm(story)
    confirm(story, streamer_id=other.id)
    assert db.session.query(Notice).filter_by(kind="finding_withdrawn", user_id=story.streamer.id).count() == 1
    with pytest.raises(NotFound):
        service.finding(story.case.id, story.streamer.actor)


def test_a_decided_claim_stays_one_when_the_line_shifts_or_the_transcript_is_replaced(story: Story) -> None:
    cases = db.session.query(Case).filter_by(kind="claim").all()
    for case in cases:
        confirm(story, case)
    db.session.commit()
    row = db.session.scalars(search.found("糖尿病", story.moderator.actor)).one()
    streams.correct_word(story.recording, row.id, 0, "", row.version, by=story.moderator.actor)
    db.session.commit()
    run_jobs("scan")
    streams.use_subtitles(story.recording, segments(HARMLESS, RISKY[1:]), by=story.moderator.actor)
    db.session.commit()
    run_jobs("scan")
    db.session.expire_all()
    assert not db.session.query(Case).filter_by(kind="claim", state="open").count()
    document = json.loads(shown_document(story))
    assert {flag["state"] for flag in document["flags"]} == {"confirmed"}
    texts = {segment["id"]: segment["text"] for segment in document["segments"]}
    assert all(flag["quote"] == texts[flag["segment_id"]][flag["start"] : flag["end"]] for flag in document["flags"])


def shown_document(story: Story) -> str:
    with current_app.test_request_context():
        return shown.transcript_json(story.recording, story.moderator.actor)


def test_with_two_people_on_air_the_moderator_says_who_spoke(story: Story) -> None:
    other = make_streamer(make_mcn().id)
    session = make_live_session(
        make_operator().id, make_streamer(story.streamer.organisation_id), other, by=story.moderator
    )
    recording = transcribed(make_recording(story.moderator, session=session), RISKY)
    case = db.session.query(Case).filter_by(recording_id=recording.id, kind="claim").first()
    assert case is not None
    assert confirm(story, case, streamer_id=other.id).streamer_id == other.id


def test_a_stretch_not_understood_is_confirmed_only_with_what_is_wrong(story: Story) -> None:
    case = db.session.query(Case).filter_by(kind="unclear").one()
    with pytest.raises(Invalid) as refused:
        confirm(story, case)
    assert "category" in refused.value.fields
    assert confirm(story, case, category="false_endorsement").category == "false_endorsement"


def test_correcting_the_words_supersedes_an_undecided_flag_and_keeps_a_decided_one(story: Story) -> None:
    flagged = db.session.scalars(search.found("糖尿病", story.moderator.actor)).one()
    cases = db.session.query(Case).filter_by(kind="claim").order_by(Case.id).all()
    decided = confirm(story, cases[0])
    for index, char in enumerate("这款酵素配好咖啡喝，味道非常不错"):
        row = streams.segment(flagged.id, story.recording)
        streams.correct_word(story.recording, row.id, index, char, row.version, by=story.moderator.actor)
    streams.correct_word(story.recording, flagged.id, 16, "", flagged.version, by=story.moderator.actor)
    db.session.commit()
    run_jobs("scan")
    db.session.expire_all()
    states = {case.id: case.state for case in db.session.query(Case).filter_by(kind="claim")}
    assert states[decided.case_id] == "confirmed"
    assert len(states) > 1
    assert {state for case_id, state in states.items() if case_id != decided.case_id} == {"superseded"}


def test_a_line_that_somebody_heard_and_wrote_down_is_read_and_no_longer_unclear(story: Story) -> None:
    row = db.session.query(SegmentRow).filter_by(unintelligible=True).one()
    for index, words in enumerate(("这款枣糕", "能治疗糖尿病", "")):
        row = streams.correct_word(story.recording, row.id, index, words, row.version, by=story.moderator.actor)
    db.session.commit()
    run_jobs("scan")
    db.session.expire_all()
    assert db.session.query(Case).filter_by(kind="unclear").one().state == "superseded"
    heard = db.session.query(FlagRow).filter_by(segment_id=row.id).all()
    assert heard
