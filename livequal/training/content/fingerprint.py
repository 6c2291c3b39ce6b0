"""What of an item makes a material difference: a typo mended in its text or explanation does not."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping
from typing import Any

_NUMBERS = re.compile(r"[0-9]+(?:\.[0-9]+)?|[零〇一二两三四五六七八九十百千万亿半]+|[不没无非未别]")
_PRECISE = ("type", "key", "answers", "options", "left", "right", "start", "steps", "segments", "red_line")
# Read after the answer only; what they say decides nothing.
_TOLD_AFTERWARDS = {"why", "outcome"}


_SPELLED = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def canonical(value: object) -> str:
    """The one spelling of plain values as JSON."""
    return _SPELLED.encode(value)


def sha256(value: object) -> str:
    """The digest of plain values."""
    return text_sha256(canonical(value))


def text_sha256(text: str) -> str:
    """The digest of plain values that are spelled already."""
    return hashlib.sha256(text.encode()).hexdigest()


def material_sha256(content: Mapping[str, Any]) -> str:
    """The digest of type, the text's numbers and negations, options, key and legal source."""
    facts = {name: _bare(content[name]) for name in _PRECISE if name in content}
    text = unicodedata.normalize("NFKC", str(content["text"]))
    return sha256(facts | {"numbers": _NUMBERS.findall(text), "source": _squeezed(str(content["source"]))})


def _bare(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _bare(part) for key, part in value.items() if key not in _TOLD_AFTERWARDS}
    if isinstance(value, list | tuple):
        return [_bare(part) for part in value]
    return _squeezed(value) if isinstance(value, str) else value


def _squeezed(text: str) -> str:
    """A text without what does not change its sense: spaces, punctuation, width."""
    plain = unicodedata.normalize("NFKC", text)
    return "".join(sign for sign in plain if unicodedata.category(sign)[0] not in "PZC")
