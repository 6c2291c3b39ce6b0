"""Put the rooms together into one Flask application."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import structlog
from flask import Blueprint, Flask, has_request_context, request, send_from_directory, session
from flask_bootstrap import __file__ as bootstrap_package
from flask_login import current_user
from flask_migrate import Migrate
from werkzeug.middleware.proxy_fix import ProxyFix

from . import cli, config, flow
from .accounts import access
from .desk import navigation
from .kernel import bus, crypto, i18n, installation, web
from .kernel.clock import SHANGHAI
from .kernel.db import db

ROOMS_WITH_PAGES = ("accounts", "onboarding", "training", "streams", "risk", "review", "desk")


def create_app(settings: config.Settings | None = None) -> Flask:
    """The application; settings come from the environment unless given.

    Raises: config.BadSetting.
    """
    settings = settings or config.from_environment()
    settings.var.mkdir(parents=True, exist_ok=True, mode=0o700)
    app = Flask(__name__, static_folder=str(config.ROOT / "static"), static_url_path="/static")
    app.config.update(
        SECRET_KEY=crypto.secret_key(settings),
        SQLALCHEMY_DATABASE_URI=settings.database_url,
        SQLALCHEMY_ENGINE_OPTIONS=_engine_options(settings),
        SESSION_COOKIE_NAME="livequal",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.public_url.startswith("https:"),
        WTF_CSRF_TIME_LIMIT=12 * 3600,
        WTF_CSRF_SSL_STRICT=False,
        MAX_CONTENT_LENGTH=20 * 1024 * 1024,
        BABEL_DEFAULT_LOCALE="zh_Hans_CN",
        BABEL_TRANSLATION_DIRECTORIES=str(config.ROOT / "livequal" / "translations"),
        BABEL_DEFAULT_TIMEZONE="Asia/Shanghai",
        JSON_SORT_KEYS=False,
    )
    if settings.proxies:
        # Only where it is said that so many stand before us: else anybody could choose the address we see.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=settings.proxies, x_proto=settings.proxies)  # type: ignore[method-assign]
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    app.jinja_options["autoescape"] = True
    app.jinja_env.add_extension("jinja2.ext.i18n")
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    installation.install(settings)
    _log()
    db.init_app(app)
    Migrate(app, db, directory=str(config.ROOT / "migrations"), render_as_batch=True, compare_type=True)
    web.init_app(app)
    i18n.babel.init_app(app, locale_selector=_locale)
    access.init_app(app)
    bus.connect(flow.FLOW)
    _register_pages(app)
    navigation.init_app(app)
    cli.init_app(app)
    return app


def _engine_options(settings: config.Settings) -> dict[str, Any]:
    # What people said and typed belongs into no log and no job's error: parameters stay out of messages.
    hidden = {"hide_parameters": True}
    if settings.database_url.startswith("sqlite"):
        return hidden
    return hidden | {"pool_size": settings.web_threads + settings.job_slots + 2, "pool_pre_ping": True}


def _locale() -> str:
    """The signed-in person's language, else what was chosen in this browser, else what it asks for."""
    if not has_request_context():
        return i18n.LOCALES[0]
    chosen = session.get("locale")
    if chosen in i18n.LOCALES:
        return str(chosen)
    if current_user and current_user.is_authenticated:
        return str(current_user.locale)
    best = request.accept_languages.best_match(["zh-CN", "zh", "en"]) or "zh"
    return "en" if best == "en" else "zh_Hans_CN"


def _register_pages(app: Flask) -> None:
    assets = Blueprint("assets", __name__)
    folder = Path(bootstrap_package).parent / "static" / "bootstrap5"

    @assets.get("/assets/bootstrap/<path:filename>")
    @access.public
    def bootstrap(filename: str) -> Any:
        """Bootstrap, from the installed package."""
        return send_from_directory(folder, filename, max_age=86400)

    app.register_blueprint(assets)
    for room in ROOMS_WITH_PAGES:
        module = importlib.import_module(f"livequal.{room}.views")
        app.register_blueprint(module.pages)
    app.jinja_env.globals["SHANGHAI"] = SHANGHAI


def _log() -> None:
    # Standard error, so that commands keep standard output for their results.
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
