"""Text as the rules see it, with an exact map back to the characters that were given.

Width, traditional and variant characters, case and punctuation change one for one. What is dropped (invisible
characters, separators and emoji inside words, a character said three times or more) is remembered by its place.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache

from opencc import OpenCC

# Reviewed: characters that stand for another by their shape, or by sound where the written one has no other use here.
_VARIANTS = {
    "蕞": "最", "嘬": "最", "朂": "最", "囯": "国", "囻": "国", "癍": "斑", "苐": "第", "芣": "不", "仼": "任",
    "溦": "微", "伩": "信", "疒": "病", "洐": "行", "钅": "金", "浄": "净",
    "攺": "改", "亇": "个", "冇": "没", "咗": "了", "唔": "不", "嘅": "的", "睇": "看", "俾": "给", "喺": "在",
    "➕": "加", "🈲": "禁", "🈚": "无", "🉑": "可", "🈶": "有", "🈵": "满", "🆓": "免", "🥇": "冠", "💊": "药",
    "💉": "针", "🚬": "烟", "🍷": "酒", "🛰": "微", "📡": "微", "🐧": "q", "💰": "钱", "💯": "百", "〇": "零",
    "ｏ": "o", "＋": "+", "Ⅴ": "v", "√": "v", "ν": "v", "∨": "v", "ⅴ": "v", "Х": "x", "х": "x", "×": "x",
}  # fmt: skip
# Of these the ones that nobody writes by accident.
EVASIVE = frozenset("蕞嘬朂囯囻癍苐芣仼溦伩疒洐钅浄")
_PUNCTUATION = {
    ",": "，", "!": "！", "?": "？", ";": "；", ":": "：", "(": "（", ")": "）", "｡": "。", "､": "、", "…": "，",
    "\n": "。", "\r": "。", "\t": " ", "\u3000": " ", "\u00a0": " ", "“": "「", "”": "」", '"': "「", "'": "「",
    "‘": "「", "’": "」", "『": "「", "』": "」", "～": "~", "〜": "~", "—": "-", "–": "-", "﹣": "-",
    "•": "·", "・": "·",    "‧": "·", "∙": "·", "▪": "·", "●": "·", "★": "·", "☆": "·", "◆": "·", "％": "%", "﹪": "%",
}  # fmt: skip
_HAN = "\u3400-\u4dbf\u4e00-\u9fff"
_EMOJI = "\u2190-\u27bf\u2900-\u2bff\U0001f000-\U0001faff"
_INVISIBLE = "\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufe00-\ufe0f\ufeff\u20e3\u3164\U000e0000-\U000e007f"
_MARKS = r"·*_~\-/|\\+#^`=.<>\[\]{}「」"
# Anything in a text that might have to be dropped; most texts have none and pass without a map.
_TROUBLE = re.compile(
    rf"[{_INVISIBLE}]|[{_EMOJI}]|(?<=[{_HAN}a-z])[{_MARKS} ]|([{_HAN}])\1\1|[{_HAN}][，、。][{_HAN}][，、。]"
)
_INVISIBLE_RUN = re.compile(rf"[{_INVISIBLE}]+")
_EMOJI_INSIDE = re.compile(rf"(?<=[{_HAN}])[{_EMOJI}]+(?=[{_HAN}a-z])")
_MARK_INSIDE = re.compile(rf"(?<=[{_HAN}])[{_MARKS}]+(?=[{_HAN}])|(?<=[a-z])[{_MARKS} ](?=[a-z](?![a-z]))")
_SPACE_MIXED = re.compile(rf"(?<=[{_HAN}]) +(?=[a-z])|(?<=[a-z]) +(?=[{_HAN}])")
_SPACE_INSIDE = re.compile(rf"(?<=[{_HAN}]) +(?=[{_HAN}])")
_SPELLED_OUT = re.compile(rf"(?<![{_HAN}])[{_HAN}](?:([，、。 ])[{_HAN}](?![{_HAN}])){{2,}}")
_REPEATED = re.compile(rf"([{_HAN}])\1{{2,}}")
_HAN_RUN_BEFORE = re.compile(rf"[{_HAN}]{{1,3}}$")
_HAN_RUN_AFTER = re.compile(rf"[{_HAN}]{{1,3}}")


@dataclass(frozen=True, slots=True)
class Normalised:
    """`text` as the rules see it; `places[i]` is where character i stood, None when nothing moved."""

    text: str
    places: tuple[int, ...] | None

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The half-open span in the original text of the half-open, non-empty span in the normalised one."""
        if self.places is None:
            return start, end
        return self.places[start], self.places[end - 1] + 1


@cache
def character_table() -> dict[int, str]:
    """Every one-for-one replacement, by code point."""
    table: dict[int, str] = {}
    codes = [*range(0x2460, 0x2500), *range(0x3200, 0x3400), *range(0xFF00, 0xFFF0)]
    codes += [*range(0x1D400, 0x1D800), *range(0x1F100, 0x1F170), *range(0x2100, 0x2190), *range(0x41, 0x5B)]
    for code in codes:
        plain = unicodedata.normalize("NFKC", chr(code)).lower().strip("()")
        if len(plain) == 1 and plain != chr(code):
            table[code] = plain
    han = "\n".join(chr(code) for code in (*range(0x3400, 0x4DC0), *range(0x4E00, 0xA000)))
    simplified = OpenCC("t2s").convert(han)
    if len(simplified) == len(han):
        table.update({ord(a): b for a, b in zip(han, simplified, strict=True) if a != b})
    for code in range(0xD800, 0xE000):
        table[code] = "\ufffd"
    for changes in (_PUNCTUATION, _VARIANTS):
        table.update({ord(a): b for a, b in changes.items()})
    for code, plain in list(table.items()):
        table[code] = _PUNCTUATION.get(plain, plain)
    # A character that is not in the table costs an exception inside translate(): name the usual ones as themselves.
    for code in (
        *range(0x20, 0x7F),
        *range(0x3000, 0x3020),
        *range(0x4E00, 0xA000),
        0xFF01,
        0xFF0C,
        0xFF1A,
        0xFF1B,
        0xFF1F,
    ):
        table.setdefault(code, chr(code))
    return table


def normalise(text: str) -> Normalised:
    """What the rules read, and the way back."""
    plain = text.translate(character_table())
    if _TROUBLE.search(plain) is None:
        return Normalised(plain, None)
    dropped = bytearray(len(plain))
    for pattern in (_INVISIBLE_RUN, _EMOJI_INSIDE, _MARK_INSIDE, _SPACE_MIXED):
        for match in pattern.finditer(plain):
            _drop(dropped, match.start(), match.end())
    for match in _SPACE_INSIDE.finditer(plain):
        if _inside_a_word(plain, match.start(), match.end()):
            _drop(dropped, match.start(), match.end())
    for match in _SPELLED_OUT.finditer(plain):
        for place in range(match.start() + 1, match.end(), 2):
            dropped[place] = 1
    for match in _REPEATED.finditer(plain):
        _drop(dropped, match.start() + 1, match.end())
    if not any(dropped):
        return Normalised(plain, None)
    places = tuple(place for place, gone in enumerate(dropped) if not gone)
    return _without_new_repeats("".join(plain[place] for place in places), places)


def _without_new_repeats(text: str, places: tuple[int, ...]) -> Normalised:
    """最 最 最 becomes 最最最 when its spaces go, and then 最."""
    if _REPEATED.search(text) is None:
        return Normalised(text, places)
    keep = bytearray(b"\x01" * len(text))
    for match in _REPEATED.finditer(text):
        for place in range(match.start() + 1, match.end()):
            keep[place] = 0
    kept = [place for place, stays in enumerate(keep) if stays]
    return Normalised("".join(text[place] for place in kept), tuple(places[place] for place in kept))


def _drop(dropped: bytearray, start: int, end: int) -> None:
    for place in range(start, end):
        dropped[place] = 1


def _inside_a_word(text: str, start: int, end: int) -> bool:
    """A space is noise beside a run of one or two characters, and a border between phrases otherwise."""
    before = _HAN_RUN_BEFORE.search(text, max(0, start - 3), start)
    after = _HAN_RUN_AFTER.match(text, end)
    return (before is not None and len(before.group()) <= 2) or (after is not None and len(after.group()) <= 2)
