"""What a learner, the platform and a stranger see of a certificate."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO

import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from pypdf import PdfReader

from livequal.accounts.models import User
from livequal.accounts.rules import Role
from livequal.kernel.clock import frozen
from livequal.kernel.db import db
from livequal.training import attempts, certificates
from livequal.training.certificate_pages import asked
from livequal.training.ledger import CertificateEventKind, grouped, serial_of
from livequal.training.models import Certificate, Course

from ..factories import make_mcn, make_platform, make_user, signed_in
from .conftest import read_all
from .test_attempts import answer_all, begun
from .test_certificates import passed

K = CertificateEventKind
DAY = timedelta(days=1)
HERE = {"Accept-Language": "en"}


@pytest.fixture(autouse=True)
def _unthrottled() -> Iterator[None]:
    asked.clear()
    yield
    asked.clear()


@pytest.fixture
def holder(course: Course) -> User:
    user = make_user(make_mcn(), Role.STREAMER, name="古丽·买买提䶮", locale="en")
    read_all(user, course)
    return user


@pytest.fixture
def row(course: Course, holder: User) -> Certificate:
    return passed(holder, course)


def manager() -> User:
    return make_user(make_platform(), Role.CURRICULUM_MANAGER, locale="en")


def test_a_stranger_verifies_a_certificate_and_sees_the_name_masked(client: FlaskClient, row: Certificate) -> None:
    for typed in (row.serial, grouped(row.serial), row.serial.lower()):
        page = client.get(f"/verify/{typed}", headers=HERE)
        assert page.status_code == 200
        assert "This certificate holds at the moment of asking." in page.text
        assert "古*·***䶮" in page.text
        assert row.name not in page.text
        assert row.course_title in page.text
    assert client.get(f"/verify?serial={grouped(row.serial)}", headers=HERE).location == f"/verify/{row.serial}"


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [(K.SUSPENDED, "does not hold for now"), (K.REVOKED, "It was issued and later revoked")],
)
def test_a_certificate_that_does_not_hold_is_shown_as_such(
    client: FlaskClient, row: Certificate, kind: CertificateEventKind, sentence: str
) -> None:
    certificates.decide(row, kind, reason="内部原因", by=manager().actor)
    page = client.get(f"/verify/{row.serial}", headers=HERE)
    assert page.status_code == 200
    assert sentence in page.text
    assert "内部原因" not in page.text


def test_one_that_has_run_out_is_shown_as_such(client: FlaskClient, row: Certificate) -> None:
    with frozen(row.valid_until):
        page = client.get(f"/verify/{row.serial}", headers=HERE)
    assert page.status_code == 200
    assert "has run out" in page.text


def test_a_replaced_one_is_shown_as_such(client: FlaskClient, row: Certificate, course: Course, holder: User) -> None:
    passed(holder, course)
    page = client.get(f"/verify/{row.serial}", headers=HERE)
    assert "holds a newer one" in page.text


def test_a_mistyped_number_is_told_from_one_never_issued(client: FlaskClient, row: Certificate) -> None:
    wrong = row.serial[:-1] + ("0" if row.serial[-1] != "0" else "1")
    page = client.get(f"/verify/{wrong}", headers=HERE)
    assert page.status_code == 404
    assert "mistyped: no certificate can have this number" in page.text
    unknown = client.get(f"/verify/{serial_of(b'0123456789')}", headers=HERE)
    assert unknown.status_code == 404
    assert "No certificate with this number was ever issued here" in unknown.text
    typed = client.get("/verify?serial=<b>a/b</b>", headers=HERE)
    assert typed.status_code == 404
    assert "<b>a" not in typed.text


def test_who_looks_up_too_many_waits_a_minute(client: FlaskClient, row: Certificate) -> None:
    answers = [client.get(f"/verify/{row.serial}").status_code for _ in range(31)]
    assert answers == [200] * 30 + [429]
    elsewhere = client.get(f"/verify/{row.serial}", environ_base={"REMOTE_ADDR": "203.0.113.9"})
    assert elsewhere.status_code == 200


def test_the_holder_gets_a_picture_and_a_pdf_whose_text_can_be_selected(
    client: FlaskClient, row: Certificate, holder: User
) -> None:
    signed_in(client, holder)
    page = client.get(f"/certificates/{row.serial}")
    assert f'src="/certificates/{row.serial}/picture.png"' in page.text
    assert "typeface lacks" not in page.text
    picture = client.get(f"/certificates/{row.serial}/picture.png")
    assert picture.mimetype == "image/png"
    image = Image.open(BytesIO(picture.data))
    assert image.width == 1080
    paper = client.get(f"/certificates/{row.serial}/certificate.pdf")
    assert paper.mimetype == "application/pdf"
    assert len(paper.data) <= 150_000
    text = PdfReader(BytesIO(paper.data)).pages[0].extract_text()
    for words in (row.name, row.course_title, grouped(row.serial)):
        assert words in text


def test_the_qr_code_on_the_picture_leads_to_the_verify_page(
    client: FlaskClient, row: Certificate, holder: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    coded: list[str] = []
    import segno

    make = segno.make
    monkeypatch.setattr("segno.make", lambda url, **more: coded.append(url) or make(url, **more))
    signed_in(client, holder).get(f"/certificates/{row.serial}/picture.png")
    assert len(coded) == 1
    assert coded[0].startswith("http")
    assert coded[0].endswith(f"/verify/{row.serial}")


def test_nobody_else_sees_it(client: FlaskClient, row: Certificate) -> None:
    signed_in(client, make_user(make_mcn(), Role.STREAMER))
    for path in ("", "/picture.png", "/certificate.pdf"):
        assert client.get(f"/certificates/{row.serial}{path}").status_code == 404
    assert client.get("/certificates/ledger").status_code == 403


def test_what_does_not_hold_is_not_printed(client: FlaskClient, row: Certificate, holder: User) -> None:
    certificates.decide(row, K.SUSPENDED, reason="复核中", by=manager().actor)
    signed_in(client, holder)
    page = client.get(f"/certificates/{row.serial}")
    assert "picture.png" not in page.text
    assert "复核中" in page.text
    assert client.get(f"/certificates/{row.serial}/picture.png").status_code == 409


def test_the_curriculum_manager_suspends_reinstates_and_revokes_with_a_reason(
    client: FlaskClient, row: Certificate
) -> None:
    signed_in(client, manager())
    assert row.name in client.get("/certificates/ledger?words=" + grouped(row.serial)).text
    address = f"/certificates/{row.serial}"
    assert client.post(address, data={"kind": "suspended", "reason": ""}).status_code == 422
    assert client.post(address, data={"kind": "issued", "reason": "x"}).status_code == 422
    for kind, state in (("suspended", "suspended"), ("reinstated", "valid"), ("revoked", "revoked")):
        assert client.post(address, data={"kind": kind, "reason": "复核"}).status_code == 303
        db.session.expire_all()
        assert certificates.state(db.session.get_one(Certificate, row.id)) == state
    assert "Decide about" not in client.get(address).text


def test_the_holder_can_not_decide(client: FlaskClient, row: Certificate, holder: User) -> None:
    signed_in(client, holder)
    answer = client.post(f"/certificates/{row.serial}", data={"kind": "reinstated", "reason": "x"})
    assert answer.status_code == 403


def test_a_pass_leads_to_the_certificate(client: FlaskClient, course: Course, holder: User) -> None:
    attempt = begun(holder, course)
    answer_all(attempt)
    db.session.commit()
    signed_in(client, holder)
    assert client.post(f"/learn/exams/{attempt.id}/submit", data={}).status_code in {200, 303}
    row = certificates.of_attempt(attempt.id)
    assert row is not None
    assert f"/certificates/{row.serial}" in client.get(f"/learn/exams/{attempt.id}/result").text
    assert f"/certificates/{row.serial}" in client.get("/certificates").text
    again = client.post(f"/learn/exams/{attempt.id}/certificate")
    assert again.location == f"/certificates/{row.serial}"


def test_a_pass_from_before_there_were_certificates_can_be_claimed(
    client: FlaskClient, course: Course, holder: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt = begun(holder, course)
    answer_all(attempt)
    with monkeypatch.context() as patch:
        patch.setattr("livequal.kernel.bus.emit", lambda _event: None)
        attempts.submit(attempt, by=holder.actor)
    signed_in(client, holder)
    assert f"/learn/exams/{attempt.id}/certificate" in client.get(f"/learn/exams/{attempt.id}/result").text
    assert client.post(f"/learn/exams/{attempt.id}/certificate").status_code == 303
    assert certificates.of_attempt(attempt.id) is not None


def test_pages_are_there_in_chinese_too(app: Flask, row: Certificate) -> None:
    page = app.test_client().get(f"/verify/{row.serial}", headers={"Accept-Language": "zh-CN"})
    assert 'lang="zh-Hans-CN"' in page.text
