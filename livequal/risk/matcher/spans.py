"""Pieces of normalised text: cut at sentence ends, counted in characters, put right where it was heard. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

_SENTENCE_END = re.compile("[。！？；]")


def chunks(text: str, most: int) -> Iterator[tuple[int, int]]:
    """Cuts long text at sentence ends into pieces of at most so many characters, so that time stays linear."""
    start = 0
    while len(text) - start > most:
        ends = [match.end() for match in _SENTENCE_END.finditer(text, start + most // 2, start + most)]
        end = ends[-1] if ends else start + most
        yield start, end
        start = end
    if start < len(text):
        yield start, len(text)


def in_characters(data: bytes, start: int, end: int) -> tuple[int, int]:
    first = len(data[:start].decode("utf-8", "ignore"))
    return first, first + len(data[start:end].decode("utf-8", "ignore"))


def places(text: str, name: str) -> list[tuple[int, int]]:
    spans = []
    place = text.find(name) if name else -1
    while place >= 0:
        spans.append((place, place + len(name)))
        place = text.find(name, place + len(name))
    return spans


def shielded(start: int, end: int, shields: list[tuple[int, int]]) -> bool:
    """A longer harmless word (or a name) covers the beginning or the end of the match."""
    return any(first <= start < last or first < end <= last for first, last in shields)


def repair(text: str, heard: list[Any]) -> tuple[str, list[int], list[int], list[tuple[int, int, str]]]:
    """The text with what was heard put right, where each character came from, and where the repairs are."""
    pieces: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    zones: list[tuple[int, int, str]] = []
    place = 0
    for item in heard:
        pieces += [text[place : item.start], item.word]
        starts += [*range(place, item.start), *([item.start] * len(item.word))]
        ends += [*range(place + 1, item.start + 1), *([item.end] * len(item.word))]
        zones.append((len(starts) - len(item.word), len(starts), item.word))
        place = item.end
    pieces.append(text[place:])
    starts += range(place, len(text))
    ends += range(place + 1, len(text) + 1)
    return "".join(pieces), starts, ends, zones
