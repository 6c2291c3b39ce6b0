"""Subtitles are read as they come in practice, and an error names the line and what right looks like."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livequal.kernel.errors import Invalid
from livequal.streams.rules import Segment, Word
from livequal.streams.subtitles import UNHEARD, Cue, parse_subtitles, to_json, to_srt, to_txt, to_vtt

SRT = """1
00:00:01,000 --> 00:00:02,500
大家好，欢迎来到直播间

2
00:00:03,000 --> 00:01:04,250
<i>今天</i>这款
{\\an8}是新品
"""
CUES = (Cue(1_000, 2_500, "大家好，欢迎来到直播间"), Cue(3_000, 64_250, "今天这款 是新品"))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "gb18030"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_srt_is_read_in_every_encoding_chinese_programs_write(encoding: str, newline: str) -> None:
    assert parse_subtitles(SRT.replace("\n", newline).encode(encoding), "a.srt") == CUES


@pytest.mark.parametrize(
    ("text", "cues"),
    [
        ("00:00:01.5 --> 00:00:02\n没有编号也行", (Cue(1_500, 2_000, "没有编号也行"),)),
        (
            "1\n00:01,000 --> 00:02,000\n一\n2\n00:03,000 --> 00:04,000\n二",
            (Cue(1_000, 2_000, "一"), Cue(3_000, 4_000, "二")),
        ),
        (
            "1\n0:0:1,0 --> 0:0:2,0\n上\n\n下\n\n2\n0:0:3,0 --> 0:0:4,0\n后",
            (Cue(1_000, 2_000, "上 下"), Cue(3_000, 4_000, "后")),
        ),
        (
            "1\n00:00:05,000 --> 00:00:06,000\n后\n\n2\n00:00:01,000 --> 00:00:02,000\n前",
            (Cue(1_000, 2_000, "前"), Cue(5_000, 6_000, "后")),
        ),
        ("1\n00:00:01,000 --> 00:00:02,000\n\n2\n00:00:03,000 --> 00:00:04,000\n有字", (Cue(3_000, 4_000, "有字"),)),
        ("1\n00:00:01,000 --> 00:00:02,000\n只要 9 < 10 元 &amp; 包邮", (Cue(1_000, 2_000, "只要 9 < 10 元 & 包邮"),)),
        ("1\n00:00:01,000 --> 00:00:02,000\n1\n999\n", (Cue(1_000, 2_000, "1 999"),)),
    ],
)
def test_srt_as_people_write_it(text: str, cues: tuple[Cue, ...]) -> None:
    assert parse_subtitles(text.encode(), "a.srt") == cues


def test_webvtt_gives_its_speakers_and_leaves_notes_and_styles_out() -> None:
    text = (
        "WEBVTT - 晴川\nKind: captions\n\nSTYLE\n::cue { color: red }\n\nNOTE\n00 不是字幕\n\nintro\n"
        "00:01.000 --> 00:02.000 align:start position:10%\n<v 小禾>9 &lt; 10<c.red>元</c>\n\n"
        "01:00:00.000 --> 01:00:01.000\n再见\n"
    )
    expected = (Cue(1_000, 2_000, "9 < 10元", "小禾"), Cue(3_600_000, 3_601_000, "再见"))
    assert parse_subtitles(text.encode(), "a.vtt") == expected


@pytest.mark.parametrize(
    "told",
    [
        [{"start_ms": 1_000, "end_ms": 2_500, "text": "好"}],
        [{"start": 1, "end": 2.5, "text": " 好 "}],
        [{"start": "00:00:01.0", "end": "0:02,5", "text": "好", "speaker": None}],
        {"text": "好", "segments": [{"id": 0, "start": 1.0, "end": 2.5, "text": "好", "no_speech_prob": 0.1}]},
        {"start_ms": 1_000, "end_ms": 2_500, "text": "好"},
    ],
)
def test_json_of_ours_of_whisper_and_plain(told: object) -> None:
    assert parse_subtitles(json.dumps(told).encode(), "a.json") == (Cue(1_000, 2_500, "好"),)


def test_json_lines_as_transcribe_prints_them_and_what_was_not_heard() -> None:
    lines = [
        {"start_ms": 0, "end_ms": 900, "text": "好", "unintelligible": False},
        {"start_ms": 900, "end_ms": 1_800, "text": "乱七八糟", "unintelligible": True},
    ]
    raw = "\n".join(json.dumps(line) for line in lines).encode()
    assert parse_subtitles(raw, "a.jsonl") == (Cue(0, 900, "好"), Cue(900, 1_800, UNHEARD))


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"", "empty"),
        (b"\xff\xff\xfe\x81\x00", "encoding"),
        ("第一行不是字幕\n".encode(), "Line 1: a time like"),
        (b"1\n00:00:01,000 --> 00:00:xx,000\nx", "Line 2: .*is not a time"),
        (b"1\n\n00:00:01,000 -> 00:00:02,000\nx", "Line 3: a time like 00:01:02,500"),
        (b"1\n00:00:05,000 --> 00:00:02,000\nx", "Line 2: the subtitle ends before it starts"),
        (b"WEBVTT\n\nNOTE nothing\n", "No subtitle was found"),
        (b"[Script Info]\nTitle: x", "Save it as SRT"),
        (b'{"segments": 5}', 'list called "segments"'),
        (b'[{"start": 1, "end": 2}]', 'Subtitle 1: "text" is missing'),
        (b'[{"start": NaN, "end": 2, "text": "x"}]', 'Subtitle 1: "start_ms"'),
        (b'[{"start": 3, "end": 2, "text": "x"}]', "Subtitle 1: the subtitle ends before"),
        (b'[{"start": 1, "end": 1e9, "text": "x"}]', "missing or not a time"),
        (b'[{"start": 1, "end": 2, "text": "x"},\n{]', "Line 2: this is not valid JSON"),
        (b"[" * 100_000, "JSON"),
    ],
)
def test_an_error_names_the_line_and_what_right_looks_like(raw: bytes, told: str) -> None:
    with pytest.raises(Invalid, match=told) as invalid:
        parse_subtitles(raw, "a.srt")
    assert list(invalid.value.fields) == ["file"]


SEGMENTS = [
    Segment(1_000, 2_500, "9 < 10 元 & 包邮", (Word(1_000, 1_400, "9", 0.98765),)),
    Segment(2_500, 4_000, "胡言乱语", unintelligible=True),
    Segment(3_600_000, 3_601_000, "请不吝点赞", unintelligible=True, invented="subscribe"),
]


def test_what_was_not_understood_is_marked_and_its_words_are_not_shown() -> None:
    for write in (to_srt, to_vtt, to_txt):
        text = write(SEGMENTS)
        assert text.count(UNHEARD) == 2
        assert "胡言乱语" not in text
    assert to_srt(SEGMENTS).startswith("1\n00:00:01,000 --> 00:00:02,500\n9 < 10 元 & 包邮\n\n2\n00:00:02,500 -->")
    assert to_vtt(SEGMENTS).startswith("WEBVTT\n\n00:00:01.000 --> 00:00:02.500\n9 &lt; 10 元 &amp; 包邮\n\n")
    assert to_txt(SEGMENTS).splitlines()[2] == f"[01:00:00] {UNHEARD}"


@pytest.mark.parametrize("write", [to_srt, to_vtt, to_json])
def test_what_is_written_is_read_again(write: object) -> None:
    expected = (Cue(1_000, 2_500, "9 < 10 元 & 包邮"), Cue(2_500, 4_000, UNHEARD), Cue(3_600_000, 3_601_000, UNHEARD))
    assert parse_subtitles(write(SEGMENTS).encode(), "a") == expected  # type: ignore[operator]


def test_json_keeps_all_that_is_known() -> None:
    told = json.loads(to_json(SEGMENTS))["segments"]
    assert told[0]["words"] == [{"start_ms": 1_000, "end_ms": 1_400, "text": "9", "probability": 0.988}]
    assert told[1]["text"] == "胡言乱语"
    assert set(told[0]) == {"start_ms", "end_ms", "text", "words", "avg_logprob", "no_speech_prob", "unintelligible"}


@settings(max_examples=150, deadline=None)
@given(
    st.one_of(st.binary(max_size=300), st.text('0123456789:,.->\n WEBVTT一{}[]"\\<>&', max_size=300).map(str.encode))
)
def test_whatever_is_chosen_gives_cues_in_order_or_a_message(raw: bytes) -> None:
    try:
        cues = parse_subtitles(raw, "x")
    except Invalid:
        return
    assert all(0 <= cue.start_ms < cue.end_ms and cue.text for cue in cues)
    assert list(cues) == sorted(cues, key=lambda cue: (cue.start_ms, cue.end_ms))
