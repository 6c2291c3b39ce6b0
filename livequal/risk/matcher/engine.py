"""The matcher: a pack compiled once, text judged in one pass for fixed words and a few patterns each. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import ahocorasick

from livequal.risk.matcher import context as reading
from livequal.risk.matcher.model import Evidence, EvidenceState, Flag, ProductContext, Rule, RulePack
from livequal.risk.matcher.normaliser import EVASIVE, Normalised, normalise
from livequal.risk.matcher.proof import standing
from livequal.risk.matcher.reader import Suspicion, suspect
from livequal.risk.matcher.slots import Vocabulary, branches, compiled, expand, required
from livequal.risk.matcher.sound import Heard, SoundIndex
from livequal.risk.matcher.spans import chunks, in_characters, places, repair, shielded
from livequal.taxonomy.categories import RISK_CATEGORIES, basis_zh
from livequal.taxonomy.rules import ProductCategory, RiskCategory, Severity

if TYPE_CHECKING:
    from livequal.risk.matcher.session import Session

_CHUNK = 800
_UTTERANCE = 140
READER_SLUG = "second-reader"
# By how much less the second reader takes to speak where a cue of the pack stands.
_EASE = 2.8
_SOUND_DISCOUNT = 0.85


@dataclass(frozen=True, slots=True)
class Hit:
    """A rule's match in normalised text, before it becomes a flag."""

    rule: Rule
    category: RiskCategory
    start: int
    end: int
    confidence: float
    heard_as: str = ""


class _Pattern:
    """One template of one rule; the engine compiles it when it is first needed."""

    __slots__ = ("_regex", "_source", "rule")

    def __init__(self, rule: Rule, source: str) -> None:
        self.rule = rule
        self._source = source
        self._regex: Any = None

    def spans(self, data: bytes) -> Iterator[tuple[int, int]]:
        if self._regex is None:
            self._regex = compiled(self._source)
        for match in self._regex.finditer(data):
            yield match.span()


@dataclass(slots=True)
class _Atom:
    """What a fixed word in the text sets off."""

    size: int
    sets: tuple[int, ...] = ()
    literals: tuple[Rule, ...] = ()
    shield: bool = False


_Index = dict[int, list[tuple[_Pattern, frozenset[int]]]]


class Matcher:
    """A compiled rule pack. Holds no state between texts and may be shared by threads."""

    def __init__(self, pack: RulePack) -> None:
        self.pack = pack
        vocabulary = Vocabulary(pack.slots, pack.macros)
        self._unless: dict[str, tuple[_Pattern, ...]] = {}
        self._set_ids: dict[frozenset[str], int] = {}
        self._by_set: _Index = {}
        self._index: dict[ProductCategory, _Index] = {}
        atoms: dict[str, _Atom] = {}
        for rule in pack.rules:
            if not rule.absence:
                self._add(rule, vocabulary, atoms)
        for word in pack.shields:
            atoms.setdefault(word, _Atom(len(word))).shield = True
        self._atoms = ahocorasick.Automaton()
        for word, atom in atoms.items():
            self._atoms.add_word(word, atom)
        self._atoms.make_automaton()
        self.sounding = frozenset(self._sounding(pack.rules))
        self._sound = SoundIndex(self.sounding, self._spelled())
        self._bases: dict[tuple[str, object], str] = {}

    def _add(self, rule: Rule, vocabulary: Vocabulary, atoms: dict[str, _Atom]) -> None:
        for word in rule.literals:
            atom = atoms.setdefault(word, _Atom(len(word)))
            atom.literals = (*atom.literals, rule)
        for template in rule.patterns:
            for branch in branches(template):
                ids = [self._set_id(words, atoms) for words in required(branch, vocabulary)]
                pattern = _Pattern(rule, expand(branch, vocabulary))
                self._by_set.setdefault(ids[0], []).append((pattern, frozenset(ids[1:])))
        if rule.unless:
            self._unless[rule.slug] = tuple(_Pattern(rule, expand(template, vocabulary)) for template in rule.unless)

    def _set_id(self, words: frozenset[str], atoms: dict[str, _Atom]) -> int:
        if words not in self._set_ids:
            self._set_ids[words] = len(self._set_ids)
            for word in words:
                atom = atoms.setdefault(word, _Atom(len(word)))
                atom.sets = (*atom.sets, self._set_ids[words])
        return self._set_ids[words]

    def _index_for(self, category: ProductCategory) -> _Index:
        """The patterns for one product category by their rarest set; made when first needed."""
        index = {
            one: own
            for one, pairs in self._by_set.items()
            if (own := [pair for pair in pairs if category in pair[0].rule.products])
        }
        self._index[category] = index
        return index

    def _sounding(self, rules: Iterable[Rule]) -> set[str]:
        words = set(self.pack.sound_words)
        for rule in rules:
            if rule.sound and not rule.absence:
                words.update(word for word in rule.literals if len(word) >= 3)
        return words

    def _spelled(self) -> set[str]:
        words = {word for words in self.pack.slots.values() for word in words if len(word) == 2}
        return words | set(self.pack.spelled_words)

    def judge(self, text: str, context: ProductContext, evidence: Evidence | None = None) -> tuple[Flag, ...]:
        """The flags of one text read alone, by place: the rules', and where they are silent the reader's."""
        flags, cues = self.judge_words(text, context, evidence)
        suspicions = self.suspicions(text, context, flags, cues)
        if not suspicions:
            return flags
        return tuple(sorted((*flags, *suspicions), key=lambda flag: (flag.start, flag.end)))

    def judge_by_rules(self, text: str, context: ProductContext, evidence: Evidence | None = None) -> tuple[Flag, ...]:
        """The flags of the rules alone."""
        return self.judge_words(text, context, evidence)[0]

    def judge_words(
        self, text: str, context: ProductContext, evidence: Evidence | None = None
    ) -> tuple[tuple[Flag, ...], tuple[Flag, ...]]:
        """The flags of the rules, and what would be flags where cues stand if the second reader agreed."""
        seen = normalise(text)
        hits = self._all_hits(seen, context, evidence)
        flags: list[Flag] = []
        cues: list[Flag] = []
        for hit in hits:
            flag = self._flag(hit, text, seen, context, evidence)
            # Whoever writes 蕞 for 最 means to be missed: then the words are no mere cue.
            (cues if hit.rule.cue and EVASIVE.isdisjoint(flag.quote) else flags).append(flag)
        return tuple(flags), tuple(cues)

    def _all_hits(self, seen: Normalised, context: ProductContext, evidence: Evidence | None) -> list[Hit]:
        hits: list[Hit] = []
        for start, end in chunks(seen.text, _CHUNK):
            piece = seen.text[start:end]
            hits += [_shifted(hit, start) for hit in self._hits_with_sound(piece, context)]
        return [hit for hit in hits if not hit.rule.needs_evidence or _has_papers(hit.rule, evidence)]

    def suspicions(self, text: str, context: ProductContext, flags: Iterable[Flag], cues: Iterable[Flag]) -> list[Flag]:
        """What the second reader suspects where cues begin, and in stretches of the text where no flag stands."""
        seen = normalise(text)
        found: list[Flag] = []
        covered = bytearray(len(text))
        for flag in flags:
            first, last = max(0, flag.start), min(len(text), flag.end)
            covered[first:last] = b"\x01" * (last - first)
        for start, end in chunks(seen.text, _UTTERANCE):
            first, last = seen.span(start, end)
            own = [cue for cue in cues if first <= cue.start < last]
            if not own and covered.find(1, first, last) >= 0:
                continue
            ease = _EASE if own else 0.0
            suspicion = suspect(seen.text[start:end], context.category, self.pack.reader, ease=ease)
            if suspicion is None:
                continue
            if own:
                found += [_agreed(cue, suspicion) for cue in own]
            else:
                found.append(self._suspicion(suspicion, start, text, seen, context))
        return found

    def _suspicion(
        self, suspicion: Suspicion, offset: int, text: str, seen: Normalised, context: ProductContext
    ) -> Flag:
        start, end = seen.span(offset + suspicion.start, offset + suspicion.end)
        return Flag(
            category=suspicion.category,
            severity=Severity.NOTE,
            start=start,
            end=end,
            quote=text[start:end],
            rule=READER_SLUG,
            title="第二读者的疑点：没有规则命中，请人来听",
            pack=self.pack.stamp,
            confidence=_confidence(suspicion.score),
            evidence=EvidenceState.UNPROVEN,
            legal_basis=self._basis(suspicion.category, context),
            platform_basis=RISK_CATEGORIES[suspicion.category].platform,
            suggestion=self.pack.suggestions[suspicion.category],
        )

    def heard(self, text: str) -> list[Heard]:
        """What in normalised text sounds like words of the pack but is written otherwise."""
        return self._sound.find(text)

    def _hits_with_sound(self, text: str, context: ProductContext) -> list[Hit]:
        hits = self._hits(text, context)
        heard = self._sound.find(text)
        if heard:
            repaired, starts, ends, zones = repair(text, heard)
            for hit in self._hits(repaired, context):
                words = [word for first, last, word in zones if first < hit.end and hit.start < last]
                if not words:
                    continue
                start, end = starts[hit.start], ends[hit.end - 1]
                if any(
                    other.category is hit.category and other.start < end and start < other.end
                    for other in hits
                    if not other.rule.cue
                ):
                    continue
                confidence = round(hit.confidence * _SOUND_DISCOUNT, 3)
                hits.append(Hit(hit.rule, hit.category, start, end, confidence, "、".join(dict.fromkeys(words))))
        return _without_overlaps(hits)

    def _hits(self, text: str, context: ProductContext) -> list[Hit]:
        seen: set[int] = set()
        found: list[tuple[Rule, int, int]] = []
        shields: list[tuple[int, int]] = []
        category = context.category
        for last, atom in self._atoms.iter(text):
            if atom.sets:
                seen.update(atom.sets)
            for rule in atom.literals:
                if category in rule.products:
                    found.append((rule, last + 1 - atom.size, last + 1))
            if atom.shield:
                shields.append((last + 1 - atom.size, last + 1))
        index = self._index.get(category) or self._index_for(category)
        patterns = [
            pattern for one in sorted(seen.intersection(index)) for pattern, others in index[one] if others <= seen
        ]
        if not patterns and not found:
            return []
        for name in context.names:
            shields += places(text, normalise(name).text)
        data = text.encode("utf-8", "replace")
        for pattern in patterns:
            found += [(pattern.rule, *in_characters(data, *span)) for span in pattern.spans(data)]
        return _without_overlaps(
            [
                Hit(rule, rule.by_product.get(context.category, rule.category), start, end, rule.confidence)
                for rule, start, end in found
                if start < end and self._stands(rule, text, start, end, shields)
            ]
        )

    def _stands(self, rule: Rule, text: str, start: int, end: int, shields: list[tuple[int, int]]) -> bool:
        """Whether the match is a claim, and not a longer harmless word, denied, only asked or taught."""
        if shields and "shields" not in rule.ignores and shielded(start, end, shields):
            return False
        if "negation" not in rule.ignores and reading.is_denied(text, start, end):
            return False
        if "question" not in rule.ignores and reading.is_only_asked(text, start, end):
            return False
        if "teaching" not in rule.ignores and reading.is_taught(text, start, end):
            return False
        unless = self._unless.get(rule.slug)
        if unless:
            first, last = reading.sentence(text, start, end)
            around = text[first:last].encode("utf-8", "replace")
            return not any(next(pattern.spans(around), None) for pattern in unless)
        return True

    def _flag(self, hit: Hit, text: str, seen: Normalised, context: ProductContext, evidence: Evidence | None) -> Flag:
        start, end = seen.span(hit.start, hit.end)
        proof = standing(hit.rule.evidence, seen.text[hit.start : hit.end], evidence)
        facts = RISK_CATEGORIES[hit.category]
        severity = hit.rule.severity if hit.category is hit.rule.category else facts.severity
        return Flag(
            category=hit.category,
            severity=Severity.NOTE if proof.state is EvidenceState.SUPPORTED else severity,
            start=start,
            end=end,
            quote=text[start:end],
            rule=hit.rule.slug,
            title=hit.rule.title,
            pack=self.pack.stamp,
            confidence=hit.confidence,
            evidence=proof.state,
            legal_basis=hit.rule.legal_basis or self._basis(hit.category, context),
            platform_basis=hit.rule.platform_basis or facts.platform,
            suggestion=hit.rule.suggestion or self.pack.suggestions[hit.category],
            heard_as=hit.heard_as,
            document=proof.document,
        )

    def _basis(self, category: RiskCategory, context: ProductContext) -> str:
        key = (category.value, context.spoken_on)
        if key not in self._bases:
            self._bases[key] = basis_zh(RISK_CATEGORIES[category].basis, context.spoken_on)
        return self._bases[key]

    def session(self) -> Session:
        """A new stream of utterances, judged across their borders."""
        from livequal.risk.matcher.session import Session

        return Session(self)

    def absences(self, text: str, category: ProductCategory) -> list[Rule]:
        """The absence rules for products of that category that nothing in the whole text satisfies."""
        seen = normalise(text).text
        vocabulary = Vocabulary(self.pack.slots, self.pack.macros)
        return [
            rule
            for rule in self.pack.rules
            if rule.absence and category in rule.products and not _satisfied(rule, seen, vocabulary)
        ]


class _ByHash:
    """A pack whose identity is its sha256, so that the cache never compares rules."""

    __slots__ = ("pack",)

    def __init__(self, pack: RulePack) -> None:
        self.pack = pack

    def __hash__(self) -> int:
        return hash(self.pack.sha256)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ByHash) and other.pack.sha256 == self.pack.sha256


@lru_cache(maxsize=16)
def _compiled_by_hash(pack: _ByHash) -> Matcher:
    return Matcher(pack.pack)


def compile_pack(pack: RulePack) -> Matcher:
    """The matcher of the pack; the same object for the same sha256."""
    return _compiled_by_hash(_ByHash(pack))


def _agreed(cue: Flag, suspicion: Suspicion) -> Flag:
    """A suspicion in the name of the rule whose cue stood there; a note unless the reader would speak without it."""
    severity = cue.severity if suspicion.score > 0 else Severity.NOTE
    return replace(cue, severity=severity, confidence=_confidence(suspicion.score + _EASE))


def _confidence(score: float) -> float:
    return round(min(0.6, 0.3 + 0.05 * score), 3)


def _has_papers(rule: Rule, evidence: Evidence | None) -> bool:
    return rule.evidence is not None and evidence is not None and bool(evidence.of(rule.evidence))


def _satisfied(rule: Rule, text: str, vocabulary: Vocabulary) -> bool:
    if any(word in text for word in rule.literals):
        return True
    data = text.encode("utf-8", "replace")
    return any(compiled(expand(template, vocabulary)).search(data) for template in rule.patterns)


def _shifted(hit: Hit, by: int) -> Hit:
    return hit if by == 0 else Hit(hit.rule, hit.category, hit.start + by, hit.end + by, hit.confidence, hit.heard_as)


def _strength(hit: Hit) -> tuple[bool, bool, int, float, int, str]:
    return hit.rule.cue, hit.rule.yields, hit.start - hit.end, -hit.confidence, hit.start, hit.rule.slug


def _without_overlaps(hits: list[Hit]) -> list[Hit]:
    """One flag per category and place: the longer, then the surer; rules that yield give way to any other."""
    kept: list[Hit] = []
    taken: dict[RiskCategory | None, bytearray] = {}
    size = max((hit.end for hit in hits), default=0)
    for hit in sorted(hits, key=_strength):
        # A yielding rule minds every flag (None), the others only flags of their own category.
        minds = None if hit.rule.yields else hit.category
        if minds in taken and taken[minds].find(1, hit.start, hit.end) >= 0:
            continue
        kept.append(hit)
        for place in (None, hit.category):
            mask = taken.setdefault(place, bytearray(size))
            mask[hit.start : hit.end] = b"\x01" * (hit.end - hit.start)
    return sorted(kept, key=lambda hit: (hit.start, hit.end, hit.category.value))
