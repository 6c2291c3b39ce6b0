"""Which stretches were not understood, and which texts nobody said. Pure; the thresholds were measured: ADR 2."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from livequal.streams.engines.text import letters
from livequal.streams.rules import Segment

VERSION = "d1"
"""Changes whenever the same words would be marked differently: part of what pins a result."""

FRAME_MS = 32

LEAST_CERTAIN = 0.64
"""Certainty below which a segment is not understood."""

LEAST_VOICE = 0.30
"""Mean voice probability below which words were written where hardly anybody speaks."""

MOST_CHARACTERS_PER_S = 14.0
"""Nobody speaks faster; text that would have to be is made up."""

LOOP_RATIO = 2.4
"""Whisper's own bound on the compression ratio of a text that repeats itself."""

FAINT_VOICE = 0.08
"""Mean voice over two seconds that no music reached and speech under loud music does."""

MASKING_DB = -3.0
"""A sound this loud against the speech of the recording can hide a voice from the detector."""

QUIET_DBFS = -45.0
"""Below this nothing is loud, whatever the recording."""

_FAINT_FRAMES = 2000 // FRAME_MS
_LEVEL_FRAMES = 1000 // FRAME_MS
_SHORTEST_FAINT_MS = 3000
_SHORTEST_LOUD_MS = 3000
_SLACK_MS = 500
_NEAR_MS = 12_000
_OWN = 0.6
_LOGPROB_WEIGHT, _USUAL_LOGPROB = 0.15, -0.4

_INVENTED = re.compile(
    "请?不吝点赞|明镜(?:与|需要您|和)?点点|打赏支持明镜|字幕由.{0,12}(?:提供|制作)|amaraorg|字幕志愿者|字幕(?:制作|提供|组|校对)者?[：:]?|"
    "优优独播剧场|yoyotelevision|独播剧场|中文字幕|本字幕|请订阅.{0,4}频道|订阅我的频道|下集预告|敬请期待下集",
    re.IGNORECASE,
)
_FAREWELL = re.compile(
    "(?:谢谢|感谢)(?:大家|您|你|你们)?的?(?:观看|收看|收听)|(?:作?词曲?|作曲|编曲|演唱)(?:李宗盛|.{0,6})|by索兰娅"
)


@dataclass(frozen=True, slots=True)
class Scene:
    """What surrounds a window's segments: its borders in the recording and what the voice detector says per frame.

    `voice` and `level_db` cover the whole recording, 32 ms a frame. `speech_db` is the level at which the
    recording's speech lies, None where nobody was found to speak.
    """

    start_ms: int
    end_ms: int
    voice: NDArray[np.float32]
    level_db: NDArray[np.float32]
    speech_db: float | None

    def voice_of(self, segment: Segment) -> float:
        """Mean voice probability over a segment."""
        frames = self.voice[_frames(segment.start_ms, segment.end_ms)]
        return float(frames.mean()) if len(frames) else 0.0


def mark(segments: Sequence[Segment], scene: Scene) -> list[Segment]:
    """The segments with their marks, and one without words for every stretch that may hide speech; in order."""
    judged = zip(segments, certainty(segments), _looping(segments), strict=True)
    marked = [_judged(segment, scene.voice_of(segment), certain, loops=loops) for segment, certain, loops in judged]
    gaps = [Segment(start, end, "", unintelligible=True) for start, end in unheard(marked, scene)]
    return sorted([*marked, *gaps], key=lambda segment: (segment.start_ms, segment.end_ms))


def certainty(segments: Sequence[Segment]) -> list[float]:
    """How far each segment's words can be trusted, about the share of right characters, 0–1.

    Word probabilities of the segment itself (60 %) and of it with its neighbours (40 %): short segments alone say
    little. Shifted by the log-probability of the whole decoding, of which -0.4 is usual for clear speech.
    """
    weights = [max(1, letters(segment.text)) for segment in segments]
    sure = [sureness(segment) for segment in segments]
    certain = []
    for place, segment in enumerate(segments):
        near = [i for i in range(max(0, place - 1), min(len(segments), place + 2)) if segments[i].words]
        near = [i for i in near if abs(segments[i].start_ms - segment.start_ms) < _NEAR_MS] or [place]
        around = sum(weights[i] * sure[i] for i in near) / sum(weights[i] for i in near)
        shift = _LOGPROB_WEIGHT * (segment.avg_logprob - _USUAL_LOGPROB)
        certain.append(_OWN * sure[place] + (1 - _OWN) * around + shift)
    return certain


def not_understood(segment: Segment, *, voice: float, certain: float) -> bool:
    """Whether a segment's words must not be trusted. `voice` is the mean voice probability over it, 0–1."""
    if not segment.words:
        return True
    characters = letters(segment.text)
    seconds = max(0.2, (segment.end_ms - segment.start_ms) / 1000)
    too_fast = characters >= 8 and characters / seconds > MOST_CHARACTERS_PER_S
    return certain < LEAST_CERTAIN or voice < LEAST_VOICE or too_fast


def sureness(segment: Segment) -> float:
    """Mean probability of the words, each counted by its characters; 0 without words."""
    weights = [max(1, letters(word.text)) for word in segment.words]
    total = sum(weights)
    return sum(w * word.probability for w, word in zip(weights, segment.words, strict=True)) / total if total else 0.0


def invented(segment: Segment, voice: float) -> str:
    """Names the known sentence nobody said or the loop that a segment's text is; empty when it is neither."""
    text = "".join(c for c in segment.text if c.isalnum())
    if _INVENTED.search(text):
        return "subtitle credits"
    if _FAREWELL.fullmatch(text) and (voice < 0.5 or sureness(segment) < 0.75):
        return "farewell or song credits"
    if _repeats(text) or segment.compression_ratio > LOOP_RATIO:
        return "loop"
    return ""


def unheard(segments: Sequence[Segment], scene: Scene) -> Iterator[tuple[int, int]]:
    """Stretches in ms without words where somebody may speak: a faint voice, or sound loud enough to hide one."""
    faint = _rolling(scene.voice, _FAINT_FRAMES) >= FAINT_VOICE
    loud = _rolling(scene.level_db, _LEVEL_FRAMES) >= _loudness(scene)
    for start, end in _between(segments, scene):
        frames = _frames(start, end)
        found: list[tuple[int, int]] = []
        for flags, shortest in ((faint, _SHORTEST_FAINT_MS), (loud, _SHORTEST_LOUD_MS)):
            found += [run for run in _runs(flags[frames], start, end) if run[1] - run[0] >= shortest]
        yield from _joined(found)


def _judged(segment: Segment, voice: float, certain: float, *, loops: bool) -> Segment:
    if segment.unintelligible:
        return segment
    name = "loop" if loops else invented(segment, voice)
    return replace(
        segment, invented=name, unintelligible=bool(name) or not_understood(segment, voice=voice, certain=certain)
    )


def _looping(segments: Sequence[Segment]) -> list[bool]:
    """Whether a segment is one of three or more in a row with the same text of at least four characters."""
    flags: list[bool] = []
    for text, same in groupby(segments, key=lambda segment: segment.text.rstrip("，。？！")):
        times = len(list(same))
        flags += [times >= 3 and letters(text) >= 4] * times
    return flags


def _repeats(text: str) -> bool:
    """One phrase of up to ten characters five times in a row, making up most of the text."""
    found = re.search(r"(.{2,10}?)\1{4,}", text)
    return found is not None and len(found[0]) >= max(12, 0.7 * len(text))


def _loudness(scene: Scene) -> float:
    if scene.speech_db is None:
        return QUIET_DBFS
    return max(QUIET_DBFS, scene.speech_db + MASKING_DB)


def _frames(start_ms: int, end_ms: int) -> slice:
    first = start_ms // FRAME_MS
    return slice(first, max(first + 1, end_ms // FRAME_MS))


def _rolling(values: NDArray[np.float32], frames: int) -> NDArray[np.float64]:
    """Mean over `frames` around each frame, as long as the input."""
    if not len(values):
        return np.zeros(0)
    sums = np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])
    places = np.arange(len(values))
    first, last = np.maximum(0, places - frames // 2), np.minimum(len(values), places + frames // 2 + 1)
    return np.asarray((sums[last] - sums[first]) / (last - first))


def _between(segments: Sequence[Segment], scene: Scene) -> Iterator[tuple[int, int]]:
    """What of the window no segment accounts for."""
    position = scene.start_ms
    for segment in sorted(segments, key=lambda segment: segment.start_ms):
        if segment.start_ms - _SLACK_MS > position:
            yield position, segment.start_ms - _SLACK_MS
        position = max(position, segment.end_ms + _SLACK_MS)
    if position < scene.end_ms:
        yield position, scene.end_ms


def _runs(flags: NDArray[np.bool_], start_ms: int, end_ms: int) -> Iterator[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    for first, last in edges.reshape(-1, 2).tolist():
        yield start_ms + first * FRAME_MS, min(end_ms, start_ms + last * FRAME_MS)


def _joined(runs: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Overlapping or nearly touching runs as one."""
    current: tuple[int, int] | None = None
    for run in sorted(runs):
        if current is not None and run[0] <= current[1] + _SLACK_MS:
            current = (current[0], max(current[1], run[1]))
            continue
        if current is not None:
            yield current
        current = run
    if current is not None:
        yield current
