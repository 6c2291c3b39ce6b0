from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

import livequal
from livequal.accounts.rules import SYSTEM, Role
from livequal.audit import service as audit
from livequal.audit.models import AuditEvent
from livequal.desk import shown
from livequal.flow import JOBS
from livequal.jobs import service as jobs
from livequal.jobs.rules import JobState
from livequal.kernel.db import db, edge
from livequal.notifications import service as notifications
from livequal.notifications.rules import MailState, NoticeKind

from .factories import make_mcn, make_platform, make_user, signed_in


@pytest.fixture
def administrator(client: FlaskClient) -> FlaskClient:
    return signed_in(client, make_user(make_platform(), Role.ADMINISTRATOR, name="周管理", locale="en"))


def queued(**more: Any) -> int:
    with edge():
        return jobs.enqueue("transcribe", {}, subject="recording:3", **more).id


def dead() -> int:
    job_id = queued()
    with edge():
        job = jobs.claim("w1")
        assert job is not None
        jobs.fail(job.id, job.token, "ValueError: <script>alert(1)</script>", final=True)
    return job_id


def state_of(job_id: int) -> str:
    with edge(write=False):
        return jobs.get(job_id).state


def test_the_jobs_page_shows_what_failed_and_why_and_runs_it_again(administrator: FlaskClient) -> None:
    job_id = dead()
    page = administrator.get("/jobs?state=dead")
    assert "ValueError: &lt;script&gt;" in page.text
    assert f"/jobs/{job_id}/retry" in page.text
    assert administrator.post(f"/jobs/{job_id}/retry", data={"state": "dead"}).location == "/jobs?state=dead"
    assert state_of(job_id) == JobState.QUEUED


def test_a_waiting_job_is_cancelled_from_its_page(administrator: FlaskClient) -> None:
    job_id = queued()
    assert administrator.post(f"/jobs/{job_id}/cancel").status_code == 302
    assert state_of(job_id) == JobState.CANCELLED
    assert administrator.post(f"/jobs/{job_id}/cancel").status_code == 409


def test_a_job_that_does_not_exist_is_not_found(administrator: FlaskClient) -> None:
    assert administrator.post("/jobs/4711/retry").status_code == 404


def test_who_may_only_read_jobs_gets_no_buttons_and_no_way_around_them(client: FlaskClient) -> None:
    officer = signed_in(client, make_user(make_platform(), Role.QUALITY_OFFICER))
    job_id = dead()
    assert f"/jobs/{job_id}/retry" not in officer.get("/jobs").text
    assert officer.post(f"/jobs/{job_id}/retry").status_code == 403
    assert state_of(job_id) == JobState.DEAD


def test_a_missing_worker_is_named_on_the_jobs_page(administrator: FlaskClient) -> None:
    assert "No worker is at work" in administrator.get("/jobs").text
    with edge():
        jobs.worker_seen("w1", 2, {})
    assert "No worker is at work" not in administrator.get("/jobs").text


@pytest.mark.parametrize("path", ["/jobs", "/outbox", "/audit", "/audit.csv"])
def test_tenants_see_nothing_of_the_operations(client: FlaskClient, path: str) -> None:
    manager = signed_in(client, make_user(make_mcn(), Role.MCN_MANAGER))
    assert manager.get(path).status_code == 403


def test_a_mail_is_copied_from_the_outbox_and_marked_as_passed_on(administrator: FlaskClient) -> None:
    with edge():
        mail_id = notifications.send_mail("han@mcn.example", "New password", "Open https://x.example/<token>").id
    page = administrator.get("/outbox").text
    assert "han@mcn.example" in page
    assert "Open https://x.example/&lt;token&gt;" in page
    administrator.post(f"/outbox/{mail_id}/passed-on")
    assert "han@mcn.example" not in administrator.get("/outbox").text
    with edge(write=False):
        assert notifications.mail(mail_id).state == MailState.SENT


def test_the_record_is_shown_readably_and_filtered(administrator: FlaskClient) -> None:
    with edge():
        audit.record("person.leave", ("user_account", 5), by=SYSTEM, before={"roles": ["streamer"]}, reason="moved on")
        audit.record("job.retry", ("job", 9), by=SYSTEM)
    page = administrator.get("/audit?action=person.leave").text
    assert "Closed an account" in page
    assert "streamer" in page
    assert "moved on" in page
    assert "job 9" not in page
    assert "job 9" in administrator.get("/audit?type=job&id=9&actor=nonsense").text


def test_a_record_that_was_altered_behind_our_back_is_told(administrator: FlaskClient) -> None:
    with edge():
        audit.record("job.retry", ("job", 9), by=SYSTEM)
    assert "does not fit its digest" not in administrator.get("/audit").text
    with edge():
        event = db.session.query(AuditEvent).one()
        event.payload = event.payload.replace("job.retry", "job.cancel")
    assert "does not fit its digest" in administrator.get("/audit").text


def test_the_exported_record_is_whole_and_no_cell_is_a_formula(administrator: FlaskClient) -> None:
    with edge():
        for number in range(60):
            audit.record("=cmd()", ("job", number), by=SYSTEM, after={"n": number})
    answer = administrator.get("/audit.csv?action=%3Dcmd()")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    rows = list(csv.reader(io.StringIO(answer.get_data().decode("utf-8-sig"))))
    assert len(rows) == 61
    assert {row[2] for row in rows[1:]} == {"'=cmd()"}
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@"))]


def test_a_person_reads_their_notices_and_no_one_elses(app: Flask) -> None:
    house = make_mcn()
    han, li = make_user(house, Role.STREAMER, locale="en"), make_user(house, Role.STREAMER, locale="en")
    with edge():
        facts = {"title": "晚场", "category": "lowest_price"}
        (notice,) = notifications.tell([han.id], NoticeKind.FINDING_CONFIRMED, facts, "/findings/3")
        notice_id = notice.id
    hers, his = signed_in(app.test_client(), han), signed_in(app.test_client(), li)
    assert "晚场" in hers.get("/notices").text
    assert "晚场" not in his.get("/notices").text
    assert his.post(f"/notices/{notice_id}/open").status_code == 404
    assert hers.post(f"/notices/{notice_id}/open").location == "/findings/3"
    with edge(write=False):
        assert notifications.unread_count(han.id) == 0


def test_a_notice_never_leads_off_this_site(app: Flask) -> None:
    han = make_user(make_mcn(), Role.STREAMER)
    with edge():
        (notice,) = notifications.tell([han.id], NoticeKind.TRANSCRIPT_READY, {"title": "x"}, "//evil.example/")
        notice_id = notice.id
    hers = signed_in(app.test_client(), han)
    assert hers.post(f"/notices/{notice_id}/open").location == "/notices"


@pytest.mark.parametrize("kind", list(NoticeKind))
def test_every_kind_of_notice_is_a_sentence(app: Flask, kind: NoticeKind) -> None:
    han = make_user(make_mcn(), Role.STREAMER, locale="en")
    with edge():
        notifications.tell([han.id], kind, {"title": "Evening", "category": "lowest_price"}, "/")
    assert "“Evening”" in signed_in(app.test_client(), han).get("/notices").text


@pytest.mark.parametrize("path", ["/jobs", "/outbox?state=sent", "/audit", "/notices"])
def test_long_lists_come_in_pages(administrator: FlaskClient, path: str) -> None:
    from livequal.accounts.models import User

    with edge():
        person = db.session.query(User).one()
        for _ in range(30):
            jobs.enqueue("scan", {})
            audit.record("job.retry", ("job", 1), by=SYSTEM)
            notifications.tell([person.id], NoticeKind.TRANSCRIPT_READY, {"title": "x"})
            notifications.send_mail("a@b.example", "s", "b").state = MailState.SENT.value
    join = "&" if "?" in path else "?"
    assert 'rel="next"' in administrator.get(path).text
    assert 'rel="prev"' in administrator.get(f"{path}{join}page=2").text


def test_every_act_and_job_of_the_code_has_words_of_its_own() -> None:
    """Acts are written as `room.verb` literals handed to the record; a new one needs its words in desk/shown.py."""
    code = "\n".join(path.read_text(encoding="utf-8") for path in Path(livequal.__file__).parent.glob("[a-z]*/*.py"))
    calls = r'(?:record|record_change|_note|_move_streamer|_move_room)\((?:[^()"]|\([^()]*\))*"([a-z_]+(?:\.[a-z_]+)?)"'
    acts = {act for act in re.findall(calls, code) if "." in act or act.startswith("sign_")}
    assert {"job.retry", "sign_in", "streamer.leave", "case.decide"} <= acts
    assert acts - set(shown.ACTIONS) == set()
    assert set(JOBS) - set(shown.JOB_NAMES) == set()
