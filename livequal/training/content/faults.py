"""What is wrong with a content file, and where."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Weight(StrEnum):
    """Whether the content can be loaded in spite of a fault."""

    ERROR = "error"
    # The content can be used; what the fault concerns is left out (an item whose clip is not spoken yet).
    GAP = "gap"


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One fault: `file` as seen from the folder that was given, `line` from 1 (0: the whole file)."""

    file: str
    line: int
    message: str
    weight: Weight = Weight.ERROR

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.message}"


class Faults:
    """Collects faults while content is read, so that a writer sees them all at once."""

    def __init__(self) -> None:
        self.found: list[Fault] = []

    def add(self, file: str, line: int, message: str, weight: Weight = Weight.ERROR) -> None:
        """Note one fault."""
        self.found.append(Fault(file, line, message, weight))

    def errors(self) -> list[Fault]:
        """The faults that keep the content from being loaded."""
        return [fault for fault in self.found if fault.weight is Weight.ERROR]
