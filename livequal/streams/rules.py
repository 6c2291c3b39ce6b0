"""What a recording, a transcript and a timeline are, and the moves they may make. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field


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
