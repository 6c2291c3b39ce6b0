"""The blueprint that all modules of the desk put their pages on."""

from __future__ import annotations

from flask import Blueprint

pages = Blueprint("desk", __name__)
