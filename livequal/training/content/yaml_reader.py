"""YAML with line numbers and nothing that could do anything: plain values only; no tags, anchors or aliases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import yaml

from .faults import Faults

MAX_CHARACTERS = 1_000_000
MAX_DEPTH = 12
_PLAIN = {f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "bool", "null", "map", "seq", "timestamp")}
_scalars = yaml.constructor.SafeConstructor()


@dataclass(frozen=True, slots=True)
class Leaf:
    """A single value: text, number, yes or no, or nothing."""

    value: str | int | float | bool | None
    line: int


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list."""

    items: tuple[Tree, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Mapping:
    """Named values, in the file's order."""

    entries: dict[str, Tree]
    line: int


Tree = Leaf | Sequence | Mapping


class _Refused(Exception):
    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line, self.message = line, message


def read(text: str, file: str, faults: Faults, *, first_line: int = 1) -> Tree | None:
    """The tree of one document; None (and a fault) where it can't be read."""
    try:
        if len(text) > MAX_CHARACTERS:
            raise _Refused(0, f"the file is longer than {MAX_CHARACTERS:,} characters")
        return _tree(text, first_line - 1)
    except _Refused as error:
        faults.add(file, error.line, error.message)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = (mark.line + first_line) if mark else 0
        faults.add(file, line, f"not valid YAML: {error.problem or error.context}")
    except yaml.YAMLError as error:
        faults.add(file, 0, f"not valid YAML: {str(error).splitlines()[0]}")
    return None


def _tree(text: str, offset: int) -> Tree | None:
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        line = (event.start_mark.line if event.start_mark else 0) + 1 + offset
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise _Refused(line, "anchors and aliases are not taken; write the value out")
        if tag := getattr(event, "tag", None):
            raise _Refused(line, f"tags are not taken ({tag})")
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    return None if node is None else _convert(node, offset, 0)


def _convert(node: yaml.Node, offset: int, depth: int) -> Tree:
    line = node.start_mark.line + 1 + offset
    if depth > MAX_DEPTH:
        raise _Refused(line, "nested too deeply")
    if node.tag not in _PLAIN:
        raise _Refused(line, f"tags are not taken ({node.tag})")
    if isinstance(node, yaml.SequenceNode):
        return Sequence(tuple(_convert(child, offset, depth + 1) for child in node.value), line)
    if isinstance(node, yaml.MappingNode):
        entries: dict[str, Tree] = {}
        for key, value in node.value:
            at = key.start_mark.line + 1 + offset
            if not isinstance(key, yaml.ScalarNode):
                raise _Refused(at, "a name must be plain text")
            if key.value in entries:
                raise _Refused(at, f"{key.value} stands here twice")
            entries[key.value] = _convert(value, offset, depth + 1)
        return Mapping(entries, line)
    return Leaf(_scalar(node, line), line)


def _scalar(node: yaml.Node, line: int) -> Any:
    if node.tag.endswith((":str", ":timestamp")):
        return node.value
    try:
        return _scalars.construct_object(node)
    except (ValueError, yaml.YAMLError):
        raise _Refused(line, f"{node.value!r} can't be read as a value; put it into quotes") from None
