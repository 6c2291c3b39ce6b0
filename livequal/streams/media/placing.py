"""Where a decoded piece of sound belongs on the recording's timeline. Pure: numbers in, numbers out."""

from __future__ import annotations

from dataclasses import dataclass, field

TOLERANCE_US = 100_000
"""Clocks of sound cards and millisecond timestamps wobble; below this a piece simply follows the one before."""
LONGEST_STEP_BACK_US = 10_000_000
"""Sound that repeats what was already there by less than this is dropped; by more, the clock has been reset."""
LEAST_GAP_US = 250_000
"""Shorter holes are filled too, but not worth telling."""
JOIN_MS = 500
"""Stretches closer than this are told as one."""


@dataclass(frozen=True, slots=True)
class Placed:
    """What to do before a piece is written: so much silence, or so many of its first samples left out."""

    silence: int
    skip: int


@dataclass(slots=True)
class Timeline:
    """Follows the pieces of one track; `longest_gap_us` is the longest hole that is believed and filled."""

    origin_us: int
    longest_gap_us: int
    rate: int = 0
    clock_jumps: int = 0
    gaps: list[tuple[int, int]] = field(default_factory=list)
    _base_us: int = 0
    _samples: int = 0

    @property
    def position_us(self) -> int:
        """The end of what was placed so far, from the start of the recording."""
        return self._base_us + (self._samples * 1_000_000 // self.rate if self.rate else 0)

    def place(self, at_us: int | None, samples: int, rate: int, next_us: int | None = None) -> Placed:
        """Take the next piece: `at_us` is its own timestamp, `next_us` that of the piece after; None: there is none."""
        if rate != self.rate:
            self._base_us, self._samples, self.rate = self.position_us, 0, rate
        placed = self._decide(at_us, samples, next_us)
        self._samples += placed.silence + samples - placed.skip
        return placed

    def _decide(self, at_us: int | None, samples: int, next_us: int | None) -> Placed:
        if at_us is None or self._is_slip(at_us, samples, next_us):
            return Placed(0, 0)
        ahead_us = at_us - self.origin_us - self.position_us
        if abs(ahead_us) <= TOLERANCE_US and (self._samples or self._base_us):
            return Placed(0, 0)
        if 0 < ahead_us <= self.longest_gap_us:
            self._note_gap(ahead_us)
            return Placed(ahead_us * self.rate // 1_000_000, 0)
        if -LONGEST_STEP_BACK_US <= ahead_us <= 0:
            return Placed(0, min(samples, -ahead_us * self.rate // 1_000_000))
        self.clock_jumps += 1
        self.origin_us = at_us - self.position_us
        return Placed(0, 0)

    def _is_slip(self, at_us: int, samples: int, next_us: int | None) -> bool:
        """Whether this one timestamp is wrong: the piece after follows as if nothing had happened."""
        if next_us is None or not self.position_us:
            return False
        ends_us = self.origin_us + self.position_us + samples * 1_000_000 // self.rate
        return abs(next_us - ends_us) <= TOLERANCE_US < abs(next_us - at_us - samples * 1_000_000 // self.rate)

    def _note_gap(self, length_us: int) -> None:
        start = self.position_us // 1000
        if length_us >= LEAST_GAP_US:
            self.gaps.append((start, start + length_us // 1000))


@dataclass(slots=True)
class Stretches:
    """Collects stretches in order and joins neighbours."""

    found: list[tuple[int, int]] = field(default_factory=list)

    def add(self, start_ms: int, end_ms: int) -> None:
        """Note one more stretch; it may touch or overlap the last."""
        if end_ms <= start_ms:
            return
        if self.found and start_ms <= self.found[-1][1] + JOIN_MS:
            last = self.found[-1]
            self.found[-1] = (min(last[0], start_ms), max(last[1], end_ms))
        else:
            self.found.append((start_ms, end_ms))
