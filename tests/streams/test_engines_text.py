"""How what was heard is written: simplified, full-width punctuation, every word in its place."""

from __future__ import annotations

import pytest

from livequal.streams.engines.text import Spoken, letters, simplify, write_out


def spoken(*texts: str, pause_ms: int = 0, piece: int = 0, start_ms: int = 0) -> list[Spoken]:
    """Words of 200 ms each, `pause_ms` apart."""
    words = []
    for number, text in enumerate(texts):
        start = start_ms + number * (200 + pause_ms)
        words.append(Spoken(start, start + 200, text, 0.9, piece))
    return words


def written(words: list[Spoken]) -> str:
    return "".join(word.text for word in write_out(words))


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (("他", "有", "抗", "癌", "功", "效,", "還", "能", "補", "腎"), "他有抗癌功效，还能补肾。"),
        (("這", "頭", "髮"), "这头发。"),
        (("發", "貨", " 順", "豐"), "发货，顺丰。"),
        (("專", "櫃", "價", "1,900", "塊"), "专柜价1,900块。"),
        (("只", "要", "9", ".", "9", "元."), "只要9.9元。"),
        (("99."), "99。"),
        (("20", ":", "30"), "20:30。"),
        (("這", "款", " iPhone", " 15", " 手", "機"), "这款，iPhone 15，手机。"),
        (("你", "買", "了", "嗎", " 沒", "有"), "你买了吗？没有。"),
        (("好", "!", "!", "走"), "好！走。"),
        (("好", "\ufffd", "的"), "好的。"),
        (("。", "好"), "好。"),
        ((" ", ""), ""),
    ],
)
def test_words_are_written_as_they_are_shown(texts: tuple[str, ...], expected: str) -> None:
    assert written(spoken(*texts)) == expected


def test_a_long_pause_ends_the_sentence_and_a_new_piece_the_clause() -> None:
    first = spoken("大", "家", "注", "意", piece=0)
    near = spoken("不", "能", "代", "替", piece=1, start_ms=900)
    far = spoken("藥", "物", piece=2, start_ms=4000)

    assert written([*first, *near, *far]) == "大家注意，不能代替。药物。"


def test_a_word_keeps_its_times_and_probability() -> None:
    words = [Spoken(100, 300, "還", 0.4), Spoken(300, 350, ",", 0.1), Spoken(400, 600, "能", 0.7)]

    first, second = write_out(words)

    assert (first.start_ms, first.end_ms, first.text, first.probability) == (100, 300, "还，", 0.4)
    assert (second.start_ms, second.end_ms, second.text, second.probability) == (400, 600, "能。", 0.7)


def test_a_phrase_is_simplified_over_word_borders() -> None:
    assert simplify(["乾", "隆", "皇", "帝", "乾", "淨"]) == ["乾", "隆", "皇", "帝", "干", "净"]


def test_letters_are_counted_without_punctuation() -> None:
    assert letters("好的，iPhone 15！") == 10
