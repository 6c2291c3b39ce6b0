"""Everything an installation is, in one .tar: database, files, secrets, and a manifest that proves it.

Layout: `database/…`, `files/…`, `secrets/…`, and last `manifest.json`: {"format", "made_at", "database": {…},
"members": {name: {"size", "sha256"}}}. Works while livequal runs; speech models are not in it, they can be had again.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import secrets
import shutil
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO, Any

from ..config import Settings
from . import backup_database as database
from .clock import now
from .storage import BLOCK_BYTES

FORMAT = 1
MANIFEST = "manifest.json"
MANIFEST_MAX_BYTES = 512 << 20
NAME = re.compile(r"(?:database|files|secrets)(?:/[\w@+=-][\w.@+=-]*)+")
Show = Callable[[int, int], None]


class BadArchive(Exception):
    """The archive is not whole or not ours; the message says what is wrong."""


class InTheWay(Exception):
    """There is something that a restore would overwrite, or livequal runs."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a backup holds. `size` in bytes."""

    path: Path
    members: int
    size: int


def default_target(settings: Settings) -> Path:
    """Where a backup goes when nobody says where."""
    return settings.var / "backups" / f"livequal-{now():%Y%m%d-%H%M%S}.tar"


def back_up(settings: Settings, target: Path, show: Show | None = None) -> Summary:
    """Write everything to `target` (which must not exist), read it back, and only then give it its name.

    Raises: FileExistsError, OSError, database.CantDump.
    """
    if target.exists():
        raise FileExistsError(17, "There is a file of this name already", str(target))
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        with _scratch(settings.var, "backup") as scratch:
            # Before the database: a recording that a job moves to its place meanwhile must not fall between the two.
            _link_incoming(settings, scratch / "incoming")
            facts = database.dump(settings.database_url, scratch / "database")
            with _fresh(part) as output:
                _write(output, _sources(settings, scratch), facts, show)
        manifest = _verify(part)
        part.rename(target)
    finally:
        part.unlink(missing_ok=True)
    return Summary(target, len(manifest["members"]), target.stat().st_size)


def prune(folder: Path, kept: int) -> None:
    """Keep the newest backups of a folder."""
    for old in sorted(folder.glob("livequal-*.tar"))[: -kept if kept else None]:
        old.unlink()


def restore(settings: Settings, archive: Path, make_schema: Callable[[str], None], *, replace: bool) -> Path | None:
    """Put an archive's content in place; answer where the old installation was laid aside (None when there was none).

    Nothing is touched before the whole archive was unpacked beside it and proved. `make_schema(revision)` makes the
    tables of that revision in an empty PostgreSQL database. Call it with no connection open.
    Raises: BadArchive, InTheWay, database.CantLoad, OSError.
    """
    with _alone(settings), _scratch(settings.var, "restore") as scratch:
        occupied = database.occupied(settings.database_url) or any(_files(settings.files_dir))
        if occupied and not replace:
            raise InTheWay("There is an installation here. With --replace it is laid aside first.")
        manifest = _unpack(archive, scratch)
        aside = settings.var / f"replaced-{now():%Y%m%d-%H%M%S}" if occupied else None
        if aside is not None:
            aside.mkdir(mode=0o700)
        database.load(settings.database_url, scratch / "database", manifest["database"], make_schema, aside)
        for name, place in (("files", settings.files_dir), ("secrets", settings.secrets_dir)):
            _swap(scratch / name, place, aside)
    return aside


@contextmanager
def running(settings: Settings) -> Iterator[None]:
    """Say that this process works on the installation: nobody restores over it meanwhile."""
    with _locked(settings, fcntl.LOCK_SH):
        yield


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    try:
        with _locked(settings, fcntl.LOCK_EX | fcntl.LOCK_NB):
            yield
    except BlockingIOError:
        raise InTheWay("livequal is running. Stop it first.") from None


@contextmanager
def _locked(settings: Settings, how: int) -> Iterator[None]:
    settings.var.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (settings.var / "running.lock").open("a") as lock:
        fcntl.flock(lock, how)
        yield


@contextmanager
def _scratch(var: Path, purpose: str) -> Iterator[Path]:
    path = var / f".{purpose}-{secrets.token_hex(4)}"
    path.mkdir(parents=True, mode=0o700)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def _fresh(path: Path) -> Iterator[IO[bytes]]:
    # Secrets are in it: for the owner alone, from the first byte.
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as output:
        yield output
        output.flush()
        os.fsync(output.fileno())


def _link_incoming(settings: Settings, folder: Path) -> None:
    folder.mkdir()
    for path in _files(settings.files_dir / "incoming"):
        with suppress(FileNotFoundError):
            os.link(path, folder / path.name)


def _sources(settings: Settings, scratch: Path) -> dict[str, Path]:
    linked = {path.name: path for path in _files(scratch / "incoming")}
    sources = {f"database/{path.name}": path for path in _files(scratch / "database")}
    for path in _files(settings.files_dir):
        if path.name not in linked:
            sources[f"files/{path.relative_to(settings.files_dir).as_posix()}"] = path
    sources |= {f"files/incoming/{name}": path for name, path in linked.items()}
    sources |= {f"secrets/{path.name}": path for path in _files(settings.secrets_dir)}
    # What does not have one of our names is not ours: probes, editors' leavings.
    return {name: path for name, path in sources.items() if NAME.fullmatch(name)}


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink())


def _write(output: IO[bytes], sources: dict[str, Path], facts: dict[str, Any], show: Show | None) -> None:
    members: dict[str, dict[str, Any]] = {}
    total, done = sum(_size(path) for path in sources.values()), 0
    with tarfile.open(fileobj=output, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, path in sources.items():
            # A file that was removed since is in no row of the database any more (or soon won't be).
            with suppress(FileNotFoundError), path.open("rb") as source:
                reader = _Hashing(source)
                tar.addfile(entry := _entry(name, os.fstat(source.fileno()).st_size), reader)
                members[name] = {"size": entry.size, "sha256": reader.digest.hexdigest()}
                done += entry.size
                if show:
                    show(done, max(total, done))
        manifest = {"format": FORMAT, "made_at": now().isoformat(), "database": facts, "members": members}
        raw = json.dumps(manifest, ensure_ascii=False, indent=1, sort_keys=True).encode()
        tar.addfile(_entry(MANIFEST, len(raw)), BytesIO(raw))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _entry(name: str, size: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.mtime = size, 0o600, int(now().timestamp())
    return entry


class _Hashing:
    """A reader that takes the digest of what passes through it."""

    def __init__(self, source: IO[bytes]) -> None:
        self.source = source
        self.digest = hashlib.sha256()

    def read(self, size: int = BLOCK_BYTES) -> bytes:
        """The next bytes."""
        block = self.source.read(size)
        self.digest.update(block)
        return block


def _verify(archive: Path) -> dict[str, Any]:
    return _walk(archive, lambda _name, source: _drained(source))


def _unpack(archive: Path, folder: Path) -> dict[str, Any]:
    def keep(name: str, source: _Hashing) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _fresh(path) as output:
            shutil.copyfileobj(source, output, BLOCK_BYTES)

    return _walk(archive, keep)


def _drained(source: _Hashing) -> None:
    while source.read():
        pass


def _walk(archive: Path, take: Callable[[str, _Hashing], None]) -> dict[str, Any]:
    """Read an archive through, hand each member on, and compare all with the manifest.

    Raises: BadArchive.
    """
    found: dict[str, dict[str, Any]] = {}
    manifest: dict[str, Any] | None = None
    try:
        with tarfile.open(archive, mode="r:") as tar:
            for member in tar:
                source = tar.extractfile(member) if member.isfile() else None
                if source is None or (member.name != MANIFEST and not NAME.fullmatch(member.name)):
                    raise BadArchive(f"{member.name!r} is not something livequal writes.")
                if member.name == MANIFEST:
                    manifest = json.loads(source.read(MANIFEST_MAX_BYTES))
                    continue
                reader = _Hashing(source)
                take(member.name, reader)
                found[member.name] = {"size": member.size, "sha256": reader.digest.hexdigest()}
    except (tarfile.TarError, EOFError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise BadArchive(f"{archive} is not a whole backup: {error}") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise BadArchive(f"{archive} has no manifest of a kind this version reads.")
    _compare(found, manifest.get("members", {}))
    return manifest


def _compare(found: dict[str, Any], listed: dict[str, Any]) -> None:
    for name in sorted({*found, *listed}):
        if found.get(name) != listed.get(name):
            raise BadArchive(f"{name} is not as the manifest says: the backup is damaged.")


def _swap(fresh: Path, place: Path, aside: Path | None) -> None:
    if place.exists():
        if aside is None:
            # Only what starting the command itself has made: an empty folder, an unused key.
            shutil.rmtree(place)
        else:
            place.rename(aside / place.name)
    if fresh.exists():
        fresh.rename(place)
    else:
        place.mkdir(parents=True, mode=0o700)
