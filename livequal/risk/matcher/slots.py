"""The template language of rule patterns, and what a text must contain for a pattern to have a chance.

`{disease}` stands for the words of a slot, or for a macro; `{~8}` for up to 8 characters inside a sentence, `{-8}` for
up to 8 inside a clause. The rest is the syntax of google-re2 over normalised text (lower case, simplified, `，。！？`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import re2

_REFERENCE = re.compile(r"\{([a-z_]+|[~-]\d+)\}")
_WITHIN_SENTENCE = "[^。！？；]"
_WITHIN_CLAUSE = "[^。！？；，、：]"
_MOST_EXACT = 500
_MOST_SETS = 3
# A further set of words that occur everywhere costs more time than it saves.
_DEAREST = 90.0
_RARITY = {0: 1e9, 1: 40.0, 2: 1.0}


class TemplateError(ValueError):
    """A pattern that can't be used; the message says what to change."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Slots (word lists) and macros (named patterns) a template may refer to."""

    slots: Mapping[str, tuple[str, ...]]
    macros: Mapping[str, str]


def expand(template: str, vocabulary: Vocabulary, depth: int = 0) -> str:
    """The template as a google-re2 pattern. Raises TemplateError for an unknown name or a macro inside itself."""
    if depth > 8:
        raise TemplateError("a macro refers to itself; write it out")

    def one(match: re.Match[str]) -> str:
        name = match.group(1)
        if name[0] in "~-":
            return (_WITHIN_SENTENCE if name[0] == "~" else _WITHIN_CLAUSE) + f"{{0,{int(name[1:])}}}"
        if name in vocabulary.slots:
            words = sorted(vocabulary.slots[name], key=lambda word: (-len(word), word))
            return "(?:" + "|".join(re2.escape(word) for word in words) + ")"
        if name in vocabulary.macros:
            return "(?:" + expand(vocabulary.macros[name], vocabulary, depth + 1) + ")"
        raise TemplateError(f"{{{name}}} is neither a slot nor a macro of the pack")

    return _REFERENCE.sub(one, template)


@lru_cache(maxsize=65536)
def compiled(pattern: str) -> re2._Regexp:
    """The pattern compiled for UTF-8 bytes. Raises TemplateError when google-re2 refuses it."""
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern.encode(), options)
    except re2.error as error:
        raise TemplateError(f"google-re2 refuses the pattern: {error}") from error


@dataclass(frozen=True, slots=True)
class _Need:
    """`exact`: all texts this part can match, when few. `some`: of each of these sets one word must occur."""

    exact: frozenset[str] | None
    some: tuple[frozenset[str], ...]


_ANYTHING = _Need(None, ())
_EMPTY = _Need(frozenset({""}), ())


def branches(template: str) -> list[str]:
    """The template's alternatives at its top level, each a template of its own."""
    found, depth, start, inside = [], 0, 0, False
    for place, char in enumerate(template):
        if place and template[place - 1] == "\\":
            continue
        if inside:
            inside = char != "]"
        elif char == "[":
            inside = True
        elif char in "()":
            depth += 1 if char == "(" else -1
        elif char == "|" and depth == 0:
            found.append(template[start:place])
            start = place + 1
    return [*found, template[start:]]


def required(template: str, vocabulary: Vocabulary) -> tuple[frozenset[str], ...]:
    """Sets of words, rarest first; a text must contain one of each for the template to match.

    Raises TemplateError when nothing fixed is required, for then the pattern would be tried on every sentence.
    """
    reader = _Reader(template, vocabulary)
    need = reader.alternatives()
    if reader.place != len(template):
        raise TemplateError(f"a bracket too many at character {reader.place + 1}")
    chosen = _sets(need)
    if not chosen:
        raise TemplateError("the pattern has no fixed word; it would have to be tried on every sentence")
    return (chosen[0], *(words for words in chosen[1:_MOST_SETS] if _cost(words) <= _DEAREST))


def _cost(words: frozenset[str]) -> float:
    return sum(_RARITY.get(len(word), 0.4) for word in words) if words else 1e12


def _sets(need: _Need) -> tuple[frozenset[str], ...]:
    """What the part requires, rarest first."""
    found = [words for words in (*need.some, need.exact or frozenset()) if words and "" not in words]
    return tuple(sorted(dict.fromkeys(found), key=lambda words: (_cost(words), sorted(words))))


class _Reader:
    """Reads a template from left to right and works out what it needs."""

    def __init__(self, template: str, vocabulary: Vocabulary, depth: int = 0) -> None:
        self.template = template
        self.vocabulary = vocabulary
        self.depth = depth
        self.place = 0

    def _peek(self) -> str:
        return self.template[self.place] if self.place < len(self.template) else ""

    def alternatives(self) -> _Need:
        needs = [self._sequence()]
        while self._peek() == "|":
            self.place += 1
            needs.append(self._sequence())
        if len(needs) == 1:
            return needs[0]
        exact = _union([need.exact for need in needs])
        if exact is not None:
            return _Need(exact, ())
        firsts = [_sets(need)[0] if _sets(need) else None for need in needs]
        some = _union(firsts)
        return _Need(None, (some,) if some else ())

    def _sequence(self) -> _Need:
        running = frozenset({""})
        whole = True
        some: list[frozenset[str]] = []
        while self._peek() not in ("", "|", ")"):
            need = self._quantified()
            joined = _product(running, need.exact)
            if joined is None:
                whole = False
                some += [running, *need.some]
                joined = need.exact if need.exact is not None else frozenset({""})
            running = joined
        if whole:
            return _Need(running, ())
        return _Need(None, tuple(words for words in (*some, running) if words and "" not in words))

    def _quantified(self) -> _Need:
        need = self._atom()
        while (sign := self._peek()) and (sign in "?*+" or re.match(r"\{\d", self.template[self.place :])):
            least = self._quantifier(sign)
            if sign == "?":
                need = _Need(need.exact | {""} if need.exact is not None else None, ())
            else:
                need = _Need(None, _sets(need) if least else ())
        return need

    def _quantifier(self, sign: str) -> int:
        if sign == "{":
            end = self.template.index("}", self.place)
            least = int(self.template[self.place + 1 : end].split(",")[0])
            self.place = end + 1
        else:
            least = 1 if sign == "+" else 0
            self.place += 1
        if self._peek() == "?":
            self.place += 1
        return least

    def _atom(self) -> _Need:
        char = self._peek()
        if char == "(":
            return self._group()
        if char == "[":
            return self._character_class()
        if char == "{":
            return self._reference()
        self.place += 1
        if char in ".":
            return _ANYTHING
        if char in "^$":
            return _EMPTY
        if char == "\\":
            escaped = self._peek()
            self.place += 1
            if escaped in "bB":
                return _EMPTY
            return _ANYTHING if escaped.isalnum() else _Need(frozenset({escaped}), ())
        return _Need(frozenset({char}), ())

    def _group(self) -> _Need:
        self.place += 1
        if self.template.startswith("?:", self.place):
            self.place += 2
        need = self.alternatives()
        if self._peek() != ")":
            raise TemplateError("a bracket is not closed")
        self.place += 1
        return need

    def _character_class(self) -> _Need:
        end = self.template.find("]", self.place + 2)
        if end < 0:
            raise TemplateError("a [ is not closed")
        inside = self.template[self.place + 1 : end]
        self.place = end + 1
        if inside.startswith("^") or "\\" in inside or "-" in inside[1:-1] or len(inside) > 40:
            return _ANYTHING
        return _Need(frozenset(inside), ())

    def _reference(self) -> _Need:
        match = _REFERENCE.match(self.template, self.place)
        if match is None:
            raise TemplateError(f"{{ at character {self.place + 1} is neither a slot, a gap nor a repetition")
        self.place = match.end()
        name = match.group(1)
        if name[0] in "~-":
            return _ANYTHING
        if name in self.vocabulary.slots:
            words = frozenset(self.vocabulary.slots[name])
            return _Need(words, ()) if len(words) <= _MOST_EXACT else _Need(None, (words,))
        if self.depth > 8 or name not in self.vocabulary.macros:
            raise TemplateError(f"{{{name}}} is neither a slot nor a macro of the pack")
        return _Reader(self.vocabulary.macros[name], self.vocabulary, self.depth + 1).alternatives()


def _union(parts: list[frozenset[str] | None]) -> frozenset[str] | None:
    words: set[str] = set()
    for part in parts:
        if part is None:
            return None
        words |= part
    return frozenset(words) if len(words) <= 4 * _MOST_EXACT else None


def _product(left: frozenset[str], right: frozenset[str] | None) -> frozenset[str] | None:
    if right is None or len(left) * len(right) > _MOST_EXACT:
        return None
    return frozenset(a + b for a in left for b in right)
