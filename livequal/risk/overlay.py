"""The platform's own rules as text: read, change by one rule, write; and check what a person typed, line by line. Pure.

An overlay is YAML: `rules` in the language of the shipped packs, and `off`, the names of shipped rules that rest.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import yaml

from ..kernel.i18n import gettext as _
from ..taxonomy.categories import RISK_CATEGORIES, basis_zh, parse_basis
from ..taxonomy.rules import LegalBasis, ProductCategory, RiskCategory
from .rules import LINE_MAX, LINES_MAX, SLUG_MAX, Change

if TYPE_CHECKING:
    from .matcher import Matcher, Rule, RulePack

_SLUG = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_CODE = re.compile(r"[a-z][a-z_]*")
_RESERVED = "second-reader"


@dataclass(frozen=True, slots=True)
class Overlay:
    """Own rules as written (`rules`), and names of shipped rules switched off."""

    rules: tuple[Mapping[str, Any], ...] = ()
    off: tuple[str, ...] = ()

    def rule(self, slug: str) -> Mapping[str, Any] | None:
        """The own rule of that name."""
        return next((raw for raw in self.rules if raw["slug"] == slug), None)

    def with_rule(self, raw: Mapping[str, Any], was: str = "") -> Overlay:
        """With a rule added, or in the place of the one that was called `was`."""
        slug = str(raw["slug"])
        places = [place for place, old in enumerate(self.rules) if old["slug"] in {slug, was}]
        rules = [old for old in self.rules if old["slug"] not in {slug, was}]
        rules.insert(places[0] if places else len(rules), raw)
        return Overlay(tuple(rules), tuple(name for name in self.off if name != slug))

    def without_rule(self, slug: str) -> Overlay:
        """Without the own rule of that name: what was shipped under it counts again."""
        return replace(self, rules=tuple(raw for raw in self.rules if raw["slug"] != slug))

    def with_off(self, slug: str) -> Overlay:
        """With a shipped rule switched off."""
        return Overlay(self.without_rule(slug).rules, tuple(sorted({*self.off, slug})))

    def with_on(self, slug: str) -> Overlay:
        """With a shipped rule that rested at work again."""
        return replace(self, off=tuple(name for name in self.off if name != slug))


@dataclass(frozen=True, slots=True)
class RuleEntry:
    """A rule as a person types it: lists are lines. Examples read `food: 能治病`; without product they mean the first.

    The three basis texts are notations such as "AdL 9(3),57; CosR 37".
    """

    slug: str = ""
    title: str = ""
    category: str = ""
    severity: int = 2
    products: tuple[str, ...] = ()
    literals: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    always: str = ""
    if_advertising: str = ""
    otherwise: str = ""
    platform: str = ""
    suggestion: str = ""
    hits: tuple[str, ...] = ()
    misses: tuple[str, ...] = ()
    evidence: str = ""
    sound: bool = True


@dataclass(frozen=True, slots=True)
class Example:
    """One example of a rule and whether the matcher reads it as its author does."""

    product: ProductCategory
    text: str
    wanted: bool
    ok: bool


@dataclass(frozen=True, slots=True)
class RuleChange:
    """A rule that differs between two packs; None where there is none."""

    change: Change
    slug: str
    before: Rule | None
    after: Rule | None


def read(text: str) -> Overlay:
    """The overlay in a text of our own writing."""
    raw = yaml.safe_load(text) or {}
    return Overlay(tuple(raw.get("rules") or ()), tuple(raw.get("off") or ()))


def written(overlay: Overlay) -> str:
    """The overlay as text; the same overlay is always the same text."""
    raw = {"rules": [dict(rule) for rule in overlay.rules], "off": list(overlay.off)}
    return yaml.safe_dump(raw, allow_unicode=True, sort_keys=False, width=10_000)


def entry_of(rule: Rule, raw: Mapping[str, Any]) -> RuleEntry:
    """A rule as the form shows it. A shipped rule without a basis of its own rests on its category's."""
    basis = raw.get("basis") or notation(RISK_CATEGORIES[rule.category].basis)
    return RuleEntry(
        slug=rule.slug,
        title=rule.title,
        category=rule.category.value,
        severity=int(rule.severity),
        products=tuple(sorted(product.value for product in rule.products)),
        literals=_lines(raw.get("literals", ())),
        patterns=_lines(raw.get("patterns", ())),
        unless=_lines(raw.get("unless", ())),
        always=str(basis.get("always", "")),
        if_advertising=str(basis.get("if_advertising", "")),
        otherwise=str(basis.get("otherwise", "")),
        platform=rule.platform_basis or RISK_CATEGORIES[rule.category].platform,
        suggestion=rule.suggestion,
        hits=tuple(f"{product.value}: {text}" for product, text in rule.hits),
        misses=tuple(f"{product.value}: {text}" for product, text in rule.misses),
        evidence=rule.evidence.value if rule.evidence else "",
        sound=rule.sound,
    )


def raw_of(entry: RuleEntry, kept: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A rule as packs write it; what the form does not show is `kept` from the rule it was."""
    raw = {key: value for key, value in (kept or {}).items() if key not in _SHOWN}
    basis = {key: getattr(entry, key) for key in ("always", "if_advertising", "otherwise") if getattr(entry, key)}
    everything = set(entry.products) >= set(ProductCategory)
    shown: dict[str, Any] = {
        "slug": entry.slug,
        "title": entry.title,
        "category": entry.category,
        "severity": entry.severity,
        "products": ["@any"] if everything else list(entry.products),
        "basis": basis,
        "literals": list(entry.literals),
        "patterns": list(entry.patterns),
        "unless": list(entry.unless),
        "platform": entry.platform,
        "suggestion": entry.suggestion,
        "evidence": entry.evidence,
        "examples": {"hit": list(entry.hits), "miss": list(entry.misses)},
    }
    found = {key: value for key, value in shown.items() if value not in ("", [], {})}
    return found | ({} if entry.sound else {"sound": False}) | raw


_SHOWN = frozenset(
    (
        *("slug", "title", "category", "severity", "products", "except", "basis", "literals", "patterns", "unless"),
        *("platform", "suggestion", "evidence", "examples", "sound"),
    )
)


def notation(basis: LegalBasis) -> dict[str, str]:
    """A basis in the short notation that packs are written in."""
    parts = {"always": basis.always, "if_advertising": basis.if_advertising, "otherwise": basis.otherwise}
    return {
        key: "; ".join(" ".join(filter(None, (one.instrument, ",".join(one.articles)))) for one in citations)
        for key, citations in parts.items()
        if citations
    }


def faults(entry: RuleEntry, pack: RulePack, *, taken: frozenset[str] = frozenset()) -> dict[str, str]:
    """What is wrong with a rule, by field; where a field has lines the message names the line.

    No source, no rule: at least one article that is on file.
    """
    from .matcher import EvidenceKind

    found: dict[str, str] = {}
    if not _SLUG.fullmatch(entry.slug) or len(entry.slug) > SLUG_MAX or entry.slug == _RESERVED:
        found["slug"] = _("Use small letters, digits and hyphens, such as gold-price-promise.")
    elif entry.slug in taken:
        found["slug"] = _("Another rule has this short name already. Change that one, or choose another name.")
    if entry.category not in set(RiskCategory):
        found["category"] = _("Choose a risk category.")
    if not entry.products or set(entry.products) - set(ProductCategory):
        found["products"] = _("Choose at least one product category.")
    if not entry.literals and not entry.patterns:
        found["literals"] = _("Give words or a pattern; without them nothing would ever be found.")
    for name in ("literals", "patterns", "unless", "hits", "misses"):
        if message := _first_fault(getattr(entry, name), _LINE_CHECKS.get(name), pack):
            found[name] = message
    if not (entry.always or entry.if_advertising or entry.otherwise) and not (entry.platform and _lawless(entry)):
        found["always"] = _("Name the law this rule rests on. No source, no rule.")
    for name in ("always", "if_advertising", "otherwise"):
        if message := _basis_fault(getattr(entry, name)):
            found[name] = message
    if entry.evidence and entry.evidence not in set(EvidenceKind):
        found["evidence"] = _("Choose one of the kinds in the list.")
    if not entry.hits:
        found["hits"] = _("Give at least one sentence that must be found.")
    if not entry.misses:
        found["misses"] = _("Give at least one sentence that must not be found.")
    return found


def _lawless(entry: RuleEntry) -> bool:
    """Whether no law is on file for the category: then a platform's rule is the source."""
    return entry.category in set(RiskCategory) and not notation(RISK_CATEGORIES[RiskCategory(entry.category)].basis)


def _first_fault(lines: Sequence[str], check: Callable[[str, RulePack], str] | None, pack: RulePack) -> str:
    if len(lines) > LINES_MAX:
        return _("Write at most %(count)s lines.", count=LINES_MAX)
    for number, line in enumerate(lines, 1):
        why = _("it has more than %(count)s characters", count=LINE_MAX) if len(line) > LINE_MAX else ""
        if why or (check is not None and (why := check(line, pack))):
            return _("Line %(line)s: %(why)s.", line=number, why=why)
    return ""


def _literal_fault(line: str, _pack: RulePack) -> str:
    from .matcher.normaliser import normalise

    return "" if normalise(line).text.strip() else _("nothing is left of it when spaces and signs are taken away")


def _pattern_fault(line: str, pack: RulePack) -> str:
    from .matcher.slots import TemplateError, Vocabulary, branches, required

    vocabulary = Vocabulary(pack.slots, pack.macros)
    if why := _unless_fault(line, pack):
        return why
    try:
        for branch in branches(line):
            required(branch, vocabulary)
    except (TemplateError, ValueError, RecursionError):
        return _("it has no fixed word, so it would have to be tried on every sentence")
    return ""


def _unless_fault(line: str, pack: RulePack) -> str:
    from .matcher.slots import TemplateError, Vocabulary, compiled, expand

    try:
        pattern = expand(line, Vocabulary(pack.slots, pack.macros))
    except (TemplateError, ValueError):
        return _("it names a word list that the rule pack does not have")
    try:
        compiled(pattern)
    except (TemplateError, ValueError):
        return _("it can't be read as a pattern; look at its brackets and repetitions, and use no references back")
    return ""


def _basis_fault(text: str) -> str:
    if not text:
        return ""
    try:
        return "" if basis_zh(parse_basis(always=text)) else _("Write it like this: AdL 9(3),57; CosR 37.")
    except (KeyError, ValueError, IndexError):
        return _("This law or article is not on file. Write it like this: AdL 9(3),57; CosR 37.")


def _example_fault(line: str, _pack: RulePack) -> str:
    head, mark, text = line.partition(": ")
    if not mark or not _CODE.fullmatch(head):
        return ""
    if head not in set(ProductCategory):
        return _("there is no product “%(name)s”", name=head)
    return "" if text.strip() else _("there is no sentence after the product")


_LINE_CHECKS: dict[str, Callable[[str, RulePack], str]] = {
    "hits": _example_fault,
    "misses": _example_fault,
    "literals": _literal_fault,
    "patterns": _pattern_fault,
    "unless": _unless_fault,
}


def examples_of(matcher: Matcher, rule: Rule) -> list[Example]:
    """Each example of a rule with how it is read: found in the rule's category, or not found by the rule."""
    if rule.absence or rule.needs_evidence:
        return []
    return [
        *(_example(matcher, rule, product, text, wanted=True) for product, text in rule.hits),
        *(_example(matcher, rule, product, text, wanted=False) for product, text in rule.misses),
    ]


def _example(matcher: Matcher, rule: Rule, product: ProductCategory, text: str, *, wanted: bool) -> Example:
    from .matcher import CUE, ProductContext

    flags = matcher.judge_by_rules(text, ProductContext(product))
    category = rule.by_product.get(product, rule.category)
    if wanted:
        flags += tuple(flag for flag in matcher.judge(text, ProductContext(product)) if flag.rule.endswith(CUE))
    hit = category in {flag.category for flag in flags} if wanted else rule.slug in {flag.rule for flag in flags}
    return Example(product, text, wanted, hit is wanted)


def changes_between(before: RulePack, after: RulePack) -> list[RuleChange]:
    """The rules in which two packs differ, by name."""
    old = {rule.slug: rule for rule in before.rules}
    new = {rule.slug: rule for rule in after.rules}
    return [
        RuleChange(
            Change.ADDED if slug not in old else Change.REMOVED if slug not in new else Change.CHANGED,
            slug,
            old.get(slug),
            new.get(slug),
        )
        for slug in sorted({*old, *new})
        if old.get(slug) != new.get(slug)
    ]


def _lines(value: object) -> tuple[str, ...]:
    return tuple(value.split()) if isinstance(value, str) else tuple(value)  # type: ignore[arg-type]
