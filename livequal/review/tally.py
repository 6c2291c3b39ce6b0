"""What people's decisions say about the rules: how often each was right, and which flags were decided."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Select, func, select

from ..kernel.db import db
from ..risk.evaluation import Share
from ..risk.models import FlagRow
from .models import Case
from .rules import CaseState

DECIDED = (CaseState.CONFIRMED, CaseState.DISMISSED)
Claim = tuple[int, str, str]


def decided_flags() -> Select[FlagRow]:
    """Every flag on which a decision stands."""
    return select(FlagRow).join(Case, Case.flag_id == FlagRow.id).where(Case.state.in_(DECIDED))


def precision_by_rule(rules: Sequence[str] = ()) -> dict[str, Share]:
    """Of each rule's decided flags, how many were confirmed; of all rules, or of those named."""
    query = (
        select(FlagRow.rule, Case.state, func.count())
        .join(Case, Case.flag_id == FlagRow.id)
        .where(Case.state.in_(DECIDED))
        .group_by(FlagRow.rule, Case.state)
    )
    if rules:
        query = query.where(FlagRow.rule.in_(rules))
    counts: dict[str, dict[str, int]] = {}
    for rule, state, number in db.session.execute(query):
        counts.setdefault(rule, {})[state] = number
    return {
        rule: Share(states.get(CaseState.CONFIRMED, 0), sum(states.values())) for rule, states in sorted(counts.items())
    }


def states_of(segment_ids: Sequence[int]) -> dict[Claim, str]:
    """What became of the flags in these lines, by line, rule and words."""
    query = (
        select(FlagRow.segment_id, FlagRow.rule, FlagRow.quote, Case.state)
        .join(Case, Case.flag_id == FlagRow.id)
        .where(FlagRow.segment_id.in_(segment_ids))
        .order_by(Case.id)
    )
    return {(segment_id, rule, quote): state for segment_id, rule, quote, state in db.session.execute(query)}
