from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from email import message_from_string, policy

import pytest
from flask import Flask
from sqlalchemy import select

from livequal.accounts.rules import SYSTEM
from livequal.config import Settings
from livequal.jobs import service as jobs
from livequal.jobs.models import Job
from livequal.jobs.rules import MAX_FAILURES, Hopeless
from livequal.jobs.run import Run
from livequal.kernel import installation
from livequal.kernel.db import db, edge
from livequal.kernel.errors import NotFound, WrongState
from livequal.notifications import service
from livequal.notifications.models import Mail
from livequal.notifications.rules import MailState, NoticeKind

from .mail_server import MailServer, mail_server


@pytest.fixture
def server(app: Flask, settings: Settings) -> Iterator[MailServer]:
    """A mail server that this installation is set to use."""
    with mail_server() as running:
        installation.install(replace(settings, smtp_url=running.url, mail_from="livequal@platform.example"))
        yield running
        installation.install(settings)


def written(recipient: str = "han@mcn.example") -> int:
    with edge():
        return service.send_mail(recipient, "重设密码", "请打开链接\n.\n两行").id


def run(failures: int = 1) -> Run:
    with edge():
        job = jobs.claim("w1")
        assert job is not None
        job.failures = failures
        return Run(job)


def mail(mail_id: int) -> Mail:
    with edge(write=False):
        return service.mail(mail_id)


def test_without_a_mail_server_a_mail_waits_for_a_hand_and_no_job_is_queued(app: Flask) -> None:
    mail_id = written()
    assert mail(mail_id).state == MailState.WAITING_FOR_HAND
    with edge(write=False):
        assert db.session.scalars(select(Job)).all() == []


def test_a_mail_that_was_passed_on_forgets_its_text(app: Flask) -> None:
    mail_id = written()
    with edge():
        service.passed_on(service.mail(mail_id), by=SYSTEM)
    assert (mail(mail_id).state, mail(mail_id).body) == (MailState.SENT, "")
    with pytest.raises(WrongState) as wrong, edge():
        service.passed_on(service.mail(mail_id), by=SYSTEM)
    assert wrong.value.message
    assert "sent" not in wrong.value.message
    assert wrong.value.__notes__ == ["sent → sent"]


def test_a_mail_goes_out_whole_and_once(server: MailServer) -> None:
    mail_id = written()
    one = run()
    service.deliver(one)
    service.deliver(one)
    assert server.recipients == ["han@mcn.example"]
    message = message_from_string(server.mails[0], policy=policy.default)
    assert (message["To"], message["From"]) == ("han@mcn.example", "livequal@platform.example")
    assert message["Subject"] == "重设密码"
    assert message.get_content().replace("\r\n", "\n").strip() == "请打开链接\n.\n两行"
    assert (mail(mail_id).state, mail(mail_id).body) == (MailState.SENT, "")


def test_a_busy_mail_server_is_tried_again(server: MailServer) -> None:
    server.refusals["RCPT"] = "451 come back later"
    mail_id = written()
    with pytest.raises(ConnectionError):
        service.deliver(run())
    assert (mail(mail_id).state, mail(mail_id).error) == (MailState.QUEUED, "SMTPRecipientsRefused 451")


def test_after_the_last_try_the_mail_stands_in_the_outbox_with_its_text(server: MailServer) -> None:
    server.refusals["RCPT"] = "451 come back later"
    mail_id = written()
    with pytest.raises(ConnectionError):
        service.deliver(run(failures=MAX_FAILURES))
    assert mail(mail_id).state == MailState.FAILED
    assert mail(mail_id).body


def test_a_refusal_for_good_is_hopeless_and_names_nobody(server: MailServer) -> None:
    server.refusals["RCPT"] = "550 no han@mcn.example here"
    mail_id = written()
    with pytest.raises(Hopeless) as told:
        service.deliver(run())
    assert "han@" not in str(told.value) + mail(mail_id).error
    assert mail(mail_id).state == MailState.FAILED


def test_a_mail_server_that_is_away_is_tried_again(server: MailServer) -> None:
    server.shutdown()
    server.server_close()
    mail_id = written()
    with pytest.raises(ConnectionError):
        service.deliver(run())
    assert mail(mail_id).state == MailState.QUEUED


def test_each_person_is_told_once_and_sees_only_their_own(app: Flask) -> None:
    with edge():
        service.tell([7, 7, 8], NoticeKind.TRANSCRIPT_READY, {"title": "晚场"}, "/recordings/1")
    with edge(write=False):
        mine = db.session.scalars(service.notices_for(7)).all()
        assert [(notice.facts, notice.url) for notice in mine] == [({"title": "晚场"}, "/recordings/1")]
        assert service.unread_count(8) == 1
        with pytest.raises(NotFound):
            service.notice(mine[0].id, user_id=8)
    with edge():
        service.mark_read(8, mine[0].id)
        service.mark_read(7)
    with edge(write=False):
        assert (service.unread_count(7), service.unread_count(8)) == (0, 1)


def test_a_mail_that_goes_out_again_has_the_same_message_id(server: MailServer) -> None:
    mail_id = written()
    one = run()
    service.deliver(one)
    with edge():  # as if the worker had died before it could note that the server took it
        service.mail(mail_id).state = MailState.QUEUED.value
    service.deliver(one)
    first, second = (message_from_string(text, policy=policy.default)["Message-ID"] for text in server.mails)
    assert first == second
    assert first.startswith(f"<livequal.mail.{mail_id}.")
    assert first.endswith("@platform.example>")
