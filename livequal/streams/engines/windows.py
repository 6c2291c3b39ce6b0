"""Cutting a recording into windows of recognition. The borders depend on the samples alone.

A frame is 512 samples (32 ms). The voice detector (Silero, which comes with faster-whisper) gives each frame a
probability of speech; frames become stretches of speech, stretches become windows of at most 28 s of speech.
What lies between the stretches is not recognised, so that nothing is invented on silence and music.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from livequal.streams.engines.audio import RATE, SAMPLES_PER_MS, read_blocks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    Frames = NDArray[np.float32]
    Stretch = tuple[int, int]

VERSION = "w3"
"""Changes whenever the same file would get other borders: part of what pins a result."""

FRAME = 512
_CONTEXT = 64
_BLOCK_FRAMES = 1024

_ON, _OFF = 0.5, 0.35
_PAUSE_MS = 300
_SHORTEST_MS = 100
_PAD_MS, _CLOSER_PADS_MS = 500, (300,)
_LONGEST_S = 28
_EARLIEST_CUT_S = 18
_LONGEST_GAP_S = 30


@dataclass(frozen=True, slots=True)
class Heard:
    """What the voice detector says per frame: `voice` 0–1, `level_db` relative to full scale (-120 is silence).

    `speech_db` is the median level of the frames with a voice, None where there are none.
    """

    samples: int
    voice: Frames
    level_db: Frames
    speech_db: float | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """One window to be recognised: [start, end) tiles the recording, `speech` lies inside. All in samples.

    `closer` is the same speech cut closer: less of what surrounds it, for a second opinion.
    """

    index: int
    start: int
    end: int
    speech: tuple[tuple[int, int], ...]
    closer: tuple[tuple[tuple[int, int], ...], ...] = ()

    @property
    def start_ms(self) -> int:
        """Where the window starts in the recording."""
        return self.start // SAMPLES_PER_MS

    @property
    def end_ms(self) -> int:
        """Where it ends."""
        return self.end // SAMPLES_PER_MS


def listen(audio: Path, *, cancelled: Callable[[], bool] | None = None) -> Heard:
    """Run the voice detector once over the file; memory grows by 8 bytes a frame (2 MB for two hours)."""
    voices: list[Frames] = []
    levels: list[Frames] = []
    samples = 0
    detector = _VoiceDetector()
    for block in read_blocks(audio, FRAME * _BLOCK_FRAMES):
        if cancelled is not None and cancelled():
            break
        samples += len(block)
        frames = np.pad(block, (0, -len(block) % FRAME)).reshape(-1, FRAME)
        voices.append(detector.hear(frames))
        levels.append(_level_db(frames))
    if not voices:
        nothing = np.zeros(0, dtype=np.float32)
        return Heard(samples, nothing, nothing)
    voice, level_db = np.concatenate(voices), np.concatenate(levels)
    spoken = level_db[voice >= _ON]
    return Heard(samples, voice, level_db, float(np.median(spoken)) if len(spoken) else None)


def plan_windows(heard: Heard) -> tuple[Plan, ...]:
    """The windows of a recording, in order, tiling it without gap; none for an empty file."""
    if heard.samples == 0:
        return ()
    groups = _grouped(_cut_long(speech_stretches(heard), heard))
    if not groups:
        return (Plan(0, 0, heard.samples, ()),)
    closer = [speech_stretches(heard, pad_ms=pad_ms) for pad_ms in _CLOSER_PADS_MS]
    middles = [(left[-1][1] + right[0][0]) // 2 for left, right in pairwise(groups)]
    borders = [0, *middles, heard.samples]
    return tuple(
        Plan(
            index, borders[index], borders[index + 1], tuple(group), tuple(tuple(_common(group, cut)) for cut in closer)
        )
        for index, group in enumerate(groups)
    )


def speech_stretches(heard: Heard, *, pad_ms: int = _PAD_MS) -> list[Stretch]:
    """Where somebody speaks, in samples: with `pad_ms` around, in order, not overlapping."""
    raw = _runs(heard.voice.tolist(), pause=_PAUSE_MS * SAMPLES_PER_MS // FRAME)
    pad = pad_ms * SAMPLES_PER_MS
    stretches: list[Stretch] = []
    for first, last in raw:
        if (last - first) * FRAME < _SHORTEST_MS * SAMPLES_PER_MS:
            continue
        start, end = max(0, first * FRAME - pad), min(heard.samples, last * FRAME + pad)
        if stretches and start <= stretches[-1][1]:
            stretches[-1] = (stretches[-1][0], end)
        else:
            stretches.append((start, end))
    return stretches


def _common(left: Iterable[Stretch], right: Sequence[Stretch]) -> Iterator[Stretch]:
    """What lies in a stretch of both lists; `right` is in order."""
    ends = [end for _start, end in right]
    for start, end in left:
        for first, last in right[bisect_right(ends, start) :]:
            if first >= end:
                break
            yield max(start, first), min(end, last)


class _VoiceDetector:
    """Silero's network, fed block by block with its state carried over."""

    def __init__(self) -> None:
        from faster_whisper.vad import get_vad_model

        self._session = get_vad_model().session
        self._h = np.zeros((1, 1, 128), dtype=np.float32)
        self._c = np.zeros((1, 1, 128), dtype=np.float32)
        self._tail = np.zeros((1, _CONTEXT), dtype=np.float32)

    def hear(self, frames: Frames) -> Frames:
        before = np.concatenate([self._tail, frames[:-1, -_CONTEXT:]])
        self._tail = frames[-1:, -_CONTEXT:]
        fed = {"input": np.concatenate([before, frames], axis=1), "h": self._h, "c": self._c}
        voice, self._h, self._c = self._session.run(None, fed)
        return np.asarray(voice, dtype=np.float32).reshape(-1)


def _level_db(frames: Frames) -> Frames:
    power = np.mean(np.square(frames), axis=1)
    return np.asarray(10 * np.log10(np.maximum(power, 1e-12)), dtype=np.float32)


def _runs(voice: Iterable[float], *, pause: int) -> list[Stretch]:
    """Runs of frames with speech: one starts at _ON and ends where _OFF was not reached for `pause` frames."""
    runs: list[Stretch] = []
    start: int | None = None
    quiet: int | None = None
    count = 0
    for frame, probability in enumerate(voice):
        count = frame + 1
        if probability >= _ON:
            start = frame if start is None else start
            quiet = None
        elif probability < _OFF and start is not None:
            quiet = frame if quiet is None else quiet
            if frame - quiet >= pause:
                runs.append((start, quiet))
                start = quiet = None
    if start is not None:
        runs.append((start, count if quiet is None else quiet))
    return runs


def _cut_long(stretches: Iterable[Stretch], heard: Heard) -> list[Stretch]:
    """Stretches without a pause that are longer than a window, cut at their least voiced frames."""
    pieces: list[Stretch] = []
    for start, end in stretches:
        first = start
        while end - first > _LONGEST_S * RATE:
            low, high = (first + _EARLIEST_CUT_S * RATE) // FRAME, (first + _LONGEST_S * RATE) // FRAME
            cut = (low + int(np.argmin(heard.voice[low:high]))) * FRAME
            pieces.append((first, cut))
            first = cut
        pieces.append((first, end))
    return pieces


def _grouped(stretches: Sequence[Stretch]) -> list[list[Stretch]]:
    """Neighbouring stretches together, up to _LONGEST_S of speech and without gaps over _LONGEST_GAP_S."""
    groups: list[list[Stretch]] = []
    length = 0
    for stretch in stretches:
        size = stretch[1] - stretch[0]
        fits = groups and length + size <= _LONGEST_S * RATE
        if fits and stretch[0] - groups[-1][-1][1] <= _LONGEST_GAP_S * RATE:
            groups[-1].append(stretch)
            length += size
        else:
            groups.append([stretch])
            length = size
    return groups
