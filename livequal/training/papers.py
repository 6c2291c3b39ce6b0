"""Draw a paper and freeze it. Pure: the bank, the blueprint and a seed decide."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .content.model import ItemType


class Short(Exception):
    """The bank holds too few items of a tag."""

    def __init__(self, tag: str) -> None:
        super().__init__(tag)
        self.tag = tag


@dataclass(frozen=True, slots=True)
class Stock:
    """One question that can be drawn; `used`: how often this learner had it before."""

    version_id: int
    tag: str
    used: int


def draw(stock: Sequence[Stock], blueprint: Mapping[str, int], seed: str) -> list[int]:
    """The versions of a paper in its order: of each tag those this learner had least often, then by chance.

    Raises: Short.
    """
    chance = random.Random(seed)  # noqa: S311 - repeatable on purpose; the seed itself is a secret token
    chosen: list[int] = []
    for tag, count in sorted(blueprint.items()):
        pool = sorted((one for one in stock if one.tag == tag), key=lambda one: one.version_id)
        if len(pool) < count:
            raise Short(tag)
        chance.shuffle(pool)
        chosen += [one.version_id for one in sorted(pool, key=lambda one: one.used)[:count]]
    chance.shuffle(chosen)
    return chosen


def frozen(slot: int, version_id: int, sha256: str, content: Mapping[str, Any], seed: str) -> dict[str, Any]:
    """A slot as it is graded later: the question's version and digest, the order of its parts, and its key."""
    chance = random.Random(f"{seed}:{slot}")  # noqa: S311
    kind = ItemType(content["type"])
    return {
        "slot": slot,
        "question_version": version_id,
        "question_sha256": sha256,
        "type": kind.value,
        "tag": content["tags"][0],
        "red_line": content["red_line"],
        **_parts(kind, content, chance),
    }


def _parts(kind: ItemType, content: Mapping[str, Any], chance: random.Random) -> dict[str, Any]:
    match kind:
        case ItemType.SINGLE | ItemType.MULTIPLE:
            return {"order": _shuffled(content["options"], chance), "key": content["key"]}
        case ItemType.ORDERING:
            return {"order": _jumbled(content, chance), "key": content["key"]}
        case ItemType.TRUE_FALSE:
            return {"key": content["key"]}
        case ItemType.FILL_IN:
            return {"key": content["answers"]}
        case ItemType.MATCHING:
            order = {side: _shuffled(content[side], chance) for side in ("left", "right")}
            return {"order": order, "key": content["key"]}
        case ItemType.SCENARIO:
            return {
                "order": {step["id"]: _shuffled(step["options"], chance) for step in content["steps"]},
                "key": {"start": content["start"], "steps": {step["id"]: _ways(step) for step in content["steps"]}},
            }
        case ItemType.CLIP_REVIEW:
            # Spoken one after another: their order is part of the question.
            return {"order": [row["id"] for row in content["segments"]], "key": content["key"]}


def _ways(step: Mapping[str, Any]) -> dict[str, Any]:
    return {row["id"]: {"next": row["next"], "points": row["points"]} for row in step["options"]}


def _shuffled(rows: Sequence[Mapping[str, Any]], chance: random.Random) -> list[str]:
    ids = [str(row["id"]) for row in rows]
    chance.shuffle(ids)
    return ids


def _jumbled(content: Mapping[str, Any], chance: random.Random) -> list[str]:
    """An order that is not the right one already."""
    ids = _shuffled(content["options"], chance)
    return ids if ids != content["key"] else [*ids[1:], ids[0]]
