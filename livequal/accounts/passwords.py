"""Hash and check passwords: Argon2id, hashed again when the parameters grow. Rules about them stand in rules.py."""

from __future__ import annotations

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_hasher = PasswordHasher()
# Of a random text nobody kept: checked where there is no account, so that the answer takes as long.
_NOBODYS = "$argon2id$v=19$m=65536,t=3,p=4$e9r41beghBHPY7I+LRFH9Q$xKxY4CA5P9DDyWCmo1q1Vrs8YDfLuLJg2mqhQ8ckrbM"


def hashed(password: str) -> str:
    """The salted hash to keep."""
    return _hasher.hash(password)


def fits(kept: str | None, password: str) -> bool:
    """Whether the password is the one whose hash was kept.

    `kept` None stands for an unknown account: the answer is no, but it takes as long as for a known one.
    """
    try:
        return _hasher.verify(kept or _NOBODYS, password) and kept is not None
    except (VerificationError, InvalidHashError):
        return False


def outdated(kept: str) -> bool:
    """Whether the hash was made with other parameters than today's."""
    return _hasher.check_needs_rehash(kept)
