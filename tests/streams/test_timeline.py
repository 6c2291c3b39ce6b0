"""A timeline is taken from the tables people keep; what is wrong is told for each row and column."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livequal.kernel.errors import Invalid
from livequal.streams.rules import SpanKind
from livequal.streams.timeline import SpeakerRole, TimelineSpan, context_for, parse_timeline, spans_at, time_ms

CREAM = TimelineSpan(SpanKind.PRODUCT, 60_000, 300_000, "山茶花面霜", "QC-01", "cosmetics", "")
HOST = TimelineSpan(SpanKind.SPEAKER, 0, 3_723_500, "小禾", "", "", "streamer")
ENGLISH = """from,to,product,sku,category,speaker,role
01:00,05:00,山茶花面霜,QC-01,cosmetics,,
0,1:02:03.5,,,,小禾,streamer
"""
CHINESE = """开始时间;结束时间;类型;名称;货号;品类;角色
01:00;05:00;商品;山茶花面霜;QC-01;普通化妆品;
0;1:02:03.5;说话人;小禾;;;主播
"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("text", [ENGLISH, CHINESE, ENGLISH.replace(",", "\t"), CHINESE.replace("\n", "\r\n")])
def test_csv_as_chinese_excel_writes_it(text: str, encoding: str) -> None:
    assert parse_timeline(text.encode(encoding), "t.csv") == (HOST, CREAM)


@pytest.mark.parametrize("wrapped", [lambda rows: rows, lambda rows: {"timeline": rows}])
def test_json_with_milliseconds_and_with_clock_times(wrapped: object) -> None:
    rows = [
        {
            "from_ms": 60_000,
            "to_ms": 300_000,
            "kind": "product",
            "name": "山茶花面霜",
            "sku": "QC-01",
            "category": "cosmetics",
        },
        {"from": 0, "to": "1:02:03.500", "kind": "speaker", "speaker": "小禾", "role": "streamer"},
    ]
    assert parse_timeline(json.dumps(wrapped(rows)).encode(), "t.json") == (HOST, CREAM)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("0", 0),
        ("90", 90_000),
        ("90.5", 90_500),
        ("90 s", 90_000),
        ("1500ms", 1_500),
        ("1500 毫秒", 1_500),
        ("02:03", 123_000),
        ("2:03.5", 123_500),
        ("90:00", 5_400_000),
        ("1:02:03", 3_723_000),
        ("1:02:03,25", 3_723_250),
        ("1：02：03", 3_723_000),
        ("", None),
        ("abc", None),
        ("1:60", None),
        ("1:60:00", None),
        ("-5", None),
        ("1e9", None),
        ("9" * 400, None),
    ],
)
def test_times_as_people_write_them(text: str, ms: int | None) -> None:
    assert time_ms(text) == ms


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "empty"),
        ("from,to,product\n", "no row"),
        ("a,b\n1,2\n", "column.*from.*is not among them"),
        ("from,product\n1,x\n", "“to” is not among them"),
        ("from,to,product\n05:00,01:00,x\n", "Row 2, column “to”: the end must come after the start"),
        ("from,to,product\n1:99,05:00,x\n", "Row 2, column “from”: “1:99” is not a time"),
        ("from,to,product\n\n,05:00,x\n", "Row 3, column “from”: the time is missing"),
        ("from,to,product,category\n0,1,x,cosmetic\n", "Did you mean cosmetics"),
        ("from,to,product,category\n0,1,x,保健品\n", "Did you mean health_food"),
        ("from,to,product,category\n0,1,x,zzzz\n", "Write one of: food、"),
        ("from,to,speaker,role\n0,1,小禾,boss\n", "Row 2, column “role”"),
        ("from,to,kind,name\n0,1,musik,x\n", "neither product nor speaker"),
        ("from,to,product,speaker\n0,1,x,y\n", "a row of its own"),
        ("from,to,product\n0,10,x\n5,15,y\n", "Rows 2 and 3 overlap"),
        ('{"timeline": 3}', "list called"),
        ("[1]", "Row 1: write"),
        ("[{]", "Line 1: this is not valid JSON"),
    ],
)
def test_an_error_names_row_and_column_and_what_right_looks_like(text: str, told: str) -> None:
    with pytest.raises(Invalid, match=told):
        parse_timeline(text.encode(), "t.csv")


def test_many_errors_are_told_at_once_but_not_endlessly() -> None:
    rows = "".join(f"{start},x,y\n" for start in range(100))
    with pytest.raises(Invalid, match="And 92 more") as invalid:
        parse_timeline(f"from,to,product\n{rows}".encode(), "t.csv")
    assert len(invalid.value.fields["file"].splitlines()) == 9


def test_a_product_and_a_speaker_may_share_the_time_and_neighbours_may_touch() -> None:
    text = "from,to,product,role\n0,10,甲,\n10,20,乙,\n0,20,,助播\n"
    spans = parse_timeline(text.encode(), "t.csv")
    assert [(span.start_ms, span.kind.value) for span in spans] == [(0, "product"), (0, "speaker"), (10_000, "product")]
    assert spans[1].speaker_role == SpeakerRole.ASSISTANT
    assert [span.label for span in spans_at(spans, 10_000)] == ["", "乙"]


@pytest.mark.parametrize(
    ("start_ms", "end_ms", "label"),
    [(0, 5, "甲"), (8, 13, "乙"), (8, 12, "甲"), (30, 40, ""), (19, 29, "乙"), (5, 5, "")],
)
def test_the_context_is_the_span_that_covers_most_and_the_earlier_of_equals(
    start_ms: int, end_ms: int, label: str
) -> None:
    spans = (TimelineSpan(SpanKind.PRODUCT, 0, 10, "甲"), TimelineSpan(SpanKind.PRODUCT, 10, 20, "乙"))
    found = context_for(spans, start_ms, end_ms)
    assert (found.label if found else "") == label


@settings(max_examples=100, deadline=None)
@given(st.text('from,to产品"\n0123456789:;.[]{}', max_size=200))
def test_whatever_is_chosen_gives_spans_or_a_message(text: str) -> None:
    for candidate in (text, "from,to,product\n" + text):
        try:
            spans = parse_timeline(candidate.encode(), "x")
        except Invalid:
            continue
        assert all(0 <= span.start_ms < span.end_ms for span in spans)
