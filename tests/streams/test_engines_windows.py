"""Windows of recognition: borders from the sound alone."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from livequal.streams.engines.audio import RATE, read_blocks, read_stretches
from livequal.streams.engines.errors import NotSpeech
from livequal.streams.engines.windows import FRAME, Heard, listen, plan_windows, speech_stretches

from .sounds import SPOKEN, write_wav

FRAMES_PER_S = RATE / FRAME


def heard(*parts: tuple[float, float]) -> Heard:
    """A recording from (seconds, voice probability) parts."""
    voice = np.concatenate([np.full(round(seconds * FRAMES_PER_S), level, np.float32) for seconds, level in parts])
    return Heard(len(voice) * FRAME, voice, np.full(len(voice), -20.0, np.float32), -20.0)


def test_windows_tile_the_recording_and_hold_at_most_28_seconds_of_speech() -> None:
    sentences = [part for seconds in range(2, 60) for part in ((seconds % 7 + 1.0, 0.9), (0.5 + seconds % 3, 0.0))]
    recording = heard(*sentences)

    plans = plan_windows(recording)

    assert plans[0].start == 0
    assert plans[-1].end == recording.samples
    assert all(left.end == right.start for left, right in pairwise(plans))
    assert [plan.index for plan in plans] == list(range(len(plans)))
    for plan in plans:
        assert sum(end - start for start, end in plan.speech) <= 28 * RATE
        assert all(plan.start <= start < end <= plan.end for start, end in plan.speech)
    assert [s for plan in plans for s in plan.speech] == speech_stretches(recording)


def test_a_closer_cut_is_the_same_speech_cut_closer() -> None:
    recording = heard((3.0, 0.0), (2.0, 0.9), (0.7, 0.0), (2.0, 0.9), (3.0, 0.0))

    (only,) = plan_windows(recording)

    assert len(only.speech) == 1
    (start, end), *_rest = only.speech
    for cut in only.closer:
        assert len(cut) == 2
        assert all(start < first < last < end for first, last in cut)


def test_speech_without_a_pause_is_cut_where_the_voice_is_weakest() -> None:
    weak = 22 * RATE
    recording = heard((22.0, 0.9), (0.1, 0.6), (30.0, 0.9))

    first, *_rest = plan_windows(recording)

    assert abs(first.speech[0][1] - weak) < RATE // 5


def test_an_hour_without_a_voice_is_one_window_with_nothing_to_recognise() -> None:
    (plan,) = plan_windows(heard((3600.0, 0.01)))

    assert plan.speech == ()
    assert plan.end_ms == pytest.approx(3_600_000, abs=50)


def test_an_empty_file_has_no_window() -> None:
    nothing = np.zeros(0, np.float32)

    assert plan_windows(Heard(0, nothing, nothing)) == ()


def test_a_gap_of_more_than_thirty_seconds_starts_a_new_window() -> None:
    assert len(plan_windows(heard((2.0, 0.9), (29.0, 0.0), (2.0, 0.9)))) == 1
    assert len(plan_windows(heard((2.0, 0.9), (32.0, 0.0), (2.0, 0.9)))) == 2


def test_a_pause_shorter_than_a_breath_does_not_divide_a_stretch() -> None:
    assert len(speech_stretches(heard((2.0, 0.9), (0.2, 0.0), (2.0, 0.9)))) == 1
    assert len(speech_stretches(heard((2.0, 0.9), (1.5, 0.0), (2.0, 0.9)))) == 2


def test_the_detector_finds_both_sentences_of_a_recording() -> None:
    stretches = speech_stretches(listen(SPOKEN))

    assert len(stretches) == 2
    (_, first_end), (second_start, _) = stretches
    assert 3.0 * RATE < first_end < second_start < 6.5 * RATE


def test_noise_and_silence_hold_no_speech(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).standard_normal(RATE * 5).astype(np.float32) * 0.05
    sound = write_wav(tmp_path / "noise.wav", np.concatenate([noise, np.zeros(RATE * 5, np.float32)]))

    assert speech_stretches(listen(sound)) == []


def test_the_detector_hears_the_same_however_the_file_is_stored(tmp_path: Path) -> None:
    samples = np.concatenate(list(read_blocks(SPOKEN, RATE)))

    again = listen(write_wav(tmp_path / "same.wav", samples))

    assert np.array_equal(again.voice, listen(SPOKEN).voice)


def test_stretches_are_read_exactly(tmp_path: Path) -> None:
    samples = (np.arange(RATE * 11) % 20000).astype(np.float32) / 32768
    sound = write_wav(tmp_path / "count.wav", samples)
    wanted = [(0, 10), (5, 5), (100, 70_000), (70_000, 70_001), (160_000, RATE * 11)]

    read = list(read_stretches(sound, wanted))

    for (first, last), got in zip(wanted, read, strict=True):
        assert np.allclose(got, samples[first:last], atol=1e-4)


def test_a_file_cut_off_meanwhile_is_told(tmp_path: Path) -> None:
    sound = write_wav(tmp_path / "short.wav", np.zeros(RATE, np.float32))

    with pytest.raises(NotSpeech, match="earlier"):
        list(read_stretches(sound, [(0, 2 * RATE)]))


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("sound.mp3", b"ID3", "not from sound.mp3"),
        ("sound.wav", b"no wave at all", "can't be read"),
        ("sound.flac", b"", "can't be read"),
    ],
)
def test_what_livequal_did_not_derive_is_refused(tmp_path: Path, name: str, content: bytes, why: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)

    with pytest.raises(NotSpeech, match=why):
        list(read_blocks(path, RATE))


def test_other_rates_and_channels_are_refused(tmp_path: Path) -> None:
    for name, options in (("rate.wav", {"rate": 8000}), ("stereo.wav", {"channels": 2})):
        path = write_wav(tmp_path / name, np.zeros(RATE, np.float32), **options)
        with pytest.raises(NotSpeech, match="16 kHz mono"):
            list(read_blocks(path, RATE))
