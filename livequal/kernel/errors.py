"""What can go wrong in the domain, mapped to HTTP once (kernel.web). Messages tell the person what to do next."""

from __future__ import annotations

from collections.abc import Mapping


class DomainError(Exception):
    """Something the person can be told about."""

    status = 400

    def __init__(self, message: str = "") -> None:
        super().__init__(message)
        self.message = message


class NotFound(DomainError):
    """There is no such row, or it is not this person's to see."""

    status = 404


class Forbidden(DomainError):
    """The person may see this but not do that."""

    status = 403


class Invalid(DomainError):
    """Input that can't be taken; `fields` maps field names to what to do about each."""

    status = 422

    def __init__(self, fields: Mapping[str, str] | None = None, message: str = "") -> None:
        self.fields = dict(fields or {})
        super().__init__(message or "; ".join(self.fields.values()))


class WrongState(DomainError):
    """The thing is no longer (or not yet) in a state that allows this."""

    status = 409


class Conflict(DomainError):
    """Somebody else was quicker; what the person typed must stay."""

    status = 409


class TooMany(DomainError):
    """Too many tries; `retry_after_s` says when the next one is welcome."""

    status = 429

    def __init__(self, message: str, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
