from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import psutil
import pytest

ROOT = Path(__file__).parent.parent
PATIENCE_S = 60


class Served:
    """`flask serve` over an installation of its own."""

    def __init__(self, var: Path, port: int) -> None:
        self.port = port
        self.output = var.with_suffix(".out")
        environ = {name: value for name, value in os.environ.items() if not name.startswith("LIVEQUAL_")}
        environ |= {"LIVEQUAL_VAR": str(var), "PORT": str(port), "LIVEQUAL_DEMO": "0", "LIVEQUAL_SPEECH": "sidecar"}
        with self.output.open("wb") as output:
            command = [sys.executable, "-m", "flask", "serve"]
            self.process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=output, stderr=output)

    def answers(self) -> bool:
        try:
            connection = HTTPConnection("127.0.0.1", self.port, timeout=5)
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        except OSError:
            return False

    def child(self, *, niced: bool) -> psutil.Process | None:
        own = psutil.Process(self.process.pid)
        living = [one for one in own.children() if one.status() != "zombie"]
        # A worker that has just begun is not niced yet: only a pair of both kinds tells which is which.
        kinds = {one.nice() > own.nice(): one for one in living}
        return kinds[niced] if len(living) == len(kinds) == 2 else None


def wait_for(condition: Callable[[], Any]) -> Any:
    until = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        assert time.monotonic() < until, "it took too long"
        time.sleep(0.05)
    return found


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture
def served(tmp_path: Path, port: int) -> Iterator[Served]:
    running = Served(tmp_path / "var", port)
    try:
        wait_for(running.answers)
        yield running
    finally:
        running.process.kill()
        running.process.wait()


def test_one_command_serves_revives_what_dies_and_leaves_nothing_behind(served: Served, tmp_path: Path) -> None:
    family = psutil.Process(served.process.pid)
    for niced, name in ((True, "The worker"), (False, "The web server")):
        first = wait_for(lambda niced=niced: served.child(niced=niced))
        first.kill()
        again = wait_for(lambda niced=niced, first=first: (one := served.child(niced=niced)) and one != first and one)
        assert again.pid != first.pid
        line = f"{name} ended (signal SIGKILL); starting it again."
        wait_for(lambda line=line: line in served.output.read_text())
    wait_for(served.answers)

    taken = Served(tmp_path / "other", served.port)
    assert taken.process.wait() == 1
    (line,) = taken.output.read_text().splitlines()
    assert f"PORT={served.port + 1} make run" in line

    everybody = [family, *family.children(recursive=True)]
    asked = time.monotonic()
    served.process.send_signal(signal.SIGINT)
    assert served.process.wait(timeout=15) == 0
    assert time.monotonic() - asked < 10
    assert [one for one in everybody if one.is_running() and one.status() != "zombie"] == []
    said = served.output.read_text()
    assert f"livequal is at http://127.0.0.1:{served.port}" in said
    assert "flask init" in said
    assert "Traceback" not in said


def test_children_end_when_the_command_itself_is_killed(served: Served) -> None:
    children = psutil.Process(served.process.pid).children(recursive=True)
    assert len(children) >= 2
    served.process.kill()
    _gone, alive = psutil.wait_procs(children, timeout=20)
    assert alive == []
