"""Index terms for Chinese search: single characters and pairs that we cut ourselves. Pure.

Databases cut Chinese text badly or not at all: trigram indexes find nothing for two-character words. Terms are
letters and digits only, so they are safe inside FTS5 and tsquery expressions.
"""

from __future__ import annotations

import re
import unicodedata

_RUNS = re.compile(r"[一-鿿㐀-䶿豈-﫿𠀀-𰀀]+|[^\W_一-鿿㐀-䶿豈-﫿𠀀-𰀀]+")


def normalised(text: str) -> str:
    """The form in which text is compared: compatibility forms and case folded."""
    return unicodedata.normalize("NFKC", text).lower()


def index_terms(text: str) -> str:
    """All terms of a text, separated by spaces: each Han character, each pair of neighbours, each word or number."""
    terms: list[str] = []
    for run in _RUNS.findall(normalised(text)):
        terms += [*run, *_pairs(run)] if _is_han(run) else [run]
    return " ".join(terms)


def query_terms(words: str) -> list[str]:
    """The terms that must all be in the index for `words` to stand in a text; the caller then checks the text itself.

    Part of a Latin word or number is found only when it is whole in the text.
    """
    terms: dict[str, None] = {}
    for run in _RUNS.findall(normalised(words)):
        terms.update(dict.fromkeys((_pairs(run) or [run]) if _is_han(run) else [run]))
    return list(terms)


def _pairs(run: str) -> list[str]:
    return [run[i : i + 2] for i in range(len(run) - 1)]


def _is_han(run: str) -> bool:
    return unicodedata.name(run[0], "").startswith("CJK")
