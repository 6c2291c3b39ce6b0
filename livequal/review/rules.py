"""Cases, what may be decided of them and why. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class CaseKind(StrEnum):
    """A claim that was flagged, or a stretch that was not understood and must be heard."""

    CLAIM = "claim"
    UNCLEAR = "unclear"


class CaseState(StrEnum):
    """Where a case stands. SUPERSEDED: the words it rested on were corrected before anybody decided."""

    OPEN = "open"
    CONFIRMED = "confirmed"
    DISMISSED = "dismissed"
    SUPERSEDED = "superseded"


class Outcome(StrEnum):
    """What a moderator decides. WITHDRAWN takes an earlier confirmation back."""

    CONFIRMED = "confirmed"
    DISMISSED = "dismissed"
    WITHDRAWN = "withdrawn"


MOVES: dict[CaseState, frozenset[CaseState]] = {
    CaseState.OPEN: frozenset({CaseState.CONFIRMED, CaseState.DISMISSED, CaseState.SUPERSEDED}),
    CaseState.CONFIRMED: frozenset({CaseState.DISMISSED}),
    CaseState.DISMISSED: frozenset({CaseState.CONFIRMED}),
    CaseState.SUPERSEDED: frozenset({CaseState.OPEN}),
}
STATE_AFTER = {
    Outcome.CONFIRMED: CaseState.CONFIRMED,
    Outcome.DISMISSED: CaseState.DISMISSED,
    Outcome.WITHDRAWN: CaseState.DISMISSED,
}

REASONS_VERSION = 1


@dataclass(frozen=True, slots=True)
class Reason:
    """One entry of the catalogue of reasons; `needs_note` asks for a sentence of one's own."""

    slug: str
    zh: str
    en: str
    needs_note: bool = False

    def text(self, locale: str) -> str:
        """The reason in a language."""
        return self.en if locale == "en" else self.zh


REASONS: dict[Outcome, tuple[Reason, ...]] = {
    Outcome.CONFIRMED: (
        Reason(
            "said_without_evidence",
            "这样说要有依据，档案里没有",
            "This claim needs evidence, and there is none on file",
        ),
        Reason("said_against_rule", "法规不允许这样说", "The law does not allow this claim"),
        Reason("contradicts_file", "和档案里写的不一样", "It contradicts what is on file"),
        Reason("misleads_viewers", "会让观众误会", "It misleads viewers"),
        Reason("other", "其他（请写一句）", "Another reason (write a sentence)", needs_note=True),
    ),
    Outcome.DISMISSED: (
        Reason("negated", "是在否认或提醒别这么说", "It was a denial or a warning"),
        Reason("quoted", "是在转述观众的话或讲规则", "It quoted a viewer or explained a rule"),
        Reason("misheard", "识别错了，没这么说", "It was misheard; nobody said this"),
        Reason("evidence_on_file", "有依据，档案里查得到", "There is evidence on file"),
        Reason("harmless_here", "在这里没有问题", "It is harmless in this context"),
        Reason("heard_nothing_wrong", "听过了，没有问题", "Listened to it; nothing is wrong"),
        Reason("other", "其他（请写一句）", "Another reason (write a sentence)", needs_note=True),
    ),
    Outcome.WITHDRAWN: (
        Reason("decided_in_error", "之前认定有误", "The earlier decision was wrong"),
        Reason("new_evidence", "有了新的依据", "New evidence came in"),
        Reason("other", "其他（请写一句）", "Another reason (write a sentence)", needs_note=True),
    ),
}


def reason(outcome: Outcome, slug: str) -> Reason | None:
    """The catalogue's entry, None when there is none."""
    return next((entry for entry in REASONS[outcome] if entry.slug == slug), None)
