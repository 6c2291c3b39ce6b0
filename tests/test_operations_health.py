from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import structlog
from flask import Flask, request
from flask.testing import FlaskClient
from sqlalchemy.exc import OperationalError

from livequal.accounts.rules import Role
from livequal.app import create_app
from livequal.config import Settings
from livequal.jobs import service as jobs
from livequal.kernel import installation
from livequal.kernel.clock import frozen, now
from livequal.kernel.db import db, edge
from livequal.streams import service as streams
from livequal.streams.engines import weights
from livequal.streams.rules import ModelState

from .factories import PASSWORD, make_platform, make_user

JSON = {"Accept": "application/json"}


@pytest.fixture
def with_token(app: Flask, settings: Settings) -> Iterator[str]:
    installation.install(replace(settings, metrics_token="a-long-token"))
    yield "a-long-token"
    installation.install(settings)


@pytest.fixture
def logged(app: Flask) -> Iterator[io.StringIO]:
    """What livequal's own logger writes; the test's console takes nothing of it."""
    before, lines = structlog.get_config(), io.StringIO()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(lines))
    yield lines
    structlog.configure(**before)


def test_the_process_answers_without_a_database(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(db.session, "execute", _gone)
    assert client.get("/healthz").text == "ok\n"


def test_ready_with_worker_and_model_has_no_problems(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "model_state", lambda _settings: ModelState("base", present=True, how_to_load=""))
    with edge():
        jobs.worker_seen("w1", 2, {})
    answer = client.get("/readyz", headers=JSON)
    assert answer.status_code == 200
    assert answer.json["ready"] is True
    assert answer.json["problems"] == []


def test_a_missing_model_and_a_missing_worker_are_named_but_pages_still_answer(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = ModelState("base", present=False, how_to_load=".venv/bin/flask models get base")
    monkeypatch.setattr(streams, "model_state", lambda _settings: missing)
    with frozen(now() - timedelta(minutes=1)), edge():
        jobs.worker_seen("gone", 2, {})
    answer = client.get("/readyz", headers={**JSON, "Accept-Language": "en"})
    assert answer.status_code == 200
    assert [name for name, check in answer.json["checks"].items() if not check["ok"]] == ["model", "worker"]
    assert any("no worker" in problem for problem in answer.json["problems"])
    assert any("flask models get base" in problem for problem in answer.json["problems"])


def test_without_its_database_livequal_is_not_ready(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(db.session, "execute", _gone)
    monkeypatch.setattr(db.session, "scalars", _gone)
    assert client.get("/readyz", headers=JSON).status_code == 503
    page = client.get("/readyz", headers={"Accept": "text/html", "Accept-Language": "en"})
    assert page.status_code == 503
    assert "The database does not answer." in page.text


def test_without_a_writable_folder_livequal_is_not_ready(
    client: FlaskClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installation.storage(), "incoming", settings.var / "not" / "there")
    answer = client.get("/readyz", headers=JSON)
    assert (answer.status_code, answer.json["checks"]["storage"]["ok"]) == (503, False)


def test_metrics_show_the_queue(client: FlaskClient) -> None:
    with frozen(now() - timedelta(minutes=2)), edge():
        jobs.enqueue("scan", {})
        jobs.enqueue("scan", {}, after=timedelta(hours=1))
    text = client.get("/metrics").text
    assert 'livequal_jobs{state="queued"} 2.0' in text
    waited = next(line for line in text.splitlines() if line.startswith("livequal_job_wait_seconds "))
    assert 119 < float(waited.split()[1]) < 130
    assert "livequal_workers 0.0" in text


def test_metrics_count_requests_by_endpoint_and_status(client: FlaskClient) -> None:
    client.get("/healthz")
    counted = [line for line in client.get("/metrics").text.splitlines() if line.startswith("livequal_requests_total{")]
    assert any('endpoint="desk.healthz"' in line and 'status="200"' in line for line in counted)


def test_metrics_are_not_for_strangers(client: FlaskClient, with_token: str) -> None:
    stranger = {"REMOTE_ADDR": "203.0.113.9"}
    assert client.get("/metrics", environ_overrides=stranger).status_code == 404
    wrong = {"Authorization": "Bearer a-wrong-token"}
    assert client.get("/metrics", headers=wrong, environ_overrides=stranger).status_code == 404
    right = {"Authorization": f"Bearer {with_token}"}
    assert client.get("/metrics", headers=right, environ_overrides=stranger).status_code == 200


def test_metrics_are_not_for_strangers_who_come_through_a_proxy_on_this_machine(client: FlaskClient) -> None:
    assert client.get("/metrics", headers={"X-Forwarded-For": "203.0.113.9"}).status_code == 404


def test_logs_name_requests_by_their_endpoint_and_hold_nothing_personal(
    client: FlaskClient, logged: io.StringIO
) -> None:
    make_user(make_platform(), Role.MODERATOR, login="liu.moderator", name="刘审核")
    visitor = {"REMOTE_ADDR": "203.0.113.9"}
    wrong = {"login": "liu.moderator", "password": "not-the-right-one"}
    client.post("/sign-in", data=wrong, environ_overrides=visitor)
    client.post("/sign-in", data={"login": "liu.moderator", "password": PASSWORD}, environ_overrides=visitor)
    client.get("/join/Sekret-T0ken-In-The-Path", environ_overrides=visitor)
    client.get("/reset/Sekret-T0ken-In-The-Path?q=private-words", environ_overrides=visitor)
    said = logged.getvalue()
    assert '"endpoint": "accounts.sign_in"' in said
    assert '"request_id": "' in said
    secrets = ("liu.moderator", "刘审核", PASSWORD, "not-the-right-one", "203.0.113.9", "Sekret-T0ken", "private-words")
    assert [secret for secret in secrets if secret in said] == []


def test_every_answer_carries_the_id_that_its_log_line_has(client: FlaskClient, logged: io.StringIO) -> None:
    answer = client.get("/healthz")
    assert f'"request_id": "{answer.headers["X-Request-Id"]}"' in logged.getvalue()


def _gone(*_args: object, **_more: object) -> None:
    raise OperationalError("SELECT 1", {}, Exception("away"))


def test_the_address_a_proxy_names_is_believed_only_where_a_proxy_is_said_to_stand(
    settings: Settings, tmp_path: Path
) -> None:
    seen = {}
    for proxies in (0, 1):
        app = create_app(replace(settings, var=tmp_path, proxies=proxies))
        app.add_url_rule("/who", view_func=lambda: request.remote_addr or "")
        answer = app.test_client().get("/who", headers={"X-Forwarded-For": "203.0.113.9"})
        seen[proxies] = answer.text
    installation.install(settings)
    assert seen == {0: "127.0.0.1", 1: "203.0.113.9"}


def test_a_models_files_are_judged_again_only_when_they_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    judged: list[Path] = []
    monkeypatch.setattr(weights, "conversion_error", lambda folder: judged.append(folder) or "")
    model = tmp_path / "small" / "model.bin"
    model.parent.mkdir()
    model.write_bytes(b"weights")
    twice = weights.installed_models(tmp_path) + weights.installed_models(tmp_path)
    assert [found.name for found in twice] == ["small", "small"]
    assert len(judged) == 1
    model.write_bytes(b"other weights")
    weights.installed_models(tmp_path)
    assert len(judged) == 2
