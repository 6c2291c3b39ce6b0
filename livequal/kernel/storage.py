"""Files, addressed by their content: `<kind>/<ab>/<sha256>[.ext]` below one folder."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

BLOCK_BYTES = 1 << 20


class Storage:
    """A content-addressed local folder. Names are our own digests, never anything a person typed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.incoming = root / "incoming"
        self.incoming.mkdir(parents=True, exist_ok=True)

    def path(self, key: str) -> Path:
        """The file behind a key.

        Raises: ValueError when the key would leave the folder.
        """
        path = (self.root / key).resolve()
        if not path.is_relative_to(self.root.resolve()):
            raise ValueError(key)
        return path

    def new_incoming(self, prefix: str = "") -> Path:
        """A fresh, empty file in which an upload grows."""
        path = self.incoming / f"{prefix}{secrets.token_hex(16)}"
        path.touch(mode=0o600)
        return path

    def adopt(self, path: Path, kind: str, extension: str = "", sha256: str | None = None) -> str:
        """Move a finished file to its content's address and answer the key; a twin already there is kept.

        `sha256`: the digest when the caller computed it while writing.
        """
        key = self.key(kind, sha256 or file_sha256(path), extension)
        target = self.path(key)
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            path.unlink()
            return key
        with path.open("rb") as written:
            os.fsync(written.fileno())
        try:
            path.replace(target)
        except OSError:
            # Another file system: copy beside the target, then swap in, so that no half file ever has the name.
            beside = target.with_suffix(f".{secrets.token_hex(4)}")
            shutil.copyfile(path, beside)
            beside.replace(target)
            path.unlink()
        return key

    @staticmethod
    def key(kind: str, sha256: str, extension: str = "") -> str:
        """The address of a content."""
        return f"{kind}/{sha256[:2]}/{sha256}{extension}"

    def open(self, key: str) -> BinaryIO:
        """Open a stored file for reading."""
        return self.path(key).open("rb")

    def delete(self, key: str) -> None:
        """Remove a stored file; a missing one is no error."""
        self.path(key).unlink(missing_ok=True)

    def keys(self) -> Iterator[str]:
        """Every stored key (not what is still arriving)."""
        for path in sorted(self.root.rglob("*")):
            if path.is_file() and self.incoming not in path.parents:
                yield path.relative_to(self.root).as_posix()


def file_sha256(path: Path) -> str:
    """sha256 of a file, hex, in constant memory."""
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()
