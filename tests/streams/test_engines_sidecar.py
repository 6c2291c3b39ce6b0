"""Subtitles beside the media as an engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from livequal.streams.engines import Cancelled, NotSpeech, open_engine
from livequal.streams.engines.sidecar import windows_of
from livequal.streams.subtitles import Cue

SRT = """1
00:00:01,000 --> 00:00:03,000
今天的第一款产品

2
00:00:04,000 --> 00:00:05,000
「没听清」

3
00:00:06,000 --> 00:00:08,000
iPhone 15，只要 99！
"""


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    (tmp_path / "live.srt").write_text(SRT, encoding="utf-8")
    return tmp_path / "live.flac"


def test_subtitles_beside_the_sound_become_segments(sound: Path) -> None:
    engine = open_engine("sidecar", sound.parent)

    (window,) = engine.transcribe(sound)

    assert [(s.start_ms, s.end_ms, s.text, s.unintelligible) for s in window.segments] == [
        (1000, 3000, "今天的第一款产品", False),
        (4000, 5000, "", True),
        (6000, 8000, "iPhone 15，只要 99！", False),
    ]
    assert (window.index, window.count, window.start_ms, window.end_ms) == (0, 1, 0, 8000)


def test_characters_share_the_time_of_their_cue_and_make_up_its_text(sound: Path) -> None:
    (window,) = open_engine("sidecar", sound.parent).transcribe(sound)

    first, _unclear, last = window.segments
    assert [(w.start_ms, w.end_ms, w.text) for w in first.words][:2] == [(1000, 1250, "今"), (1250, 1500, "天")]
    assert [w.text for w in last.words] == ["iPhone ", "15，", "只", "要 ", "99！"]
    assert "".join(w.text for w in last.words) == last.text


def test_a_subtitle_file_can_be_named(tmp_path: Path) -> None:
    named = tmp_path / "elsewhere.srt"
    named.write_text(SRT, encoding="utf-8")

    (window,) = open_engine("sidecar", tmp_path, subtitles=named).transcribe(tmp_path / "sound.flac")

    assert len(window.segments) == 3


def test_without_subtitles_it_says_where_to_put_them(tmp_path: Path) -> None:
    with pytest.raises(NotSpeech, match=r"Put live\.srt"):
        list(open_engine("sidecar", tmp_path).transcribe(tmp_path / "live.flac"))


def test_many_cues_come_in_windows_that_resume(sound: Path) -> None:
    cues = [Cue(1000 * i, 1000 * i + 900, f"第{i}句") for i in range(450)]

    windows = windows_of(cues)

    assert [(w.index, w.count, len(w.segments)) for w in windows] == [(0, 3, 200), (1, 3, 200), (2, 3, 50)]
    assert [(w.start_ms, w.end_ms) for w in windows] == [(0, 200_000), (200_000, 400_000), (400_000, 449_900)]
    assert windows_of([]) == []
    engine = open_engine("sidecar", sound.parent)
    assert list(engine.transcribe(sound, skip_windows=1)) == []


def test_a_cancelled_run_stops(sound: Path) -> None:
    with pytest.raises(Cancelled):
        list(open_engine("sidecar", sound.parent).transcribe(sound, cancelled=lambda: True))
