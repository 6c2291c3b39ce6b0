"""Learning over HTTP: the modules that put pages on the blueprint."""

from __future__ import annotations

from . import exam_room, granting, learning
from .blueprint import pages

__all__ = ["exam_room", "granting", "learning", "pages"]
