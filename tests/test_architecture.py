"""Guards of the design: what the rooms may import, where things stand, what stays out."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "livequal"
MODULES = sorted(PACKAGE.rglob("*.py"))
TEMPLATES = sorted((PACKAGE / "templates").rglob("*.html"))
LINES_MAX = 450

# What a room may consist of. A new name here is a decision: the same names everywhere are how one finds one's way.
FILES_OF_EVERY_ROOM = {"__init__", "rules", "events", "models", "service", "forms", "views", "shown", "work"}
MORE_FILES = {
    "accounts": {"access", "blueprint", "passwords", "people", "resets", "sign_ins"},
    "audit": set(),
    "desk": {"blueprint", "health", "home", "navigation", "operations"},
    "flow": {"teach", "tell"},
    "jobs": {"run"},
    "notifications": set(),
    "onboarding": {"entries", "live_sessions", "schedule"},
    "review": {"tally"},
    # force: what is in force; versions and overlay: the life and the text of own rules.
    "risk": {
        "backtest",
        "blueprint",
        "evaluation",
        "force",
        "line_check",
        "line_forms",
        "line_words",
        "lines",
        "overlay",
        "replay",
        "scan",
        "shadows",
        "versions",
        "workbench",
        "workbench_forms",
    },
    "streams": {"dictation", "grams", "search", "subtitles", "timeline", "uploads"},
    "taxonomy": {"categories", "instruments", "workdays"},
    "training": {
        "assigning",
        "assignment_forms",
        "assignment_models",
        "assignment_pages",
        "assignment_rules",
        "attempts",
        "blueprint",
        "certificate_pages",
        "certificate_print",
        "certificates",
        "commitment_models",
        "commitment_pages",
        "commitments",
        "duties",
        "exam_room",
        "grading",
        "granting",
        "learning",
        "ledger",
        "lettering",
        "loading",
        "papers",
        "remedy",
        "reminding",
        "team",
        "team_pages",
        "replay",
        "standing",
    },
}
HEAVY = (
    "av",
    "ctranslate2",
    "faster_whisper",
    "huggingface_hub",
    "numpy",
    "onnxruntime",
    "openai",
    "tokenizers",
    "torch",
    "tqdm",
    "whisper",
)


def test_the_rooms_import_only_downward_http_stops_at_views_and_rules_are_pure() -> None:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]


def test_the_web_process_imports_nothing_heavy() -> None:
    code = "import json, sys, wsgi; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in json.loads(done.stdout)}
    assert loaded & set(HEAVY) == set()


def test_transactions_are_committed_in_one_file_only() -> None:
    committing = {
        path.relative_to(ROOT).as_posix()
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "commit"
    }
    # kernel.web calls kernel.db.commit() at the end of a request.
    assert committing == {"livequal/kernel/db.py", "livequal/kernel/web.py"}


@pytest.mark.parametrize("room", MORE_FILES)
def test_a_room_has_only_files_of_known_names(room: str) -> None:
    names = {path.stem for path in (PACKAGE / room).glob("*.py")}
    assert names <= FILES_OF_EVERY_ROOM | MORE_FILES[room]


def test_no_file_is_too_long_to_be_read_at_one_sitting() -> None:
    long = {
        str(path.relative_to(ROOT)): n for path in MODULES if (n := path.read_text("utf-8").count("\n")) > LINES_MAX
    }
    assert long == {}


# The report of `flask inspect` is one file that opens offline: it carries its look inside.
OFFLINE = {"inspect.html"}


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.relative_to(PACKAGE / "templates").as_posix())
def test_a_template_marks_no_text_as_safe_and_carries_no_style_or_script(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"\|\s*safe\b", text)
    if path.name in OFFLINE:
        return
    markup = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", "", text, flags=re.DOTALL)
    inline = r"""<style|\sstyle=|\son[a-z]+=|<script(?![^>]*(\ssrc=|\stype="application/json"))"""
    assert [found.group() for found in re.finditer(inline, markup)] == []


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_requirements_are_pinned_with_hashes_and_come_from_no_place_of_ours(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert [word for word in ("file:", "index-url", "find-links", "/work/", "/tmp/", "torch==") if word in text] == []
    entries = re.split(r"\n(?=\S)", text)
    unpinned = [
        e.split()[0] for e in entries if not e.startswith("#") and e.strip() and ("==" not in e or "--hash" not in e)
    ]
    assert unpinned == []


def test_the_runtime_needs_no_torch() -> None:
    assert not re.search(r"(?m)^(torch|openai-whisper)\b", (ROOT / "requirements.txt").read_text(encoding="utf-8"))


def test_nothing_is_fetched_from_other_sites_by_a_page() -> None:
    absolute = re.compile(r"""(?:src|href|url\()\s*=?\s*["']?(?:https?:)?//""")
    files = [*TEMPLATES, *sorted((ROOT / "static").rglob("*.css")), *sorted((ROOT / "static").rglob("*.js"))]
    assert [path.name for path in files if absolute.search(path.read_text(encoding="utf-8"))] == []


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in MODULES
        if (text := path.read_text(encoding="utf-8")).strip() and not ast.get_docstring(ast.parse(text))
    ]
    assert silent == []
