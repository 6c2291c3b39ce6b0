"""Two packs read the same words: in what they differ, without reading everything twice. Pure.

Most words are touched by none of the rules that differ. A window in which no rule that differs could match, and in
which both packs hear the same, gives the same flags; only the others are judged by both packs in full.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

from livequal.risk.matcher.engine import _CHUNK, Matcher
from livequal.risk.matcher.model import Flag, ProductContext, Utterance
from livequal.risk.matcher.normaliser import normalise
from livequal.risk.matcher.session import _AFTER, Session
from livequal.risk.matcher.sound import SoundIndex
from livequal.risk.matcher.spans import chunks, repair

_ALL_CONTEXT = frozenset({"negation", "question", "teaching", "shields"})


@dataclass(frozen=True, slots=True)
class Difference:
    """A flag that the other pack `added` to what this one raises, or took away."""

    flag: Flag
    added: bool


class Comparison:
    """Reads utterances as a session does, with two packs over the same shipped words; answers only differences."""

    def __init__(self, before: Matcher, after: Matcher) -> None:
        self._before, self._after = Session(before), Session(after)
        # Both hear the same stream.
        self._after._said = self._before._said
        self._decided = 0
        self._touching = _touching(before, after)

    def feed(self, utterance: Utterance, context: ProductContext) -> list[Difference]:
        """Takes the next utterance; the differences in those that are decided now."""
        self._before.note(utterance, context)
        found: list[Difference] = []
        while self._decided < len(self._before._said) and self._before._heard_after(self._decided) >= _AFTER:
            found += self._judge(self._decided)
            self._decided += 1
        return found

    def finish(self) -> list[Difference]:
        """The differences in what was still open, and in what was never said."""
        found = [one for index in range(self._decided, len(self._before._said)) for one in self._judge(index)]
        self._decided = len(self._before._said)
        if self._touching.absences:
            found += _differences(self._before._absences(), self._after._absences())
        return found

    def _judge(self, index: int) -> list[Difference]:
        window, context = self._before.window(index)
        if not self._touching.touch(window, context):
            return []
        return _differences(self._before._judge(index), self._after._judge(index))


@lru_cache(maxsize=4)
def _touching(before: Matcher, after: Matcher) -> _Touching:
    """Made once for two packs, however many transcripts they read."""
    return _Touching(before, after)


class _Touching:
    """Whether the rules in which two packs differ could matter in a text; says yes too often, never too seldom."""

    def __init__(self, before: Matcher, after: Matcher) -> None:
        old, new = before.pack, after.pack
        same = (old.slots, old.macros, old.shields, old.sound_words, old.spelled_words, old.suggestions, old.reader)
        self._comparable = same == (
            *(new.slots, new.macros, new.shields, new.sound_words, new.spelled_words, new.suggestions, new.reader),
        )
        olds, news = ({rule.slug: rule for rule in pack.rules} for pack in (old, new))
        changed = [rule for rule in (*old.rules, *new.rules) if olds.get(rule.slug) != news.get(rule.slug)]
        self.absences = not self._comparable or any(rule.absence for rule in changed)
        bare = tuple(
            replace(rule, ignores=_ALL_CONTEXT, unless=(), sound=False) for rule in changed if not rule.absence
        )
        self._anything = bool(bare)
        self._rules = Matcher(replace(new, rules=bare or new.rules[:1], shields=(), sound_words=(), spelled_words=()))
        self._hear = before.heard
        # What only one of them knows by sound; where none of it is heard, both hear the same.
        self._one_sided = SoundIndex(before.sounding ^ after.sounding)

    def touch(self, text: str, context: ProductContext) -> bool:
        if not self._comparable:
            return True
        if not self._anything:
            return False
        seen = normalise(text).text
        for start, end in chunks(seen, _CHUNK):
            piece = seen[start:end]
            if self._rules._hits(piece, context) or self._one_sided.find(piece):
                return True
            heard = self._hear(piece)
            if heard and self._rules._hits(repair(piece, heard)[0], context):
                return True
        return False


def _differences(before: list[Flag], after: list[Flag]) -> list[Difference]:
    old, new = {_mark(flag) for flag in before}, {_mark(flag) for flag in after}
    return [
        *(Difference(flag, added=False) for flag in before if _mark(flag) not in new),
        *(Difference(flag, added=True) for flag in after if _mark(flag) not in old),
    ]


def _mark(flag: Flag) -> tuple[object, ...]:
    return (
        *(flag.utterance, flag.start, flag.end_utterance, flag.end),
        *(flag.rule, flag.category, flag.severity, flag.evidence),
    )
