"""Every character of a name has its letter on paper, in the shape of the mainland."""

from __future__ import annotations

from io import BytesIO

import pytest
from fontTools.ttLib import TTFont

from livequal.training import lettering

NAMES = ["张三", "古丽·买买提", "䶮", "欧阳喆𬭎", "𠮷野", "阿卜杜热合曼·吐尔逊尼亚孜", "Anna Bell", "㛃甪玥"]


@pytest.mark.parametrize("name", NAMES)
def test_no_character_of_a_name_is_an_empty_box(name: str) -> None:
    assert lettering.missing(name) == ""
    font = TTFont(BytesIO(lettering.font_of(name)))
    letters = font.getBestCmap()
    for one in name:
        assert letters[ord(one)] != ".notdef"
        assert one == " " or font["glyf"][letters[ord(one)]].numberOfContours > 0


def test_a_character_nobody_draws_is_named_and_stands_as_a_question_mark() -> None:
    assert lettering.missing("张\U000e0041\U000e0041三") == "\U000e0041"
    assert lettering.drawable("张\U000e0041三") == "张?三"


def test_the_shapes_are_those_of_the_mainland() -> None:
    # The typeface's own shape of 骨 is the Japanese one.
    _font, known, shapes = lettering._source()
    assert shapes[known[ord("骨")]] != known[ord("骨")]


def test_a_font_holds_no_more_than_it_must() -> None:
    assert len(lettering.font_of("张三")) < 10_000
