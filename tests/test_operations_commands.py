from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from livequal import config
from livequal.app import create_app
from livequal.config import Settings
from livequal.kernel import installation
from livequal.kernel.db import db

ROOT = Path(__file__).parent.parent
PASSWORD = "lantern-42-chrysanthemum"


@dataclass
class Done:
    """What a command left."""

    returncode: int
    stdout: str
    stderr: str


class Installation:
    """An installation of its own, worked by `flask` commands."""

    def __init__(self, var: Path, database_url: str) -> None:
        self.var = var
        self.database_url = database_url

    @property
    def environ(self) -> dict[str, str]:
        """The environment that names it."""
        return {"LIVEQUAL_VAR": str(self.var), "LIVEQUAL_DATABASE_URL": self.database_url}

    def flask(self, *words: str, told: str = "") -> Done:
        """Run `flask words…` in an application made afresh, as each command makes its own."""
        app = create_app(config.from_environment(self.environ))
        result = app.test_cli_runner().invoke(args=words, input=told)
        with app.app_context():
            db.session.remove()
            db.engine.dispose()
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Done(result.exit_code, result.stdout, result.stderr)

    def found(self) -> None:
        """Migrate, and make the first administrator."""
        assert self.flask("db", "upgrade").returncode == 0
        done = self.flask("init", "--platform", "晴川", "--login", "zhou", "--password-stdin", told=f"{PASSWORD}\n")
        assert done.returncode == 0, done.stderr

    def people(self) -> list[str]:
        """The logins of all accounts, straight from the database."""
        if self.database_url.startswith("sqlite"):
            with closing(sqlite3.connect(self.var / "livequal.db")) as connection:
                return [row[0] for row in connection.execute("SELECT login FROM user_account")]
        with psycopg.connect(plain(self.database_url)) as connection:
            return [row[0] for row in connection.execute("SELECT login FROM user_account").fetchall()]


def plain(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


@pytest.fixture
def own(tmp_path: Path, settings: Settings) -> Iterator[Installation]:
    """An empty installation on the kind of database that this run is about."""
    var = tmp_path / "var"
    if settings.database_url.startswith("sqlite"):
        yield Installation(var, f"sqlite:///{var / 'livequal.db'}")
        installation.install(settings)
        return
    server, _, name = settings.database_url.rpartition("/")
    own_name = f"{name}_{os.getpid()}"
    with psycopg.connect(plain(settings.database_url), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{own_name}"')
        yield Installation(var, f"{server}/{own_name}")
        connection.execute(f'DROP DATABASE "{own_name}" WITH (FORCE)')
    installation.install(settings)


def failed(done: Done) -> str:
    """The one line that a failed command says."""
    assert done.returncode == 1, done
    assert "Traceback" not in done.stderr
    (line,) = [line for line in done.stderr.splitlines() if not line.startswith("{")]
    return line


def test_an_installation_is_founded_once_and_its_jobs_are_listed_as_json_lines(own: Installation) -> None:
    assert "database" in failed(own.flask("jobs", "list")).lower()
    assert own.flask("db", "upgrade").returncode == 0
    short = own.flask("init", "--platform", "晴川", "--login", "zhou", "--password-stdin", told="short\n")
    assert "password" in failed(short)
    asked = own.flask("init", told=f"晴川\nzhou\n{PASSWORD}\n{PASSWORD}\n")
    assert asked.returncode == 0, asked.stderr
    assert PASSWORD not in asked.stdout + asked.stderr
    assert own.people() == ["zhou"]
    failed(own.flask("init", "--platform", "x", "--login", "y", "--password-stdin", told=f"{PASSWORD}\n"))
    assert own.flask("jobs", "list").stdout == ""
    assert own.flask("jobs", "retry", "12").returncode == 1
    assert own.flask("jobs", "list", "--state", "nonsense").returncode == 2


def test_everything_comes_back_from_a_backup(own: Installation, tmp_path: Path) -> None:
    own.found()
    kept = own.var / "files" / "clips" / "ab" / "abcd.m4a"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(os.urandom(3_000_000))
    arriving = own.var / "files" / "incoming" / "0123abcd"
    arriving.write_bytes(b"half")
    content, key = kept.read_bytes(), (own.var / "secrets" / "secret_key").read_text()

    archive = tmp_path / "all.tar"
    assert own.flask("backup", str(archive)).stdout.strip() == str(archive)
    assert archive.stat().st_mode & 0o077 == 0
    assert "already" in failed(own.flask("backup", str(archive)))

    assert "--replace" in failed(own.flask("restore", str(archive)))
    shutil.rmtree(own.var)
    more = () if own.database_url.startswith("sqlite") else ("--replace",)
    done = own.flask("restore", str(archive), *more)
    assert done.returncode == 0, done.stderr

    assert own.people() == ["zhou"]
    assert kept.read_bytes() == content
    assert arriving.read_bytes() == b"half"
    assert (own.var / "secrets" / "secret_key").read_text() == key
    assert [path.name for path in own.var.glob(".*")] == []
    assert own.flask("jobs", "list").returncode == 0


def test_what_a_restore_replaces_is_laid_aside(own: Installation, tmp_path: Path) -> None:
    own.found()
    archive = tmp_path / "all.tar"
    assert own.flask("backup", str(archive)).returncode == 0
    (own.var / "files" / "newer").write_bytes(b"newer")
    done = own.flask("restore", "--replace", str(archive))
    assert done.returncode == 0, done.stderr
    (aside,) = own.var.glob("replaced-*")
    assert (aside / "files" / "newer").read_bytes() == b"newer"
    assert not (own.var / "files" / "newer").exists()
    assert own.people() == ["zhou"]


@pytest.mark.parametrize("damage", ["cut", "bit", "foreign", "none of ours"])
def test_a_damaged_or_foreign_archive_touches_nothing(own: Installation, tmp_path: Path, damage: str) -> None:
    own.found()
    archive = tmp_path / "all.tar"
    assert own.flask("backup", str(archive)).returncode == 0
    raw = bytearray(archive.read_bytes())
    if damage == "cut":
        archive.write_bytes(raw[: len(raw) // 2])
    elif damage == "bit":
        at = raw.index(b"zhou")
        raw[at] ^= 1
        archive.write_bytes(raw)
    elif damage == "foreign":
        outside = tmp_path / "outside"
        outside.write_text("x")
        with tarfile.open(archive, "a") as tar:
            tar.add(outside, "files/../../outside-of-var")
    else:
        archive.write_bytes(b"no tar at all")
    failed(own.flask("restore", "--replace", str(archive)))
    assert own.people() == ["zhou"]
    assert [path.name for path in own.var.glob(".*")] == []
    assert list(own.var.glob("replaced-*")) == []
    assert not (tmp_path / "outside-of-var").exists()


def test_a_backup_is_taken_while_others_write_and_the_newest_are_kept(own: Installation) -> None:
    if not own.database_url.startswith("sqlite"):
        pytest.skip("the writer's lock is SQLite's")
    own.found()
    for number in range(7):
        old = own.var / "backups" / f"livequal-2020010{number}-000000.tar"
        old.parent.mkdir(exist_ok=True)
        old.touch()
    with closing(sqlite3.connect(own.var / "livequal.db", isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("UPDATE user_account SET name = 'uncommitted'")
        done = own.flask("backup")
        writer.execute("ROLLBACK")
    assert done.returncode == 0, done.stderr
    kept = sorted(path.name for path in (own.var / "backups").iterdir())
    assert len(kept) == 5
    assert done.stdout.strip().endswith(kept[-1])
    with tarfile.open(own.var / "backups" / kept[-1]) as tar:
        manifest = json.load(tar.extractfile("manifest.json"))
        tar.extract("database/livequal.db", own.var, filter="data")
    assert manifest["database"]["kind"] == "sqlite"
    with closing(sqlite3.connect(own.var / "database" / "livequal.db")) as copy:
        assert copy.execute("SELECT name FROM user_account").fetchone()[0] != "uncommitted"


def test_a_failing_command_says_one_line_and_no_traceback(own: Installation) -> None:
    command = [sys.executable, "-m", "flask", "restore", __file__]
    environ = os.environ | own.environ
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1


def test_the_rules_are_measured_on_labelled_lines_in_words_and_for_programs(own: Installation, tmp_path: Path) -> None:
    own.found()
    good = {
        "text": "能治糖尿病",
        "product_category": "food",
        "risky": True,
        "labels": ["disease-claim"],
        "origin": "case",
    }
    bad = {"text": "大家晚上好", "risky": True, "labels": ["vulgar"], "origin": "written"}
    rows = tmp_path / "rows.jsonl"
    rows.write_text("".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in (good, bad)), encoding="utf-8")

    told = own.flask("risk", "eval", str(rows))
    assert "recall · case, decidable" in told.stdout
    assert "MISSED 2 writ general [vulgar] 大家晚上好" in told.stdout
    lines = [json.loads(line) for line in own.flask("risk", "eval", str(rows), "--format", "jsonl").stdout.splitlines()]
    assert {key: value for key, value in lines[2].items() if key not in {"low", "high"}} == {
        "measure": "right category",
        "group": "",
        "hits": 1,
        "of": 1,
        "percent": 100.0,
    }
    assert [line["id"] for line in lines if line.get("error")] == ["2"]

    rows.write_text('{"text": "a"}\n', encoding="utf-8")
    refused = own.flask("risk", "eval", str(rows))
    assert (refused.returncode, refused.stderr) == (
        1,
        "flask: line 1 does not say whether the text is risky: give true or false\n",
    )
