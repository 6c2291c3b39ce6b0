"""Where a piece of sound belongs, as a table of numbers; and what a file is, by its first bytes."""

from __future__ import annotations

from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livequal.streams.media.facts import Container
from livequal.streams.media.placing import Placed, Stretches, Timeline
from livequal.streams.media.refusals import RefusalCode, Refused
from livequal.streams.media.sniff import sniff

from .media_maker import KINDS, beeps, make

S = 1_000_000
MINUTE = 60 * S


def placed(*pieces: tuple[float | None, float], origin_s: float = 0.0) -> tuple[list[tuple[float, float]], Timeline]:
    """Silence and skipped length before each piece (its timestamp and length) in seconds, at 1000 samples a second."""
    timeline = Timeline(int(origin_s * S), 10 * MINUTE)
    stamps = [None if at is None else int(at * S) for at, _length in pieces]
    result = []
    for index, (_at, length) in enumerate(pieces):
        following = stamps[index + 1] if index + 1 < len(stamps) else None
        piece = timeline.place(stamps[index], int(length * 1000), 1000, following)
        result.append((piece.silence / 1000, piece.skip / 1000))
    return result, timeline


@pytest.mark.parametrize(
    ("pieces", "before", "jumps"),
    [
        ([(0, 1), (1, 1), (2, 1)], [(0, 0), (0, 0), (0, 0)], 0),
        ([(1.5, 1), (2.5, 1)], [(1.5, 0), (0, 0)], 0),
        ([(0.02, 1), (1.02, 1)], [(0.02, 0), (0, 0)], 0),
        ([(-0.5, 1), (0.5, 1)], [(0, 0.5), (0, 0)], 0),
        ([(0, 1), (1.09, 1), (1.95, 1)], [(0, 0), (0, 0), (0, 0)], 0),
        ([(0, 1), (4, 1), (5, 1)], [(0, 0), (3, 0), (0, 0)], 0),
        ([(0, 1), (0.5, 1), (1.5, 1)], [(0, 0), (0, 0.5), (0, 0)], 0),
        ([(0, 2), (0, 1), (1, 1), (2, 1)], [(0, 0), (0, 1), (0, 1), (0, 0)], 0),
        ([(0, 1), (None, 1), (2, 1)], [(0, 0), (0, 0), (0, 0)], 0),
        ([(0, 1), (7200, 1), (7201, 1)], [(0, 0), (0, 0), (0, 0)], 1),
        ([(100, 1), (101, 1), (0, 1), (1, 1)], [(100, 0), (0, 0), (0, 0), (0, 0)], 1),
        ([(0, 1), (300, 1), (2, 1)], [(0, 0), (0, 0), (0, 0)], 0),
        ([(20, 1), (21, 1), (0, 1), (23, 1)], [(20, 0), (0, 0), (0, 0), (0, 0)], 0),
    ],
    ids=[
        "follows", "late", "a little late", "pre-roll", "wobbles", "gap", "overlap", "repeated", "no stamp",
        "leaps ahead", "reset", "one wrong stamp ahead", "one wrong stamp back",
    ],
)  # fmt: skip
def test_a_piece_goes_where_its_clock_says_as_long_as_the_clock_can_be_believed(
    pieces: list[tuple[float | None, float]], before: list[tuple[float, float]], jumps: int
) -> None:
    result, timeline = placed(*pieces)
    assert result == before
    assert timeline.clock_jumps == jumps


def test_the_clock_counts_from_the_files_own_zero_and_survives_a_change_of_rate() -> None:
    result, timeline = placed((1000, 1), (1001, 1), origin_s=1000)
    assert result == [(0, 0), (0, 0)]
    assert timeline.place(1002 * S, 16_000, 16_000) == Placed(0, 0)
    assert timeline.place(1005 * S, 16_000, 16_000) == Placed(32_000, 0)
    assert timeline.position_us == 6 * S
    assert timeline.gaps == [(3_000, 5_000)]


@given(st.lists(st.tuples(st.one_of(st.none(), st.floats(-1e5, 1e5)), st.floats(0.01, 5)), max_size=30))
def test_no_clock_makes_silence_without_end(pieces: list[tuple[float | None, float]]) -> None:
    result, timeline = placed(*pieces)
    assert all(
        0 <= silence <= 600 and 0 <= skip <= length for (silence, skip), (_, length) in zip(result, pieces, strict=True)
    )
    assert timeline.position_us >= 0


def test_stretches_that_touch_are_told_as_one() -> None:
    stretches = Stretches()
    for start_ms, end_ms in ((0, 20), (20, 40), (300, 320), (2_000, 2_020), (2_010, 2_015), (3_000, 3_000)):
        stretches.add(start_ms, end_ms)
    assert stretches.found == [(0, 320), (2_000, 2_020)]


CONTAINERS = {"mov": "mp4", "mkv": "matroska", "webm": "matroska", "ts": "mpegts", "wmv": "asf"}


@pytest.mark.parametrize("kind", list(KINDS))
def test_the_content_tells_the_container(kind: str) -> None:
    content = make(kind, beeps(0.5))
    assert sniff(BytesIO(content)) is Container(CONTAINERS.get(kind, kind))
    if kind in ("mp3", "aac", "flac"):
        tag = b"ID3\x04\x00\x00\x00\x00\x10\x00" + b"\x00" * 2048
        assert sniff(BytesIO(tag + content)) is Container(kind)


@pytest.mark.parametrize(
    ("head", "code"),
    [
        (b"\x00\x00\x00\x20ftypheic" + b"\x00" * 99, RefusalCode.PICTURE),
        (b"BM" + b"\x00\x01\x02" * 99, RefusalCode.PICTURE),
        (b"<svg xmlns='x'/>", RefusalCode.PICTURE),
        (b"\x1a\x45\xdf\xa3\x84\x42\x82\x84xkvx", RefusalCode.UNKNOWN_KIND),
        (b"RIFF\x00\x00\x00\x00RMID", RefusalCode.UNKNOWN_KIND),
        ("[playlist]\nFile1=http://x/".encode("utf-16"), RefusalCode.PLAYLIST),
        ("WEBVTT\n\n00:01.000 --> 00:02.000\n好".encode(), RefusalCode.SUBTITLES),
        ("今晚见 https://example.com/ 不见不散".encode(), RefusalCode.TEXT),
        (b"\xff\xfb\x90\x00" + b"\x00" * 500, RefusalCode.UNKNOWN_KIND),
    ],
)
def test_what_is_no_recording_is_refused_by_its_content(head: bytes, code: RefusalCode) -> None:
    with pytest.raises(Refused) as refused:
        sniff(BytesIO(head))
    assert refused.value.code is code


@given(st.binary(max_size=400))
def test_any_beginning_is_a_container_or_a_refusal(head: bytes) -> None:
    for start in (b"", b"ID3", b"\x00\x00\x00\x10ftyp", b"G", b"\xff"):
        try:
            sniff(BytesIO(start + head))
        except Refused:
            continue
