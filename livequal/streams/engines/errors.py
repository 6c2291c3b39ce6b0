"""What can go wrong before and while speech is recognised."""

from __future__ import annotations

from livequal.kernel.errors import DomainError


class NoModel(DomainError):
    """The weights an engine needs are not on this machine; the message says how to load them."""

    status = 503


class NoEngine(DomainError):
    """The engine asked for is unknown, or a package it needs is not installed; the message says which."""

    status = 503


class NotSpeech(DomainError):
    """The file is not the 16 kHz mono FLAC or WAV that livequal derives, or it can't be read to its end."""

    status = 422


class Cancelled(Exception):
    """Somebody asked for the recognition to stop; what was yielded before is valid."""
