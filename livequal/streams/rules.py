"""What a recording, a transcript and a timeline are, and the moves they may make. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Word:
    """One recognised word with its own times.

    Times are milliseconds from the start of the recording; `probability` is 0–1.
    """

    start_ms: int
    end_ms: int
    text: str
    probability: float


@dataclass(frozen=True, slots=True)
class Segment:
    """One stretch of recognised speech, simplified Chinese, with punctuation.

    `avg_logprob` is the mean token log-probability (≤ 0), `no_speech_prob` 0–1, `compression_ratio`
    the gzip ratio of the text (loops compress well). `unintelligible` means 没听清: the words must
    not be trusted and the stretch never counts as clean. `invented` names the known hallucination
    or loop the text was recognised as, empty otherwise.
    """

    start_ms: int
    end_ms: int
    text: str
    words: tuple[Word, ...] = field(default=())
    avg_logprob: float = 0.0
    no_speech_prob: float = 0.0
    compression_ratio: float = 1.0
    unintelligible: bool = False
    invented: str = ""


@dataclass(frozen=True, slots=True)
class Window:
    """One unit of recognition: borders depend on the file alone, so that an interrupted run resumes identically.

    `index` counts from 0 to `count - 1`; `segments` lie inside [start_ms, end_ms].
    """

    index: int
    count: int
    start_ms: int
    end_ms: int
    segments: tuple[Segment, ...]


class RecordingState(StrEnum):
    """How far a recording is. Whether work on it goes on, waits, failed or was stopped is the job's to say."""

    ARRIVED = "arrived"
    PREPARED = "prepared"
    TRANSCRIBED = "transcribed"
    READY = "ready"
    REFUSED = "refused"
    DUPLICATE = "duplicate"


MOVES: dict[RecordingState, frozenset[RecordingState]] = {
    RecordingState.ARRIVED: frozenset({RecordingState.PREPARED, RecordingState.REFUSED, RecordingState.DUPLICATE}),
    RecordingState.PREPARED: frozenset({RecordingState.TRANSCRIBED}),
    RecordingState.TRANSCRIBED: frozenset({RecordingState.READY}),
    RecordingState.READY: frozenset({RecordingState.TRANSCRIBED}),
    RecordingState.REFUSED: frozenset(),
    RecordingState.DUPLICATE: frozenset(),
}


class TranscriptState(StrEnum):
    """A transcript grows, is complete, or was followed by another."""

    GROWING = "growing"
    COMPLETE = "complete"
    SUPERSEDED = "superseded"


class UploadState(StrEnum):
    """An upload grows until it is finished or given up."""

    OPEN = "open"
    FINISHED = "finished"
    ABANDONED = "abandoned"


class DictationState(StrEnum):
    """What somebody said waits to be written down, is, or could not be (then `problem` says why)."""

    WAITING = "waiting"
    HEARD = "heard"
    REFUSED = "refused"


class SpanKind(StrEnum):
    """What a stretch of the timeline says: which product is explained, or who speaks."""

    PRODUCT = "product"
    SPEAKER = "speaker"


@dataclass(frozen=True, slots=True)
class ModelState:
    """Whether the speech model is there, and what to do if not."""

    name: str
    present: bool
    how_to_load: str


# Neighbouring stretches that were not understood are heard in one go.
UNCLEAR_JOIN_MS = 3000


def unclear_stretches(stretches: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Stretches (start_ms, end_ms) in order of time, neighbours joined."""
    joined: list[tuple[int, int]] = []
    for start_ms, end_ms in stretches:
        if joined and start_ms - joined[-1][1] <= UNCLEAR_JOIN_MS:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end_ms))
        else:
            joined.append((start_ms, end_ms))
    return joined
