"""A stream of utterances: claims are found across their borders, and what was never said is judged at the end. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from livequal.risk.matcher.engine import Matcher
from livequal.risk.matcher.model import Evidence, EvidenceState, Flag, ProductContext, Rule, Utterance
from livequal.streams.rules import Word
from livequal.taxonomy.categories import RISK_CATEGORIES, basis_zh
from livequal.taxonomy.rules import ProductCategory

_BEFORE, _AFTER = 60, 60


@dataclass(frozen=True, slots=True)
class _Said:
    utterance: Utterance
    context: ProductContext
    evidence: Evidence | None


class Session:
    """Judges utterances in the order they were said.

    An utterance is decided when enough has been said after it, so flags depend on the utterances alone and not on how
    they were grouped; `finish` decides the rest.
    """

    def __init__(self, matcher: Matcher) -> None:
        self._matcher = matcher
        self._said: list[_Said] = []
        self._decided = 0

    def feed(self, utterance: Utterance, context: ProductContext, evidence: Evidence | None = None) -> tuple[Flag, ...]:
        """Takes the next utterance; the flags of those that are decided now."""
        self.note(utterance, context, evidence)
        flags: list[Flag] = []
        while self._decided < len(self._said) and self._heard_after(self._decided) >= _AFTER:
            flags += self._judge(self._decided)
            self._decided += 1
        return tuple(flags)

    def note(self, utterance: Utterance, context: ProductContext, evidence: Evidence | None = None) -> None:
        """Takes the next utterance without judging anything yet."""
        self._said.append(_Said(utterance, context, evidence))

    def finish(self) -> tuple[Flag, ...]:
        """The flags of what was still open, and notes on what was never said."""
        flags: list[Flag] = []
        for index in range(self._decided, len(self._said)):
            flags += self._judge(index)
        self._decided = len(self._said)
        return (*flags, *self._absences())

    def _heard_after(self, index: int) -> int:
        total = 0
        for said in self._said[index + 1 :]:
            total += len(said.utterance.text)
            if total >= _AFTER:
                break
        return total

    def window(self, index: int) -> tuple[str, ProductContext]:
        """The text in which an utterance is judged, and about which product it is."""
        before_text, after_text, _after = self._surroundings(index)
        said = self._said[index]
        return before_text + said.utterance.text + after_text, said.context

    def _surroundings(self, index: int) -> tuple[str, str, list[tuple[Utterance, str]]]:
        context = self._said[index].context
        before = self._around(range(index - 1, -1, -1), context)
        after = self._around(range(index + 1, len(self._said)), context)
        before_text = "".join(text for _, text in reversed(before))[-_BEFORE:]
        return before_text, "".join(text for _, text in after)[:_AFTER], after

    def _judge(self, index: int) -> list[Flag]:
        said = self._said[index]
        before_text, after_text, after = self._surroundings(index)
        own = said.utterance.text
        flags, cues = self._matcher.judge_words(before_text + own + after_text, said.context, said.evidence)
        begin, stop = len(before_text), len(before_text) + len(own)
        touching = tuple(flag.moved(-begin) for flag in flags if flag.start < stop and begin < flag.end)
        listen = [cue.moved(-begin) for cue in cues if begin <= cue.start < stop]
        suspicions = self._matcher.suspicions(own, said.context, touching, listen)
        placed = [flag.moved(-begin) for flag in flags if begin <= flag.start < stop]
        return [self._placed(flag, said.utterance, after) for flag in (*placed, *suspicions)]

    def _around(self, indexes: range, context: ProductContext) -> list[tuple[Utterance, str]]:
        """Neighbouring utterances about the same product, as far as a claim could reach."""
        found: list[tuple[Utterance, str]] = []
        total = 0
        for index in indexes:
            said = self._said[index]
            if total >= max(_BEFORE, _AFTER) or said.context != context:
                break
            found.append((said.utterance, said.utterance.text))
            total += len(said.utterance.text)
        return found

    def _placed(self, flag: Flag, own: Utterance, after: list[tuple[Utterance, str]]) -> Flag:
        """The flag with the utterance it begins in, the one it ends in, its times and its speech confidence."""
        last, end = own, flag.end
        for utterance, _ in after:
            if end <= len(last.text):
                break
            end -= len(last.text)
            last = utterance
        heard = heard_words(own, flag.start, flag.end if last is own else len(own.text))
        if last is not own:
            heard = (*heard, *heard_words(last, 0, end))
        confidence = flag.confidence
        if heard:
            confidence = round(confidence * (0.5 + 0.5 * min(word.probability for word in heard)), 3)
        return replace(
            flag,
            end=end,
            utterance=own.id,
            end_utterance=last.id,
            confidence=confidence,
            start_ms=heard[0].start_ms if heard else own.start_ms,
            end_ms=heard[-1].end_ms if heard else last.end_ms,
        )

    def _absences(self) -> list[Flag]:
        flags: list[Flag] = []
        by_product: dict[ProductCategory, list[_Said]] = {}
        for said in self._said:
            by_product.setdefault(said.context.category, []).append(said)
        for product, group in by_product.items():
            text = "。".join(said.utterance.text for said in group)
            flags += [self._absence(rule, group) for rule in self._matcher.absences(text, product)]
        return flags

    def _absence(self, rule: Rule, group: list[_Said]) -> Flag:
        """A note on the last utterance about the product: an empty span, for there are no words to quote."""
        last = group[-1]
        facts = RISK_CATEGORIES[rule.category]
        place = len(last.utterance.text)
        return Flag(
            category=rule.category,
            severity=rule.severity,
            start=place,
            end=place,
            quote="",
            rule=rule.slug,
            title=rule.title,
            pack=self._matcher.pack.stamp,
            confidence=rule.confidence,
            evidence=EvidenceState.UNPROVEN,
            legal_basis=rule.legal_basis or basis_zh(facts.basis, last.context.spoken_on),
            platform_basis=rule.platform_basis or facts.platform,
            suggestion=rule.suggestion or self._matcher.pack.suggestions[rule.category],
            utterance=last.utterance.id,
            end_utterance=last.utterance.id,
            start_ms=group[0].utterance.start_ms,
            end_ms=last.utterance.end_ms,
        )


def heard_words(utterance: Utterance, start: int, end: int) -> tuple[Word, ...]:
    """The recognised words that make up [start, end) of the utterance's text; empty when it has none."""
    found: list[Word] = []
    place = 0
    for word in utterance.words:
        written = word.text.strip()
        at = utterance.text.find(written, place) if written else -1
        if at < 0:
            continue
        place = at + len(written)
        if at < end and start < place:
            found.append(word)
    return tuple(found)
