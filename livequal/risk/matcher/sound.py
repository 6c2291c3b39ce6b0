"""Finds words by their sound: homophones written to evade, or made by recognition.

Two syllables must agree with their tone, three in the confusable toneless reading; four and more may differ in one
syllable that is still near (near initial and same final, or same initial and first vowel). Syllables may also be
written in letters (te供, guojiaji).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import ahocorasick

_READINGS = Path(__file__).with_name("readings.txt")
_INITIALS = ("zh", "ch", "sh", *"bpmfdtnlgkhjqxrzcsyw")
_SAME_INITIAL = {"zh": "z", "ch": "c", "sh": "s", "n": "l", "r": "l"}
_NEAR_INITIALS = (
    frozenset("bp"),
    frozenset("dt"),
    frozenset("gkh"),
    frozenset("zcs"),
    frozenset("jqx"),
    frozenset("fh"),
    frozenset("ml"),
)
_TONED, _CLASSED, _BARE = 0xF0000, 0xE000, 0xE800
_LETTERS = re.compile(r"[a-z]{2,24}")
# A two-syllable stretch with one of these is grammar that happens to sound alike (跟治脱发的药 is no 根治).
_PARTICLES = frozenset("跟的是了和在有我你他她这那就都要去来给把被让对为以及着个不没也还很太吗呢啊吧")


@dataclass(frozen=True, slots=True)
class Heard:
    """A stretch of text that sounds like a word of the pack: `text[start:end]` is taken for `word`."""

    start: int
    end: int
    word: str


@cache
def _readings() -> dict[str, str]:
    lines = _READINGS.read_text(encoding="utf-8").split("\n")
    return {char: line.partition(" ")[0] for line in lines for char in line.partition(" ")[2]}


@cache
def bare_syllables() -> dict[str, str]:
    """The toneless syllable of each character, by its first reading."""
    return {char: reading.rstrip("12345") for char, reading in _readings().items()}


@cache
def sound_codes() -> dict[str, str]:
    """One character of its own for each toneless syllable."""
    return {syllable: chr(_BARE + number) for number, syllable in enumerate(sorted(set(bare_syllables().values())))}


@cache
def sound_table() -> dict[int, str]:
    """For str.translate: every character becomes the one that stands for its syllable."""
    codes = sound_codes()
    table = {ord(char): codes[syllable] for char, syllable in bare_syllables().items()}
    # A character that is not in the table costs an exception inside translate(): name the usual ones as themselves.
    return {code: chr(code) for code in (*range(0x20, 0x7F), *range(0x4E00, 0xA000))} | table


def _parts(syllable: str) -> tuple[str, str]:
    for initial in _INITIALS:
        if syllable.startswith(initial):
            return initial, syllable[len(initial) :]
    return "", syllable


def confusable(syllable: str) -> tuple[str, str]:
    """Initial and final of a toneless syllable, with what speakers and recognisers mix up made the same."""
    initial, final = _parts(syllable)
    initial = _SAME_INITIAL.get(initial, initial)
    return initial, final[:-1] if final.endswith("ng") and final != "ong" else final


@dataclass(frozen=True, slots=True)
class _Tables:
    toned: dict[int, str]
    classed: dict[int, str]
    letters: dict[str, str]
    parts: dict[str, tuple[str, str]]


@cache
def _tables() -> _Tables:
    toned_ids: dict[str, str] = {}
    class_ids: dict[tuple[str, str], str] = {}
    toned: dict[int, str] = {}
    classed: dict[int, str] = {}
    letters: dict[str, str] = {}
    for char, reading in _readings().items():
        toned[ord(char)] = toned_ids.setdefault(reading, chr(_TONED + len(toned_ids)))
        bare = reading.rstrip("12345")
        code = class_ids.setdefault(confusable(bare), chr(_CLASSED + len(class_ids)))
        classed[ord(char)] = letters[bare] = code
    # A character that is not in a table costs an exception inside translate(): name the usual ones as themselves.
    for code in (*range(0x20, 0x7F), *map(ord, "，。！？、；：（）「」·"), *range(0x4E00, 0xA000)):
        toned.setdefault(code, chr(code))
        classed.setdefault(code, chr(code))
    return _Tables(toned, classed, letters, {code: parts for parts, code in class_ids.items()})


def syllables_of(letters: str) -> list[str] | None:
    """The letters cut into pinyin syllables, longest first; None when they are no pinyin."""
    known = _tables().letters
    ways: list[list[str] | None] = [None] * (len(letters) + 1)
    ways[len(letters)] = []
    for start in range(len(letters) - 1, -1, -1):
        for size in range(min(6, len(letters) - start), 0, -1):
            rest = ways[start + size]
            piece = letters[start : start + size]
            if rest is not None and piece in known and size > 1:
                ways[start] = [piece, *rest]
                break
    return ways[0]


class SoundIndex:
    """Finds the words it was given in text, by sound."""

    def __init__(self, words: Iterable[str], spelled: Iterable[str] = ()) -> None:
        """`spelled` words of two syllables are found only where letters stand for one of them."""
        tables = _tables()
        self._heard = frozenset(words)
        self._classed = ahocorasick.Automaton()
        pieces: dict[str, list[tuple[str, str, int]]] = {}
        for word in sorted(self._heard | set(spelled)):
            if len(word) < 2 or any(char not in _readings() for char in word):
                continue
            codes = word.translate(tables.classed)
            half = len(word) // 2
            cuts = ((0, half), (half, len(word))) if len(word) >= 4 else ((0, len(word)),)
            for start, end in cuts:
                pieces.setdefault(codes[start:end], []).append((word, codes, start))
        for key, owners in pieces.items():
            self._classed.add_word(key, (len(key), tuple(owners)))
        self._classed.make_automaton()

    def find(self, text: str) -> list[Heard]:
        """What sounds like a word of the index but is written otherwise; leftmost longest, without overlaps."""
        found = list(self._by_class(text)) if len(self._classed) else []
        found.sort(key=lambda heard: (heard.start, -heard.end, heard.word))
        chosen: list[Heard] = []
        for heard in found:
            if not chosen or heard.start >= chosen[-1].end:
                chosen.append(heard)
        return chosen

    def _is_pair(self, written: str, word: str) -> bool:
        """Whether two characters sound like a word of two with the tones, or letters stand for one of them."""
        if _LETTERS.search(written):
            return True
        if word not in self._heard or _PARTICLES.intersection(written):
            return False
        toned = _tables().toned
        return written.translate(toned) == word.translate(toned)

    def _by_class(self, text: str) -> Iterator[Heard]:
        codes, starts = _class_codes(text)
        for last, (size, owners) in self._classed.iter(codes):
            for word, wanted, offset in owners:
                first = last - size + 1 - offset
                if first < 0 or first + len(word) > len(codes):
                    continue
                if not _alike(codes[first : first + len(word)], wanted):
                    continue
                start, end = (
                    (first, first + len(word)) if starts is None else (starts[first], starts[first + len(word)])
                )
                written = text[start:end]
                if written == word or (len(word) == 2 and not self._is_pair(written, word)):
                    continue
                yield Heard(start, end, word)


def _class_codes(text: str) -> tuple[str, list[int] | None]:
    """The confusable codes of a text; with letters in it also where each code begins, and the text ends."""
    tables = _tables()
    codes = text.translate(tables.classed)
    if _LETTERS.search(text) is None:
        return codes, None
    out: list[str] = []
    starts: list[int] = []
    place = 0
    for match in _LETTERS.finditer(text):
        syllables = syllables_of(match.group())
        if syllables is None:
            continue
        out.append(codes[place : match.start()])
        starts.extend(range(place, match.start()))
        at = match.start()
        for syllable in syllables:
            out.append(tables.letters[syllable])
            starts.append(at)
            at += len(syllable)
        place = match.end()
    out.append(codes[place:])
    starts.extend(range(place, len(text) + 1))
    return "".join(out), starts


def _alike(codes: str, wanted: str) -> bool:
    if codes == wanted:
        return True
    if len(wanted) < 4:
        return False
    parts = _tables().parts
    differing = [(a, b) for a, b in zip(codes, wanted, strict=True) if a != b]
    if len(differing) != 1:
        return False
    mine, theirs = (parts.get(code) for code in differing[0])
    if mine is None or theirs is None:
        return False
    if mine[1] == theirs[1]:
        return any(mine[0] in group and theirs[0] in group for group in _NEAR_INITIALS)
    return bool(mine[0]) and mine[0] == theirs[0] and mine[1][:1] == theirs[1][:1]
