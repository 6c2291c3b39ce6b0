"""Whether livequal is well: for people, for a load balancer, for Prometheus."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from flask import Response, jsonify, render_template, request
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from ..accounts.access import public
from ..jobs import service as jobs
from ..jobs.rules import ALIVE, JobState
from ..kernel import installation
from ..kernel.clock import now
from ..kernel.db import db
from ..kernel.errors import NotFound
from ..kernel.i18n import gettext
from ..streams import service as streams
from .blueprint import pages

ROOM_LEFT_BYTES = 2 << 30
FORWARDED = ("X-Forwarded-For", "Forwarded", "X-Real-Ip")


@dataclass(frozen=True, slots=True)
class Check:
    """One thing livequal stands on. `vital`: without it nothing can be answered; `message` says what to do."""

    name: str
    ok: bool
    vital: bool
    message: str


@pages.get("/healthz")
@public
def healthz() -> Response:
    """The process answers."""
    return Response("ok\n", mimetype="text/plain")


@pages.get("/readyz")
@public
def readyz() -> tuple[Response | str, int]:
    """Whether database and storage hold (503 if not), whether a worker and a model are there."""
    checks = [_database(), _storage(), *_behind_the_database()]
    ready = all(check.ok for check in checks if check.vital)
    status = 200 if ready else 503
    if request.accept_mimetypes.best_match(["application/json", "text/html"]) == "text/html":
        return render_template("desk/readiness.html", checks=checks, ready=ready), status
    found = {check.name: {"ok": check.ok, "message": check.message} for check in checks}
    problems = [check.message for check in checks if not check.ok]
    return jsonify(ready=ready, problems=problems, checks=found), status


@pages.get("/metrics")
@public
def metrics() -> Response:
    """Figures for Prometheus: to this machine, or to whoever has the token."""
    if not _may_read_metrics():
        raise NotFound
    queue = CollectorRegistry()
    queue.register(_Queue())
    return Response(generate_latest(REGISTRY) + generate_latest(queue), mimetype=CONTENT_TYPE_LATEST)


def _database() -> Check:
    try:
        db.session.execute(text("SELECT 1"))
    except SQLAlchemyError:
        db.session.rollback()
        return Check("database", ok=False, vital=True, message=gettext("The database does not answer."))
    return Check("database", ok=True, vital=True, message=gettext("The database answers."))


def _storage() -> Check:
    incoming = installation.storage().incoming
    probe = incoming / f".probe-{os.getpid()}-{secrets.token_hex(4)}"
    try:
        probe.write_bytes(b"ok")
        probe.unlink()
        free = shutil.disk_usage(incoming).free
    except OSError:
        return Check("storage", ok=False, vital=True, message=gettext("The folder for files can't be written."))
    if free < ROOM_LEFT_BYTES:
        return Check("storage", ok=True, vital=True, message=gettext("Files can be written, but room is short."))
    return Check("storage", ok=True, vital=True, message=gettext("Files can be written."))


def _behind_the_database() -> list[Check]:
    return [_asked("worker", _worker), _asked("model", _model)]


def _asked(name: str, check: Callable[[], Check]) -> Check:
    try:
        return check()
    except (SQLAlchemyError, OSError):
        db.session.rollback()
        return Check(name, ok=False, vital=False, message=gettext("This can't be told now."))


def _worker() -> Check:
    seen = bool(jobs.workers(now() - ALIVE))
    message = gettext("A worker is at work.") if seen else gettext("no worker: start one with “flask worker”.")
    return Check("worker", ok=seen, vital=False, message=message)


def _model() -> Check:
    state = streams.model_state(installation.settings())
    if state.present:
        return Check(
            "model", ok=True, vital=False, message=gettext("The speech model is there: %(name)s", name=state.name)
        )
    message = gettext("no model: load one with “%(command)s”.", command=state.how_to_load)
    return Check("model", ok=False, vital=False, message=message)


def _may_read_metrics() -> bool:
    token = installation.settings().metrics_token
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if token and secrets.compare_digest(given.encode(), token.encode()):
        return True
    # Behind a reverse proxy on this machine every visitor comes from loopback: only a direct call is trusted.
    forwarded = any(name in request.headers for name in FORWARDED)
    try:
        return not forwarded and ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False


class _Queue:
    """Gauges read from the database at the moment they are asked for."""

    def collect(self) -> Iterable[Metric]:
        """The queue's figures."""
        counts = jobs.counts()
        states = GaugeMetricFamily("livequal_jobs", "Jobs in each state", labels=["state"])
        for state in JobState:
            states.add_metric([state.value], counts.get(state.value, 0))
        yield states
        oldest = jobs.oldest_due()
        waited = (now() - oldest).total_seconds() if oldest else 0.0
        yield _gauge("livequal_job_wait_seconds", "How long the longest waiting due job has waited", waited)
        alive = jobs.workers(now() - ALIVE)
        yield _gauge("livequal_workers", "Workers seen in the last 30 seconds", len(alive))
        yield _gauge("livequal_worker_slots", "Their job threads", sum(worker.slots for worker in alive))
        free = shutil.disk_usage(installation.settings().var).free
        yield _gauge("livequal_storage_free_bytes", "Room left where files are kept", free)


def _gauge(name: str, help_text: str, value: float) -> Any:
    return GaugeMetricFamily(name, help_text, value=value)
