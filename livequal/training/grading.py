"""What an answer is worth. Pure: a frozen slot and the answers saved for it in, points out.

A slot shows its parts in an order of its own, and answers name places in that order, from 1. So neither a saved
answer nor the page gives away how the author named the right one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

import cn2an

from .content.model import END, ItemType

# A slot's full worth: divisible by every number of parts an item can have, so that nothing is ever rounded.
FULL = 8400
FILL_MAX = 40
Slot = Mapping[str, Any]

_NUMERALS = re.compile(r"[零〇一二两三四五六七八九十百千万亿点]+")
_EDGES = " 。.,，、;；:：!！?？\"'“”‘’《》()（）"


@dataclass(frozen=True, slots=True)
class Worth:
    """Points of a slot, and the place (from 0) of the saved answer that earned them; None without an answer."""

    points: int
    answer: int | None = None


def fits(slot: Slot, answer: object) -> bool:
    """Whether an answer has the form its slot asks for; None takes an answer back and always fits."""
    return answer is None or _FITS[ItemType(slot["type"])](slot, answer)


def worth(slot: Slot, answers: Sequence[object]) -> Worth:
    """What the answers saved for a slot, oldest first, are worth. The last one counts; of a scenario the first
    choice made at each step, for later ones know how it goes on."""
    if not answers:
        return Worth(0)
    kind = ItemType(slot["type"])
    if kind is ItemType.SCENARIO:
        path, place = chosen_path(slot, answers)
        return Worth(FULL * min(100, sum(points for _step, points in _walk(slot, path))) // 100, place)
    answer = answers[-1]
    if answer is None or not fits(slot, answer):
        return Worth(0, len(answers) - 1)
    share = _SHARE[kind](slot, answer)
    return Worth(int(FULL * share), len(answers) - 1)


# ── scenarios ─────────────────────────────────────────────────────────────────────────────────────────────────────


def chosen_path(slot: Slot, answers: Sequence[object]) -> tuple[list[int], int | None]:
    """The choices that count, and the place of the answer that made the last of them."""
    path: list[int] = []
    place = None
    for at, answer in enumerate(answers):
        if not isinstance(answer, list) or len(answer) <= len(path) or answer[: len(path)] != path:
            continue
        longer = [*path, answer[len(path)]]
        if fits(slot, longer):
            path, place = longer, at
    return path, place


def steps_reached(slot: Slot, path: Sequence[int]) -> list[str]:
    """The ids of the steps a path shows: the start, and what each choice led to."""
    reached = [str(slot["key"]["start"])]
    for step_id, option_id in _options_of(slot, path):
        target = slot["key"]["steps"][step_id][option_id]["next"]
        if target != END:
            reached.append(target)
    return reached


def _walk(slot: Slot, path: Sequence[int]) -> list[tuple[str, int]]:
    steps = slot["key"]["steps"]
    return [(step_id, steps[step_id][option_id]["points"]) for step_id, option_id in _options_of(slot, path)]


def _options_of(slot: Slot, path: Sequence[int]) -> list[tuple[str, str]]:
    found = []
    step_id = slot["key"]["start"]
    for choice in path:
        option_id = slot["order"][step_id][choice - 1]
        found.append((step_id, option_id))
        step_id = slot["key"]["steps"][step_id][option_id]["next"]
    return found


def _fits_scenario(slot: Slot, answer: object) -> bool:
    if not isinstance(answer, list) or not answer:
        return False
    step_id = slot["key"]["start"]
    for choice in answer:
        if step_id == END or not _is_place(choice, len(slot["order"][step_id])):
            return False
        step_id = slot["key"]["steps"][step_id][slot["order"][step_id][choice - 1]]["next"]
    return True


# ── forms of answers ──────────────────────────────────────────────────────────────────────────────────────────────


def _is_place(value: object, count: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= count


def _are_places(value: object, count: int) -> bool:
    return isinstance(value, list) and all(_is_place(one, count) for one in value) and len(set(value)) == len(value)


def _fits_ordering(slot: Slot, answer: object) -> bool:
    """For each rank the place of what comes there; 0 where nothing is chosen yet."""
    count = len(slot["order"])
    chosen = [one for one in answer if one != 0] if isinstance(answer, list) else None
    return isinstance(answer, list) and len(answer) == count and _are_places(chosen, count)


def _ordering(slot: Slot, answer: Sequence[int]) -> Fraction:
    return _all_or_nothing([slot["order"][place - 1] if place else "" for place in answer] == slot["key"])


def _fits_matching(slot: Slot, answer: object) -> bool:
    left, right = len(slot["order"]["left"]), len(slot["order"]["right"])
    return isinstance(answer, dict) and all(
        _is_key(key, left) and _is_place(value, right) for key, value in answer.items()
    )


def _fits_clip(slot: Slot, answer: object) -> bool:
    categories = {"", *slot["categories"]}
    return isinstance(answer, dict) and all(
        _is_key(key, len(slot["order"])) and isinstance(value, str) and value in categories
        for key, value in answer.items()
    )


def _is_key(key: object, count: int) -> bool:
    return key in {str(place) for place in range(1, count + 1)}


def _fits_fill_in(slot: Slot, answer: object) -> bool:
    return (
        isinstance(answer, list)
        and len(answer) == len(slot["key"])
        and all(isinstance(one, str) and len(one) <= FILL_MAX for one in answer)
    )


_FITS: Mapping[ItemType, Callable[[Slot, object], bool]] = {
    ItemType.SINGLE: lambda slot, answer: _is_place(answer, len(slot["order"])),
    ItemType.MULTIPLE: lambda slot, answer: _are_places(answer, len(slot["order"])),
    ItemType.TRUE_FALSE: lambda _slot, answer: isinstance(answer, bool),
    ItemType.FILL_IN: _fits_fill_in,
    ItemType.MATCHING: _fits_matching,
    ItemType.ORDERING: _fits_ordering,
    ItemType.SCENARIO: _fits_scenario,
    ItemType.CLIP_REVIEW: _fits_clip,
}


# ── shares of the full worth ──────────────────────────────────────────────────────────────────────────────────────


def _all_or_nothing(right: bool) -> Fraction:
    return Fraction(int(right))


def _matching(slot: Slot, answer: Mapping[str, int]) -> Fraction:
    order, key = slot["order"], slot["key"]
    right = sum(
        order["right"][answer[str(place)] - 1] == key[left_id]
        for place, left_id in enumerate(order["left"], 1)
        if str(place) in answer
    )
    return Fraction(right, len(key))


def _fill_in(slot: Slot, answer: Sequence[str]) -> Fraction:
    right = sum(
        normal(given) in {normal(one) for one in accepted}
        for given, accepted in zip(answer, slot["key"], strict=True)
        if given.strip()
    )
    return Fraction(right, len(slot["key"]))


def _clip(slot: Slot, answer: Mapping[str, str]) -> Fraction:
    """Half for the segment, half for its category, minus half for each false alarm; a clean clip unmarked is full."""
    key = slot["key"]
    given = {slot["order"][int(place) - 1]: category for place, category in answer.items()}
    if not key:
        return _all_or_nothing(not given)
    halves = sum(1 + (given[segment] == key[segment]) for segment in given if segment in key)
    false_alarms = sum(segment not in key for segment in given)
    return max(Fraction(0), Fraction(halves - false_alarms, 2 * len(key)))


_SHARE: Mapping[ItemType, Callable[[Slot, Any], Fraction]] = {
    ItemType.SINGLE: lambda slot, answer: _all_or_nothing(slot["order"][answer - 1] == slot["key"]),
    ItemType.MULTIPLE: lambda slot, answer: _all_or_nothing(
        sorted(slot["order"][place - 1] for place in answer) == sorted(slot["key"])
    ),
    ItemType.TRUE_FALSE: lambda slot, answer: _all_or_nothing(answer is slot["key"]),
    ItemType.FILL_IN: _fill_in,
    ItemType.MATCHING: _matching,
    ItemType.ORDERING: _ordering,
    ItemType.CLIP_REVIEW: _clip,
}


@lru_cache(maxsize=10_000)
def normal(text: str) -> str:
    """A filled-in answer without what does not matter: width, spaces, case, edges; Chinese numerals as digits."""
    plain = "".join(unicodedata.normalize("NFKC", text).split()).strip(_EDGES).lower()
    plain = re.sub(r"(?<=\d),(?=\d{3})", "", plain)
    plain = _NUMERALS.sub(_digits, plain)
    return re.sub(r"(\d+)\.(\d*?)0+(?!\d)", lambda found: found[1] + (f".{found[2]}" if found[2] else ""), plain)


def _digits(found: re.Match[str]) -> str:
    try:
        return f"{cn2an.cn2an(found[0].replace('〇', '零'), 'smart'):g}"
    except ValueError:
        return found[0]
