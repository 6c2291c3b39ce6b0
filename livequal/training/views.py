"""Learning over HTTP: the modules that put pages on the blueprint."""

from __future__ import annotations

from . import assignment_pages, certificate_pages, commitment_pages, exam_room, granting, learning, team_pages
from .blueprint import pages

__all__ = [
    "assignment_pages",
    "certificate_pages",
    "commitment_pages",
    "exam_room",
    "granting",
    "learning",
    "pages",
    "team_pages",
]
