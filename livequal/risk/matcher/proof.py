"""How a claim stands against what is on file: supported, contradicted, unproven, or beyond any proof. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from livequal.risk.matcher.model import Evidence, EvidenceItem, EvidenceKind, EvidenceState
from livequal.risk.matcher.normaliser import normalise

_DIGITS = {"零": 0, "一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9}
_PLACES = {"十": 10, "百": 100, "千": 1000, "万": 10000}
_NUMBER = re.compile("[0-9]+(?:\\.[0-9]+)?万?|[零一二两三四五六七八九十百千万]+")
_FILLER = re.compile("[的了地得着，。！？、有助于帮可以能够能会很更作用功效功能效果]")


@dataclass(frozen=True, slots=True)
class Standing:
    """The state of one claim and the paper it rests on."""

    state: EvidenceState
    document: str = ""


def standing(kind: EvidenceKind | None, words: str, evidence: Evidence | None) -> Standing:
    """How the normalised words stand, given what kind of proof could carry them (None: no proof could)."""
    if kind is None:
        return Standing(EvidenceState.NOT_NEEDED)
    items = evidence.of(kind) if evidence else ()
    if not items:
        return Standing(EvidenceState.UNPROVEN)
    if kind in (EvidenceKind.PRICE, EvidenceKind.SALES):
        return _by_number(words, items)
    return _by_words(words, items, decided=kind is not EvidenceKind.CERTIFICATE)


def numbers(words: str) -> list[float]:
    """The numbers in normalised words: "一千九百九十九" and "1999" are 1999."""
    return [_value(match.group()) for match in _NUMBER.finditer(words)]


def _value(written: str) -> float:
    if written[0] in "0123456789":
        return float(written.rstrip("万")) * (10000 if written.endswith("万") else 1)
    if not any(char in _PLACES for char in written):
        return float("".join(str(_DIGITS[char]) for char in written))
    total, section, digit, last = 0, 0, 0, 1
    for char in written:
        if char in _DIGITS:
            digit = _DIGITS[char]
        elif char == "万":
            total, section, digit, last = (total + section + digit) * 10000, 0, 0, 10000
        else:
            section += (digit or 1) * _PLACES[char]
            digit, last = 0, _PLACES[char]
    # 三千八 is 3800: a bare last digit counts one place below the last one named.
    return float(
        total
        + section
        + digit * (last // 10 if last > 10 and not written.endswith(("十", "零")) and "零" not in written else 1)
    )


def _by_number(words: str, items: tuple[EvidenceItem, ...]) -> Standing:
    claimed = numbers(words)
    if not claimed:
        return Standing(EvidenceState.UNPROVEN)
    for item in items:
        proven = numbers(normalise(item.value).text)
        if any(value in claimed for value in proven):
            return Standing(EvidenceState.SUPPORTED, item.document or item.value)
    return Standing(EvidenceState.CONTRADICTED, items[0].document or items[0].value)


def _by_words(words: str, items: tuple[EvidenceItem, ...], *, decided: bool) -> Standing:
    core = _FILLER.sub("", words)
    for item in items:
        proven = _FILLER.sub("", normalise(item.value).text)
        if core and proven and (core in proven or proven in core):
            return Standing(EvidenceState.SUPPORTED, item.document or item.value)
    if decided:
        return Standing(EvidenceState.CONTRADICTED, items[0].document or items[0].value)
    return Standing(EvidenceState.UNPROVEN)
