"""The blueprint that all pages of risk are put on."""

from __future__ import annotations

from flask import Blueprint

pages = Blueprint("risk", __name__)
