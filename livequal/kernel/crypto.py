"""Secrets, tokens and their digests."""

from __future__ import annotations

import hashlib
import os
import secrets
from pathlib import Path

from ..config import BadSetting, Settings


def secret_key(settings: Settings) -> str:
    """The key that signs sessions: from the environment, or (embedded mode only) generated once into var/, 0600.

    Raises: BadSetting in production when LIVEQUAL_SECRET_KEY is missing or short.
    """
    if settings.secret_key:
        if len(settings.secret_key) < 32:
            raise BadSetting("LIVEQUAL_SECRET_KEY must have at least 32 characters")
        return settings.secret_key
    if settings.production:
        raise BadSetting("LIVEQUAL_SECRET_KEY is required when LIVEQUAL_ENV=production")
    return _generated_once(settings.secrets_dir / "secret_key")


def token() -> str:
    """A random token to hand out once (256 bits, safe in URLs)."""
    return secrets.token_urlsafe(32)


def digest(text: str) -> str:
    """The sha256 under which a random token is stored, hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def _generated_once(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_suffix(f".{os.getpid()}")
    fresh.touch(mode=0o600)
    fresh.write_text(secrets.token_urlsafe(48))
    try:
        # Two processes may start at once: link() lets exactly one of them win.
        os.link(fresh, path)
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
    return path.read_text().strip()
