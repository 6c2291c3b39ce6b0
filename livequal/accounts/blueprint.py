"""What the room's pages stand on."""

from __future__ import annotations

from flask import Blueprint
from werkzeug.wrappers import Response

pages = Blueprint("accounts", __name__)
Answer = str | Response | tuple[str, int] | tuple[str, int, dict[str, str]]
