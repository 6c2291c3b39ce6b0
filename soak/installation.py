"""An installation that outlives its own stops: started, killed, ended, restored, and looked at from outside."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "bench"))

import psycopg
from site_under_test import ROOT, Browser
from sqlalchemy import NullPool, create_engine, text

from tests.browser.seed import PASSWORD

SERVER = os.environ.get("LIVEQUAL_TEST_POSTGRES", "postgresql://postgres@127.0.0.1/postgres")
MODELS = Path(os.environ.get("LIVEQUAL_MODELS_DIR") or ROOT / "var" / "models")
START_S = 120
LEFT_IN_LOG = ("Traceback", '"exception"')


class Installation:
    """`flask serve` over a folder of its own, with the people of tests/browser/seed.py and no demo data.

    `database` is the URL of an empty database, "" for SQLite inside the folder.
    """

    def __init__(self, folder: Path, *, database: str = "", **settings: str) -> None:
        self.var = folder / "var"
        self.log = folder / "serve.log"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self.url = database or f"sqlite:///{self.var / 'livequal.db'}"
        own = {name: value for name, value in os.environ.items() if not name.startswith(("LIVEQUAL_", "PYTEST_"))}
        self.environ = own | {
            "LIVEQUAL_VAR": str(self.var),
            "LIVEQUAL_MODELS_DIR": str(MODELS),
            "LIVEQUAL_DEMO": "0",
            "LIVEQUAL_DATABASE_URL": self.url,
            "PORT": str(self.port),
            "PYTHONPATH": str(ROOT),
            # A soak is started niced as a whole; the worker stays just below, so that it is told from the web server.
            "LIVEQUAL_WORKER_NICE": "1",
            **settings,
        }
        self.process: subprocess.Popen[bytes] | None = None

    def flask(self, *arguments: str) -> str:
        """Run a command of livequal's in this installation; answer its output, or end all when it failed."""
        command = [sys.executable, "-m", "flask", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=self.environ, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"flask {' '.join(arguments)} ended with {done.returncode}:\n{done.stderr[-2000:]}")
        return done.stdout

    def settle(self) -> None:
        """Make the tables, and the people who work here."""
        self.flask("db", "upgrade")
        subprocess.run([sys.executable, "-m", "tests.browser.seed"], cwd=ROOT, env=self.environ, check=True)

    def start(self) -> None:
        """Serve, and wait until it answers."""
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "flask", "serve"]
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=self.environ, stdout=log, stderr=log, start_new_session=True
            )
        until = time.monotonic() + START_S
        while time.monotonic() < until and self.process.poll() is None:
            try:
                if Browser(self.port).get("/healthz")[0] == 200:
                    return
            except OSError:
                pass
            time.sleep(0.1)
        raise SystemExit(f"livequal did not start:\n{self.log.read_text()[-2000:]}")

    def stop(self) -> None:
        """End it in good order."""
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(timeout=30)
            self.process = None

    def worker(self) -> int:
        """The worker's process id, 0 while there is none: it is the niced child."""
        return next((pid for pid in self._children() if _nice(pid) > os.nice(0)), 0)

    def web(self) -> list[int]:
        """The web server's processes: the one that listens, and those that answer."""
        masters = [pid for pid in self._children() if _nice(pid) == os.nice(0)]
        return masters + [child for pid in masters for child in _children_of(pid)]

    def sign_in(self, login: str = "moderator") -> Browser:
        """A browser of that person's, just signed in."""
        browser = Browser(self.port)
        browser.post("/sign-in", {"login": login, "password": PASSWORD})
        if browser.get("/account")[0] != 200:
            raise SystemExit(f"{login} could not sign in")
        return browser

    def rows(self, query: str, **values: Any) -> list[dict[str, Any]]:
        """What the database itself says."""
        engine = create_engine(self.url, poolclass=NullPool)
        with engine.connect() as connection:
            return [dict(row) for row in connection.execute(text(query), values).mappings()]

    def value(self, query: str, **values: Any) -> Any:
        """The first column of the first row, None when there is none."""
        return next((next(iter(row.values())) for row in self.rows(query, **values)), None)

    def complaints(self) -> list[str]:
        """Lines of the log that no healthy installation writes."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return [line for line in lines if any(word in line for word in LEFT_IN_LOG)]

    def keys_of_rows(self) -> set[str]:
        """Every stored file that a row knows."""
        columns = [("recording", f"{kind}_key") for kind in ("original", "m4a", "speech", "peaks")]
        columns += [("clip", "key"), ("question_version", "clip_key"), ("course_file", "key")]
        found = (self.rows(f"SELECT {column} AS key FROM {table}") for table, column in columns)
        return {row["key"] for rows in found for row in rows} - {""}

    def stored(self) -> set[str]:
        """Every stored file on the disk."""
        root = self.var / "files"
        incoming = root / "incoming"
        paths = (path for path in root.rglob("*") if path.is_file() and incoming not in path.parents)
        return {path.relative_to(root).as_posix() for path in paths}

    def leavings(self) -> list[str]:
        """Files that no row knows, rows whose file is missing, and what was left lying in the working folders."""
        stored, known = self.stored(), self.keys_of_rows()
        found = [f"no row knows {key}" for key in sorted(stored - known)]
        found += [f"missing on disk: {key}" for key in sorted(known - stored)]
        for name in ("files/incoming", "work"):
            found += [f"left lying: {path.relative_to(self.var)}" for path in sorted((self.var / name).rglob("*"))]
        return found

    def _children(self) -> list[int]:
        return _children_of(self.process.pid) if self.process else []


@contextmanager
def installation(*, database: str = "", **settings: str) -> Iterator[Installation]:
    """A settled, running installation in a temporary folder; nothing of it stays."""
    with tempfile.TemporaryDirectory(prefix="livequal-soak-") as folder:
        made = Installation(Path(folder), database=database, **settings)
        made.settle()
        try:
            made.start()
            yield made
        finally:
            made.stop()


@contextmanager
def own_database(name: str) -> Iterator[str]:
    """The URL of an empty PostgreSQL database of our own, dropped afterwards.

    Raises: psycopg.OperationalError when no server answers.
    """
    full = f"livequal_soak_{name}_{os.getpid()}"
    with psycopg.connect(SERVER, autocommit=True, connect_timeout=5) as server:
        server.execute(f'CREATE DATABASE "{full}"')
        try:
            yield f"{SERVER.rpartition('/')[0].replace('postgresql:', 'postgresql+psycopg:', 1)}/{full}"
        finally:
            server.execute(f'DROP DATABASE "{full}" WITH (FORCE)')


def emptied(url: str) -> None:
    """Lose a PostgreSQL database of our own, and make it anew; "" (SQLite) goes with its folder."""
    if not url:
        return
    name = url.rpartition("/")[2]
    with psycopg.connect(SERVER, autocommit=True) as server:
        server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        server.execute(f'CREATE DATABASE "{name}"')


def databases(asked: str, name: str) -> Iterator[tuple[str, str]]:
    """The databases to prove it on, as (kind, URL): "sqlite", "postgresql" or "both" (as far as a server answers)."""
    if asked in {"sqlite", "both"}:
        yield "SQLite", ""
    if asked in {"postgresql", "both"}:
        try:
            with own_database(name) as url:
                yield "PostgreSQL", url
        except psycopg.OperationalError as error:
            if asked == "postgresql":
                raise
            print(f"PostgreSQL left out: {str(error).splitlines()[0]}")


def said(
    browser: Browser, method: str, path: str, document: dict[str, Any] | None = None
) -> tuple[int, dict[str, Any]]:
    """One JSON request, as our own scripts send them."""
    body = None if document is None else json.dumps(document).encode()
    status, content = browser.ask(method, path, body, _own(browser) | {"Content-Type": "application/json"})
    return status, json.loads(content) if content.startswith(b"{") else {}


def send_piece(browser: Browser, upload_id: int, offset: int, block: bytes) -> tuple[int, bytes]:
    """One piece of an upload."""
    headers = {"Upload-Offset": str(offset), "Content-Type": "application/octet-stream"}
    return browser.ask("PATCH", f"/uploads/{upload_id}", block, _own(browser) | headers)


def upload(browser: Browser, path: Path, *, name: str = "", live_session: int | None = None) -> int:
    """Upload a recording in pieces of 8 MB; answer its number."""
    start = {"name": name or path.name, "size": path.stat().st_size, "title": "", "live_session": live_session}
    status, begun = said(browser, "POST", "/uploads", start)
    assert status == 201, (status, begun)
    offset = 0
    with path.open("rb") as source:
        while block := source.read(8 << 20):
            status, answer = send_piece(browser, begun["id"], offset, block)
            assert status == 204, (status, answer)
            offset += len(block)
    status, done = said(browser, "POST", f"/uploads/{begun['id']}/finish", {})
    assert status == 200, (status, done)
    return number_in(done["recording_url"])


def number_in(url: str) -> int:
    """The recording's number in the address of its page."""
    return int(url.rstrip("/").rpartition("/")[2])


def progress(browser: Browser, recording_id: int) -> dict[str, Any]:
    """How far the work on a recording is, as its page shows it."""
    return said(browser, "GET", f"/recordings/{recording_id}/progress")[1]


def wait_until(condition: Callable[[], Any], seconds: float, what: str) -> Any:
    """Wait for something to be so; end all when it takes too long."""
    until = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > until:
            raise SystemExit(f"not so after {seconds:.0f} s: {what}")
        time.sleep(0.3)
    return found


def digest(rows: list[dict[str, Any]]) -> str:
    """One digest for rows, their order and every column."""
    return hashlib.sha256(json.dumps(rows, default=str, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def segments(place: Installation, recording_id: int) -> list[dict[str, Any]]:
    """Every column of a recording's segments but the two that only number them."""
    rows = place.rows(
        "SELECT s.* FROM segment s JOIN transcript t ON t.id = s.transcript_id "
        "WHERE t.recording_id = :id AND t.state = 'complete' ORDER BY s.position",
        id=recording_id,
    )
    return without(rows, {"id", "transcript_id"})


def without(rows: list[dict[str, Any]], columns: set[str]) -> list[dict[str, Any]]:
    """Rows without some columns, in words that are the same on both databases (SQLite's truth is a number)."""
    plain = ({name: int(v) if isinstance(v, bool) else v for name, v in row.items()} for row in rows)
    return [{name: value for name, value in row.items() if name not in columns} for row in plain]


def make_stream(path: Path, minutes: float) -> None:
    """A recording of so many minutes out of the spoken clips."""
    command = [sys.executable, str(ROOT / "bench" / "make_stream.py"), str(path), "--minutes", str(minutes)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def _own(browser: Browser) -> dict[str, str]:
    return {"X-CSRFToken": browser.token, "X-Requested-With": "fetch", "Accept": "application/json"}


def _children_of(pid: int) -> list[int]:
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in path.read_text().split()] if path.exists() else []


def _nice(pid: int) -> int:
    try:
        return os.getpriority(os.PRIO_PROCESS, pid)
    except ProcessLookupError:
        return -100
