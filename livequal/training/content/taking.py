"""Take named values out of a YAML mapping, noting every fault with its line."""

from __future__ import annotations

from collections.abc import Iterator

from .faults import Faults, Weight
from .yaml_reader import Leaf, Mapping, Sequence, Tree


class Taker:
    """One mapping being read: each name is asked for once, `done` notes those nobody asked for."""

    def __init__(self, tree: Tree | None, file: str, faults: Faults, *, what: str) -> None:
        self.file, self.faults, self.what = file, faults, what
        self.line = tree.line if tree else 0
        self.entries: dict[str, Tree] = dict(tree.entries) if isinstance(tree, Mapping) else {}
        if tree is not None and not isinstance(tree, Mapping):
            self.fault(f"{what} must be a mapping of names to values")

    def fault(self, message: str, line: int = 0, weight: Weight = Weight.ERROR) -> None:
        """Note a fault at a line, or at the mapping's first."""
        self.faults.add(self.file, line or self.line, message, weight)

    def line_of(self, name: str) -> int:
        """Where a value stands; the mapping's line when it is missing."""
        tree = self.entries.get(name)
        return tree.line if tree else self.line

    def has(self, name: str) -> bool:
        """Whether a name is there."""
        return name in self.entries

    def text(self, name: str, *, longest: int = 400, required: bool = True) -> str:
        """A text (a number counts as its digits); empty when missing."""
        tree = self.entries.pop(name, None)
        if tree is None:
            if required:
                self.fault(f"{self.what} lacks {name}")
            return ""
        value = self._scalar(tree, name)
        if required and not value.strip():
            self.fault(f"{name} is empty", tree.line)
        if len(value) > longest:
            self.fault(f"{name} is longer than {longest} characters", tree.line)
        return value.strip()

    def integer(self, name: str, low: int, high: int, *, default: int | None = None) -> int:
        """A whole number between two bounds."""
        tree = self.entries.pop(name, None)
        if tree is None:
            if default is None:
                self.fault(f"{self.what} lacks {name}")
            return default if default is not None else low
        value = tree.value if isinstance(tree, Leaf) else None
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            self.fault(f"{name} must be a whole number from {low} to {high}", tree.line)
            return low
        return value

    def flag(self, name: str, *, required: bool = False) -> bool:
        """true or false; false when missing."""
        tree = self.entries.pop(name, None)
        if tree is None:
            if required:
                self.fault(f"{self.what} lacks {name}")
            return False
        if not isinstance(tree, Leaf) or not isinstance(tree.value, bool):
            self.fault(f"{name} must be true or false", tree.line)
            return False
        return tree.value

    def texts(self, name: str, *, required: bool = False, longest: int = 200) -> tuple[str, ...]:
        """A list of texts."""
        rows = []
        for tree in self.rows(name, required=required):
            value = self._scalar(tree, name)
            if not value or len(value) > longest:
                self.fault(f"each of {name} must be a text of at most {longest} characters", tree.line)
            rows.append(value)
        if len(set(rows)) < len(rows):
            self.fault(f"{name} names something twice")
        return tuple(rows)

    def rows(self, name: str, *, required: bool = False) -> tuple[Tree, ...]:
        """The parts of a list."""
        tree = self.entries.pop(name, None)
        if tree is None:
            if required:
                self.fault(f"{self.what} lacks {name}")
            return ()
        if not isinstance(tree, Sequence):
            self.fault(f"{name} must be a list", tree.line)
            return ()
        if required and not tree.items:
            self.fault(f"{name} is empty", tree.line)
        return tree.items

    def takers(self, name: str, *, required: bool = False) -> Iterator[Taker]:
        """The mappings of a list."""
        for tree in self.rows(name, required=required):
            yield Taker(tree, self.file, self.faults, what=f"each of {name}")

    def pairs(self, name: str, *, required: bool = False) -> tuple[tuple[str, Leaf], ...]:
        """A mapping of names to single values."""
        tree = self.entries.pop(name, None)
        if tree is None:
            if required:
                self.fault(f"{self.what} lacks {name}")
            return ()
        if not isinstance(tree, Mapping):
            self.fault(f"{name} must be a mapping of names to values", tree.line)
            return ()
        found = []
        for key, value in tree.entries.items():
            if isinstance(value, Leaf):
                found.append((key, value))
            else:
                self.fault(f"{key} must be a single value", value.line)
        return tuple(found)

    def leaf(self, name: str) -> Leaf | Sequence | None:
        """A single value or a list, whichever stands there."""
        tree = self.entries.pop(name, None)
        if tree is None:
            self.fault(f"{self.what} lacks {name}")
            return None
        if isinstance(tree, Mapping):
            self.fault(f"{name} must be a value or a list", tree.line)
            return None
        return tree

    def done(self) -> None:
        """Fault every name that means nothing here."""
        for name, tree in self.entries.items():
            self.fault(f"{self.what} has no {name}", tree.line)

    def _scalar(self, tree: Tree, name: str) -> str:
        if not isinstance(tree, Leaf) or tree.value is None or isinstance(tree.value, bool):
            self.fault(f"{name} must be a text; put it into quotes if it looks like something else", tree.line)
            return ""
        return str(tree.value)
