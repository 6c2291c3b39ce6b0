"""Commitments: what was read is what is signed."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from livequal.accounts.models import User
from livequal.accounts.rules import Role
from livequal.kernel.db import db
from livequal.kernel.errors import Conflict, Forbidden, Invalid
from livequal.training import commitments
from livequal.training.commitment_models import CommitmentSignature, CommitmentText

from ..factories import make_mcn, make_platform, make_user, signed_in
from .test_attempts import together
from .test_certificates import migration


@pytest.fixture
def streamer(app: Flask) -> User:
    return make_user(make_mcn(), Role.STREAMER, name="林晚", locale="en")


@pytest.fixture
def manager(app: Flask) -> User:
    return make_user(make_platform(), Role.CURRICULUM_MANAGER, locale="en")


def publish(manager: User, body: str, *, ask_again: bool) -> CommitmentText:
    text = commitments.current("streamer")
    row = commitments.publish(
        "streamer", title=text.title, body=body, ask_again=ask_again, read=text.sha256, by=manager.actor
    )
    db.session.commit()
    return row


def due(user: User) -> commitments.Due:
    return commitments.dues(user.actor)[0]


@pytest.mark.parametrize("slug", sorted(commitments.FOR))
def test_every_role_group_has_a_text_from_the_start(app: Flask, slug: str) -> None:
    text = commitments.current(slug)
    assert text.version == "1.0"
    assert text.title.endswith("承诺书")
    assert text.sha256 == commitments.digest(text.title, text.body)


def test_a_signature_binds_the_version_and_the_digest_of_the_text(streamer: User) -> None:
    text = due(streamer).text
    assert due(streamer).needed
    row = commitments.sign("streamer", text.sha256, by=streamer.actor)
    assert (row.text.version, row.sha256, row.name) == ("1.0", text.sha256, "林晚")
    assert commitments.digest(row.text.title, row.text.body) == row.sha256
    assert commitments.sign("streamer", text.sha256, by=streamer.actor).id == row.id
    assert not due(streamer).needed


def test_a_text_changed_in_between_is_not_signed(streamer: User, manager: User) -> None:
    read = due(streamer).text.sha256
    publish(manager, "1. 新的一条。", ask_again=False)
    with pytest.raises(Conflict):
        commitments.sign("streamer", read, by=streamer.actor)
    assert db.session.scalar(select(func.count()).select_from(CommitmentSignature)) == 0


def test_a_major_version_asks_again_and_a_minor_one_does_not(streamer: User, manager: User) -> None:
    commitments.sign("streamer", due(streamer).text.sha256, by=streamer.actor)
    assert publish(manager, "1. 改了错字。", ask_again=False).version == "1.1"
    assert not due(streamer).needed
    assert publish(manager, "1. 改了承诺的事。", ask_again=True).version == "2.0"
    assert due(streamer).needed
    commitments.sign("streamer", due(streamer).text.sha256, by=streamer.actor)
    assert not due(streamer).needed
    assert [row.text.version for row in db.session.scalars(commitments.signatures_of(streamer.actor))] == ["2.0", "1.0"]


def test_a_commitment_for_others_is_not_signed(streamer: User, manager: User) -> None:
    for user, slug in ((streamer, "moderator"), (manager, "streamer")):
        with pytest.raises(Forbidden):
            commitments.sign(slug, commitments.current(slug).sha256, by=user.actor)


def test_of_two_who_publish_the_second_is_told(manager: User, streamer: User) -> None:
    read = commitments.current("streamer").sha256
    publish(manager, "1. 新的一条。", ask_again=True)
    with pytest.raises(Conflict):
        commitments.publish("streamer", title="主播承诺书", body="x", ask_again=True, read=read, by=manager.actor)
    with pytest.raises(Forbidden):
        commitments.publish("streamer", title="主播承诺书", body="x", ask_again=True, read=read, by=streamer.actor)


@pytest.mark.parametrize(("title", "body"), [("", "x"), ("x" * 61, "x"), ("x", " "), ("x", "x" * 20_001)])
def test_an_empty_or_endless_text_is_refused(manager: User, title: str, body: str) -> None:
    read = commitments.current("agency").sha256
    with pytest.raises(Invalid):
        commitments.publish("agency", title=title, body=body, ask_again=True, read=read, by=manager.actor)


def test_many_first_signatures_at_once_keep_one_text(app: Flask) -> None:
    house = make_mcn()
    actors = iter([make_user(house, Role.STREAMER).actor for _ in range(20)])
    read = commitments.current("streamer").sha256
    together(app, 20, lambda: commitments.sign("streamer", read, by=next(actors)).id)
    assert db.session.scalar(select(func.count()).select_from(CommitmentText)) == 1
    assert db.session.scalar(select(func.count()).select_from(CommitmentSignature)) == 20


def test_the_database_refuses_a_second_signature_of_a_version(streamer: User) -> None:
    row = commitments.sign("streamer", due(streamer).text.sha256, by=streamer.actor)
    db.session.add(
        CommitmentSignature(
            user_id=row.user_id, text_id=row.text_id, name="x", sha256=row.sha256, signed_at=row.signed_at
        )
    )
    with pytest.raises(IntegrityError):
        db.session.flush()
    db.session.rollback()


@pytest.mark.parametrize("change", ["UPDATE {} SET id = id", "DELETE FROM {}"])
@pytest.mark.parametrize("table", ["commitment_signature", "commitment_text"])
def test_the_database_itself_refuses_to_change_what_was_signed(streamer: User, table: str, change: str) -> None:
    commitments.sign("streamer", due(streamer).text.sha256, by=streamer.actor)
    db.session.commit()
    for name in ("0006_certificates", "0008_commitments"):
        for statement in migration(name).protections(db.engine.dialect.name):
            db.session.execute(text(statement))
    with pytest.raises(DBAPIError, match="append-only"):
        db.session.execute(text(change.format(table)))
    db.session.rollback()


# --- pages ---


def digest_on(page: str) -> str:
    found = re.search(r'name="read"[^>]*value="([0-9a-f]{64})"', page)
    assert found
    return found[1]


def test_a_streamer_reads_and_signs(client: FlaskClient, streamer: User) -> None:
    signed_in(client, streamer)
    assert "To sign" in client.get("/commitments").text
    read = digest_on(client.get("/commitments/streamer").text)
    assert client.post("/commitments/streamer", data={"read": read}).status_code == 422
    assert client.post("/commitments/streamer", data={"read": read, "agreed": "y"}).status_code == 303
    assert "/commitments/streamer/1.0" in client.get("/commitments").text
    assert read in client.get("/commitments/streamer/1.0").text
    assert "You signed version 1.0." in client.get("/commitments/streamer").text


def test_a_text_changed_while_reading_shows_both_and_asks_to_read_again(
    client: FlaskClient, streamer: User, manager: User
) -> None:
    signed_in(client, streamer)
    read = digest_on(client.get("/commitments/streamer").text)
    new = publish(manager, "1. 只留这一条新的。", ask_again=True)
    answer = client.post("/commitments/streamer", data={"read": read, "agreed": "y"})
    assert answer.status_code == 409
    assert "只留这一条新的" in answer.text
    assert "先学再播" in answer.text
    assert digest_on(answer.text) == new.sha256
    assert "checked" not in answer.text


def test_a_commitment_for_others_is_not_shown(client: FlaskClient, streamer: User) -> None:
    signed_in(client, streamer)
    assert client.get("/commitments/moderator").status_code == 404
    assert client.get("/commitments/nothing").status_code == 404
    assert client.get("/commitments/streamer/9.9").status_code == 404
    assert client.get("/commitments/signed").status_code == 403


def test_the_platform_writes_a_version_and_sees_who_signed(client: FlaskClient, streamer: User, manager: User) -> None:
    commitments.sign("streamer", due(streamer).text.sha256, by=streamer.actor)
    signed_in(client, manager)
    assert "林晚" in client.get("/commitments/signed?slug=streamer").text
    assert "林晚" not in client.get("/commitments/signed?slug=agency").text
    read = digest_on(client.get("/commitments/streamer/edit").text)
    typed = {"read": read, "title": "主播承诺书", "body": "**新**<script>x</script>", "change": "major"}
    assert client.post("/commitments/streamer/edit", data=typed | {"change": ""}).status_code == 422
    assert client.post("/commitments/streamer/edit", data=typed).status_code == 303
    stale = client.post("/commitments/streamer/edit", data=typed | {"body": "我写的这句还在"})
    assert stale.status_code == 409
    assert "我写的这句还在" in stale.text
    page = client.get("/commitments/streamer").text
    assert "<strong>新</strong>" in page
    assert "<script>x" not in page
