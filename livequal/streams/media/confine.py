"""The child process gives up what it does not need before it touches a hostile file."""

from __future__ import annotations

import ctypes
import os
import resource
import struct
import sys
import sysconfig
from pathlib import Path

_CREATE, _ADD, _RESTRICT = 444, 445, 446
"""Landlock's system calls: the same numbers on every architecture of Linux."""
_PATH_BENEATH = 1
_PR_SET_NO_NEW_PRIVS = 38
_TRUNCATE = 1 << 14
_READING = 1 << 2 | 1 << 3
_WRITING = 1 << 1 | 1 << 5 | 1 << 8 | _TRUNCATE
"""Write, remove and make regular files."""


def limit_resources(*, memory_bytes: int, cpu_seconds: int, file_bytes: int, open_files: int = 32) -> None:
    """Limits of this process from now on."""
    limits = [
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_CPU, cpu_seconds),
        (resource.RLIMIT_FSIZE, file_bytes),
        (resource.RLIMIT_NOFILE, open_files),
        (resource.RLIMIT_CORE, 0),
    ]
    for what, most in limits:
        _soft, hard = resource.getrlimit(what)
        value = most if hard == resource.RLIM_INFINITY else min(most, hard)
        # At the hard limit of CPU time comes SIGKILL; the soft one before it comes as SIGXCPU, which tells why.
        ceiling = value + 5 if what == resource.RLIMIT_CPU and hard == resource.RLIM_INFINITY else value
        try:
            resource.setrlimit(what, (value, ceiling))
        except (OSError, ValueError):
            if what != resource.RLIMIT_AS:  # macOS knows no limit of the address space
                raise


def allow_only(out_dir: Path | None) -> bool:
    """From now on no file can be opened but those in `out_dir` and Python's own modules, and no TCP connection made.

    Done with Landlock; what is open stays open. False where the kernel has none (Linux before 5.13, other systems):
    there the forced demuxer and the whitelist of protocols stand alone.
    """
    if not sys.platform.startswith("linux"):
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    version = libc.syscall(_CREATE, None, 0, 1)
    if version < 1:
        return False
    handled = (1 << 13) - 1 | (1 << 13 if version >= 2 else 0) | (_TRUNCATE if version >= 3 else 0)
    network = 0b11 if version >= 4 else 0
    rules = struct.pack("=QQ", handled, network) if version >= 4 else struct.pack("=Q", handled)
    ruleset = libc.syscall(_CREATE, rules, len(rules), 0)
    if ruleset < 0:
        return False
    try:
        for place in {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}:
            _allow(libc, ruleset, Path(place), _READING)
        if out_dir is not None:
            _allow(libc, ruleset, out_dir, _READING | _WRITING & handled)
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        return bool(libc.syscall(_RESTRICT, ruleset, 0) == 0)
    finally:
        os.close(ruleset)


def _allow(libc: ctypes.CDLL, ruleset: int, place: Path, rights: int) -> None:
    directory = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
    try:
        libc.syscall(_ADD, ruleset, _PATH_BENEATH, struct.pack("=Qi", rights, directory), 0)
    finally:
        os.close(directory)
