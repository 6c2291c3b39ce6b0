"""One window of a recording through one engine: hear, hear again what was passed over, put it in place, mark it.

The engines differ in `Hear` alone. Times inside a window's sound run over its stretches of speech set end to end;
`Reel` puts them back into the recording.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from livequal.streams.engines import doubt
from livequal.streams.engines.audio import RATE, SAMPLES_PER_MS
from livequal.streams.engines.text import Spoken, letters, write_out
from livequal.streams.engines.windows import FRAME, Heard, Plan
from livequal.streams.rules import Segment, Window, Word

if TYPE_CHECKING:
    from livequal.streams.engines.audio import Samples

VERSION = "r5"

_SPLIT_MS = 1000
_LONGEST_CHARACTER_S = 0.6
_SLACK_S = 0.35
_STRAY_S = 0.5
_CERTAIN = 0.70
_SURER_BY = 0.03
_CHARACTERS_PER_S = 4.5
_MISSED_VOICED_S = 1.0


Stretch = tuple[int, int]
"""First and past-the-last sample in the recording."""

HeardWord = tuple[float, float, str, float]
"""Start and end in seconds inside the sound an engine was given, text, probability 0–1."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One segment as an engine gave it."""

    words: tuple[HeardWord, ...]
    avg_logprob: float
    no_speech_prob: float
    compression_ratio: float


Hear = Callable[["Samples"], Sequence[Piece]]


@dataclass(frozen=True, slots=True)
class Reading:
    """What one hearing gave, and the stretches with a voice that it passed over."""

    segments: tuple[Segment, ...]
    passed_over: tuple[Stretch, ...]

    @property
    def certainty(self) -> float:
        """Mean word probability by character, 0–1; what was passed over counts as words that are surely wrong."""
        weights = [letters(segment.text) for segment in self.segments]
        sure = sum(w * doubt.sureness(segment) for w, segment in zip(weights, self.segments, strict=True))
        missing = sum(end - start for start, end in self.passed_over) / RATE * _CHARACTERS_PER_S
        return sure / (sum(weights) + missing) if weights or missing else 0.0


class Reel:
    """The stretches of one window set end to end, and the way back to the recording."""

    def __init__(self, stretches: Sequence[Stretch]) -> None:
        self.stretches = tuple(stretches)
        lengths = [end - start for start, end in self.stretches]
        self._offsets = [0, *np.cumsum(lengths).tolist()]

    def cut(self, sounds: Sequence[Samples]) -> Samples:
        """The sounds of the stretches as one."""
        return np.concatenate(list(sounds)) if sounds else np.zeros(0, dtype=np.float32)

    def stretch_at(self, seconds: float) -> int:
        """Which stretch a moment of the reel lies in; what is past the end belongs to the last."""
        place = int(np.searchsorted(self._offsets[1:], seconds * RATE, side="right"))
        return min(place, len(self.stretches) - 1)

    def stretches_of(self, words: Sequence[HeardWord]) -> list[int]:
        """Which stretch each word of a piece was spoken in.

        Whisper places the first and last word of a piece only roughly: one that strays over a joint comes back.
        """
        places = [self.stretch_at((start + end) / 2) for start, end, _text, _probability in words]
        if not places:
            return places
        lead = next((i for i, place in enumerate(places) if place != places[0]), len(places))
        if lead < len(places) and self._offsets[places[0] + 1] / RATE - words[0][0] < _STRAY_S:
            places[:lead] = [places[lead]] * lead
        tail = next((i for i, place in enumerate(reversed(places)) if place != places[-1]), len(places))
        if tail < len(places) and words[-1][1] - self._offsets[places[-1]] / RATE < _STRAY_S:
            places[-tail:] = [places[-tail - 1]] * tail
        return places

    def place(self, start_s: float, end_s: float, which: int) -> tuple[int, int]:
        """Sample positions in the recording of one word, kept inside its stretch."""
        first, last = self.stretches[which]
        shift = first - self._offsets[which]
        start = min(max(first, round(start_s * RATE) + shift), last)
        return start, min(max(start, round(end_s * RATE) + shift), last)


def recognise(plan: Plan, count: int, sounds: Sequence[Samples], heard: Heard, hear: Hear) -> Window:
    """The window's segments, marked. `sounds` are the samples of `plan.speech`, one array each.

    Whisper stops early now and then and passes over what follows, however clear it is: that is heard again, first
    together, then each stretch alone. What still has a voice and no words is marked.
    """

    def listen_to(stretches: Sequence[Stretch]) -> Reading:
        if not stretches:
            return Reading((), ())
        parts = [_slice(plan.speech, sounds, stretch) for stretch in stretches]
        return _heard(stretches, parts, heard, hear)

    first = listen_to(plan.speech)
    for cut in plan.closer:
        if first.certainty < _CERTAIN:
            again = listen_to(cut)
            first = again if again.certainty > first.certainty + _SURER_BY else first
    second = listen_to(first.passed_over)
    alone = [listen_to([stretch]) for stretch in second.passed_over]
    readings = [first, second, *alone]
    segments = [segment for reading in readings for segment in reading.segments]
    segments.extend(_unheard([stretch for reading in alone for stretch in reading.passed_over]))
    scene = doubt.Scene(plan.start_ms, plan.end_ms, heard.voice, heard.level_db, heard.speech_db)
    in_order = sorted(segments, key=lambda segment: (segment.start_ms, segment.end_ms))
    return Window(plan.index, count, plan.start_ms, plan.end_ms, tuple(doubt.mark(in_order, scene)))


def _heard(stretches: Sequence[Stretch], sounds: Sequence[Samples], heard: Heard, hear: Hear) -> Reading:
    reel = Reel(stretches)
    pieces = hear(reel.cut(sounds))
    spoken = [word for number, piece in enumerate(pieces) for word in _placed(reel, piece.words, number)]
    covered = [_coverage(word) for word in spoken]
    segments = tuple(_segments(pieces, write_out(spoken)))
    return Reading(segments, tuple(_passed_over(stretches, covered, heard)))


def _placed(reel: Reel, words: Sequence[HeardWord], piece: int) -> Iterator[Spoken]:
    for (start_s, end_s, text, probability), which in zip(words, reel.stretches_of(words), strict=True):
        start, end = reel.place(start_s, end_s, which)
        yield Spoken(start // SAMPLES_PER_MS, end // SAMPLES_PER_MS, text, round(probability, 4), piece)


def _coverage(word: Spoken) -> Stretch:
    """What a word accounts for, in samples: a drawn-out word may hide speech that was passed over."""
    longest = round(max(1, letters(word.text)) * _LONGEST_CHARACTER_S * 1000)
    slack = round(_SLACK_S * 1000)
    end_ms = min(word.end_ms, word.start_ms + longest)
    return (word.start_ms - slack) * SAMPLES_PER_MS, (end_ms + slack) * SAMPLES_PER_MS


def _passed_over(stretches: Sequence[Stretch], covered: Sequence[Stretch], heard: Heard) -> list[Stretch]:
    missed: list[Stretch] = []
    for stretch in stretches:
        for start, end in _uncovered(stretch, covered):
            voiced = int(np.count_nonzero(heard.voice[start // FRAME : -(-end // FRAME)] >= 0.5))
            if voiced * FRAME >= _MISSED_VOICED_S * RATE:
                missed.append((start, end))
    return missed


def _uncovered(stretch: Stretch, covered: Sequence[Stretch]) -> Iterator[Stretch]:
    position, last = stretch
    for start, end in sorted(covered):
        if end <= position or start >= last:
            continue
        if start > position:
            yield position, start
        position = max(position, end)
    if position < last:
        yield position, last


def _slice(stretches: Sequence[Stretch], sounds: Sequence[Samples], wanted: Stretch) -> Samples:
    for (start, end), sound in zip(stretches, sounds, strict=True):
        if start <= wanted[0] and wanted[1] <= end:
            return sound[wanted[0] - start : wanted[1] - start]
    raise ValueError("a stretch outside the window was asked for")


def _segments(pieces: Sequence[Piece], written: Sequence[Spoken]) -> Iterator[Segment]:
    """The pieces as segments, cut too where the recording is silent for a second although the reel is not."""
    cuts = [0]
    for place, (left, right) in enumerate(pairwise(written), 1):
        if right.piece != left.piece or right.start_ms - left.end_ms >= _SPLIT_MS:
            cuts.append(place)
    for first, last in pairwise([*cuts, len(written)]):
        words = written[first:last]
        text = "".join(word.text for word in words).strip()
        if not letters(text):
            continue
        piece = pieces[words[0].piece]
        yield Segment(
            start_ms=words[0].start_ms,
            end_ms=words[-1].end_ms,
            text=text,
            words=tuple(Word(w.start_ms, w.end_ms, w.text, w.probability) for w in words),
            avg_logprob=piece.avg_logprob,
            no_speech_prob=piece.no_speech_prob,
            compression_ratio=piece.compression_ratio,
        )


def _unheard(stretches: Sequence[Stretch]) -> Iterator[Segment]:
    for start, end in stretches:
        yield Segment(start // SAMPLES_PER_MS, end // SAMPLES_PER_MS, "", unintelligible=True)
