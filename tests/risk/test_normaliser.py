from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livequal.risk.matcher.normaliser import normalise
from livequal.risk.matcher.sound import SoundIndex, confusable, syllables_of


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("國家級", "国家级"),
        ("ＳＰＦ５０", "spf50"),
        ("国 家 级", "国家级"),
        ("全.网.最.低", "全网最低"),
        ("全🔥网最低", "全网最低"),
        ("最最最最好", "最好"),
        ("国，家，级", "国家级"),
        ("v-x", "vx"),
        ("蕞好", "最好"),
        ("大家好 欢迎来到直播间", "大家好 欢迎来到直播间"),
        ("3.5折", "3.5折"),
    ],
)
def test_writing_is_reduced_to_what_rules_read(written: str, read: str) -> None:
    assert normalise(written).text == read


@given(st.text())
def test_every_character_maps_back_to_its_place(text: str) -> None:
    seen = normalise(text)
    places = seen.places if seen.places is not None else tuple(range(len(text)))
    assert len(places) == len(seen.text)
    assert list(places) == sorted(set(places))
    if seen.text:
        start, end = seen.span(0, len(seen.text))
        assert 0 <= start < end <= len(text)


def test_letters_are_cut_into_syllables_only_when_they_are_pinyin() -> None:
    assert syllables_of("guojiaji") == ["guo", "jia", "ji"]
    assert syllables_of("best") is None


def test_confusable_syllables_are_one() -> None:
    assert confusable("zhang") == confusable("zan")
    assert confusable("nu") == confusable("lu")
    assert confusable("ma") != confusable("ba")


@pytest.mark.parametrize(
    ("text", "word"),
    [("这个聊效很好", "疗效"), ("全望最地", "全网最低"), ("血tang高", "血糖"), ("稳转不配", "稳赚不赔")],
)
def test_homophones_are_found_by_length(text: str, word: str) -> None:
    index = SoundIndex(["疗效", "全网最低", "稳赚不赔"], spelled=["血糖"])
    assert [heard.word for heard in index.find(text)] == [word]


@pytest.mark.parametrize("text", ["跟治脱发的药两码事", "第一名拍下的宝宝", "疗效", "了小孩"])
def test_grammar_and_other_words_that_merely_sound_alike_are_left_alone(text: str) -> None:
    index = SoundIndex(["根治", "第一品牌", "疗效"])
    assert index.find(text) == []
