"""The canonical form in which an act is recorded. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def canonical(fields: Mapping[str, object]) -> str:
    """One text for one meaning: sorted keys, no spaces, UTF-8, moments as ISO 8601 in UTC."""
    return json.dumps(fields, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=_plain)


def sha256(payload: str) -> str:
    """The digest under which a payload is kept, hex."""
    return hashlib.sha256(payload.encode()).hexdigest()


def inert(cell: str) -> str:
    """A cell of a table for a spreadsheet, which must not take what a person typed for a formula."""
    return f"'{cell}" if cell.startswith(FORMULA_STARTS) else cell


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    if isinstance(value, frozenset | set):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} has no canonical form")
