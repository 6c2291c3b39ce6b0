"""Start the child that opens hostile media, watch it, and believe little of what it says."""

from __future__ import annotations

import json
import os
import selectors
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import livequal
from livequal.streams.media.facts import Limits
from livequal.streams.media.refusals import MediaFailed, RefusalCode, Refused, RenderCancelled

Answer = Mapping[str, object]
_LONGEST_LINE = 4 << 20
_LOOK_EVERY_S = 0.25


@dataclass(frozen=True, slots=True)
class Order:
    """What the child is asked to do."""

    verb: str
    path: Path
    limits: Limits
    out_dir: Path | None = None
    stretches: Sequence[tuple[int, int]] = ()
    nice: int = 0


def obey(
    order: Order,
    *,
    on_progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Answer:
    """Run one child to its end; its last answer.

    Raises: Refused, RenderCancelled, MediaFailed.
    """
    with _descriptor(order.path) as descriptor, tempfile.TemporaryDirectory(prefix="livequal-media-") as empty:
        with (Path(empty) / "stderr").open("wb") as stderr:
            child = _start(order, descriptor, Path(empty), stderr.fileno())
            try:
                answer = _listen(child, order, on_progress, cancelled)
            finally:
                _end(child)
        if answer is None:
            raise _why_silent(child.returncode, _last_words(Path(empty) / "stderr"), order)
        return _accept(answer)


@contextmanager
def _descriptor(path: Path) -> Iterator[int]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise Refused(RefusalCode.NOT_A_FILE, detail=str(error)) from error
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise Refused(RefusalCode.NOT_A_FILE, detail="not a regular file")
        yield descriptor
    finally:
        os.close(descriptor)


def _start(order: Order, descriptor: int, empty: Path, stderr: int) -> subprocess.Popen[bytes]:
    text = json.dumps(
        {
            "verb": order.verb,
            "descriptor": descriptor,
            "out_dir": str(order.out_dir.resolve()) if order.out_dir else "",
            "limits": asdict(order.limits),
            "stretches": list(order.stretches),
            "nice": order.nice,
        }
    )
    roots = [str(Path(livequal.__file__).resolve().parents[1])]
    environment = {
        "PYTHONPATH": os.pathsep.join(roots),
        "PYTHONDONTWRITEBYTECODE": "1",
        "LANG": "C.UTF-8",
        "HOME": str(empty),
        "TMPDIR": str(empty),
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }
    return subprocess.Popen(
        [sys.executable, "-P", "-s", "-m", "livequal.streams.media.child", text],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=stderr,
        cwd=empty,
        env=environment,
        pass_fds=(descriptor,),
        start_new_session=True,
    )


def _listen(
    child: subprocess.Popen[bytes],
    order: Order,
    on_progress: Callable[[int, int], None] | None,
    cancelled: Callable[[], bool] | None,
) -> Answer | None:
    """The child's last answer; None when it ended without one."""
    patience = order.limits.probe_seconds if order.verb == "probe" else order.limits.stall_seconds
    heard_at, buffer = time.monotonic(), b""
    stdout = child.stdout
    if stdout is None:
        raise MediaFailed("no pipe")
    with selectors.DefaultSelector() as selector:
        selector.register(stdout, selectors.EVENT_READ)
        while True:
            if cancelled is not None and cancelled():
                raise RenderCancelled
            if time.monotonic() - heard_at > patience:
                raise Refused(RefusalCode.TOO_SLOW, detail=f"silent for {patience} s")
            if not selector.select(_LOOK_EVERY_S):
                continue
            chunk = os.read(stdout.fileno(), 65_536)
            if not chunk:
                return None
            if order.verb != "probe":
                heard_at = time.monotonic()
            *lines, buffer = (buffer + chunk).split(b"\n")
            if len(buffer) > _LONGEST_LINE:
                raise Refused(RefusalCode.DECODER_DIED, detail="an endless answer")
            for answer in map(_parsed, lines):
                if answer["kind"] != "progress":
                    return answer
                if on_progress is not None:
                    on_progress(whole(answer, "done_ms"), whole(answer, "total_ms"))


def _parsed(line: bytes) -> Answer:
    try:
        answer = json.loads(line)
    except ValueError:
        answer = None
    if not isinstance(answer, dict) or answer.get("kind") not in ("progress", "done", "refused", "failed"):
        raise Refused(RefusalCode.DECODER_DIED, detail="an answer nobody expects")
    return answer


def whole(answer: Answer, name: str) -> int:
    """A number of the child's answer, never below 0.

    Raises: Refused when it is none.
    """
    value = answer.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise Refused(RefusalCode.DECODER_DIED, detail=f"{name} is {value!r:.50}")
    return value


def _accept(answer: Answer) -> Answer:
    if answer["kind"] != "refused":
        return answer
    code, values, detail = answer.get("code"), answer.get("values"), answer.get("detail")
    if code not in set(RefusalCode) or not isinstance(values, dict):
        raise Refused(RefusalCode.DECODER_DIED, detail="a refusal nobody knows")
    filled = {str(name): str(value)[:80] for name, value in values.items()}
    raise Refused(RefusalCode(str(code)), str(detail), **filled)


def _end(child: subprocess.Popen[bytes]) -> None:
    """Wait a moment for a child that is done, then end its whole group; nothing of it stays."""
    with suppress(subprocess.TimeoutExpired):
        child.wait(timeout=0.5)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    if child.stdout is not None:
        child.stdout.close()


def _last_words(stderr: Path) -> bytes:
    with stderr.open("rb") as file:
        file.seek(max(0, stderr.stat().st_size - 2000))
        return file.read(2000)


def _why_silent(returncode: int, stderr: bytes, order: Order) -> Exception:
    detail = f"{order.verb} ended with {returncode}: {stderr.decode('utf-8', 'replace').strip()[-500:]}"
    if returncode == -signal.SIGXCPU:
        return Refused(RefusalCode.TOO_SLOW, detail=detail)
    if b"MemoryError" in stderr or b"bad_alloc" in stderr:
        return Refused(RefusalCode.TOO_MUCH_MEMORY, detail=detail)
    if returncode in (-signal.SIGSEGV, -signal.SIGABRT, -signal.SIGBUS, -signal.SIGILL, -signal.SIGFPE):
        return Refused(RefusalCode.DECODER_DIED, detail=detail)
    return MediaFailed(detail)
