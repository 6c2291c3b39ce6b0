"""Fail when a text has no Chinese, or a doubtful one; name each."""
# ruff: noqa: T201

from __future__ import annotations

import string
import subprocess
import sys
import tempfile
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po

ROOT = Path(__file__).resolve().parent.parent
PO = ROOT / "livequal/translations/zh_Hans_CN/LC_MESSAGES/messages.po"


def main() -> int:
    """Compare the texts of the code with the catalogue."""
    with PO.open("rb") as source:
        known = read_po(source, locale="zh_Hans_CN")
    problems = [line for wanted in _extracted() if wanted.id for line in _problems(wanted, known)]
    if known.fuzzy:
        problems.append(f"{PO.name}: its head is marked doubtful (#, fuzzy), so nothing of it would be compiled")
    for line in problems:
        print(line)
    print(f"translations: {len(problems)} to mend" if problems else "translations: complete")
    return 1 if problems else 0


def _extracted() -> Catalog:
    with tempfile.TemporaryDirectory() as folder:
        pot = Path(folder) / "messages.pot"
        command = [sys.executable, "-m", "babel.messages.frontend", "--quiet", "extract", "-F", "babel.cfg"]
        # Babel leaves out folders whose names start with an underscore, such as _macros, unless told otherwise.
        command += ["--ignore-dirs", ".*"]
        command += ["-k", "lazy_gettext", "-k", "ngettext:1,2", "-o", str(pot), "."]
        subprocess.run(command, cwd=ROOT, check=True)
        with pot.open("rb") as source:
            return read_po(source)


def _problems(wanted: Message, known: Catalog) -> list[str]:
    where = "{}:{}".format(*(wanted.locations or [("?", 0)])[0])
    singular = wanted.id[0] if isinstance(wanted.id, tuple | list) else wanted.id
    found = known.get(wanted.id)
    if found is None:
        return [f"{where}: not in the catalogue: {singular!r}"]
    texts = [found.string] if isinstance(found.string, str) else list(found.string)
    if not all(texts):
        return [f"{where}: not translated: {singular!r}"]
    if found.fuzzy:
        return [f"{where}: doubtful: {singular!r}"]
    return [f"{where}: other placeholders than {singular!r}: {text!r}" for text in texts if not _same(wanted, text)]


def _same(wanted: Message, text: str) -> bool:
    ids = [wanted.id] if isinstance(wanted.id, str) else list(wanted.id)
    return _names(text) <= set().union(*map(_names, ids)) and (len(ids) > 1 or _names(text) == _names(ids[0]))


def _names(text: str) -> set[str]:
    names = {part.split(")")[0] for part in text.split("%(")[1:]}
    return {name for name in names if set(name) <= set(string.ascii_letters + string.digits + "_")}


if __name__ == "__main__":
    sys.exit(main())
