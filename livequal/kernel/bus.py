"""Facts meet their handlers here; `flow` fills the table.

`emit` runs the handlers now, in the caller's transaction; an error stops the whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Handler = Callable[[Any], object]
_handlers: dict[type[object], tuple[Handler, ...]] = {}


def connect(flow: Mapping[type[object], Sequence[Handler]]) -> None:
    """Replace the table of handlers."""
    _handlers.clear()
    _handlers.update({event: tuple(handlers) for event, handlers in flow.items()})


def emit(event: object) -> None:
    """Run every handler of the event's type."""
    for handler in _handlers.get(type(event), ()):
        handler(event)
