"""The blueprint that all pages of learning are put on."""

from __future__ import annotations

from flask import Blueprint

pages = Blueprint("training", __name__)
