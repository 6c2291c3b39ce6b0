"""What other rooms may hear from streams."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RecordingStored:
    """A recording arrived whole and waits to be checked."""

    recording_id: int


@dataclass(frozen=True, slots=True)
class RecordingPrepared:
    """A recording was checked and its rendition stands."""

    recording_id: int


@dataclass(frozen=True, slots=True)
class RecordingRefused:
    """A recording can't be taken; its row says why."""

    recording_id: int


@dataclass(frozen=True, slots=True)
class TranscriptReady:
    """A transcript is complete."""

    recording_id: int
    transcript_id: int


@dataclass(frozen=True, slots=True)
class TranscriptChanged:
    """Words or the timeline of a complete transcript were corrected."""

    recording_id: int
    transcript_id: int


@dataclass(frozen=True, slots=True)
class DictationBegun:
    """Somebody said something that is to be written down."""

    dictation_id: int
