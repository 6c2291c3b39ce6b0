"""A whole installation of its own (web server and worker, as `make run` starts them) and a real Chromium."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Playwright, sync_playwright

from ..conftest import need
from . import exam_course
from .seed import PASSWORD

ROOT = Path(__file__).parents[2]
CHROMIUM = Path("/usr/bin/chromium")
MODELS = Path(os.environ.get("LIVEQUAL_MODELS_DIR") or ROOT / "var" / "models")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]


@dataclass(frozen=True)
class Site:
    """A running installation."""

    url: str
    var: Path
    environ: dict[str, str]


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The installation, ended in good order afterwards."""
    need((MODELS / "base" / "model.bin").exists(), f"no speech model in {MODELS}: .venv/bin/flask models get base")
    var, courses = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("courses")
    exam_course.write(courses)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("LIVEQUAL_", "PYTEST_"))} | {
        "LIVEQUAL_VAR": str(var),
        "LIVEQUAL_MODELS_DIR": str(MODELS),
        "LIVEQUAL_DEMO": "0",
        "LIVEQUAL_UPLOAD_CHUNK_MB": "1",
        "LIVEQUAL_COURSE_DIRS": str(courses),
        "PORT": str(port),
        "PYTHONPATH": str(ROOT),
    }
    if url := os.environ.get("LIVEQUAL_TEST_DATABASE_URL"):
        environ["LIVEQUAL_DATABASE_URL"] = _own_database(url)
    flask = [str(Path(sys.executable).parent / "flask")]
    subprocess.run([*flask, "db", "upgrade"], cwd=ROOT, env=environ, check=True, capture_output=True)
    subprocess.run([sys.executable, "-m", "tests.browser.seed"], cwd=ROOT, env=environ, check=True, capture_output=True)
    with (var / "serve.log").open("w") as log:
        server = subprocess.Popen([*flask, "serve"], cwd=ROOT, env=environ, stdout=log, stderr=log)
    try:
        _wait_for(f"http://127.0.0.1:{port}/healthz", server)
        yield Site(f"http://127.0.0.1:{port}", var, environ)
    finally:
        server.send_signal(signal.SIGINT)
        assert server.wait(15) == 0, (var / "serve.log").read_text()[-2000:]


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """Playwright's driver."""
    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="session")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    """Debian's Chromium."""
    need(CHROMIUM.exists(), "Chromium is not installed (Debian: apt install chromium fonts-noto-cjk)")
    browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
    yield browser
    browser.close()


@pytest.fixture
def visit(site: Site, chromium: Browser) -> Iterator[Callable[..., Page]]:
    """`visit(login, width)`: a signed-in browser of its own; what its console complains of fails the test.

    Without a login it is a stranger's.
    """
    contexts, complaints = [], []

    def enter(login: str, width: int = 1280, height: int = 860) -> Page:
        context = chromium.new_context(
            viewport={"width": width, "height": height}, locale="zh-CN", base_url=site.url, has_touch=width < 600
        )
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda line: complaints.append(line.text) if _complains(line) else None)
        if not login:
            return page
        page.goto("/sign-in")
        page.fill("[name=login]", login)
        page.fill("[name=password]", PASSWORD)
        page.click("main button[type=submit]")
        page.wait_for_url("/")
        return page

    yield enter
    for context in contexts:
        context.close()
    assert not complaints


def _complains(line: ConsoleMessage) -> bool:
    # A refused or broken request is what some tests are about; a blocked script or style never is.
    return line.type == "error" and not line.text.startswith("Failed to load resource")


def _own_database(url: str) -> str:
    import psycopg

    server, _, name = url.rpartition("/")
    name = f"{name}_{os.environ.get('PYTEST_XDIST_WORKER', 'gw')}_site"
    with psycopg.connect(url.replace("postgresql+psycopg", "postgresql"), autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        connection.execute(f'CREATE DATABASE "{name}"')
    return f"{server}/{name}"


def _wait_for(url: str, server: subprocess.Popen[bytes], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        assert server.poll() is None, "the installation ended at its start"
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"{url} does not answer")
