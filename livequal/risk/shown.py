"""What the workbench's pages show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from ..kernel.i18n import lazy_gettext as _
from ..taxonomy.rules import ProductCategory
from .force import in_force, of_version
from .models import PackVersion
from .rules import PackState

if TYPE_CHECKING:
    from .matcher import Flag

STATES: dict[PackState, tuple[Any, str]] = {
    PackState.DRAFTED: (_("Draft"), "unknown"),
    PackState.SHADOWED: (_("Read along"), "accent"),
    PackState.SUBMITTED: (_("Waits for approval"), "proof"),
    PackState.APPROVED: (_("Approved"), "accent"),
    PackState.ACTIVE: (_("In force"), "holds"),
    PackState.RETIRED: (_("Put away"), "unknown"),
}


def evidence_choices() -> list[tuple[str, str]]:
    """The kinds of papers that can prove a claim, and none."""
    from .matcher import EvidenceKind

    words = {
        EvidenceKind.CLAIM: _("Approved claims"),
        EvidenceKind.PRICE: _("Price records"),
        EvidenceKind.CERTIFICATE: _("Certificates"),
        EvidenceKind.ORIGIN: _("Papers of origin"),
        EvidenceKind.MATERIAL: _("Material and grade"),
        EvidenceKind.SALES: _("Sales figures"),
        EvidenceKind.ENDORSEMENT: _("Endorsement contracts"),
    }
    return [("", _("None: no paper makes it lawful")), *((kind.value, word) for kind, word in words.items())]


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a text; `flags` are the numbers of those that cover it, counted from 1."""

    text: str
    flags: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Tried:
    """A text as a version reads it; `new` are flags the rules in force do not raise, `gone` those they alone raise."""

    pieces: list[Piece]
    flags: Sequence[Flag]
    new: frozenset[int]
    gone: Sequence[Flag]


def pieces_of(text: str, flags: Sequence[Flag]) -> list[Piece]:
    """The text cut at the flags' borders."""
    cuts = sorted({0, len(text), *(flag.start for flag in flags), *(flag.end for flag in flags)})
    return [
        Piece(text[a:b], tuple(n for n, flag in enumerate(flags, 1) if flag.start <= a and b <= flag.end))
        for a, b in pairwise(cuts)
    ]


def tried(version: PackVersion, text: str, product: str) -> Tried:
    """Read a text with a version, beside the rules in force. Nothing is kept."""
    from .matcher import ProductContext

    context = ProductContext(ProductCategory(product))
    flags = of_version(version).matcher.judge(text, context)
    before = in_force().matcher.judge(text, context)
    marks = {_mark(flag) for flag in flags}
    known = {_mark(flag) for flag in before}
    return Tried(
        pieces_of(text, flags),
        flags,
        frozenset(number for number, flag in enumerate(flags, 1) if _mark(flag) not in known),
        [flag for flag in before if _mark(flag) not in marks],
    )


def _mark(flag: Flag) -> tuple[object, ...]:
    return flag.rule, flag.start, flag.end, flag.category, flag.severity


def field_changes(before: Any, after: Any) -> list[str]:
    """The names of the fields in which two rules differ."""
    return [name for name in type(after).__dataclass_fields__ if getattr(before, name) != getattr(after, name)]


FIELDS: dict[str, Any] = {
    "title": _("Title"),
    "category": _("Risk category"),
    "severity": _("Severity"),
    "products": _("For which products"),
    "by_product": _("Category for some products"),
    "legal_basis": _("Legal basis"),
    "platform_basis": _("Basis in platform rules"),
    "suggestion": _("What to say instead"),
    "literals": _("Words"),
    "patterns": _("Patterns"),
    "unless": _("Exceptions"),
    "ignores": _("Context that is not looked at"),
    "evidence": _("Papers that can prove it"),
    "confidence": _("Confidence"),
    "sound": _("Sound"),
    "hits": _("Examples"),
    "misses": _("Examples that are not meant"),
}
