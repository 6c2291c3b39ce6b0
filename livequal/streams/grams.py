"""Index terms for Chinese search: single characters and pairs that we cut ourselves. Pure.

Databases cut Chinese text badly or not at all: trigram indexes find nothing for two-character words. Terms are
letters and digits only, so they are safe inside FTS5 and tsquery expressions, whatever somebody types.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

_HAN = "\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
_RUNS = re.compile(rf"(?P<han>[{_HAN}]+)|(?P<digits>[0-9]+)|(?P<word>[^\W\d_{_HAN}]+|\d+)")


def normalised(text: str) -> str:
    """The form in which text is compared: compatibility forms and case folded."""
    return unicodedata.normalize("NFKC", text).lower()


def index_terms(text: str) -> str:
    """All terms of a text, separated by spaces: each Han character, each pair of neighbours, each word and number.

    Letters and digits that stand together are separate terms, so that 15 and pro are found in iPhone15Pro.
    """
    terms: list[str] = []
    for run, han in _runs(text):
        terms += [*run, *_pairs(run)] if han else [run]
    return " ".join(terms)


def query_terms(words: str) -> list[str]:
    """The terms that must all be in the index for `words` to stand in a text; the caller then checks the text itself.

    A part of a Latin word or of a number is found only when it is whole in the text. Empty for words without letters.
    """
    terms: dict[str, None] = {}
    for run, han in _runs(words):
        terms.update(dict.fromkeys((_pairs(run) or [run]) if han else [run]))
    return list(terms)


def _runs(text: str) -> Iterator[tuple[str, bool]]:
    for match in _RUNS.finditer(normalised(text)):
        yield match.group(), match.lastgroup == "han"


def _pairs(run: str) -> list[str]:
    return [run[i : i + 2] for i in range(len(run) - 1)]
