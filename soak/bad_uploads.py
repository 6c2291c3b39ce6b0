"""Every bad file through the front door: uploaded over HTTP, judged by the worker, and what is left afterwards.

    .venv/bin/python soak/bad_uploads.py [--quick] [--database sqlite|postgresql|both]

Uploads all files of tests/streams/bad_files.py and files with names that want to do harm, and prints what came of each
and what was said. Then nothing may be left: no traceback in any log, no file that no row knows, no row whose file is
missing, no dead job, and nothing that a file points at may have been opened or asked for. --quick leaves out what is
heavy.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import secrets
import socket
import struct
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from installation import Installation, databases, installation, number_in, progress, said, send_piece, wait_until
from site_under_test import Browser

from tests.streams.bad_files import BAD_FILES, ELSEWHERE, SECRET, BadFile
from tests.streams.media_maker import beeps, make

PATIENCE_S = 900
NAMES = (
    "实录\u202egpj.vaw",
    "三百" * 150,
    "🎤" * 300 + ".wav",
    "\x00\x01\x1b[31m.wav",
    "...",
    "/",
    "C:\\Windows\\System32\\config\\SAM",
    "file:///etc/passwd",
    "http://127.0.0.1:9/canary.wav",
    "<script>alert(1)</script>.wav",
    "a\r\nSet-Cookie: livequal=x.wav",
    "%2e%2e%2f%2e%2e%2fescape.wav",
    "{{7*7}}%(size)s.wav",
    "'; DROP TABLE recording; --.wav",
)


@dataclass
class Sent:
    """One file on its way: what is expected, which recording it became, what came of it and what was said."""

    name: str
    expected: str
    recording_id: int = 0
    outcome: str = ""
    message: str = ""
    code: str = ""


@dataclass
class Canaries:
    """A file and an address that bad files point at; `seen` is who came."""

    path: Path
    port: int
    seen: list[str] = field(default_factory=list)

    def planted(self, content: bytes) -> bytes:
        """The same file, pointing at the canaries; no length changes."""
        address = f"http://127.0.0.1:{self.port}/".encode().ljust(len(ELSEWHERE), b"c")
        return content.replace(SECRET.encode(), os.fsencode(self.path)).replace(ELSEWHERE.encode(), address)


def main() -> int:
    """Judge on each database; 1 when anything was not as it must be."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--quick", action="store_true")
    options.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    asked = options.parse_args()
    wrong = 0
    for kind, url in databases(asked.database, "bad"):
        with canaries() as planted, installation(database=url, LIVEQUAL_JOB_SLOTS="2") as place:
            print(f"== {kind}")
            wrong += _judged(place, planted, quick=asked.quick)
    print("well" if not wrong else f"NOT well: {wrong}")
    return 1 if wrong else 0


def _judged(place: Installation, planted: Canaries, *, quick: bool) -> int:
    moderator = place.sign_in()
    sent = [_send(moderator, bad.name, content, bad) for bad, content in _files(planted, quick=quick)]
    for sign, name in enumerate(NAMES):
        sent.append(_send(moderator, name, make("wav", beeps(0.2 + sign / 100)), None))
    sent.append(_send(moderator, "twin.wav", make("wav", beeps(0.2)), None, expected="duplicate"))
    _wait(place, moderator, sent)
    wrong = [one for one in sent if not _as_expected(one)]
    print(f"{'file':44} {'came out':10} {'code':16} told")
    for one in sent:
        print(
            f"{one.name[:44]!a:44.44} {one.outcome:10} {one.code:16} {one.message[:110]}"
            f"{'   <<< UNEXPECTED' if one in wrong else ''}"
        )
    problems = [f"unexpected: {one}" for one in wrong]
    problems += _same_words(sent) + place.leavings()
    problems += [f"refused, yet its original stays: {row}" for row in _kept_refused(place)]
    problems += [f"log: {line[:300]}" for line in place.complaints()]
    problems += [f"dead job: {row}" for row in place.rows("SELECT name, error FROM job WHERE state = 'dead'")]
    problems += [f"canary: {who}" for who in planted.seen]
    names = [row["file_name"] for row in place.rows("SELECT file_name FROM recording")]
    problems += [f"name: {name!a}" for name in names if not name.isprintable() or len(name) > 200 or "/" in name]
    open_uploads = place.value("SELECT count(*) FROM upload WHERE state = 'open'")
    problems += [f"{open_uploads} uploads stay open"] if open_uploads else []
    counts = {outcome: sum(one.outcome == outcome for one in sent) for outcome in ("ready", "refused", "duplicate")}
    print(f"{len(sent)} files: {counts}; stored files {len(place.stored())}; canaries seen {len(planted.seen)}")
    print("\n".join(problems) if problems else "nothing left behind, nothing outside read, no traceback")
    return len(problems)


def _files(planted: Canaries, *, quick: bool) -> Iterator[tuple[BadFile, bytes]]:
    seen: set[bytes] = set()
    for bad in BAD_FILES:
        if quick and bad.heavy:
            continue
        content = planted.planted(bad.content())
        if content in seen:
            # Else it would be known as the twin of the one before, and its name would never be tried.
            content += struct.pack(">I4sI", 12, b"free", len(seen))
        seen.add(content)
        yield bad, content


def _send(browser: Browser, name: str, content: bytes, bad: BadFile | None, expected: str = "ready") -> Sent:
    one = Sent(name, "refused" if bad and bad.refused else expected)
    status, begun = said(browser, "POST", "/uploads", {"name": name, "size": len(content)})
    if status == 201:
        for offset in range(0, len(content), 8 << 20):
            status, _said = send_piece(browser, begun["id"], offset, content[offset : offset + (8 << 20)])
            assert status == 204, (name, status, _said)
        status, begun = said(browser, "POST", f"/uploads/{begun['id']}/finish", {})
    if status == 200:
        one.recording_id = number_in(begun["recording_url"])
    else:
        one.outcome = "refused" if status == 422 else str(status)
        one.code = (bad.refused or "") if bad else ""
        one.message = next(iter(begun.get("errors", {}).values()), begun.get("message", ""))
        one.message = one.message if isinstance(one.message, str) else " ".join(one.message)
    return one


def _wait(place: Installation, browser: Browser, sent: list[Sent]) -> None:
    working = "SELECT count(*) FROM job WHERE state IN ('queued','running')"
    wait_until(lambda: place.value(working) == 0, PATIENCE_S, "every job has ended")
    for one in sent:
        if one.recording_id:
            one.outcome, one.message = (progress(browser, one.recording_id)[key] for key in ("state", "message"))
            one.code = place.value("SELECT problem FROM recording WHERE id = :id", id=one.recording_id)
            assert browser.get(f"/recordings/{one.recording_id}")[0] == 200, one


def _as_expected(one: Sent) -> bool:
    codes = {bad.name: bad.refused for bad in BAD_FILES}
    fits = one.name not in codes or (codes[one.name] or "") == one.code
    return one.outcome == one.expected and fits and bool(one.message) == (one.outcome != "ready")


def _same_words(sent: list[Sent]) -> list[str]:
    """Each reason has words of its own."""
    words: dict[str, set[str]] = {}
    for one in sent:
        if one.code:
            words.setdefault(one.message, set()).add(one.code)
    return [f"one message for {sorted(codes)}: {message}" for message, codes in words.items() if len(codes) > 1]


def _kept_refused(place: Installation) -> list[dict[str, object]]:
    refused = place.rows("SELECT id, sha256, original_key FROM recording WHERE state = 'refused'")
    stored = {Path(key).name for key in place.stored()}
    return [row for row in refused if row["original_key"] or row["sha256"] in stored]


@contextmanager
def canaries() -> Iterator[Canaries]:
    """Watch a file and an address; at the end prove that the watch would have seen somebody."""
    path = Path(tempfile.gettempdir()) / secrets.token_hex(3)
    path.write_text("canary\n")
    libc = ctypes.CDLL(None, use_errno=True)
    watch = libc.inotify_init1(os.O_NONBLOCK)
    assert libc.inotify_add_watch(watch, os.fsencode(path), 0x21) > 0  # IN_ACCESS | IN_OPEN
    with socket.create_server(("127.0.0.1", 0)) as listener:
        made = Canaries(path, listener.getsockname()[1])
        threading.Thread(target=_listen, args=(listener, made.seen), daemon=True).start()
        try:
            yield made
            assert not _opened(watch), "the canary file was opened"
            before = len(made.seen)
            path.read_text()
            socket.create_connection(("127.0.0.1", made.port)).close()
            wait_until(lambda: len(made.seen) == before + 1, 5, "the listener sees who comes")
            assert _opened(watch), "the watch on the canary file is blind"
        finally:
            os.close(watch)
            path.unlink()
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)


def _listen(listener: socket.socket, seen: list[str]) -> None:
    with suppress(OSError):
        while True:
            connection, who = listener.accept()
            seen.append(f"{who}")
            connection.close()


def _opened(watch: int) -> bool:
    try:
        return bool(os.read(watch, 4096))
    except BlockingIOError:
        return False


if __name__ == "__main__":
    sys.exit(main())
