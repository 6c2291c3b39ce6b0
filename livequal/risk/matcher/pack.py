"""Reads a rule pack from YAML and checks it; every complaint names the file and the rule."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from livequal.risk.matcher.model import EvidenceKind, Rule, RulePack
from livequal.risk.matcher.normaliser import normalise
from livequal.risk.matcher.reader import reader_in_force
from livequal.risk.matcher.slots import TemplateError, Vocabulary, branches, compiled, expand, required
from livequal.taxonomy.categories import RISK_CATEGORIES, basis_zh, parse_basis
from livequal.taxonomy.rules import ProductCategory, RiskCategory, Severity

_HEAD = "pack.yaml"
# Rules of the platform's own: they take the place of those of the same name, and switch others `off`.
OVERLAY = "overlay.yaml"
_KNOWN = frozenset(
    (
        *("slug", "title", "category", "by_product", "products", "except", "severity", "basis", "literals", "patterns"),
        *(
            "unless",
            "ignores",
            "evidence",
            "confidence",
            "sound",
            "absence",
            "yields",
            "needs_evidence",
            "cues",
            "suggestion",
            "platform",
            "examples",
        ),
    )
)
# What the slug of a rule's cues ends in; their precision is counted apart.
CUE = "-cue"
_IGNORABLE = frozenset({"negation", "question", "teaching", "shields"})


class PackError(ValueError):
    """A pack that can't be used; the message names file and rule and says what to change."""


@dataclass(frozen=True, slots=True)
class _Head:
    vocabulary: Vocabulary
    groups: Mapping[str, frozenset[ProductCategory]]
    suggestions: Mapping[RiskCategory, str]


def load_pack(path: Path) -> RulePack:
    """The pack in a folder (pack.yaml and rule files beside it) or in one file. Raises PackError."""
    files = sorted(path.glob("*.yaml")) if path.is_dir() else [path]
    if not files:
        raise PackError(f"{path}: no .yaml file there")
    return read_pack({file.name: file.read_bytes() for file in files})


def read_pack(files: Mapping[str, bytes], *, reader: str | None = None, edition: str = "") -> RulePack:
    """The pack in the given files by name. Raises PackError.

    `reader`: the digest of its second reader, this release's when not given. `edition` names the overlay's version.
    """
    reader = reader_in_force() if reader is None else reader
    digest = hashlib.sha256()
    documents: dict[str, Mapping[str, Any]] = {}
    for name in sorted(files):
        digest.update(name.encode() + b"\0" + files[name] + b"\0")
        documents[name] = _document(name, files[name])
    head_name = _HEAD if _HEAD in documents else next(iter(documents))
    raw = documents[head_name]
    head = _head(head_name, raw)
    digest.update(b"reader\0" + reader.encode())
    own = tuple(_rules(OVERLAY, documents.get(OVERLAY, {}), head))
    shipped = [name for name in documents if name != OVERLAY]
    off = set(_words(OVERLAY, "", "off", documents.get(OVERLAY, {}).get("off") or []))
    # A rule switched off takes its cues along; one that is replaced leaves them, unless it brings its own.
    gone = {rule.slug for rule in own} | off | {slug + CUE for slug in off}
    base = tuple(rule for name in shipped for rule in _rules(name, documents[name], head))
    _refuse_twins(base)
    _refuse_twins(own)
    rules = (*(rule for rule in base if rule.slug not in gone), *own)
    return RulePack(
        slug=str(raw.get("slug", "")) or _fail(head_name, "", "slug is missing"),
        version=(str(raw.get("version", "")) or _fail(head_name, "", "version is missing"))
        + (f"/{edition}" if edition else ""),
        sha256=digest.hexdigest(),
        rules=rules,
        slots=head.vocabulary.slots,
        macros=head.vocabulary.macros,
        shields=_plain_words(head_name, "shields", raw),
        sound_words=_plain_words(head_name, "sound_words", raw),
        spelled_words=_plain_words(head_name, "spelled_words", raw),
        suggestions=head.suggestions,
        author=str(raw.get("author", "")),
        approver=str(raw.get("approver", "")),
        reader=reader,
    )


def _plain_words(file: str, key: str, raw: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(normalise(word).text for word in _words(file, "", key, raw.get(key, [])))


def _fail(file: str, slug: str, message: str) -> Any:
    raise PackError(f"{file}{', rule ' + slug if slug else ''}: {message}")


def _document(name: str, content: bytes) -> Mapping[str, Any]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        document = yaml.load(content, Loader=loader)  # noqa: S506 - both loaders are the safe ones
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise PackError(f"{name}: not readable as YAML: {error}") from error
    if not isinstance(document, dict):
        raise PackError(f"{name}: expected keys and values at the top")
    return document


def _head(name: str, raw: Mapping[str, Any]) -> _Head:
    slots = {
        key: tuple(dict.fromkeys(normalise(word).text for word in _words(name, "", key, value)))
        for key, value in (raw.get("slots") or {}).items()
    }
    macros = {str(key): str(value) for key, value in (raw.get("macros") or {}).items()}
    groups: dict[str, frozenset[ProductCategory]] = {"any": frozenset(ProductCategory)}
    for key, members in (raw.get("products") or {}).items():
        groups[key] = _products(name, "", _words(name, "", key, members), groups)
    suggestions = {_category(name, "", key): str(value) for key, value in (raw.get("suggestions") or {}).items()}
    if missing := set(RiskCategory) - set(suggestions):
        _fail(name, "", f"suggestions lacks {', '.join(sorted(missing))}")
    return _Head(Vocabulary(slots, macros), groups, suggestions)


def _words(file: str, slug: str, key: str, value: object) -> list[str]:
    if isinstance(value, str):
        return value.split()
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return value
    return _fail(file, slug, f"{key} must be a list of words")  # type: ignore[no-any-return]


def _category(file: str, slug: str, word: object) -> RiskCategory:
    try:
        return RiskCategory(str(word))
    except ValueError:
        return _fail(file, slug, f"there is no risk category {word!r}")  # type: ignore[no-any-return]


def _products(
    file: str, slug: str, words: Sequence[str], groups: Mapping[str, frozenset[ProductCategory]]
) -> frozenset[ProductCategory]:
    chosen: set[ProductCategory] = set()
    for word in words:
        if word.startswith("@"):
            chosen |= groups.get(word[1:]) or _fail(file, slug, f"there is no product group {word!r}")
            continue
        try:
            chosen.add(ProductCategory(word))
        except ValueError:
            _fail(file, slug, f"there is no product category {word!r}")
    return frozenset(chosen)


def _rules(file: str, document: Mapping[str, Any], head: _Head) -> Iterator[Rule]:
    for raw in document.get("rules") or ():
        if not isinstance(raw, dict) or not raw.get("slug"):
            _fail(file, "", f"a rule without slug: {str(raw)[:60]}")
        slug = str(raw["slug"])
        rule = _rule(file, slug, raw, head)
        if rule.literals or rule.patterns:
            yield rule
        if "cues" in raw:
            cues = _patterns(file, slug, raw["cues"], head.vocabulary)
            alone = not rule.literals and not rule.patterns
            yield replace(
                rule,
                slug=slug + CUE,
                literals=(),
                patterns=cues,
                cue=True,
                hits=rule.hits if alone else (),
                misses=rule.misses if alone else (),
            )


def _rule(file: str, slug: str, raw: Mapping[str, Any], head: _Head) -> Rule:
    if unknown := set(raw) - _KNOWN:
        _fail(file, slug, f"unknown key {', '.join(sorted(unknown))}")
    category = _category(file, slug, raw.get("category"))
    products = _products(file, slug, _words(file, slug, "products", raw.get("products", "@any")), head.groups)
    products -= _products(file, slug, _words(file, slug, "except", raw.get("except", [])), head.groups)
    literals = tuple(normalise(word).text for word in _words(file, slug, "literals", raw.get("literals", [])))
    patterns = _patterns(file, slug, raw.get("patterns", []), head.vocabulary)
    absence = bool(raw.get("absence", False))
    if not literals and not patterns and not raw.get("cues"):
        _fail(file, slug, "neither literals nor patterns: nothing would ever match")
    ignores = frozenset(_words(file, slug, "ignores", raw.get("ignores", [])))
    if ignores - _IGNORABLE:
        _fail(file, slug, f"ignores knows {', '.join(sorted(_IGNORABLE))}")
    examples = raw.get("examples") or {}
    default = ProductCategory.GENERAL if ProductCategory.GENERAL in products or not products else sorted(products)[0]
    return Rule(
        slug=slug,
        title=str(raw.get("title") or RISK_CATEGORIES[category].zh),
        category=category,
        severity=_severity(file, slug, raw.get("severity"), category),
        products=products,
        legal_basis=_basis(file, slug, raw.get("basis")),
        suggestion=str(raw.get("suggestion") or ""),
        literals=literals,
        patterns=patterns,
        unless=_patterns(file, slug, raw.get("unless", []), head.vocabulary, anchored=False),
        by_product={
            product: _category(file, slug, word)
            for key, word in (raw.get("by_product") or {}).items()
            for product in _products(file, slug, key.split(), head.groups)
        },
        ignores=ignores,
        evidence=_evidence(file, slug, raw.get("evidence")),
        confidence=_confidence(file, slug, raw.get("confidence", 0.9)),
        sound=bool(raw.get("sound", True)),
        absence=absence,
        yields=bool(raw.get("yields", False)),
        needs_evidence=bool(raw.get("needs_evidence", False)),
        platform_basis=str(raw.get("platform") or ""),
        hits=_examples(file, slug, examples.get("hit", []), default),
        misses=_examples(file, slug, examples.get("miss", []), default),
    )


def _patterns(file: str, slug: str, raw: object, vocabulary: Vocabulary, *, anchored: bool = True) -> tuple[str, ...]:
    templates = _texts(file, slug, raw, "patterns must be a list of texts")
    for template in templates:
        try:
            if anchored:
                for branch in branches(template):
                    required(branch, vocabulary)
            expand(template, vocabulary)
        except (TemplateError, ValueError) as error:
            _fail(file, slug, f"{template!r}: {error}")
    return templates


def _texts(file: str, slug: str, raw: object, message: str) -> tuple[str, ...]:
    if not isinstance(raw, list) or not all(isinstance(item, str) for item in raw):
        raise PackError(f"{file}, rule {slug}: {message}")
    return tuple(raw)


def check_patterns(pack: RulePack) -> None:
    """Compiles every pattern of the pack. Raises PackError for the first that google-re2 refuses."""
    vocabulary = Vocabulary(pack.slots, pack.macros)
    for rule in pack.rules:
        for template in (*rule.patterns, *rule.unless):
            try:
                compiled(expand(template, vocabulary))
            except TemplateError as error:
                raise PackError(f"{pack.slug}, rule {rule.slug}: {template!r}: {error}") from error


def _severity(file: str, slug: str, raw: object, category: RiskCategory) -> Severity:
    if raw is None:
        return RISK_CATEGORIES[category].severity
    try:
        return Severity(int(str(raw)))
    except ValueError:
        return _fail(file, slug, f"severity is 1 to 4, not {raw!r}")  # type: ignore[no-any-return]


def _basis(file: str, slug: str, raw: object) -> str:
    """Empty when the rule rests on what its category rests on."""
    if raw is None:
        return ""
    if not isinstance(raw, dict) or set(raw) - {"always", "if_advertising", "otherwise"}:
        raise PackError(f"{file}, rule {slug}: basis has the keys always, if_advertising, otherwise")
    try:
        return basis_zh(parse_basis(**{key: str(value) for key, value in raw.items()}))
    except (KeyError, ValueError) as error:
        return _fail(file, slug, f"basis names an instrument or article that is not on file: {error}")  # type: ignore[no-any-return]


def _evidence(file: str, slug: str, raw: object) -> EvidenceKind | None:
    if raw is None:
        return None
    try:
        return EvidenceKind(str(raw))
    except ValueError:
        return _fail(file, slug, f"evidence is one of {', '.join(EvidenceKind)}")  # type: ignore[no-any-return]


def _confidence(file: str, slug: str, raw: object) -> float:
    if not isinstance(raw, int | float) or not 0 < raw <= 1:
        _fail(file, slug, f"confidence is above 0 and at most 1, not {raw!r}")
    return float(str(raw))


def _examples(file: str, slug: str, raw: object, default: ProductCategory) -> tuple[tuple[ProductCategory, str], ...]:
    found: list[tuple[ProductCategory, str]] = []
    for item in _texts(file, slug, raw, "examples are texts, each after its product category: 'food: …'"):
        head, mark, text = item.partition(": ")
        if mark and head in set(ProductCategory):
            found.append((ProductCategory(head), text))
        else:
            found.append((default, item))
    return tuple(found)


def _refuse_twins(rules: Sequence[Rule]) -> None:
    seen: set[str] = set()
    for rule in rules:
        if rule.slug in seen:
            raise PackError(f"rule {rule.slug}: the slug is used twice")
        seen.add(rule.slug)
