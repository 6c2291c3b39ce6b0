"""From what Whisper writes to what livequal shows: simplified characters, full-width punctuation, word by word."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opencc import OpenCC

VERSION = "t1"
"""Changes whenever the same words would be written differently: part of what pins a result."""

_WIDE = str.maketrans({",": "，", ".": "。", "?": "？", "!": "！", ":": "：", ";": "；", "､": "、", "｡": "。"})
_MARKS = "，。？！：；、…"
_SENTENCE_PAUSE_MS = 700


@dataclass(frozen=True, slots=True)
class Spoken:
    """One word as the engine heard it, with its times in the recording; a leading space in `text` is a boundary.

    `piece` numbers what the engine gave as one piece: another number is a boundary too.
    """

    start_ms: int
    end_ms: int
    text: str
    probability: float
    piece: int = 0


def write_out(words: Sequence[Spoken]) -> list[Spoken]:
    """The words as they are shown: simplified, full-width punctuation at the pauses, none empty.

    Every word keeps its times and probability, and the text of a segment is its words joined.
    """
    texts = _cleaned(simplify([word.text for word in words]))
    written: list[Spoken] = []
    for word, text in zip(words, texts, strict=True):
        bare = text.strip()
        if not bare:
            continue
        if all(c in _MARKS for c in bare):
            _append(written, bare)
            continue
        if written:
            spaced = text != text.lstrip()
            _join(written, word, bare, spaced=spaced)
            if spaced and _latin(written[-1].text[-1]) and _latin(bare[0]):
                bare = f" {bare}"
        written.append(replace(word, text=bare))
    if written and written[-1].text[-1] not in _MARKS:
        _append(written, _closing(written[-1].text, pause_ms=_SENTENCE_PAUSE_MS))
    return written


def simplify(texts: Sequence[str]) -> list[str]:
    """Traditional to simplified characters over word borders, each word keeping its place."""
    joined = "".join(texts)
    converted = _converter().convert(joined)
    if len(converted) != len(joined):
        return [str(_converter().convert(text)) for text in texts]
    simplified, position = [], 0
    for text in texts:
        simplified.append(converted[position : position + len(text)])
        position += len(text)
    return simplified


def letters(text: str) -> int:
    """How many characters, letters and digits a text has, without punctuation and spaces."""
    return sum(c.isalnum() for c in text)


@cache
def _converter() -> OpenCC:
    from opencc import OpenCC

    return OpenCC("t2s")


def _cleaned(texts: Sequence[str]) -> list[str]:
    """Punctuation made full-width except inside numbers and Latin words; broken characters dropped."""
    joined = "".join(texts)
    wide = [_widened(joined, place) for place in range(len(joined))]
    cleaned, position = [], 0
    for text in texts:
        cleaned.append("".join(wide[position : position + len(text)]))
        position += len(text)
    return cleaned


def _widened(text: str, place: int) -> str:
    letter = text[place]
    if letter == "\ufffd":
        return ""
    before, after = text[place - 1 : place], text[place + 1 : place + 2]
    if letter in ",.:" and _latin(before) and _latin(after):
        return letter
    return letter.translate(_WIDE)


def _latin(letter: str) -> bool:
    return letter.isascii() and letter.isalnum()


def _append(written: list[Spoken], marks: str) -> None:
    if written and written[-1].text[-1] not in _MARKS:
        written[-1] = replace(written[-1], text=written[-1].text + marks[0])


def _join(written: list[Spoken], following: Spoken, text: str, *, spaced: bool) -> None:
    """Close the last written word with the mark that the boundary and the pause after it call for."""
    last = written[-1]
    pause_ms = following.start_ms - last.end_ms
    if not (spaced or following.piece != last.piece or pause_ms >= _SENTENCE_PAUSE_MS):
        return
    if following.piece == last.piece and _latin(last.text[-1]) and _latin(text[0]):
        return
    _append(written, _closing(last.text, pause_ms=pause_ms))


def _closing(text: str, *, pause_ms: int) -> str:
    if text.endswith("吗"):
        return "？"
    return "。" if pause_ms >= _SENTENCE_PAUSE_MS else "，"
