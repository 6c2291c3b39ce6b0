"""The long proofs of soak/, short: torn texts, whole installations, real uploads, a killed worker, a lost folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import need

ROOT = Path(__file__).parent.parent
MODELS = Path(os.environ.get("LIVEQUAL_MODELS_DIR") or ROOT / "var" / "models")
DATABASE = "postgresql" if os.environ.get("LIVEQUAL_TEST_DATABASE_URL") else "sqlite"
PATIENCE_S = 600


def proved(name: str, *options: str) -> str:
    command = [sys.executable, str(ROOT / "soak" / f"{name}.py"), *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 0, f"{done.stdout[-6000:]}\n{done.stderr[-3000:]}"
    return done.stdout


@pytest.fixture
def model() -> None:
    """The speech model of this installation."""
    need((MODELS / "base" / "model.bin").exists(), f"no speech model in {MODELS}: .venv/bin/flask models get base")


def test_whatever_is_typed_at_the_rules_they_read_it_in_linear_time_and_mark_exact_places() -> None:
    assert "nothing unexpected" in proved("risk_fuzz", "--quick")


@pytest.mark.model
@pytest.mark.usefixtures("model")
def test_every_bad_file_is_taken_or_refused_over_http_and_leaves_nothing_behind() -> None:
    assert "nothing left behind, nothing outside read, no traceback" in proved(
        "bad_uploads", "--quick", "--database", DATABASE
    )


@pytest.mark.model
@pytest.mark.usefixtures("model")
def test_an_upload_whose_connection_is_cut_goes_on_after_a_new_sign_in_with_the_same_digest() -> None:
    assert "equal   equal" in proved("big_upload", "--gigabytes", "0.05", "--pieces", "1")


@pytest.mark.model
@pytest.mark.usefixtures("model")
def test_a_transcript_is_the_same_when_the_worker_is_killed_on_the_way() -> None:
    assert "identical" in proved("kills", "--minutes", "4", "--kills", "1", "--seed", "3", "--database", DATABASE)


@pytest.mark.model
@pytest.mark.usefixtures("model")
def test_what_was_backed_up_beside_a_transcription_is_all_back_after_everything_was_lost() -> None:
    assert "everything is back" in proved("backup_restore", "--minutes", "6", "--database", DATABASE)
