"""What goes into the matcher and what comes out. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum

from livequal.streams.rules import Word
from livequal.taxonomy.rules import ProductCategory, RiskCategory, Severity


@dataclass(frozen=True, slots=True)
class Utterance:
    """One stretch of speech as recognised; times in ms from the start of the recording, None when unknown."""

    id: str
    text: str
    start_ms: int | None = None
    end_ms: int | None = None
    words: tuple[Word, ...] = ()
    speaker: str = "unknown"


@dataclass(frozen=True, slots=True)
class ProductContext:
    """Which product is being explained: its category decides what words mean.

    `names` are its brand, product and place names, never risky by themselves. `spoken_on` decides which law is cited
    (None: everything on file, whatever the day).
    """

    category: ProductCategory = ProductCategory.GENERAL
    names: tuple[str, ...] = ()
    spoken_on: date | None = None


class EvidenceKind(StrEnum):
    """What a document on file can prove."""

    CLAIM = "claim"
    PRICE = "price"
    CERTIFICATE = "certificate"
    ORIGIN = "origin"
    MATERIAL = "material"
    SALES = "sales"
    ENDORSEMENT = "endorsement"


class EvidenceState(StrEnum):
    """How a claim stands against what is on file; `not_needed` where no document could make it lawful."""

    SUPPORTED = "supported"
    CONTRADICTED = "contradicted"
    UNPROVEN = "unproven"
    NOT_NEEDED = "not_needed"


@dataclass(frozen=True, slots=True)
class EvidenceItem:
    """One proven fact: its words or number as the document has them, and where the document is."""

    kind: EvidenceKind
    value: str
    document: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is on file about the product. A kind without any item is unknown, not denied."""

    items: tuple[EvidenceItem, ...] = ()

    def of(self, kind: EvidenceKind) -> tuple[EvidenceItem, ...]:
        """The items of one kind."""
        return tuple(item for item in self.items if item.kind is kind)


_FIELDS: dict[str, EvidenceKind] = {
    "approved_claims": EvidenceKind.CLAIM,
    "claims": EvidenceKind.CLAIM,
    "prices": EvidenceKind.PRICE,
    "price_evidence": EvidenceKind.PRICE,
    "reference_prices": EvidenceKind.PRICE,
    "certificates": EvidenceKind.CERTIFICATE,
    "origin": EvidenceKind.ORIGIN,
    "origins": EvidenceKind.ORIGIN,
    "grade": EvidenceKind.MATERIAL,
    "materials": EvidenceKind.MATERIAL,
    "sales": EvidenceKind.SALES,
    "endorsements": EvidenceKind.ENDORSEMENT,
}


def evidence_from(mapping: Mapping[str, object]) -> Evidence:
    """Evidence from JSON, such as {"approved_claims": [...], "prices": [...], "certificates": [...], "origin": ""}.

    A value is a string, a number, {"value", "document"} or a list of these. Raises ValueError naming the field.
    """
    items: list[EvidenceItem] = []
    for name, raw in mapping.items():
        kind = _FIELDS.get(name)
        if kind is None:
            raise ValueError(f"evidence has an unknown field {name!r}; known are {', '.join(sorted(_FIELDS))}")
        for value in raw if isinstance(raw, list) else [raw]:
            items.append(_item(kind, name, value))
    return Evidence(tuple(items))


def _item(kind: EvidenceKind, name: str, value: object) -> EvidenceItem:
    if isinstance(value, Mapping):
        return EvidenceItem(kind, str(value.get("value", "")), str(value.get("document", "")))
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return EvidenceItem(kind, str(value))
    raise ValueError(f"evidence field {name!r} holds {value!r}; give words, a number or {{value, document}}")


@dataclass(frozen=True, slots=True)
class Flag:
    """One risky claim: where, what, why, and what could be said instead.

    `start` and `end` count code points of the text as given (half open). In a session `start` counts in utterance
    `utterance` and `end` in `end_utterance`. `pack` is slug@version+sha256. `heard_as` is set on sound hits: what the
    words are taken for. `document` is the paper that supports or contradicts.
    """

    category: RiskCategory
    severity: Severity
    start: int
    end: int
    quote: str
    rule: str
    title: str
    pack: str
    confidence: float
    evidence: EvidenceState
    legal_basis: str
    platform_basis: str
    suggestion: str
    heard_as: str = ""
    document: str = ""
    utterance: str = ""
    end_utterance: str = ""
    start_ms: int | None = None
    end_ms: int | None = None

    def moved(self, by: int) -> Flag:
        """The same flag in a text that has `by` more code points before it."""
        return replace(self, start=self.start + by, end=self.end + by)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a pack, as reviewed; patterns are in the pack's template language (see `slots`).

    `by_product` names another risk category for some products. `ignores` switches off parts of the context reading.
    `yields`: gives way to any other rule's overlapping flag. `absence`: fires when nothing matched in a whole
    session. `needs_evidence`: silent unless papers of its kind are on file. `cue`: its words say too little alone;
    they only tell the second reader where to listen, and a suspicion of its is then raised in this rule's name.
    """

    slug: str
    title: str
    category: RiskCategory
    severity: Severity
    products: frozenset[ProductCategory]
    legal_basis: str
    suggestion: str
    literals: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    by_product: Mapping[ProductCategory, RiskCategory] = field(default_factory=dict)
    ignores: frozenset[str] = frozenset()
    evidence: EvidenceKind | None = None
    confidence: float = 0.9
    sound: bool = True
    absence: bool = False
    yields: bool = False
    needs_evidence: bool = False
    cue: bool = False
    platform_basis: str = ""
    hits: tuple[tuple[ProductCategory, str], ...] = ()
    misses: tuple[tuple[ProductCategory, str], ...] = ()


@dataclass(frozen=True, slots=True)
class RulePack:
    """A reviewed set of rules; `sha256` covers every byte of its files, and the second reader's (`reader`: its digest).

    `sound_words` are also found by sound, `spelled_words` only where letters stand for a syllable (te供).
    """

    slug: str
    version: str
    sha256: str
    rules: tuple[Rule, ...]
    slots: Mapping[str, tuple[str, ...]]
    macros: Mapping[str, str]
    shields: tuple[str, ...]
    sound_words: tuple[str, ...]
    spelled_words: tuple[str, ...]
    suggestions: Mapping[RiskCategory, str]
    author: str = ""
    approver: str = ""
    reader: str = ""

    @property
    def stamp(self) -> str:
        """slug@version+sha256, kept with every flag."""
        return f"{self.slug}@{self.version}+{self.sha256}"
