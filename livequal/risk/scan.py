"""What `flask scan` does: lines of text or JSON Lines in, one result with its flags per row out. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from livequal.risk.matcher import Evidence, Flag, Matcher, ProductContext, Utterance, evidence_from
from livequal.taxonomy.rules import ProductCategory


class BadLine(ValueError):
    """A line that can't be judged; the message names it and says what to change."""


@dataclass(frozen=True, slots=True)
class Row:
    """One text to judge."""

    id: str
    text: str
    context: ProductContext
    evidence: Evidence | None = None


def read_rows(lines: Iterable[str], default: ProductCategory = ProductCategory.GENERAL) -> Iterator[Row]:
    """Rows from plain lines (the id is the line's number) or JSON Lines; empty lines are left out. Raises BadLine."""
    for number, line in enumerate(lines, 1):
        written = line.rstrip("\r\n")
        if not written.strip():
            continue
        if written.lstrip().startswith("{"):
            yield _json_row(number, written, default)
        else:
            yield Row(str(number), written, ProductContext(default))


def _json_row(number: int, line: str, default: ProductCategory) -> Row:
    try:
        raw = json.loads(line)
    except ValueError as error:
        raise BadLine(f"line {number} is not JSON: {error}") from error
    text = raw.get("text")
    if not isinstance(text, str):
        raise BadLine(f"line {number} has no text: expected {{'id', 'text', 'product_category', 'evidence'?}}")
    return Row(
        id=str(raw.get("id", number)),
        text=text,
        context=ProductContext(_category(number, raw.get("product_category"), default)),
        evidence=_evidence(number, raw.get("evidence")),
    )


def _category(number: int, word: object, default: ProductCategory) -> ProductCategory:
    if word is None or word == "":
        return default
    try:
        return ProductCategory(str(word))
    except ValueError as error:
        known = ", ".join(ProductCategory)
        raise BadLine(f"line {number} has the unknown product category {word!r}; known are {known}") from error


def _evidence(number: int, raw: object) -> Evidence | None:
    if raw is None:
        return None
    if not isinstance(raw, dict):
        raise BadLine(f"line {number}: evidence must be an object")
    try:
        return evidence_from(raw)
    except ValueError as error:
        raise BadLine(f"line {number}: {error}") from error


def scan_rows(matcher: Matcher, rows: Iterable[Row], *, stream: bool = False) -> Iterator[dict[str, Any]]:
    """One result per row, each judged alone; with `stream` the rows are one session and come out at its end."""
    if stream:
        yield from _scan_stream(matcher, list(rows))
        return
    for row in rows:
        flags = matcher.judge(row.text, row.context, row.evidence)
        yield {"id": row.id, "flags": [flag_as_dict(flag) for flag in flags]}


def _scan_stream(matcher: Matcher, rows: list[Row]) -> Iterator[dict[str, Any]]:
    session = matcher.session()
    found: list[Flag] = []
    for place, row in enumerate(rows):
        found += session.feed(Utterance(str(place), row.text), row.context, row.evidence)
    found += session.finish()
    for place, row in enumerate(rows):
        own = [flag for flag in found if flag.utterance == str(place)]
        yield {"id": row.id, "flags": [_in_stream(flag, rows) for flag in own]}


def _in_stream(flag: Flag, rows: list[Row]) -> dict[str, Any]:
    """In a stream a flag may end in a later row: then `end_id` names it and `end` counts there."""
    result = flag_as_dict(flag)
    if flag.end_utterance != flag.utterance:
        result["end_id"] = rows[int(flag.end_utterance)].id
    return result


def flag_as_dict(flag: Flag) -> dict[str, Any]:
    """A flag as `flask scan` prints it; start and end count code points of the row's text."""
    result: dict[str, Any] = {
        "category": flag.category.value,
        "severity": int(flag.severity),
        "start": flag.start,
        "end": flag.end,
        "quote": flag.quote,
        "rule": flag.rule,
        "pack": flag.pack,
        "confidence": flag.confidence,
        "evidence": flag.evidence.value,
        "legal_basis": flag.legal_basis,
        "platform_basis": flag.platform_basis,
        "suggestion": flag.suggestion,
    }
    if flag.heard_as:
        result["heard_as"] = flag.heard_as
    if flag.document:
        result["document"] = flag.document
    return result
