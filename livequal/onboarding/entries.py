"""What changing anything here has in common: faults said in the person's language, uniqueness, the record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from sqlalchemy.exc import IntegrityError

from ..audit import service as audit
from ..kernel.db import db
from ..kernel.errors import Invalid
from ..kernel.i18n import gettext
from ..taxonomy.rules import ProductCategory
from .rules import Fault

UNIQUE_VIOLATION = "23505"


def refuse(faults: Mapping[str, Fault]) -> None:
    """Say what is wrong with an entry.

    Raises: Invalid when there is any fault.
    """
    if faults:
        raise Invalid({name: _said(fault) for name, fault in faults.items()})


def unknown(categories: Iterable[str]) -> dict[str, Fault]:
    """The fault of product categories that do not exist."""
    known = {category.value for category in ProductCategory}
    return {} if known.issuperset(categories) else {"categories": Fault.UNKNOWN_CATEGORY}


@contextmanager
def once(field: str, message: str) -> Iterator[None]:
    """Write what must be unique inside the block; the database decides, so that two at once can't both win.

    Raises: Invalid at the field when it is there already; the transaction goes on.
    """
    try:
        with db.session.begin_nested():
            yield
    except IntegrityError as error:
        if not _is_twin(error):
            raise
        raise Invalid({field: message}) from None


def record_change(
    action: str, subject: object, before: Mapping[str, object], after: Mapping[str, object], by: audit.By
) -> bool:
    """Put on record what a change changed; answer whether it changed anything."""
    names = [name for name in after if before[name] != after[name]]
    if names:
        audit.record(action, subject, by=by, before={n: before[n] for n in names}, after={n: after[n] for n in names})
    return bool(names)


def _is_twin(error: IntegrityError) -> bool:
    """Whether it was a unique constraint: SQLite says so in words, PostgreSQL by its code."""
    return getattr(error.orig, "sqlstate", "") == UNIQUE_VIOLATION or "UNIQUE constraint failed" in str(error.orig)


def _said(fault: Fault) -> str:
    match fault:
        case Fault.MISSING:
            return gettext("Fill this in.")
        case Fault.TOO_LONG:
            return gettext("This is too long. Shorten it.")
        case Fault.BAD_NUMBER:
            return gettext("A room number has letters, digits, dots and dashes only, without spaces.")
        case Fault.TOO_EARLY:
            return gettext("This is before 2016. Check the year.")
        case Fault.TOO_FAR_AHEAD:
            return gettext("This is more than a year ahead. Check the year.")
        case Fault.ENDS_BEFORE_START:
            return gettext("The end must be after the start.")
        case Fault.TOO_LENGTHY:
            return gettext("A session lasts three days at most. Check the date.")
        case Fault.UNKNOWN_CATEGORY:
            return gettext("Choose from the product categories that are offered.")
