"""Certificates: serials, what is in force when, and what may follow what. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ..kernel.clock import SHANGHAI

SERIAL_BYTES = 10
SERIAL_LENGTH = 17
REASON_MAX = 500
# Crockford's alphabet: no I, L, O (read as 1, 1, 0) and no U.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_READ_AS = str.maketrans("ILO", "110")
_GROUPS = (4, 4, 4, 5)


class CertificateEventKind(StrEnum):
    """What can happen to a certificate."""

    ISSUED = "issued"
    SUSPENDED = "suspended"
    REINSTATED = "reinstated"
    SUPERSEDED = "superseded"
    REVOKED = "revoked"


class CertificateState(StrEnum):
    """How a certificate stands at some moment; computed when somebody asks, never stored."""

    VALID = "valid"
    EXPIRED = "expired"
    SUSPENDED = "suspended"
    SUPERSEDED = "superseded"
    REVOKED = "revoked"


K = CertificateEventKind
# What may follow the last event. A revocation is final: whoever is to have a certificate again passes again.
MOVES: dict[CertificateEventKind, frozenset[CertificateEventKind]] = {
    K.ISSUED: frozenset({K.SUSPENDED, K.SUPERSEDED, K.REVOKED}),
    K.SUSPENDED: frozenset({K.REINSTATED, K.SUPERSEDED, K.REVOKED}),
    K.REINSTATED: frozenset({K.SUSPENDED, K.SUPERSEDED, K.REVOKED}),
    K.SUPERSEDED: frozenset({K.REVOKED}),
    K.REVOKED: frozenset(),
}
# What people decide, with a reason; the rest follows from exams.
BY_HAND = (K.SUSPENDED, K.REINSTATED, K.REVOKED)


@dataclass(frozen=True, slots=True)
class Happened:
    """One event of a certificate."""

    kind: CertificateEventKind
    at: datetime


def valid_until(passed_at: datetime) -> datetime:
    """When a certificate ends: twelve months after passing, always, however early somebody renews.

    直播电商监督管理办法 art. 10 asks for training every year. 29 February ends on 28 February.
    """
    local = passed_at.astimezone(SHANGHAI)
    try:
        return local.replace(year=local.year + 1)
    except ValueError:
        return local.replace(year=local.year + 1, day=28)


def state_at(events: Sequence[Happened], until: datetime, at: datetime) -> CertificateState:
    """How a certificate stood at a moment. `events`: all of it, oldest first; what came later does not count."""
    last = next((one.kind for one in reversed(events) if one.at <= at), K.ISSUED)
    match last:
        case K.REVOKED:
            return CertificateState.REVOKED
        case K.SUPERSEDED:
            return CertificateState.SUPERSEDED
    if at >= until:
        return CertificateState.EXPIRED
    return CertificateState.SUSPENDED if last is K.SUSPENDED else CertificateState.VALID


def serial_of(random: bytes) -> str:
    """The serial of 80 random bits: sixteen characters and one that checks them."""
    number = int.from_bytes(random[:SERIAL_BYTES], "big")
    digits = [number >> 5 * place & 31 for place in reversed(range(16))]
    return "".join(_ALPHABET[digit] for digit in [*digits, _check(digits)])


def read_serial(typed: str) -> str | None:
    """A serial as somebody typed or read it out; None when it was mistyped.

    Small letters, spaces, hyphens, and O for 0 or I and L for 1 do not matter.
    """
    plain = unicodedata.normalize("NFKC", typed).upper().translate(_READ_AS)
    serial = "".join(one for one in plain if one.isalnum())
    if len(serial) != SERIAL_LENGTH or any(one not in _ALPHABET for one in serial):
        return None
    digits = [_ALPHABET.index(one) for one in serial]
    return serial if _check(digits[:-1]) == digits[-1] else None


def grouped(serial: str) -> str:
    """A serial as it is read: 7K3M-9QXW-0H2V-C5TRN."""
    parts, rest = [], serial
    for length in _GROUPS:
        parts.append(rest[:length])
        rest = rest[length:]
    return "-".join(parts)


def _check(digits: Iterable[int]) -> int:
    """A weighted sum in GF(32). All weights differ and none is 0 or 1, so that every single wrong character and
    every two that changed places are noticed."""
    total, weight = 0, 1
    for digit in digits:
        weight = _times(weight, 2)
        total ^= _times(weight, digit)
    return total


def _times(a: int, b: int) -> int:
    """The product of two elements of GF(32), modulo x⁵+x²+1."""
    product = 0
    while b:
        if b & 1:
            product ^= a
        a, b = a << 1, b >> 1
        if a & 32:
            a ^= 37
    return product


def masked(name: str) -> str:
    """A name as strangers see it: 张*丰, 张*, 古*·**提."""
    shown = [number for number, one in enumerate(name) if one.isalnum()]
    if not shown:
        return "*"
    kept = {shown[0], shown[-1]} if len(shown) > 2 else {shown[0]} if len(shown) > 1 else set()
    return "".join(one if not one.isalnum() or number in kept else "*" for number, one in enumerate(name))
