"""Back up while a transcription runs, lose everything, restore, and look whether all of it is back.

    .venv/bin/python soak/backup_restore.py [--minutes 4] [--database sqlite|postgresql|both]

A moderator reviews one recording, has a long one transcribed undisturbed, uploads it once more for no live session, and
begins a third upload. While the second copy is transcribed `flask backup` runs; then livequal is ended, its folder (and
PostgreSQL database) deleted, and the backup restored. Every row that was there before the backup must be there again,
every file with its digest, the old sign-in must still open pages and the old password a new one, the interrupted
transcription must go on to the transcript that the undisturbed one had, and the begun upload must go on.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from installation import (
    Installation,
    databases,
    digest,
    emptied,
    make_stream,
    number_in,
    progress,
    said,
    segments,
    send_piece,
    upload,
    wait_until,
)
from site_under_test import Browser

from livequal.kernel.db import Base
from tests.streams.media_maker import beeps, make

PATIENCE_S = 1800
SESSION = 1
# What running alone changes: work in progress, who was seen when.
VOLATILE = {"job", "worker", "sign_in"}


@dataclass(frozen=True)
class Before:
    """What there was: rows by table, digests by file, and pages by address."""

    rows: dict[str, list[str]]
    files: dict[str, str]
    pages: dict[str, str]


@dataclass(frozen=True)
class Work:
    """What the moderator left: the recordings' numbers, when the transcript that grows was begun, the finding, and a
    begun upload with what is still to send."""

    reviewed: int
    undisturbed: int
    interrupted: int
    begun_at: object
    finding: int
    upload_id: int
    sent: bytes
    rest: bytes


def main() -> int:
    """Prove it on each database; 1 when something is missing."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--minutes", type=float, default=4)
    options.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    asked = options.parse_args()
    problems: list[str] = []
    for kind, url in databases(asked.database, "backup"):
        print(f"== {kind}", flush=True)
        with tempfile.TemporaryDirectory(prefix="livequal-soak-") as folder:
            place = Installation(Path(folder), database=url, LIVEQUAL_JOB_SLOTS="1", LIVEQUAL_SPEECH_THREADS="1")
            try:
                problems += _proved(place, Path(folder), asked.minutes, url)
            finally:
                place.stop()
    print("\n".join(problems) if problems else "everything is back")
    return 1 if problems else 0


def _proved(place: Installation, folder: Path, minutes: float, url: str) -> list[str]:
    place.settle()
    place.start()
    moderator = place.sign_in()
    work = _worked(place, moderator, folder, minutes)
    before = _seen(place, moderator, work)
    begun = time.monotonic()
    archive = Path(place.flask("backup", str(folder / "kept.tar")).strip())
    told = f"backup while transcribing: {archive.stat().st_size:,} bytes in {time.monotonic() - begun:.1f} s"
    problems = place.complaints()
    place.stop()
    shutil.rmtree(place.var)
    emptied(url)
    begun = time.monotonic()
    place.flask("restore", str(archive))
    print(f"{told}; restore in {time.monotonic() - begun:.1f} s")
    if place.value("SELECT state FROM recording WHERE id = :id", id=work.interrupted) != "prepared":
        problems.append("the transcription was over before the backup: give it more --minutes")
    problems += _rows_back(place, before) + _files_back(place, before)
    place.start()
    problems += _pages_back(moderator, before)
    problems += _goes_on(place, place.sign_in(), work)
    return problems + place.leavings() + place.complaints()


def _worked(place: Installation, moderator: Browser, folder: Path, minutes: float) -> Work:
    make_stream(short := folder / "short.flac", 1)
    make_stream(long := folder / "long.flac", minutes)
    reviewed = upload(moderator, short, live_session=SESSION)
    undisturbed = upload(moderator, long, live_session=SESSION)
    for number in (reviewed, undisturbed):
        wait_until(lambda number=number: _state(moderator, number) == "ready", PATIENCE_S, f"{number} is ready")
    finding = _decided(moderator, reviewed)
    wait_until(lambda: place.value("SELECT count(*) FROM clip"), 60, "the clip is cut")
    content = make("wav", beeps(30))
    _status, begun = said(moderator, "POST", "/uploads", {"name": "begun.wav", "size": len(content)})
    sent, rest = content[: len(content) // 2], content[len(content) // 2 :]
    assert send_piece(moderator, begun["id"], 0, sent)[0] == 204
    interrupted = upload(moderator, long)
    wait_until(lambda: progress(moderator, interrupted)["percent"] >= 12, PATIENCE_S, "some of it is transcribed")
    return Work(reviewed, undisturbed, interrupted, _begun_at(place, interrupted), finding, begun["id"], sent, rest)


def _decided(moderator: Browser, recording_id: int) -> int:
    """Confirm the first claim, dismiss the second; the case of the first."""
    flags = said(moderator, "GET", f"/recordings/{recording_id}/transcript.json")[1]["flags"]
    verdicts = (
        {"outcome": "confirmed", "reason": "misleads_viewers", "note": "听了三遍"},
        {"outcome": "dismissed", "reason": "quoted"},
    )
    for flag, verdict in zip(flags, verdicts, strict=False):
        sent = verdict | {"version": flag["case_version"]}
        status, answer = said(moderator, "POST", f"/cases/{flag['case_id']}/decide", sent)
        assert status == 200, (status, answer)
    return int(flags[0]["case_id"])


def _seen(place: Installation, moderator: Browser, work: Work) -> Before:
    addresses = [
        f"/recordings/{work.reviewed}/transcript.json",
        f"/recordings/{work.undisturbed}/export.srt",
        f"/recordings/{work.reviewed}/media",
        f"/recordings/{work.reviewed}/original",
        f"/findings/{work.finding}",
        f"/findings/{work.finding}/clip.m4a",
        f"/recordings/{work.undisturbed}/search?q=%E8%BF%99",
    ]
    return Before(_tables(place), _files(place), {address: _page(moderator, address) for address in addresses})


def _rows_back(place: Installation, before: Before) -> list[str]:
    after = _tables(place)
    problems = []
    for table, rows in before.rows.items():
        missing = set(rows) - set(after[table])
        if table not in VOLATILE and missing:
            problems.append(f"{table}: {len(missing)} of {len(rows)} rows are not as they were: {min(missing)[:200]}")
    counts = (f"{table} {len(rows)}→{len(after[table])}" for table, rows in before.rows.items() if rows)
    print(f"rows before → after: {', '.join(counts)}")
    return problems


def _files_back(place: Installation, before: Before) -> list[str]:
    after = _files(place)
    print(f"files before → after: {len(before.files)}→{len(after)}")
    return [f"{name} is not as it was" for name, sha256 in before.files.items() if after.get(name) != sha256]


def _pages_back(moderator: Browser, before: Before) -> list[str]:
    """With the cookie of before: what signs it must be back, too."""
    changed = [address for address, page in before.pages.items() if _page(moderator, address) != page]
    print(f"pages as before, with the sign-in of before: {len(before.pages) - len(changed)} of {len(before.pages)}")
    return [f"another answer than before: {address}" for address in changed]


def _goes_on(place: Installation, moderator: Browser, work: Work) -> list[str]:
    """After a new sign-in with the old password: the transcription and the upload go on where they were."""
    done = place.value("SELECT max(done) FROM job WHERE name = 'transcribe' AND state <> 'done'") or 0
    total = place.value("SELECT duration_ms FROM recording WHERE id = :id", id=work.interrupted)
    state = said(moderator, "GET", f"/uploads/{work.upload_id}")[1]
    assert send_piece(moderator, work.upload_id, state["received"], work.rest)[0] == 204
    finished = said(moderator, "POST", f"/uploads/{work.upload_id}/finish", {})[1]
    begun = number_in(finished["recording_url"])
    for number in (work.interrupted, begun):
        wait_until(lambda number=number: _state(moderator, number) == "ready", PATIENCE_S, f"{number} goes on")
    idle = "SELECT count(*) FROM job WHERE state IN ('queued','running')"
    wait_until(lambda: place.value(idle) == 0, 120, "every job has ended")
    calm, resumed = (segments(place, number) for number in (work.undisturbed, work.interrupted))
    print(
        f"went on at {done / 1000:.0f} of {total / 1000:.0f} s; undisturbed {len(calm)} segments {digest(calm)[:16]}, "
        f"interrupted {len(resumed)} segments {digest(resumed)[:16]}"
    )
    again = _begun_at(place, work.interrupted) != work.begun_at
    problems = ["the transcription began anew (or the engine was changed meanwhile)"] if again else []
    if not calm or digest(calm) != digest(resumed):
        problems.append("the interrupted transcript differs from the undisturbed one")
    sha256 = place.value("SELECT sha256 FROM recording WHERE id = :id", id=begun)
    if sha256 != hashlib.sha256(work.sent + work.rest).hexdigest():
        problems.append("the upload that went on is another file")
    return problems


def _begun_at(place: Installation, recording_id: int) -> object:
    return place.value("SELECT max(created_at) FROM transcript WHERE recording_id = :id", id=recording_id)


def _tables(place: Installation) -> dict[str, list[str]]:
    rows = {table.name: place.rows(f'SELECT * FROM "{table.name}"') for table in Base.metadata.sorted_tables}
    # A transcript that grows is written on meanwhile.
    rows["transcript"] = [row for row in rows["transcript"] if row["state"] != "growing"]
    return {name: [repr(sorted(row.items(), key=str)) for row in found] for name, found in rows.items()}


def _files(place: Installation) -> dict[str, str]:
    found = {}
    for name in ("files", "secrets"):
        for path in sorted((place.var / name).rglob("*")):
            if path.is_file():
                with path.open("rb") as source:
                    found[path.relative_to(place.var).as_posix()] = hashlib.file_digest(source, "sha256").hexdigest()
    return found


def _page(browser: Browser, address: str) -> str:
    status, content = browser.ask("GET", address, headers={"Accept": "text/html"})
    # Each page has tokens of its own.
    lasting = re.sub(rb'(?:content|value)="[^"]{60,}"', b"", content)
    return f"{status} {hashlib.sha256(lasting).hexdigest()}"


def _state(browser: Browser, recording_id: int) -> str:
    return str(progress(browser, recording_id)["state"])


if __name__ == "__main__":
    sys.exit(main())
