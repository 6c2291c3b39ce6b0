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

VERSION = "r1"

_SPLIT_MS = 1000
_LONGEST_CHARACTER_S = 0.6
_SLACK_S = 0.35
_MISSED_VOICED_S = 1.0


@dataclass(frozen=True, slots=True)
class Piece:
    """One segment as an engine gave it. Times in seconds inside the sound it was given."""

    words: tuple[tuple[float, float, str, float], ...]
    avg_logprob: float
    no_speech_prob: float
    compression_ratio: float


Hear = Callable[["Samples"], Sequence[Piece]]


class Reel:
    """The stretches of one window set end to end, and the way back to the recording."""

    def __init__(self, stretches: Sequence[tuple[int, int]]) -> None:
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

    def place(self, start_s: float, end_s: float) -> tuple[int, int]:
        """Sample positions in the recording of one word, kept inside the stretch its middle lies in."""
        which = self.stretch_at((start_s + end_s) / 2)
        first, last = self.stretches[which]
        shift = first - self._offsets[which]
        start = min(max(first, round(start_s * RATE) + shift), last)
        return start, min(max(start, round(end_s * RATE) + shift), last)


def recognise(plan: Plan, count: int, sounds: Sequence[Samples], heard: Heard, hear: Hear) -> Window:
    """The window's segments, marked. `sounds` are the samples of `plan.speech`, one array each."""
    segments: list[Segment] = []
    if plan.speech:
        segments, passed_over = _heard(plan.speech, sounds, heard, hear)
        if passed_over:
            again = [_slice(plan.speech, sounds, stretch) for stretch in passed_over]
            more, still = _heard(passed_over, again, heard, hear)
            segments = sorted([*segments, *more, *_unheard(still)], key=lambda segment: segment.start_ms)
    segments = doubt.mark(segments, heard, plan)
    return Window(plan.index, count, plan.start_ms, plan.end_ms, tuple(segments))


def _heard(
    stretches: Sequence[tuple[int, int]], sounds: Sequence[Samples], heard: Heard, hear: Hear
) -> tuple[list[Segment], list[tuple[int, int]]]:
    """What one pass recognised, and the stretches with a voice that it passed over."""
    reel = Reel(stretches)
    pieces = hear(reel.cut(sounds))
    spoken = [_placed(reel, word, number) for number, piece in enumerate(pieces) for word in piece.words]
    covered = [_coverage(word) for word in spoken]
    return list(_segments(pieces, write_out(spoken))), _passed_over(stretches, covered, heard)


def _placed(reel: Reel, word: tuple[float, float, str, float], piece: int) -> Spoken:
    start, end = reel.place(word[0], word[1])
    return Spoken(start // SAMPLES_PER_MS, end // SAMPLES_PER_MS, word[2], word[3], piece)


def _coverage(word: Spoken) -> tuple[int, int]:
    """What a word accounts for, in samples: a drawn-out word may hide speech that was passed over."""
    longest = round(max(1, letters(word.text)) * _LONGEST_CHARACTER_S * 1000)
    slack = round(_SLACK_S * 1000)
    end_ms = min(word.end_ms, word.start_ms + longest)
    return (word.start_ms - slack) * SAMPLES_PER_MS, (end_ms + slack) * SAMPLES_PER_MS


def _passed_over(
    stretches: Sequence[tuple[int, int]], covered: Sequence[tuple[int, int]], heard: Heard
) -> list[tuple[int, int]]:
    missed: list[tuple[int, int]] = []
    for stretch in stretches:
        for start, end in _uncovered(stretch, covered):
            voiced = int(np.count_nonzero(heard.voice[start // FRAME : -(-end // FRAME)] >= 0.5))
            if voiced * FRAME >= _MISSED_VOICED_S * RATE:
                missed.append((start, end))
    return missed


def _uncovered(stretch: tuple[int, int], covered: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    position, last = stretch
    for start, end in sorted(covered):
        if end <= position or start >= last:
            continue
        if start > position:
            yield position, start
        position = max(position, end)
    if position < last:
        yield position, last


def _slice(stretches: Sequence[tuple[int, int]], sounds: Sequence[Samples], wanted: tuple[int, int]) -> Samples:
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


def _unheard(stretches: Sequence[tuple[int, int]]) -> Iterator[Segment]:
    for start, end in stretches:
        yield Segment(start // SAMPLES_PER_MS, end // SAMPLES_PER_MS, "", unintelligible=True)
