"""The desk: pages that gather several rooms. Their forms post to the rooms' own views."""

from __future__ import annotations

from . import health, home, operations
from .blueprint import pages

__all__ = ["health", "home", "operations", "pages"]
