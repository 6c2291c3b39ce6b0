"""This process's settings and files. One process serves one installation."""

from __future__ import annotations

from ..config import Settings
from .storage import Storage

_installed: list[tuple[Settings, Storage]] = []


def install(settings: Settings) -> None:
    """Say which installation this process serves."""
    _installed[:] = [(settings, Storage(settings.files_dir))]


def settings() -> Settings:
    """The settings of this installation."""
    return _installed[0][0]


def storage() -> Storage:
    """The files of this installation."""
    return _installed[0][1]
