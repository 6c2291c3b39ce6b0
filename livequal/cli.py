"""The `flask` command: which groups there are. Each stands in livequal/commands/<name>.py."""

from __future__ import annotations

import importlib
from pkgutil import iter_modules

from flask import Flask

from . import commands


def init_app(app: Flask) -> None:
    """Register every module of livequal.commands that has `COMMANDS`."""
    for module in iter_modules(commands.__path__):
        for command in getattr(importlib.import_module(f"{commands.__name__}.{module.name}"), "COMMANDS", ()):
            app.cli.add_command(command)
