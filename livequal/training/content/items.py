"""Read the items of a bank: what is common to all, and what each type needs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from ...taxonomy.rules import ProductCategory, RiskCategory
from .faults import Faults
from .model import Item, ItemType
from .scenarios import scenario_body
from .taking import Taker
from .yaml_reader import Leaf, Sequence, read

ITEM_ID = re.compile(r"[a-z0-9]{2,12}-[0-9]{3}[a-z]?")
_WORD = re.compile(r"[a-z0-9_-]{1,12}")
GAP = re.compile(r"_{2,}")
CLIP_SEGMENTS = (4, 7)


def read_bank(text: str, file: str, faults: Faults) -> list[Item]:
    """The items of one bank file."""
    tree = read(text, file, faults)
    if tree is None:
        return []
    if not isinstance(tree, Sequence):
        faults.add(file, tree.line, "a bank is a list of items")
        return []
    found = [_item(Taker(row, file, faults, what="an item")) for row in tree.items]
    return [item for item in found if item is not None]


def _item(taker: Taker) -> Item | None:
    before = len(taker.faults.errors())
    line = taker.line
    item_id = taker.text("id", longest=20)
    if item_id and not ITEM_ID.fullmatch(item_id):
        taker.fault(f"{item_id}: an id looks like m04-001")
    taker.what = item_id or "an item"
    type_line = taker.line_of("type")
    word = taker.text("type", longest=20)
    if word not in set(ItemType):
        taker.fault(f"{word or 'nothing'} is no type; types are {', '.join(ItemType)}", type_line)
        return None
    kind = ItemType(word)
    common: dict[str, Any] = {
        "tags": taker.texts("tags", required=True, longest=40),
        "text": taker.text("text", longest=1000),
        "explanation": taker.text("explanation", longest=2000),
        "source": taker.text("source", longest=300),
        "lesson": taker.text("lesson", longest=80),
        "red_line": taker.flag("red_line"),
    }
    body = _BODIES[kind](taker, common["text"])
    taker.done()
    if len(taker.faults.errors()) > before:
        return None
    return Item(id=item_id, type=kind, body=body, file=taker.file, line=line, **common)


def named(
    taker: Taker, name: str, low: int, high: int, *, extra: Callable[[Taker], dict[str, Any]]
) -> list[dict[str, Any]]:
    """A list of {id, text, …} with `low` to `high` members and unlike ids and texts."""
    line = taker.line_of(name)
    rows: list[dict[str, Any]] = []
    for row in taker.takers(name, required=True):
        one = {"id": row.text("id", longest=12), "text": row.text("text", longest=300)}
        if one["id"] and not _WORD.fullmatch(str(one["id"])):
            row.fault(f"{one['id']}: such an id has small letters and digits only")
        rows.append(one | extra(row))
        row.done()
    if not low <= len(rows) <= high:
        taker.fault(f"{name}: {low} to {high} are needed, {len(rows)} stand here", line)
    for key in ("id", "text"):
        if len({row[key] for row in rows}) < len(rows):
            taker.fault(f"{name}: two have the same {key}", line)
    return rows


def _nothing_more(_row: Taker) -> dict[str, Any]:
    return {}


def _why(row: Taker) -> dict[str, Any]:
    return {"why": row.text("why", required=False)}


def _single(taker: Taker, _text: str) -> dict[str, Any]:
    options = named(taker, "options", 3, 6, extra=_why)
    line = taker.line_of("key")
    key = taker.text("key", longest=12)
    if key not in {row["id"] for row in options}:
        taker.fault(f"key {key} is none of the options", line)
    _explained(taker, options, {key})
    return {"options": options, "key": key}


def _multiple(taker: Taker, _text: str) -> dict[str, Any]:
    options = named(taker, "options", 4, 6, extra=_why)
    line = taker.line_of("key")
    key = taker.texts("key", required=True)
    if not set(key) <= {row["id"] for row in options}:
        taker.fault("key names what is none of the options", line)
    if not 2 <= len(key) <= len(options):
        taker.fault("a key of several has two members at least", line)
    _explained(taker, options, set(key))
    return {"options": options, "key": sorted(key)}


def _explained(taker: Taker, options: list[dict[str, Any]], right: set[str]) -> None:
    for row in options:
        if row["id"] not in right and not row["why"]:
            taker.fault(f"option {row['id']} is wrong and lacks why")


def _true_false(taker: Taker, _text: str) -> dict[str, Any]:
    return {"key": taker.flag("key", required=True)}


def _fill_in(taker: Taker, text: str) -> dict[str, Any]:
    line = taker.line_of("answers")
    answers = []
    for row in taker.rows("answers", required=True):
        accepted = [one.value for one in row.items if isinstance(one, Leaf)] if isinstance(row, Sequence) else []
        words = [str(one).strip() for one in accepted if one is not None and not isinstance(one, bool)]
        if not words or not all(words) or len(words) != (len(row.items) if isinstance(row, Sequence) else -1):
            taker.fault("answers: one list of accepted answers for each ____", row.line)
        if any(len(word) > 20 for word in words):
            taker.fault("answers: an accepted answer is short (20 characters at most)", row.line)
        answers.append(words)
    gaps = len(GAP.findall(text))
    if gaps != len(answers) or not 1 <= gaps <= 4:
        taker.fault(f"the text has {gaps} gaps (____), answers {len(answers)}; one to four that match are needed", line)
    return {"answers": answers}


def _matching(taker: Taker, _text: str) -> dict[str, Any]:
    left = named(taker, "left", 2, 6, extra=_nothing_more)
    right = named(taker, "right", 2, 8, extra=_nothing_more)
    line = taker.line_of("key")
    key = {name: str(leaf.value) for name, leaf in taker.pairs("key", required=True)}
    if set(key) != {row["id"] for row in left}:
        taker.fault("key pairs each of left, and nothing else", line)
    if not set(key.values()) <= {row["id"] for row in right}:
        taker.fault("key names what is none of right", line)
    return {"left": left, "right": right, "key": key}


def _ordering(taker: Taker, _text: str) -> dict[str, Any]:
    options = named(taker, "options", 3, 6, extra=_nothing_more)
    line = taker.line_of("key")
    key = taker.texts("key", required=True)
    if sorted(key) != sorted(row["id"] for row in options):
        taker.fault("key names each option once", line)
    return {"options": options, "key": list(key)}


def _clip_review(taker: Taker, _text: str) -> dict[str, Any]:
    product_line = taker.line_of("product")
    product = taker.text("product", longest=40)
    if product not in set(ProductCategory):
        taker.fault(f"{product} is no product category", product_line)
    segments = named(taker, "segments", *CLIP_SEGMENTS, extra=_nothing_more)
    known = {row["id"] for row in segments}
    key: dict[str, str] = {}
    for name, leaf in taker.pairs("key"):
        if name not in known:
            taker.fault(f"key: {name} is none of the segments", leaf.line)
        if leaf.value not in set(RiskCategory):
            taker.fault(f"key: {leaf.value} is no risk category", leaf.line)
        key[name] = str(leaf.value)
    return {"product": product, "segments": segments, "key": key}


def _scenario(taker: Taker, _text: str) -> dict[str, Any]:
    return scenario_body(taker, named)


_BODIES: Mapping[ItemType, Callable[[Taker, str], dict[str, Any]]] = {
    ItemType.SINGLE: _single,
    ItemType.MULTIPLE: _multiple,
    ItemType.TRUE_FALSE: _true_false,
    ItemType.FILL_IN: _fill_in,
    ItemType.MATCHING: _matching,
    ItemType.ORDERING: _ordering,
    ItemType.SCENARIO: _scenario,
    ItemType.CLIP_REVIEW: _clip_review,
}
