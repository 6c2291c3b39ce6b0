"""Upload several gigabytes over connections that fail, and watch the web server's memory.

    .venv/bin/python soak/big_upload.py [--gigabytes 3] [--pieces 8 16]

Writes a valid WAV of that size and, for each size of piece (MB), sends it to an installation of its own. In the middle
of a piece the connection goes silent (at 20 %), is closed (at 40 %), is reset (at 60 %); each time a person signs in
anew, asks how much has arrived and goes on from there. Then the stored original and the download must have the file's
digest, and no process of the web server may ever have held 300 MB. The table shows the cut at 60 %.
The memory is read from /proc every 0.2 s; below `peak` stands the kernel's own mark of the largest process (VmHWM).
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import socket
import struct
import sys
import tempfile
import threading
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from installation import Installation, installation, number_in, said, send_piece, wait_until
from site_under_test import Browser

RATE, CHANNELS, BYTES = 96_000, 8, 4
BLOCK = 8 << 20
LIMIT_MB = 300
EVERY_S = 0.2
FAILURES = ((0.2, "silent"), (0.4, "closed"), (0.6, "reset"))
PATIENCE_S = 1800


@dataclass
class Memory:
    """The web server's resident memory, MB: of its largest process and of all together (shared pages count twice)."""

    place: Installation
    largest: list[float] = field(default_factory=list)
    together: list[float] = field(default_factory=list)
    peak: float = 0.0
    _over: threading.Event = field(default_factory=threading.Event)

    def watch(self) -> None:
        """Look until told to stop."""
        while not self._over.wait(EVERY_S):
            sizes = [_status(pid, "VmRSS") for pid in self.place.web()]
            if sizes:
                self.largest.append(max(sizes))
                self.together.append(sum(sizes))
                self.peak = max(self.peak, *(_status(pid, "VmHWM") for pid in self.place.web()))

    def stop(self) -> None:
        """Look no more."""
        self._over.set()


def main() -> int:
    """One upload for each size of piece; 1 when a digest differs or memory grew too far."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--gigabytes", type=float, default=3)
    options.add_argument("--pieces", type=int, nargs="+", default=[8, 16], metavar="MB")
    asked = options.parse_args()
    well = True
    with tempfile.TemporaryDirectory(prefix="livequal-big-") as folder:
        path = Path(folder) / "long.wav"
        size, sha256 = _write(path, round(asked.gigabytes * 1e9))
        print(f"{size:,} bytes, sha256 {sha256}")
        print(
            f"{'piece':>6} {'sent in':>9} {'MB/s':>6} {'cut at':>14} {'went on at':>14} "
            f"{'RSS begin':>9} {'most':>6} {'together':>8} {'peak':>6}  stored  download"
        )
        for piece in asked.pieces:
            with installation(LIVEQUAL_JOB_SLOTS="1", LIVEQUAL_UPLOAD_CHUNK_MB=str(piece)) as place:
                well = _measured(place, path, sha256, piece << 20) and well
    print("well" if well else "NOT well")
    return 0 if well else 1


def _measured(place: Installation, path: Path, sha256: str, piece: int) -> bool:
    memory = Memory(place)
    watching = threading.Thread(target=memory.watch)
    watching.start()
    try:
        begun = time.monotonic()
        recording_id, cut, went_on = _uploaded(place, path, piece)
        seconds = time.monotonic() - begun
        stored = _stored(place, recording_id) == sha256
        downloaded = _download(place, place.sign_in(), recording_id) == sha256
    finally:
        memory.stop()
        watching.join()
    size = path.stat().st_size
    print(
        f"{piece >> 20:>3} MB {seconds:>7.1f} s {size / seconds / 1e6:>6.0f} {cut:>14,} {went_on:>14,} "
        f"{memory.largest[0]:>6.0f} MB {max(memory.largest):>6.0f} {max(memory.together):>8.0f} {memory.peak:>6.0f}  "
        f"{'equal ' if stored else 'DIFFERS'}  {'equal' if downloaded else 'DIFFERS'}",
        flush=True,
    )
    problems = place.complaints()
    print("\n".join(problems), end="\n" if problems else "")
    return stored and downloaded and memory.peak < LIMIT_MB and not problems


def _uploaded(place: Installation, path: Path, piece: int) -> tuple[int, int, int]:
    """The recording's number, where the connection was cut last and where the upload went on."""
    browser = place.sign_in()
    size = path.stat().st_size
    status, upload = said(browser, "POST", "/uploads", {"name": path.name, "size": size})
    assert status == 201, (status, upload)
    went_on = cut = 0
    with path.open("rb") as source, ExitStack() as silent:
        for share, how in FAILURES:
            offset = _send_until(browser, upload["id"], source, went_on, round(size * share), piece)
            half = source.read(piece)[: piece // 2]
            left = _cut(browser, upload["id"], offset, half, min(piece, size - offset), how)
            silent.callback(left.close)
            cut = offset + len(half)
            browser = place.sign_in()
            went_on = _settled(browser, upload["id"])
            assert offset <= went_on <= cut, (offset, went_on, cut)
            source.seek(went_on)
        _send_until(browser, upload["id"], source, went_on, size, piece)
    status, done = said(browser, "POST", f"/uploads/{upload['id']}/finish", {})
    assert status == 200, (status, done)
    return number_in(done["recording_url"]), cut, went_on


def _send_until(browser: Browser, upload_id: int, source: BinaryIO, offset: int, end: int, piece: int) -> int:
    while offset < end and (block := source.read(piece)):
        status, answer = send_piece(browser, upload_id, offset, block)
        assert status == 204, (status, answer)
        offset += len(block)
    return offset


def _cut(browser: Browser, upload_id: int, offset: int, half: bytes, announced: int, how: str) -> socket.socket:
    """Announce a whole piece, send half of it, and be gone; a silent connection stays open, as out of a tunnel."""
    cookie = "; ".join(f"{name}={morsel.value}" for name, morsel in browser.cookies.items())
    head = (
        f"PATCH /uploads/{upload_id} HTTP/1.1\r\nHost: 127.0.0.1:{browser.port}\r\nCookie: {cookie}\r\n"
        f"X-CSRFToken: {browser.token}\r\nX-Requested-With: fetch\r\nAccept: application/json\r\n"
        f"Upload-Offset: {offset}\r\nContent-Type: application/octet-stream\r\nContent-Length: {announced}\r\n\r\n"
    )
    connection = socket.create_connection(("127.0.0.1", browser.port))
    connection.sendall(head.encode() + half)
    if how == "reset":
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    if how != "silent":
        connection.close()
    return connection


def _settled(browser: Browser, upload_id: int) -> int:
    """How much has arrived, when what was still on its way is written."""
    before = -1
    while True:
        status, state = said(browser, "GET", f"/uploads/{upload_id}")
        assert status == 200, (status, state)
        if state["received"] == before:
            return before
        before = state["received"]
        time.sleep(0.5)


def _stored(place: Installation, recording_id: int) -> str:
    query = "SELECT original_key FROM recording WHERE id = :id AND m4a_key <> ''"
    key = wait_until(lambda: place.value(query, id=recording_id), PATIENCE_S, "the recording is prepared")
    with (place.var / "files" / key).open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def _download(place: Installation, browser: Browser, recording_id: int) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", place.port, timeout=60)
    cookie = "; ".join(f"{name}={morsel.value}" for name, morsel in browser.cookies.items())
    connection.request("GET", f"/recordings/{recording_id}/original", headers={"Cookie": cookie})
    answer = connection.getresponse()
    assert answer.status == 200, answer.status
    digest = hashlib.sha256()
    while block := answer.read(1 << 20):
        digest.update(block)
    connection.close()
    return digest.hexdigest()


def _write(path: Path, size: int) -> tuple[int, str]:
    """A WAV that is nearly silent, every block of it different: a piece in the wrong place would show."""
    frame = CHANNELS * BYTES
    data = (size - 44) // frame * frame
    head = struct.pack("<4sI4s", b"RIFF", 36 + data, b"WAVE")
    head += struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, CHANNELS, RATE, RATE * frame, frame, 8 * BYTES)
    head += struct.pack("<4sI", b"data", data)
    digest = hashlib.sha256(head)
    with path.open("wb") as target:
        target.write(head)
        for number, start in enumerate(range(0, data, BLOCK), start=1):
            block = (struct.pack("<i", number) * (BLOCK // 4))[: data - start]
            digest.update(block)
            target.write(block)
    return path.stat().st_size, digest.hexdigest()


def _status(pid: int, name: str) -> float:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) / 1024
    return 0.0


if __name__ == "__main__":
    sys.exit(main())
