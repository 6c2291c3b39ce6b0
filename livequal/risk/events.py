"""What other rooms may hear from risk."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scanned:
    """A transcript was read: its flags stand, and so do its stretches that were not understood.

    `first` is false when it was read again after a correction.
    """

    recording_id: int
    transcript_id: int
    first: bool


@dataclass(frozen=True, slots=True)
class FlagSuperseded:
    """A flag no longer follows from the corrected words."""

    flag_id: int


@dataclass(frozen=True, slots=True)
class BacktestAsked:
    """Somebody wants to know what a version of the rules would change in stored transcripts."""

    backtest_id: int
