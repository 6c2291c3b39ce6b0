"""The life of a version of the platform's own rules, and what counts as the same flag. Pure."""

from __future__ import annotations

from enum import StrEnum

NOTE_MAX = 1000
TEXT_MAX = 20_000
SLUG_MAX = 60
LINES_MAX = 300
LINE_MAX = 2000


class PackState(StrEnum):
    """Where a version stands. A returned one is DRAFTED again; RETIRED versions and dropped drafts stay on file."""

    DRAFTED = "drafted"
    SHADOWED = "shadowed"
    SUBMITTED = "submitted"
    APPROVED = "approved"
    ACTIVE = "active"
    RETIRED = "retired"


MOVES: dict[PackState, frozenset[PackState]] = {
    PackState.DRAFTED: frozenset({PackState.SHADOWED, PackState.SUBMITTED, PackState.RETIRED}),
    PackState.SHADOWED: frozenset({PackState.DRAFTED, PackState.SUBMITTED, PackState.RETIRED}),
    PackState.SUBMITTED: frozenset({PackState.DRAFTED, PackState.APPROVED}),
    PackState.APPROVED: frozenset({PackState.ACTIVE, PackState.RETIRED}),
    PackState.ACTIVE: frozenset({PackState.RETIRED}),
    PackState.RETIRED: frozenset(),
}


class Change(StrEnum):
    """What a version does to a flag, or to a rule."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


def may_approve(author_id: int, person_id: int | None) -> bool:
    """Whether this person may approve: nobody approves rules of her own making."""
    return person_id is not None and person_id != author_id
