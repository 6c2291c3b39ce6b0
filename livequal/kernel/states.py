"""States are data: a table of allowed moves."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from .errors import WrongState

S = TypeVar("S", bound=StrEnum)


def move(current: S, target: S, moves: Mapping[S, frozenset[S]]) -> S:
    """Return `target` when the table allows the move.

    Raises: WrongState naming both states.
    """
    if target not in moves.get(current, frozenset()):
        raise WrongState(f"{current.value} → {target.value}")
    return target
