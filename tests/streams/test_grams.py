"""One character, two, a phrase, a Latin word: each is found by the terms, and no query is an expression."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livequal.streams.grams import index_terms, normalised, query_terms

TEXTS = (
    "今天这款面霜全网最低价，只要99元！",
    "iPhone15Pro 官方旗舰店，Ｖｉｔａｍｉｎ Ｃ 含量 3.5%",
    "二〇二四年的新茶，不是去年的",
    "「没听清」 OR 1=1 -- NEAR(a b)",
)


def found(words: str) -> list[int]:
    """The numbers of the texts that FTS5 finds, checked by the text itself as a caller does."""
    terms = query_terms(words)
    if not terms:
        return []
    with sqlite3.connect(":memory:") as database:
        database.execute("CREATE VIRTUAL TABLE t USING fts5(terms, tokenize='unicode61')")
        for number, text in enumerate(TEXTS):
            database.execute("INSERT INTO t (rowid, terms) VALUES (?, ?)", (number, index_terms(text)))
        rows = database.execute(
            "SELECT rowid FROM t WHERE t MATCH ?", (" AND ".join(f'"{t}"' for t in terms),)
        ).fetchall()
    return [row for (row,) in rows if normalised(words).strip() in normalised(TEXTS[row])]


@pytest.mark.parametrize(
    ("words", "texts"),
    [
        ("霜", [0]),
        ("最低", [0]),
        ("全网最低价", [0]),
        ("低价", [0]),
        ("网最", [0]),
        ("价低", []),
        ("99", [0]),
        ("99元", [0]),
        ("iphone", [1]),
        ("15", [1]),
        ("Pro", [1]),
        ("15pro", [1]),
        ("iPhone15Pro", [1]),
        ("vitamin c", [1]),
        ("3.5%", [1]),
        ("〇", [2]),
        ("二〇二四", [2]),
        ("的", [2]),
        ("去年", [2]),
        ("面霜 旗舰", []),
        ("OR", [3]),
        ("near(a b)", [3]),
        ("", []),
        ("，！", []),
        ("%", []),
        ("_", []),
    ],
)
def test_every_length_of_words_is_found(words: str, texts: list[int]) -> None:
    assert found(words) == texts


def test_terms_are_characters_pairs_and_whole_words() -> None:
    assert index_terms("买一送一 Buy2") == "买 一 送 一 买一 一送 送一 buy 2"
    assert query_terms("买一送一") == ["买一", "一送", "送一"]
    assert query_terms("送") == ["送"]


@given(st.text(max_size=60))
def test_terms_hold_nothing_that_fts5_or_tsquery_would_take_for_syntax(text: str) -> None:
    for term in [*query_terms(text), *index_terms(text).split(" ")]:
        assert not set(term) & set("\"'&|!():*<>-^+\\ \t\n\x00{}")


@given(st.text("今天的价abAB12 ，。%", min_size=1, max_size=30), st.data())
def test_whatever_stands_between_borders_of_a_text_is_found_by_its_terms(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    inside = text[start:end]
    cut_word = any(
        0 < at < len(text) and text[at - 1].isascii() and text[at].isascii() and text[at - 1 : at + 1].isalnum()
        for at in (start, end)
    )
    if not cut_word:
        assert set(query_terms(inside)) <= set(index_terms(text).split(" "))
