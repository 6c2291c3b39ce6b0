"""Subtitles in and out: SRT, WebVTT, JSON of ours and of Whisper's. Parsers of our own: errors must name the line.

What is read is told by its content, never by the file's name.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from livequal.kernel.errors import Invalid
from livequal.kernel.i18n import gettext as _
from livequal.streams.rules import Segment

UNHEARD = "「没听清」"
CUES_MAX = 50_000
TEXT_MAX = 2_000
LONGEST_MS = 100 * 3_600_000

_TIME = r"(?:(\d{1,3}):)?(\d{1,2}):(\d{1,2})(?:[,.](\d{1,3}))?"
_ARROW = re.compile(rf"^\s*{_TIME}\s*-->\s*{_TIME}(?:\s.*)?$")
_VOICE = re.compile(r"<v(?:\.[^\s>]*)?\s+([^>]+)>", re.IGNORECASE)
_TAG = re.compile(r"</?[a-zA-Z0-9.:][^>]{0,200}>|\{\\[^}]{0,100}\}")


@dataclass(frozen=True, slots=True)
class Cue:
    """One subtitle: what is said from start_ms to end_ms, and by whom where the file tells."""

    start_ms: int
    end_ms: int
    text: str
    speaker: str = ""


def parse_subtitles(raw: bytes, name: str) -> tuple[Cue, ...]:
    """The cues in order of time; cues without text are left out. `name` is only for the message.

    A cue that JSON marks as unintelligible has the text UNHEARD.
    Raises: Invalid, which names the line and what right looks like.
    """
    text = decode_text(raw).lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    start = text.lstrip()
    if not start:
        raise _wrong(_("%(name)s is empty.", name=name))
    if start.lower().startswith("[script info]"):
        raise _wrong(_("%(name)s is an ASS file. Save it as SRT in your subtitle program and choose that.", name=name))
    found = _from_json(text) if start[0] in "{[" else _from_lines(text, web=start.startswith("WEBVTT"))
    cues = list(found)
    if not cues:
        raise _wrong(_("No subtitle was found in %(name)s. Choose an SRT, VTT or JSON file.", name=name))
    if len(cues) > CUES_MAX:
        raise _wrong(_("%(name)s has more than %(most)s subtitles. Is it the right file?", name=name, most=CUES_MAX))
    return tuple(sorted(cues, key=lambda cue: (cue.start_ms, cue.end_ms)))


def decode_text(raw: bytes) -> str:
    """Text in UTF-8, UTF-16 or GB18030 (what Chinese Windows writes).

    Raises: Invalid when it is none of these.
    """
    encodings = ["utf-8-sig", "gb18030"]
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ["utf-16"]
    elif raw[1:200:2].count(0) > len(raw[1:200:2]) // 3:
        encodings = ["utf-16-le"]
    elif raw[0:200:2].count(0) > len(raw[0:200:2]) // 3:
        encodings = ["utf-16-be"]
    for encoding in encodings:
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" not in text:
            return text
    raise _wrong(_("This is not a text file, or its encoding is unknown. Save it as UTF-8 and choose it again."))


def to_srt(segments: Iterable[Segment]) -> str:
    """SubRip; stretches that were not understood say UNHEARD."""
    blocks = [
        f"{number}\n{_clock(start, ',')} --> {_clock(end, ',')}\n{text}\n"
        for number, (start, end, text) in enumerate(_shown(segments), 1)
    ]
    return "\n".join(blocks)


def to_vtt(segments: Iterable[Segment]) -> str:
    """WebVTT; stretches that were not understood say UNHEARD."""
    blocks = [
        f"{_clock(start, '.')} --> {_clock(end, '.')}\n{html.escape(text, quote=False)}\n"
        for start, end, text in _shown(segments)
    ]
    return "\n".join(["WEBVTT\n", *blocks])


def to_txt(segments: Iterable[Segment]) -> str:
    """One line each: the time, and what was said."""
    return "".join(f"[{_clock(start, '.')[:8]}] {text}\n" for start, _end, text in _shown(segments))


def to_json(segments: Iterable[Segment]) -> str:
    """Everything that is known, in the shape that `flask transcribe` gives line by line."""
    return json.dumps({"segments": [segment_json(segment) for segment in segments]}, ensure_ascii=False, indent=1)


def segment_json(segment: Segment) -> dict[str, Any]:
    """One segment as it is told to other programs."""
    return {
        "start_ms": segment.start_ms,
        "end_ms": segment.end_ms,
        "text": segment.text,
        "words": [
            {"start_ms": w.start_ms, "end_ms": w.end_ms, "text": w.text, "probability": round(w.probability, 3)}
            for w in segment.words
        ],
        "avg_logprob": round(segment.avg_logprob, 3),
        "no_speech_prob": round(segment.no_speech_prob, 3),
        "unintelligible": segment.unintelligible,
    }


def _shown(segments: Iterable[Segment]) -> Iterator[tuple[int, int, str]]:
    """What a reader gets: words nobody may trust are not shown as if they had been said."""
    for segment in segments:
        text = UNHEARD if segment.unintelligible else " ".join(segment.text.split())
        if text and (segment.unintelligible or not segment.invented):
            yield segment.start_ms, max(segment.end_ms, segment.start_ms + 1), text


def _clock(ms: int, mark: str) -> str:
    seconds, ms = divmod(ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}{mark}{ms:03}"


def _wrong(message: str) -> Invalid:
    return Invalid({"file": message})


def _from_lines(text: str, *, web: bool) -> Iterator[Cue]:
    """SRT and VTT: blocks between empty lines; the time line decides where a cue begins."""
    lines = text.split("\n")
    at = 0
    while at < len(lines):
        line = lines[at]
        if web and (at == 0 or re.match(r"(?:NOTE|STYLE|REGION)\b", line)) and "-->" not in line:
            at = _after_block(lines, at)
            continue
        if "-->" in line:
            start_ms, end_ms = _times(line, at + 1)
            body, at = _body(lines, at + 1, web=web)
            cue = _cue(start_ms, end_ms, body)
            if cue is not None:
                yield cue
            continue
        if line.strip() and not _is_number(line) and not (web and _next_is_time(lines, at)):
            raise _wrong(
                _(
                    "Line %(line)s: a time like 00:01:02,500 --> 00:01:04,000 is missing before “%(text)s”.",
                    line=at + 1,
                    text=line.strip()[:40],
                )
            )
        at += 1


def _after_block(lines: Sequence[str], at: int) -> int:
    while at < len(lines) and lines[at].strip():
        at += 1
    return at


def _is_number(line: str) -> bool:
    return line.strip().isdigit()


def _next_is_time(lines: Sequence[str], at: int) -> bool:
    return at + 1 < len(lines) and "-->" in lines[at + 1]


def _body(lines: Sequence[str], at: int, *, web: bool) -> tuple[list[str], int]:
    """The text lines of a cue, and where to go on. An empty line inside the text of an SRT is forgiven."""
    body: list[str] = []
    while at < len(lines):
        line = lines[at]
        if "-->" in line:
            break
        if not line.strip() and (web or _starts_cue(lines, at + 1)):
            break
        if _is_number(line) and _next_is_time(lines, at):
            break
        body.append(line)
        at += 1
    return body, at


def _starts_cue(lines: Sequence[str], at: int) -> bool:
    while at < len(lines) and not lines[at].strip():
        at += 1
    return at >= len(lines) or "-->" in lines[at] or (_is_number(lines[at]) and _next_is_time(lines, at))


def _times(line: str, number: int) -> tuple[int, int]:
    match = _ARROW.match(line)
    if match is None:
        raise _wrong(
            _(
                "Line %(line)s: “%(text)s” is not a time. Write it like 00:01:02,500 --> 00:01:04,000.",
                line=number,
                text=line.strip()[:40],
            )
        )
    groups = match.groups()
    start_ms, end_ms = _ms(groups[:4]), _ms(groups[4:])
    _check_order(start_ms, end_ms, _("Line %(line)s", line=number))
    return start_ms, end_ms


def _check_order(start_ms: int, end_ms: int, where: str) -> None:
    if start_ms < 0 or end_ms <= start_ms:
        raise _wrong(_("%(where)s: the subtitle ends before it starts. The second time must be later.", where=where))
    if end_ms > LONGEST_MS:
        raise _wrong(_("%(where)s: the time lies beyond 100 hours. Are the units right?", where=where))


def _ms(parts: Sequence[str | None]) -> int:
    hours, minutes, seconds, fraction = parts
    whole = (int(hours or 0) * 60 + int(minutes or 0)) * 60 + int(seconds or 0)
    return whole * 1000 + int((fraction or "0").ljust(3, "0"))


def _cue(start_ms: int, end_ms: int, body: Sequence[str]) -> Cue | None:
    joined = " ".join(line.strip() for line in body if line.strip())
    voice = _VOICE.search(joined)
    text = " ".join(html.unescape(_TAG.sub("", joined)).split())[:TEXT_MAX]
    return Cue(start_ms, end_ms, text, html.unescape(voice.group(1)).strip()[:100] if voice else "") if text else None


def _from_json(text: str) -> Iterator[Cue]:
    for number, item in enumerate(_items(text), 1):
        where = _("Subtitle %(number)s", number=number)
        if not isinstance(item, dict):
            raise _wrong(_('%(where)s: write {"start_ms": 0, "end_ms": 1500, "text": "…"}.', where=where))
        start_ms, end_ms = (_json_time(item, name, where) for name in ("start", "end"))
        said = UNHEARD if item.get("unintelligible") is True else item.get("text")
        if not isinstance(said, str):
            raise _wrong(_('%(where)s: "text" is missing.', where=where))
        said = " ".join(said.split())[:TEXT_MAX]
        if said:
            _check_order(start_ms, end_ms, where)
            yield Cue(start_ms, end_ms, said, str(item.get("speaker") or "")[:100])


def _items(text: str) -> list[Any]:
    """The list inside: plain, under `segments` (Whisper, ours), or one object a line."""
    try:
        told = json.loads(text)
    except RecursionError:
        raise _wrong(_("This JSON is nested too deeply to be subtitles.")) from None
    except ValueError as error:
        lines = [line for line in text.split("\n") if line.strip()]
        try:
            if len(lines) > 1:
                return [json.loads(line) for line in lines]
        except ValueError:
            pass
        line = getattr(error, "lineno", 1)
        raise _wrong(_("Line %(line)s: this is not valid JSON (%(why)s).", line=line, why=str(error)[:80])) from error
    if isinstance(told, dict):
        single = [told] if "text" in told and ("start_ms" in told or "start" in told) else None
        told = told.get("segments", told.get("cues", single))
    if not isinstance(told, list):
        raise _wrong(_('Subtitles in JSON are a list, or an object with a list called "segments".'))
    return told


def _json_time(item: dict[str, Any], name: str, where: str) -> int:
    """`start_ms` counts milliseconds, `start` seconds; `start` may also be written like 00:01:02.500."""
    value = item.get(f"{name}_ms")
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LONGEST_MS:
        return round(value)
    value = item.get(name)
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LONGEST_MS:
        return round(value * 1000)
    if isinstance(value, str) and (match := re.fullmatch(_TIME, value.strip())):
        return _ms(match.groups())
    raise _wrong(
        _(
            '%(where)s: "%(name)s_ms" (milliseconds) or "%(name)s" (seconds) is missing or not a time.',
            where=where,
            name=name,
        )
    )
