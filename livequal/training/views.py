"""Learning over HTTP: the modules that put pages on the blueprint."""

from __future__ import annotations

from . import certificate_pages, exam_room, granting, learning
from .blueprint import pages

__all__ = ["certificate_pages", "exam_room", "granting", "learning", "pages"]
