"""What every request gets: one transaction, an id, errors mapped once, security headers, CSRF."""

from __future__ import annotations

import re
import secrets
from time import perf_counter
from typing import Any

import structlog
from flask import Flask, Response, g, jsonify, render_template, request
from flask_wtf.csrf import CSRFError, CSRFProtect
from prometheus_client import Counter, Histogram
from werkzeug.exceptions import HTTPException

from . import db
from .errors import DomainError, Invalid, TooMany
from .i18n import gettext

csrf = CSRFProtect()
log = structlog.get_logger("web")

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "media-src 'self'",
        "connect-src 'self'",
        "font-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(self)",
}
READING = {"GET", "HEAD", "OPTIONS"}
METHODS = READING | {"POST", "PATCH", "DELETE", "PUT"}

REQUESTS = Counter("livequal_requests_total", "Requests answered", ("method", "endpoint", "status"))
SECONDS = Histogram("livequal_request_seconds", "Time to answer", ("endpoint",))


def init_app(app: Flask) -> None:
    """Give the app its edges."""
    # Our edge opens before the token is checked, so that a refusal too has its id and its transaction.
    app.before_request(_begin)
    csrf.init_app(app)
    app.after_request(_finish)
    app.teardown_request(_end)
    app.register_error_handler(DomainError, _domain_error)
    app.register_error_handler(CSRFError, _csrf_error)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected)


def wants_json() -> bool:
    """Whether the client talks JSON (own scripts and programs do, forms and links don't)."""
    if request.is_json or request.headers.get("X-Requested-With") == "fetch":
        return True
    best = request.accept_mimetypes.best_match(["text/html", "application/json"])
    return best == "application/json" and request.accept_mimetypes[best] > request.accept_mimetypes["text/html"]


def safe_next(target: str | None, fallback: str) -> str:
    """`target` when it is a path on this site, else `fallback`."""
    return target if target and re.fullmatch(r"/(?![/\\])[^\s\\]*", target) else fallback


def page_number() -> int:
    """The asked page of a list, from `?page=`; nonsense means the first."""
    text = request.args.get("page", "1")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else 1


def _begin() -> None:
    g.request_id = secrets.token_hex(8)
    g.started = perf_counter()
    g.intent = db.intent(write=request.method not in READING or request.endpoint in _writing_reads)
    g.intent.__enter__()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)


# Reading routes that leave a trace (last seen, a notice marked read) say so with `writes`.
_writing_reads: set[str | None] = set()


def writes(endpoint: str) -> None:
    """Let a GET route write."""
    _writing_reads.add(endpoint)


def _finish(response: Response) -> Response:
    if not g.pop("failed", False):
        db.commit()
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if request.is_secure:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    if request.endpoint not in {"static", "assets.bootstrap"}:
        response.headers.setdefault("Cache-Control", "no-store")
    response.headers["X-Request-Id"] = g.request_id
    g.status = response.status_code
    return response


def _end(_error: BaseException | None) -> None:
    scope = g.pop("intent", None)
    if scope is None:
        return
    db.rollback()
    scope.__exit__(None, None, None)
    seconds = perf_counter() - g.started
    endpoint = request.endpoint or "unknown"
    status = g.get("status", 500)
    # Anybody can make up methods, and each would be a row of its own for ever.
    REQUESTS.labels(request.method if request.method in METHODS else "other", endpoint, str(status)).inc()
    SECONDS.labels(endpoint).observe(seconds)
    # The path may hold a token and the query what a person searched for: the endpoint's name is enough.
    log.info("request", method=request.method, endpoint=endpoint, status=status, ms=round(seconds * 1000, 1))
    structlog.contextvars.clear_contextvars()


def _answer(status: int, message: str, **more: Any) -> tuple[Response | str, int]:
    g.failed = True
    db.rollback()
    if wants_json():
        return jsonify(message=message, **more), status
    known = status if status in {400, 403, 404, 409, 413, 422, 429, 500} else (500 if status >= 500 else 400)
    return render_template(f"errors/{known}.html", message=message, **more), status


def _domain_error(error: DomainError) -> tuple[Response | str, int]:
    more: dict[str, Any] = {}
    if isinstance(error, Invalid) and error.fields:
        more["errors"] = error.fields
    if isinstance(error, TooMany):
        more["retry_after_s"] = error.retry_after_s
    return _answer(error.status, error.message, **more)


def _csrf_error(_error: CSRFError) -> tuple[Response | str, int]:
    return _answer(400, gettext("This page was open too long. Go back, reload it and send again."))


def _http_error(error: HTTPException) -> tuple[Response | str, int] | HTTPException:
    if error.code is None or error.code < 400:
        return error
    return _answer(error.code, "")


def _unexpected(error: Exception) -> tuple[Response | str, int]:
    log.error("unexpected", exc_info=error, endpoint=request.endpoint)
    return _answer(500, "")
