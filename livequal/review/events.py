"""What other rooms may hear from review."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ViolationConfirmed:
    """A human confirmed a case."""

    case_id: int
    decision_id: int


@dataclass(frozen=True, slots=True)
class ConfirmationWithdrawn:
    """A human took a confirmation back, or named somebody else; `decision_id` is the decision that no longer holds."""

    case_id: int
    decision_id: int
