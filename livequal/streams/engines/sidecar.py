"""Subtitles that lie beside the media instead of recognition."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from livequal.kernel.i18n import gettext as _
from livequal.streams.engines.errors import Cancelled, NotSpeech
from livequal.streams.engines.text import letters
from livequal.streams.rules import Segment, Window, Word
from livequal.streams.subtitles import Cue, parse_subtitles

SUFFIXES = (".srt", ".vtt", ".json")
_CUES_PER_WINDOW = 200
_UNHEARD = re.compile(r"[\[(（「【]\s*(?:没听清|听不清|unintelligible|inaudible)\s*[\])）」】]", re.IGNORECASE)


class Sidecar:
    """Reads `subtitles`, or the file with the sound's stem and one of SUFFIXES.

    A subtitle has no word times: characters share the time of their cue evenly, with probability 1.
    """

    engine = "sidecar"
    model = "subtitles"
    version = "sidecar 1"

    def __init__(self, subtitles: Path | None = None) -> None:
        self._subtitles = subtitles

    def transcribe(
        self, audio: Path, *, skip_windows: int = 0, cancelled: Callable[[], bool] | None = None
    ) -> Iterator[Window]:
        """See Transcriber.transcribe. Raises: NotSpeech when there are none, Invalid when they can't be read."""
        path = self._subtitles or beside(audio)
        if path is None:
            raise NotSpeech(
                _(
                    "There are no subtitles beside %(name)s. Put %(stem)s.srt, .vtt or .json there.",
                    name=audio.name,
                    stem=audio.stem,
                )
            )
        windows = windows_of(parse_subtitles(path.read_bytes(), path.name))
        for window in windows[skip_windows:]:
            if cancelled is not None and cancelled():
                raise Cancelled
            yield window


def beside(media: Path) -> Path | None:
    """The subtitle file with the media's stem, if there is one."""
    return next((path for suffix in SUFFIXES if (path := media.with_suffix(suffix)).is_file()), None)


def windows_of(cues: Sequence[Cue]) -> list[Window]:
    """Cues as windows of segments, in order of time."""
    if not cues:
        return []
    ordered = sorted(cues, key=lambda cue: (cue.start_ms, cue.end_ms))
    starts = list(range(0, len(ordered), _CUES_PER_WINDOW))
    groups = [ordered[start : start + _CUES_PER_WINDOW] for start in starts]
    borders = [0, *(group[0].start_ms for group in groups[1:]), max(cue.end_ms for cue in ordered)]
    return [
        Window(index, len(groups), start, end, tuple(_segment(cue) for cue in group))
        for index, (group, (start, end)) in enumerate(zip(groups, pairwise(borders), strict=True))
    ]


def _segment(cue: Cue) -> Segment:
    """A cue as a segment; what its writer marked as unheard keeps the mark and loses the words."""
    text = " ".join(cue.text.split())
    if _UNHEARD.search(text) or not letters(text):
        return Segment(cue.start_ms, cue.end_ms, "", unintelligible=True)
    return Segment(cue.start_ms, cue.end_ms, text, _words(text, cue.start_ms, cue.end_ms))


def _words(text: str, start_ms: int, end_ms: int) -> tuple[Word, ...]:
    """One word per character, Latin words and numbers whole; punctuation goes with the word before it."""
    words: list[str] = []
    for letter in text:
        inside = letter.isascii() and letter.isalnum() and words and words[-1][-1].isascii() and words[-1][-1].isalnum()
        if words and (inside or not letter.isalnum() or not letters(words[-1])):
            words[-1] += letter
        else:
            words.append(letter)
    step = (end_ms - start_ms) / len(words)
    return tuple(
        Word(round(start_ms + i * step), round(start_ms + (i + 1) * step), word, 1.0) for i, word in enumerate(words)
    )
