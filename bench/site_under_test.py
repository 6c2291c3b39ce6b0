"""A livequal of its own in a temporary folder, and a browser for it: what load and soak work on."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

ROOT = Path(__file__).resolve().parent.parent
START_S = 120
CHUNK_BYTES = 8 << 20


@dataclass
class Site:
    """A running installation with demo data. `process` is `flask serve`."""

    port: int
    var: Path
    process: subprocess.Popen[bytes]

    def children(self) -> dict[str, int]:
        """The process ids of web server and worker: the worker is the niced one."""
        out = subprocess.run(
            ["ps", "-o", "pid=,ni=", "--ppid", str(self.process.pid)], capture_output=True, text=True, check=False
        )
        rows = [line.split() for line in out.stdout.splitlines()]
        return {"worker" if int(nice) > os.nice(0) else "web": int(pid) for pid, nice in rows}

    def sign_in(self, role: str) -> Browser:
        """A browser signed in as the demo's person with this role."""
        rows = json.loads((self.var / "secrets" / "demo_sign_ins.json").read_text(encoding="utf-8"))
        person = next(row for row in rows if row["role"] == role)
        browser = Browser(self.port)
        browser.post("/sign-in", {"login": person["login"], "password": person["password"]})
        return browser

    def metrics(self) -> dict[str, float]:
        """The figures of /metrics, by name with labels."""
        _status, text = Browser(self.port).get("/metrics")
        lines = (line.rpartition(" ") for line in text.decode().splitlines() if line and not line.startswith("#"))
        return {name: float(value) for name, _space, value in lines}


@contextmanager
def site(**settings: str) -> Iterator[Site]:
    """Start one, wait until it answers, and end it. The speech model is taken from var/models where it is there."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    var = Path(tempfile.mkdtemp(prefix="livequal-"))
    models = os.environ.get("LIVEQUAL_MODELS_DIR", str(ROOT / "var" / "models"))
    environ = os.environ | {"LIVEQUAL_VAR": str(var), "LIVEQUAL_MODELS_DIR": models, "PORT": str(port)} | settings
    log = (var / "log").open("wb")
    # Told to end, we still end what we started.
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(143))
    process = subprocess.Popen(
        [sys.executable, "-m", "flask", "serve"], cwd=ROOT, env=environ, stdout=log, stderr=log, start_new_session=True
    )
    try:
        _wait(port, process, var / "log")
        yield Site(port, var, process)
    finally:
        if process.poll() is not None:
            print(
                f"livequal ended by itself ({process.returncode}):\n{(var / 'log').read_text()[-2000:]}",
                file=sys.stderr,
            )
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)
        log.close()
        shutil.rmtree(var, ignore_errors=True)


def _wait(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until and process.poll() is None:
        try:
            if Browser(port).get("/healthz")[0] == 200:
                return
        except OSError:
            pass
        time.sleep(0.1)
    raise SystemExit(f"livequal did not start:\n{log.read_text()[-2000:]}")


@dataclass
class Browser:
    """Cookies and a CSRF token over http.client; one connection for each request."""

    port: int
    cookies: SimpleCookie = field(default_factory=SimpleCookie)
    token: str = ""

    def get(self, path: str) -> tuple[int, bytes]:
        """One page."""
        return self.ask("GET", path)

    def post(self, path: str, fields: dict[str, str]) -> tuple[int, bytes]:
        """Send a form, with the token of the page it stands on."""
        found = re.search(rb'name="csrf-token" content="([^"]+)"', self.get(path)[1])
        self.token = found.group(1).decode() if found else ""
        body = urlencode(fields | {"csrf_token": self.token}).encode()
        answer = self.ask("POST", path, body, {"Content-Type": "application/x-www-form-urlencoded"})
        self._refresh()
        return answer

    def upload(self, path: Path, title: str = "") -> str:
        """Upload a recording in pieces; answer its page."""
        start = {"name": path.name, "size": path.stat().st_size, "title": title}
        upload = self._json("POST", "/uploads", json.dumps(start).encode(), {"Content-Type": "application/json"})
        offset = 0
        with path.open("rb") as source:
            while block := source.read(CHUNK_BYTES):
                headers = {"Upload-Offset": str(offset), "Content-Type": "application/octet-stream"}
                status, said = self.ask("PATCH", f"/uploads/{upload['id']}", block, self._own(headers))
                assert status == 204, said
                offset += len(block)
        done = self._json("POST", f"/uploads/{upload['id']}/finish", b"{}", {"Content-Type": "application/json"})
        return str(done["recording_url"])

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        """One request."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        cookie = "; ".join(f"{name}={morsel.value}" for name, morsel in self.cookies.items())
        connection.request(method, path, body, {"Cookie": cookie, "Accept": "text/html"} | (headers or {}))
        answer = connection.getresponse()
        for line in answer.headers.get_all("Set-Cookie", []):
            self.cookies.load(line)
        content = answer.read()
        connection.close()
        return answer.status, content

    def _json(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Any:
        status, said = self.ask(method, path, body, self._own(headers))
        assert status < 300, (status, said)
        return json.loads(said)

    def _own(self, headers: dict[str, str]) -> dict[str, str]:
        return headers | {"X-CSRFToken": self.token, "X-Requested-With": "fetch", "Accept": "application/json"}

    def _refresh(self) -> None:
        found = re.search(rb'name="csrf-token" content="([^"]+)"', self.get("/account")[1])
        self.token = found.group(1).decode() if found else self.token
