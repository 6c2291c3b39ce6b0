"""What the workbench's pages show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from ..kernel.i18n import lazy_gettext as _
from ..kernel.i18n import locale
from ..taxonomy.categories import RISK_CATEGORIES, basis_zh
from ..taxonomy.instruments import INSTRUMENTS
from ..taxonomy.rules import ProductCategory, RiskCategory, Severity
from .force import in_force, of_version
from .models import PackVersion
from .overlay import RuleChange
from .rules import PackState

if TYPE_CHECKING:
    from .matcher import Flag, Rule, RulePack

STATES: dict[PackState, tuple[Any, str]] = {
    PackState.DRAFTED: (_("Draft"), "unknown"),
    PackState.SHADOWED: (_("Read along"), "accent"),
    PackState.SUBMITTED: (_("Waits for approval"), "proof"),
    PackState.APPROVED: (_("Approved"), "accent"),
    PackState.ACTIVE: (_("In force"), "holds"),
    PackState.RETIRED: (_("Put away"), "unknown"),
}


MOVED: dict[str, Any] = {
    "shadow": _("From now on it is read along. Nothing follows from what it finds."),
    "take_back": _("It is a draft again."),
    "submit": _("Submitted. A second person can approve it now."),
    "activate": _("In force from now on. The next reading of a transcript uses it."),
    "retire": _("Put away. It stays on file."),
    "roll_back": _("In force from now on. The next reading of a transcript uses it."),
}

SEVERITIES: dict[Severity, Any] = {
    Severity.NOTE: _("Hint"),
    Severity.CORRECT: _("Moderate"),
    Severity.PAUSE: _("Serious"),
    Severity.STOP: _("Grave"),
}


def severity_choices() -> list[tuple[int, str]]:
    """The degrees with what usually follows."""
    return [
        (int(level), f"{word} · {level.en if locale() == 'en' else level.zh}") for level, word in SEVERITIES.items()
    ]


def law_names() -> list[tuple[str, str]]:
    """The short names of the laws on file that are still in force, with their titles."""
    return [(key, law.title_zh) for key, law in INSTRUMENTS.items() if law.until is None]


def rules_found(pack: RulePack, category: str, words: str) -> list[Rule]:
    """The rules of a pack that fit a filter. A rule's cues belong to it and are no row of their own."""
    own = {rule.slug for rule in pack.rules if not rule.cue}
    return [
        rule
        for rule in pack.rules
        if not (rule.cue and name_of(rule.slug) in own)
        and (not category or rule.category == category)
        and (not words or words in rule.title or name_of(words) in rule.slug)
    ]


def name_of(slug: str) -> str:
    """The name under which a rule is written; its cues bear another."""
    from .matcher.pack import CUE

    return slug.removesuffix(CUE)


def basis_of(rule: Rule) -> str:
    """What a rule rests on: its own articles, else those of its category."""
    return rule.legal_basis or basis_zh(RISK_CATEGORIES[rule.category].basis)


def platform_basis_of(rule: Rule) -> str:
    """The platform rule beside the law."""
    return rule.platform_basis or RISK_CATEGORIES[rule.category].platform


def shown_changes(changes: Sequence[RuleChange]) -> list[RuleChange]:
    """The changed rules; what changes in the cues of one of them is part of that change."""
    names = {change.slug for change in changes}
    return [one for one in changes if name_of(one.slug) == one.slug or name_of(one.slug) not in names]


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


@dataclass(frozen=True, slots=True)
class Content:
    """What a field of a rule holds, or what is gone from it and what is new in it."""

    label: str
    gone: tuple[str, ...]
    new: tuple[str, ...]


def contents(before: Rule | None, after: Rule | None) -> list[Content]:
    """What a rule says, field by field: all of a new or removed one, of a changed one what differs."""
    found = []
    for name, label in FIELDS.items():
        if (before is None or after is None) and name in _STAND_ELSEWHERE:
            continue
        old, new = _words(name, before), _words(name, after)
        if old != new:
            gone = tuple(word for word in old if word not in new)
            found.append(Content(str(label), gone, tuple(word for word in new if word not in old)))
    return found


def _words(name: str, rule: Rule | None) -> tuple[str, ...]:
    if rule is None:
        return ()
    value = basis_of(rule) if name == "legal_basis" else getattr(rule, name)
    if name == "products" and value == frozenset(ProductCategory):
        return (str(_("For all products")),)
    if name == "evidence":
        return (str(dict(evidence_choices())[value or ""]),)
    if isinstance(value, Mapping):
        return tuple(f"{_word(key)}: {_word(value[key])}" for key in sorted(value))
    if isinstance(value, frozenset):
        return tuple(_word(one) for one in sorted(value))
    if isinstance(value, tuple):
        return tuple(_word(one) for one in value)
    return (_word(value),) if value not in ("", None) else ()


def _word(value: Any) -> str:
    if isinstance(value, tuple):
        return "：".join(_word(one) for one in value)
    if isinstance(value, bool):
        return str(_("yes") if value else _("no"))
    if isinstance(value, Severity):
        return str(SEVERITIES[value])
    if isinstance(value, ProductCategory):
        return value.en if locale() == "en" else value.zh
    if isinstance(value, RiskCategory):
        facts = RISK_CATEGORIES[value]
        return facts.en if locale() == "en" else facts.zh
    return str(value)


# A card's head and the list of its examples show these.
_STAND_ELSEWHERE = frozenset({"title", "category", "severity", "legal_basis", "hits", "misses", "confidence"})


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
