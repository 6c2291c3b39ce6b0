"""What counts as not understood, and which texts nobody said."""

from __future__ import annotations

import numpy as np
import pytest

from livequal.streams.engines.doubt import (
    FRAME_MS,
    Scene,
    certainty,
    invented,
    mark,
    not_understood,
    sureness,
    unheard,
)
from livequal.streams.rules import Segment, Word


def segment(
    text: str, probability: float = 0.9, *, start_ms: int = 0, logprob: float = -0.4, ratio: float = 1.1
) -> Segment:
    """One word per character, 200 ms each."""
    words = tuple(
        Word(start_ms + 200 * i, start_ms + 200 * i + 200, letter, probability) for i, letter in enumerate(text)
    )
    return Segment(start_ms, start_ms + 200 * len(text), text, words, logprob, 0.05, ratio)


def scene(seconds: float, *, voice: float = 0.9, level_db: float = -20.0, speech_db: float | None = -20.0) -> Scene:
    frames = round(seconds * 1000 / FRAME_MS)
    return Scene(
        0, round(seconds * 1000), np.full(frames, voice, np.float32), np.full(frames, level_db, np.float32), speech_db
    )


def with_part(base: Scene, start_s: float, end_s: float, *, voice: float, level_db: float) -> Scene:
    first, last = round(start_s * 1000 / FRAME_MS), round(end_s * 1000 / FRAME_MS)
    base.voice[first:last] = voice
    base.level_db[first:last] = level_db
    return base


@pytest.mark.parametrize(
    ("probability", "logprob", "voice", "understood"),
    [
        (0.85, -0.35, 0.85, True),  # clear speech
        (0.70, -0.40, 0.80, True),  # music 10 dB below the voice
        (0.66, -0.45, 0.80, True),
        (0.62, -0.60, 0.75, False),
        (0.54, -0.65, 0.70, False),  # fast, with music as loud as the voice: fluent and wrong
        (0.30, -1.20, 0.92, False),  # six people at once
        (0.85, -0.35, 0.10, False),  # words where hardly anybody speaks
    ],
)
def test_unsure_words_are_not_understood(probability: float, logprob: float, voice: float, understood: bool) -> None:
    one = segment("今天给大家看一款新的面霜", probability, logprob=logprob)

    assert not_understood(one, voice=voice, certain=certainty([one])[0]) is not understood


def test_words_faster_than_anybody_speaks_are_not_understood() -> None:
    text = "今天给大家看一款新的面霜保湿效果很好大家可以看看"
    words = tuple(Word(40 * i, 40 * i + 40, letter, 0.9) for i, letter in enumerate(text))

    fast = Segment(0, 40 * len(text), text, words, -0.3)

    assert not_understood(fast, voice=0.9, certain=0.9)
    assert not not_understood(segment(text), voice=0.9, certain=0.9)


def test_a_segment_without_words_is_not_understood() -> None:
    assert not_understood(Segment(0, 3000, ""), voice=0.9, certain=1.0)
    assert sureness(Segment(0, 3000, "")) == 0.0


def test_neighbours_count_but_not_over_a_long_silence() -> None:
    clear, short = segment("今天给大家看一款新的面霜", 0.9), segment("好的", 0.55, start_ms=3000)
    far = segment("好的", 0.55, start_ms=60_000)

    assert certainty([clear, short])[1] > 0.64 > certainty([clear, far])[1]


@pytest.mark.parametrize(
    "text",
    [
        "请不吝点赞，订阅，转发，打赏支持明镜与点点栏目。",
        "字幕由 Amara.org 社区提供。",
        "中文字幕志愿者杨茜茜。",
        "优优独播剧场——YoYo Television Series Exclusive。",
        "字幕志愿者，李宗盛。",
        "敬请期待下集。",
    ],
)
def test_the_credits_whisper_knows_from_its_training_are_invented_whatever_the_voice(text: str) -> None:
    assert invented(segment(text, 0.99), 0.99) == "subtitle credits"


@pytest.mark.parametrize("text", ["谢谢观看。", "谢谢大家的收看，", "感谢您的观看。", "词曲李宗盛。", "作词作曲李宗盛"])
def test_farewells_and_song_credits_are_invented_only_where_they_are_unlikely(text: str) -> None:
    assert invented(segment(text, 0.95), 0.2)
    assert invented(segment(text, 0.5), 0.9)
    if text.startswith(("谢", "感")):
        assert not invented(segment(text, 0.95), 0.9)


@pytest.mark.parametrize(
    "text",
    [
        "谢谢大家的支持，点个关注。",
        "刷单返现，好评五星截图给客服，返你十块钱。",
        "打赏一下主播，点点关注。",
        "来来来来来，三二一上链接。",
        "买它买它买它买它！",
        "字幕这里写着三百克。",
        "今天的第一款产品是厨房纸巾。",
    ],
)
def test_what_hosts_really_say_is_not_invented(text: str) -> None:
    assert invented(segment(text, 0.7), 0.8) == ""


def test_loops_are_invented() -> None:
    assert invented(segment("我们的产品我们的产品我们的产品我们的产品我们的产品", 0.95), 0.9) == "loop"
    assert invented(segment("今天看面霜", 0.95, ratio=2.6), 0.9) == "loop"
    same = [segment("这也很重要", 0.95, start_ms=2000 * i) for i in range(3)]
    assert [s.invented for s in mark(same, scene(7)) if s.text] == ["loop"] * 3
    assert [s.invented for s in mark(same[:2], scene(3)) if s.text] == ["", ""]


def test_what_is_invented_never_counts_as_understood() -> None:
    (only,) = mark([segment("字幕由 Amara.org 社区提供。", 0.99)], scene(3))

    assert only.invented
    assert only.unintelligible


def test_clear_speech_gets_no_mark() -> None:
    clear = segment("今天给大家看一款新的面霜", 0.9)

    assert mark([clear], scene(2.5)) == [clear]


def test_a_voice_without_words_is_marked() -> None:
    place = with_part(scene(20, voice=0.0, level_db=-30.0), 5, 12, voice=0.2, level_db=-24.0)

    ((start, end),) = unheard([], place)

    assert 3500 <= start <= 5500
    assert 11_500 <= end <= 13_500


def test_music_that_is_quieter_than_the_speech_is_not_marked() -> None:
    place = with_part(scene(30, voice=0.01, level_db=-60.0), 5, 25, voice=0.01, level_db=-32.0)

    assert list(unheard([], place)) == []


def test_music_loud_enough_to_hide_a_voice_is_marked() -> None:
    loud = with_part(scene(30, voice=0.01, level_db=-60.0), 5, 25, voice=0.01, level_db=-18.0)

    ((start, end),) = unheard([], loud)

    assert 4000 <= start <= 6000
    assert 24_000 <= end <= 26_000


def test_a_recording_where_nobody_was_found_to_speak_is_marked_where_it_is_not_quiet() -> None:
    music = scene(60, voice=0.01, level_db=-25.0, speech_db=None)
    silence = scene(60, voice=0.0, level_db=-120.0, speech_db=None)

    assert list(unheard([], music)) == [(0, 60_000)]
    assert list(unheard([], silence)) == []


def test_an_interjection_between_segments_is_not_marked() -> None:
    place = with_part(scene(10, voice=0.0, level_db=-60.0), 5, 5.5, voice=0.9, level_db=-20.0)

    assert list(unheard([], place)) == []


def test_what_segments_account_for_is_not_marked_twice() -> None:
    spoken = segment("今天给大家看一款新的面霜" * 4)

    assert list(unheard([spoken], scene(9.6))) == []


def test_an_empty_recording_has_nothing_unheard() -> None:
    nothing = np.zeros(0, np.float32)

    assert mark([], Scene(0, 0, nothing, nothing, None)) == []
