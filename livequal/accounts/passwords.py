"""Hash and check passwords: Argon2id, hashed again when the parameters grow. Rules about them stand in rules.py."""

from __future__ import annotations

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from ..kernel.errors import Invalid
from ..kernel.i18n import gettext
from .rules import PASSWORD_MAX, PASSWORD_MIN, PasswordFault, password_fault

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


def accepted(password: str, login: str) -> str:
    """The hash of a newly chosen password.

    Raises: Invalid at `password`.
    """
    match password_fault(password, login):
        case None:
            return hashed(password)
        case PasswordFault.SHORT:
            message = gettext(
                "Take at least %(count)s characters. Three words in a row are easy to keep.", count=PASSWORD_MIN
            )
        case PasswordFault.LONG:
            message = gettext("Take at most %(count)s characters.", count=PASSWORD_MAX)
        case PasswordFault.IS_LOGIN:
            message = gettext("The password must differ from the sign-in name.")
        case PasswordFault.COMMON:
            message = gettext("This password is among the first that strangers try. Choose another one.")
    raise Invalid({"password": message})
