"""Recognising windows: words in their place, what was passed over heard again, order and resumption."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from livequal.streams.engines import Cancelled, NoEngine, NoModel, Transcriber, open_engine
from livequal.streams.engines.audio import RATE, Samples, read_blocks
from livequal.streams.engines.parallel import recognise_all
from livequal.streams.engines.recognition import Hear, HeardWord, Piece, Reel, recognise
from livequal.streams.engines.windows import FRAME, Heard, Plan
from livequal.streams.rules import Segment, Window

from .sounds import SPOKEN, models_with_base, write_wav


def piece(*words: HeardWord) -> Piece:
    return Piece(tuple(words), -0.3, 0.05, 1.1)


def heard(seconds: float, *voiced: tuple[float, float]) -> Heard:
    """A recording with a voice between the given seconds and quiet elsewhere."""
    frames = round(seconds * RATE / FRAME)
    voice, level = np.zeros(frames, np.float32), np.full(frames, -70.0, np.float32)
    for start, end in voiced:
        voice[round(start * RATE / FRAME) : round(end * RATE / FRAME)] = 0.9
        level[round(start * RATE / FRAME) : round(end * RATE / FRAME)] = -20.0
    return Heard(frames * FRAME, voice, level, -20.0)


def plan(recording: Heard, *stretches: tuple[float, float]) -> Plan:
    return Plan(0, 0, recording.samples, tuple((round(s * RATE), round(e * RATE)) for s, e in stretches))


def sounds(cut: Plan) -> list[Samples]:
    return [np.zeros(end - start, np.float32) for start, end in cut.speech]


class Script:
    """An engine that gives one list of pieces per call and keeps how long the sounds were."""

    def __init__(self, *answers: Sequence[Piece]) -> None:
        self.answers = list(answers)
        self.lengths: list[float] = []

    def __call__(self, sound: Samples) -> Sequence[Piece]:
        self.lengths.append(len(sound) / RATE)
        return self.answers.pop(0)


def recognised(recording: Heard, cut: Plan, hear: Hear) -> tuple[Segment, ...]:
    return recognise(cut, 1, sounds(cut), recording, hear).segments


def test_words_go_back_to_where_they_were_spoken() -> None:
    recording = heard(30, (2, 4), (20, 22))
    cut = plan(recording, (2, 4), (20, 22))
    hear = Script(
        [piece((0.1, 0.5, "好", 0.9), (0.5, 1.9, "的", 0.9)), piece((2.1, 2.5, "謝", 0.9), (2.5, 3.9, "謝", 0.9))]
    )

    first, second = recognised(recording, cut, hear)

    assert (first.start_ms, first.end_ms, first.text) == (2100, 3900, "好的。")
    assert (second.start_ms, second.end_ms, second.text) == (20100, 21900, "谢谢。")
    assert hear.lengths == [4.0]


def test_a_piece_over_a_long_silence_becomes_two_segments() -> None:
    recording = heard(30, (2, 4), (20, 22))
    cut = plan(recording, (2, 4), (20, 22))
    one = piece((0.1, 1.0, "今", 0.9), (1.0, 1.9, "天", 0.9), (2.1, 3.0, "明", 0.9), (3.0, 3.9, "天", 0.9))

    segments = recognised(recording, cut, Script([one]))

    assert [(s.start_ms, s.text) for s in segments] == [(2100, "今天。"), (20100, "明天。")]


def test_a_first_word_that_strays_over_the_joint_comes_back_to_its_piece() -> None:
    reel = Reel([(0, 2 * RATE), (10 * RATE, 12 * RATE)])

    assert reel.stretches_of([(1.7, 1.9, "这", 0.9), (2.1, 2.3, "款", 0.9), (2.3, 2.6, "好", 0.9)]) == [1, 1, 1]
    assert reel.stretches_of([(1.6, 1.7, "好", 0.9), (1.7, 1.9, "的", 0.9), (2.0, 2.2, "啊", 0.9)]) == [1, 1, 1]
    assert reel.stretches_of([(0.5, 1.2, "好", 0.9), (1.2, 1.9, "的", 0.9), (2.0, 2.2, "啊", 0.9)]) == [0, 0, 0]
    assert reel.stretches_of([(0.2, 1.9, "好", 0.9), (2.1, 3.9, "的", 0.9)]) == [0, 1]
    assert reel.stretches_of([]) == []


def test_speech_that_was_passed_over_is_heard_again_alone() -> None:
    recording = heard(30, (2, 6), (10, 15))
    cut = plan(recording, (2, 6), (10, 15))
    start = [piece(*((0.5 * i, 0.5 * i + 0.5, "好", 0.9) for i in range(8)))]
    again = [piece(*((0.5 * i, 0.5 * i + 0.5, "行", 0.9) for i in range(10)))]
    hear = Script(start, again)

    segments = recognised(recording, cut, hear)

    assert [s.text for s in segments] == ["好好好好好好好好。", "行行行行行行行行行行。"]
    assert segments[1].start_ms >= 10_000
    assert hear.lengths == [9.0, pytest.approx(4.9, abs=0.3)]


def test_an_uncertain_reading_gets_a_second_opinion_that_counts_when_it_is_clearly_surer() -> None:
    recording = heard(10, (2, 4))
    once = plan(recording, (1.5, 4.5))
    cut = replace(once, closer=(((round(1.8 * RATE), round(4.2 * RATE)),),))
    unsure = [piece((0.5, 1.4, "假", 0.6), (1.4, 2.5, "货", 0.6))]
    surer = [piece((0.2, 1.1, "價", 0.68), (1.1, 2.2, "格", 0.68))]
    hardly_surer = [piece((0.2, 1.1, "價", 0.62), (1.1, 2.2, "格", 0.62))]

    hear = Script(unsure, surer)
    assert [s.text for s in recognised(recording, cut, hear)] == ["价格。"]
    assert hear.lengths == [3.0, pytest.approx(2.4)]
    assert [s.text for s in recognised(recording, cut, Script(surer, unsure))] == ["价格。"]
    assert [s.text for s in recognised(recording, cut, Script(unsure, hardly_surer))] == ["假货。"]
    certain = [piece((0.5, 1.4, "價", 0.95), (1.4, 2.5, "格", 0.95))]
    assert [s.text for s in recognised(recording, cut, Script(certain))] == ["价格。"]


def test_what_is_passed_over_twice_is_heard_stretch_by_stretch() -> None:
    recording = heard(40, (2, 6), (10, 15), (20, 25))
    cut = plan(recording, (2, 6), (10, 15), (20, 25))
    first = [piece(*((0.5 * i, 0.5 * i + 0.5, "好", 0.9) for i in range(8)))]
    alone = [piece(*((0.5 * i, 0.5 * i + 0.5, "行", 0.9) for i in range(10)))]
    hear = Script(first, [], alone, alone)

    segments = recognised(recording, cut, hear)

    assert [s.text for s in segments] == ["好好好好好好好好。", "行行行行行行行行行行。", "行行行行行行行行行行。"]
    assert not any(s.unintelligible for s in segments)


def test_speech_that_is_never_understood_is_marked() -> None:
    recording = heard(30, (2, 6), (10, 15))
    cut = plan(recording, (2, 6), (10, 15))
    start = [piece(*((0.5 * i, 0.5 * i + 0.5, "好", 0.9) for i in range(8)))]

    segments = recognised(recording, cut, Script(start, [], []))

    unclear = [s for s in segments if s.unintelligible]
    assert [s.text for s in segments if not s.unintelligible] == ["好好好好好好好好。"]
    assert all(s.text == "" for s in unclear)
    assert sum(min(s.end_ms, 15_000) - max(s.start_ms, 10_000) for s in unclear) > 4000


def test_segments_stay_inside_their_window_and_words_inside_their_segment() -> None:
    recording = heard(10, (1, 5))
    cut = plan(recording, (1, 5))
    wild = [piece((-1.0, 0.5, "早", 0.9), (0.5, 2.0, "上", 0.9), (2.0, 9.0, "好", 0.9))]

    (segment,) = (s for s in recognised(recording, cut, Script(wild, [], [])) if s.text)

    assert segment.start_ms >= 1000
    assert segment.end_ms <= 5000
    assert [w.text for w in segment.words] == ["早", "上", "好。"]
    for left, right in pairwise(segment.words):
        assert segment.start_ms <= left.start_ms <= left.end_ms <= segment.end_ms
        assert left.start_ms <= right.start_ms


def test_punctuation_alone_is_no_segment() -> None:
    recording = heard(10, (1, 1.5))
    cut = plan(recording, (1, 1.5))

    assert recognised(recording, cut, Script([piece((0.0, 0.4, "。", 0.9))])) == ()


@pytest.fixture(scope="module")
def long_recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The two sentences seven times, more than one window."""
    once = np.concatenate(list(read_blocks(SPOKEN, RATE)))
    return write_wav(tmp_path_factory.mktemp("sound") / "long.wav", np.tile(once, 7))


def counting(sound: Samples) -> Sequence[Piece]:
    """An engine that writes a digit of the sound's content every half second: its text depends on the sound alone."""
    step = RATE // 2
    words = [
        (i / RATE, (i + step) / RATE, str(int(np.abs(sound[i : i + step]).sum()) % 10), 0.9)
        for i in range(0, len(sound) - step, step)
    ]
    return [piece(*words)]


def run(audio: Path, *, workers: int = 1, skip_windows: int = 0) -> list[Window]:
    return list(recognise_all(audio, counting, workers=workers, skip_windows=skip_windows))


def test_the_result_is_the_same_whatever_the_number_of_workers(long_recording: Path) -> None:
    alone = run(long_recording)

    assert len(alone) >= 2
    assert [w.index for w in alone] == list(range(alone[0].count))
    assert run(long_recording, workers=3) == alone


def test_a_run_that_was_cut_off_goes_on_with_what_the_whole_run_gives(long_recording: Path) -> None:
    whole = run(long_recording)

    for done in range(len(whole) + 1):
        assert whole[:done] + run(long_recording, skip_windows=done) == whole


def test_a_cancelled_run_stops_at_once(long_recording: Path) -> None:
    asked = iter([False] * 3)
    windows: Iterator[Window] = recognise_all(long_recording, counting, workers=1, cancelled=lambda: next(asked, True))

    with pytest.raises(Cancelled):
        list(windows)


def test_an_error_of_the_engine_reaches_the_caller(long_recording: Path) -> None:
    def broken(_sound: Samples) -> Sequence[Piece]:
        raise RuntimeError("no memory left")

    with pytest.raises(RuntimeError, match="no memory left"):
        list(recognise_all(long_recording, broken, workers=2))


def test_unknown_engines_and_missing_models_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NoEngine, match="faster_whisper, openai_whisper, sidecar"):
        open_engine("kaldi", tmp_path)
    with pytest.raises(NoModel, match="flask models get base"):
        open_engine("faster_whisper", tmp_path)
    with pytest.raises(NoModel, match="--from DIR"):
        open_engine("faster_whisper", tmp_path, "../secret")


@pytest.fixture(scope="module")
def base() -> Transcriber:
    return open_engine("faster_whisper", models_with_base(), "base", threads=2)


@pytest.mark.model
def test_whisper_understands_the_two_sentences_where_they_are_spoken(base: Transcriber) -> None:
    (window,) = base.transcribe(SPOKEN)

    text = "".join(segment.text for segment in window.segments)
    assert "天气变冷" in text
    assert "洗发水" in text
    assert not any(segment.unintelligible for segment in window.segments)
    assert 400 <= window.segments[0].start_ms <= 1100
    shampoo = next(word for s in window.segments for word in s.words if word.text.startswith("洗"))
    assert 5500 <= shampoo.start_ms <= 9300
    assert all("".join(w.text for w in s.words) == s.text for s in window.segments)


@pytest.mark.model
def test_music_and_silence_give_no_words(base: Transcriber, tmp_path: Path) -> None:
    seconds = np.arange(RATE * 12) / RATE
    chord = sum(np.sin(2 * np.pi * f * seconds) for f in (220.0, 277.2, 329.6)) * (0.6 + 0.4 * np.sin(12 * seconds))
    sound = np.concatenate([chord / 10, np.zeros(RATE * 12)]).astype(np.float32)

    windows = list(base.transcribe(write_wav(tmp_path / "music.wav", sound)))

    segments = [segment for window in windows for segment in window.segments]
    assert all(segment.text == "" and segment.unintelligible for segment in segments)
    assert all(segment.start_ms < 12_500 for segment in segments)


@pytest.mark.model
def test_the_version_names_all_that_pins_a_result(base: Transcriber) -> None:
    for part in ("faster-whisper", "ctranslate2", "sha256:d01c3014881c9c6f", "beam_size=5", "temperature=0.0"):
        assert part in base.version
