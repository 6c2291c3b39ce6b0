"""The timeline of a live session: which product is explained, who speaks, from–to. Import from CSV and JSON. Pure."""

from __future__ import annotations

import csv
import difflib
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Any

from livequal.kernel.errors import Invalid
from livequal.kernel.i18n import gettext as _
from livequal.streams.rules import SpanKind
from livequal.streams.subtitles import decode_text
from livequal.taxonomy.rules import ProductCategory

SPANS_MAX = 20_000
ERRORS_SHOWN = 8
LONGEST_MS = 100 * 3_600_000
LABEL_MAX = 200


class SpeakerRole(StrEnum):
    """Who speaks. Unknown is shown and must be resolved before a violation names anybody."""

    STREAMER = "streamer"
    ASSISTANT = "assistant"
    VIEWER = "viewer"
    AI = "ai"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class TimelineSpan:
    """One stretch; `label` is the product's or the speaker's name.

    `product_category` is a slug of ProductCategory and `speaker_role` one of SpeakerRole; empty: not told.
    """

    kind: SpanKind
    start_ms: int
    end_ms: int
    label: str = ""
    sku: str = ""
    product_category: str = ""
    speaker_role: str = ""

    @classmethod
    def stored(
        cls,
        *,
        kind: str,
        start_ms: int,
        end_ms: int,
        label: str,
        sku: str,
        product_category: str,
        speaker_role: str,
    ) -> TimelineSpan:
        """A span from stored words.

        Raises: ValueError for a kind that is none.
        """
        return cls(SpanKind(kind), start_ms, end_ms, label, sku, product_category, speaker_role)


def spans_at(spans: Iterable[TimelineSpan], ms: int) -> tuple[TimelineSpan, ...]:
    """All spans in which this moment lies; the end does not belong to a span."""
    return tuple(span for span in spans if span.start_ms <= ms < span.end_ms)


def context_for(spans: Iterable[TimelineSpan], start_ms: int, end_ms: int) -> TimelineSpan | None:
    """The span that covers most of the stretch, the earlier one of equals; None where none does."""

    def overlap_ms(span: TimelineSpan) -> int:
        return min(span.end_ms, end_ms) - max(span.start_ms, start_ms)

    best = max(spans, key=lambda span: (overlap_ms(span), -span.start_ms), default=None)
    return best if best is not None and overlap_ms(best) > 0 else None


_COLUMNS: dict[str, tuple[str, ...]] = {
    "from": ("from", "start", "begin", "开始", "开始时间", "起", "起始", "起始时间", "从"),
    "from_ms": ("from_ms", "start_ms", "开始毫秒"),
    "to": ("to", "end", "until", "结束", "结束时间", "止", "终止时间", "到", "至"),
    "to_ms": ("to_ms", "end_ms", "结束毫秒"),
    "kind": ("kind", "type", "类型", "种类"),
    "label": ("label", "name", "title", "名称", "姓名", "名字"),
    "product": ("product", "product_name", "商品", "商品名", "商品名称", "产品", "产品名称"),
    "sku": ("sku", "product_sku", "货号", "商品编号", "商品编码"),
    "category": ("category", "product_category", "品类", "类目", "商品类目", "商品品类"),
    "speaker": ("speaker", "speaker_name", "说话人", "讲话人", "主播姓名"),
    "role": ("role", "speaker_role", "角色", "身份"),
}
_KINDS = {
    SpanKind.PRODUCT: ("product", "商品", "产品", "讲解"),
    SpanKind.SPEAKER: ("speaker", "说话人", "讲话人", "人员", "人"),
}
_ROLES = {
    SpeakerRole.STREAMER: ("streamer", "host", "anchor", "主播"),
    SpeakerRole.ASSISTANT: ("assistant", "助播", "助理", "副播", "场控", "中控"),
    SpeakerRole.VIEWER: ("viewer", "audience", "caller", "观众", "连麦观众", "用户"),
    SpeakerRole.AI: ("ai", "digital human", "数字人", "虚拟主播", "人工智能"),
    SpeakerRole.UNKNOWN: ("unknown", "未知", "不明", "不详"),
}
_CATEGORIES = {
    word.lower(): category for category in ProductCategory for word in (category.value, category.zh, category.en)
}
_CLOCK = re.compile(r"(?:(\d{1,3})[:：])?(\d{1,3})[:：](\d{1,2})(?:[.,](\d{1,3}))?")
_NUMBER = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|毫秒|s|秒)?", re.IGNORECASE)


def parse_timeline(raw: bytes, name: str) -> tuple[TimelineSpan, ...]:
    """Spans in order of time. Times: 1:02:03.5, 02:03, seconds, or milliseconds in columns from_ms and to_ms.

    `name` is only for the message; CSV or JSON is told by the content, Chinese column names are taken too.
    Raises: Invalid, which tells for each row and column what is wrong and what right looks like.
    """
    text = decode_text(raw).lstrip("\ufeff").strip()
    if not text:
        raise Invalid({"file": _("%(name)s is empty.", name=name)})
    rows = list(_from_json(text) if text[0] in "{[" else _from_csv(text))
    if not rows:
        raise Invalid({"file": _("There is no row in %(name)s below the column names.", name=name)})
    if len(rows) > SPANS_MAX:
        raise Invalid(
            {"file": _("%(name)s has more than %(most)s rows. Is it the right file?", name=name, most=SPANS_MAX)}
        )
    errors: list[str] = []
    spans = [(row, span) for row, cells in rows if (span := _Row(row, cells, errors).span()) is not None]
    errors += _overlaps(spans)
    if errors:
        more = len(errors) - ERRORS_SHOWN
        shown = errors[:ERRORS_SHOWN] + ([_("And %(count)s more.", count=more)] if more > 0 else [])
        raise Invalid({"file": "\n".join(shown)})
    return tuple(sorted((span for _row, span in spans), key=lambda span: (span.start_ms, span.kind, span.end_ms)))


def _from_csv(text: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows with their number in the file, the column names being row 1; empty rows are left out."""
    head = text.partition("\n")[0]
    delimiter = max(",;\t，", key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        names = [_column(cell) for cell in next(reader)]
        _check_columns(names, head)
        for row, cells in enumerate(reader, 2):
            if any(cell.strip() for cell in cells):
                yield row, {name: cell.strip() for name, cell in zip(names, cells, strict=False) if name}
    except csv.Error as error:
        raise Invalid(
            {"file": _("Line %(line)s can't be read as CSV: %(why)s", line=reader.line_num, why=str(error))}
        ) from error


def _from_json(text: str) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        told = json.loads(text)
    except RecursionError:
        raise Invalid({"file": _("This JSON is nested too deeply to be a timeline.")}) from None
    except ValueError as error:
        line = getattr(error, "lineno", 1)
        raise Invalid(
            {"file": _("Line %(line)s: this is not valid JSON (%(why)s).", line=line, why=str(error)[:80])}
        ) from error
    if isinstance(told, dict):
        told = told.get("timeline", told.get("spans"))
    if not isinstance(told, list):
        raise Invalid({"file": _('A timeline in JSON is a list, or an object with a list called "timeline".')})
    for row, item in enumerate(told, 1):
        if not isinstance(item, dict):
            example = '{"from": "00:01:00", "to": "00:05:00", "product": "…", "category": "food"}'
            raise Invalid({"file": _("Row %(row)s: write %(example)s.", row=row, example=example)})
        yield row, {column: _as_text(value) for key, value in item.items() if (column := _column(str(key)))}


def _as_text(value: Any) -> str:
    return "" if value is None or isinstance(value, list | dict | bool) else str(value).strip()


def _column(cell: str) -> str:
    word = cell.strip().strip("\ufeff").lower().replace(" ", "_")
    return next((column for column, names in _COLUMNS.items() if word in names), "")


def _check_columns(names: Sequence[str], head: str) -> None:
    for first, second in (("from", "from_ms"), ("to", "to_ms")):
        if first not in names and second not in names:
            raise Invalid(
                {
                    "file": _(
                        "The first line must name the columns, and “%(column)s” is not among them: %(head)s. "
                        "Write for example: from,to,product,category,speaker,role",
                        column=first,
                        head=head[:80],
                    )
                }
            )


class _Row:
    """One row on its way to a span; what is wrong is added to `errors`."""

    def __init__(self, row: int, cells: Mapping[str, str], errors: list[str]) -> None:
        self._row, self._cells, self._errors = row, cells, errors

    def span(self) -> TimelineSpan | None:
        """The span, or None when something was wrong."""
        before = len(self._errors)
        start_ms, end_ms = self._time("from"), self._time("to")
        kind = self._kind()
        category = self._category() if kind is SpanKind.PRODUCT else ""
        role = self._role() if kind is SpanKind.SPEAKER else ""
        if start_ms is not None and end_ms is not None and end_ms <= start_ms:
            self._wrong("to", _("the end must come after the start"))
        if len(self._errors) > before or start_ms is None or end_ms is None or kind is None:
            return None
        cells = self._cells
        label = cells.get("product" if kind is SpanKind.PRODUCT else "speaker") or cells.get("label", "")
        sku = cells.get("sku", "") if kind is SpanKind.PRODUCT else ""
        return TimelineSpan(kind, start_ms, end_ms, label[:LABEL_MAX], sku[:LABEL_MAX], category, role)

    def _wrong(self, column: str, why: str) -> None:
        self._errors.append(_("Row %(row)s, column “%(column)s”: %(why)s.", row=self._row, column=column, why=why))

    def _time(self, column: str) -> int | None:
        in_ms = self._cells.get(f"{column}_ms", "")
        text = in_ms or self._cells.get(column, "")
        if not text:
            self._wrong(column, _("the time is missing"))
            return None
        ms = time_ms(f"{text} ms" if in_ms else text)
        if ms is None or ms > LONGEST_MS:
            self._wrong(column, _("“%(text)s” is not a time like 1:02:03.5, 02:03 or 123 (seconds)", text=text[:40]))
            return None
        return ms

    def _kind(self) -> SpanKind | None:
        text = self._cells.get("kind", "").lower()
        if text:
            for kind, words in _KINDS.items():
                if text in words:
                    return kind
            self._wrong("kind", _("“%(text)s” is neither product nor speaker", text=text[:40]))
            return None
        product = any(self._cells.get(column) for column in ("product", "sku", "category"))
        speaker = any(self._cells.get(column) for column in ("speaker", "role"))
        if product == speaker:
            self._wrong("kind", _("say product or speaker, and give each a row of its own"))
            return None
        return SpanKind.PRODUCT if product else SpanKind.SPEAKER

    def _category(self) -> str:
        text = self._cells.get("category", "")
        if not text:
            return ""
        category = _CATEGORIES.get(text.lower())
        if category is not None:
            return category.value
        near = difflib.get_close_matches(text.lower(), _CATEGORIES, 1, 0.4)
        if near:
            self._wrong(
                "category",
                _(
                    "“%(text)s” is not known. Did you mean %(near)s?", text=text[:40], near=_CATEGORIES[near[0]].value
                ).rstrip("."),
            )
        else:
            known = "、".join(category.value for category in ProductCategory)
            self._wrong("category", _("“%(text)s” is not known. Write one of: %(known)s", text=text[:40], known=known))
        return ""

    def _role(self) -> str:
        text = self._cells.get("role", "").lower()
        if not text:
            return SpeakerRole.UNKNOWN.value
        for role, words in _ROLES.items():
            if text in words:
                return role.value
        self._wrong("role", _("“%(text)s” is not streamer, assistant, viewer, ai or unknown", text=text[:40]))
        return ""


def time_ms(text: str) -> int | None:
    """A time as people write it, in milliseconds: 1:02:03.5, 02:03, 123, 12.5 s, 1500 ms; None when it is none."""
    text = text.strip()
    if match := _CLOCK.fullmatch(text):
        hours, minutes, seconds, fraction = match.groups()
        if int(seconds) > 59 or (hours and int(minutes) > 59):
            return None
        whole = (int(hours or 0) * 60 + int(minutes)) * 60 + int(seconds)
        return whole * 1000 + int((fraction or "0").ljust(3, "0"))
    if (match := _NUMBER.fullmatch(text)) and len(match.group(1)) <= 15:
        in_ms = (match.group(2) or "").lower() in ("ms", "毫秒")
        return round(float(match.group(1)) * (1 if in_ms else 1000))
    return None


def _overlaps(spans: Sequence[tuple[int, TimelineSpan]]) -> list[str]:
    errors = []
    for kind in SpanKind:
        ordered = sorted((item for item in spans if item[1].kind is kind), key=lambda item: (item[1].start_ms, item[0]))
        for (first_row, first), (second_row, second) in pairwise(ordered):
            if second.start_ms < first.end_ms:
                errors.append(
                    _(
                        "Rows %(first)s and %(second)s overlap in time and are both of kind “%(kind)s”. Shorten one.",
                        first=first_row,
                        second=second_row,
                        kind=kind.value,
                    )
                )
    return errors
