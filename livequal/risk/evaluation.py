"""Measures a matcher on labelled utterances, per origin and never as one pooled figure. Pure."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from livequal.taxonomy.rules import ProductCategory, RiskCategory

if TYPE_CHECKING:
    from livequal.risk.matcher import Flag, Matcher

_LABELS = Path(__file__).with_name("labels.json")


@dataclass(frozen=True, slots=True)
class LabelledRow:
    """An utterance and what people say about it; `decidable` is False when only facts outside the words decide."""

    id: str
    text: str
    product: ProductCategory
    risky: bool
    labels: frozenset[str]
    origin: str
    decidable: bool


@dataclass(frozen=True, slots=True)
class Judged:
    """A row with the flags the matcher raised (claims its evidence supports left out)."""

    row: LabelledRow
    flags: tuple[Flag, ...]

    @property
    def categories_meet(self) -> bool:
        """Whether the labels of some flag's category meet the row's labels."""
        return any(labels_of(flag.category) & self.row.labels for flag in self.flags)


@dataclass(frozen=True, slots=True)
class Share:
    """A count among a count."""

    hits: int
    total: int

    @property
    def percent(self) -> float:
        """0–100; 0 for an empty group."""
        return 100.0 * self.hits / self.total if self.total else 0.0

    def interval(self, z: float = 1.96) -> tuple[float, float]:
        """The Wilson interval in per cent (95 % by default); (0, 100) for an empty group."""
        if not self.total:
            return 0.0, 100.0
        p, n = self.hits / self.total, self.total
        middle = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
        return 100 * max(0.0, middle - half), 100 * min(1.0, middle + half)


@dataclass(frozen=True, slots=True)
class Report:
    """The figures by name, in the order they should be read, and the rows behind them."""

    shares: Mapping[str, Share]
    judged: tuple[Judged, ...] = field(default=())

    @property
    def missed(self) -> list[Judged]:
        """Risky rows without a flag, undecidable ones left out."""
        return [one for one in self.judged if one.row.risky and one.row.decidable and not one.flags]

    @property
    def false_alarms(self) -> list[Judged]:
        """Harmless rows with a flag."""
        return [one for one in self.judged if not one.row.risky and one.flags]

    @property
    def misnamed(self) -> list[Judged]:
        """Risky rows whose flags are all of another category than the labels say."""
        return [one for one in self.judged if one.row.labels and one.flags and not one.categories_meet]


@cache
def _labels() -> dict[str, frozenset[str]]:
    raw = json.loads(_LABELS.read_text(encoding="utf-8"))
    return {slug: frozenset(labels) for slug, labels in raw.items()}


def labels_of(category: RiskCategory) -> frozenset[str]:
    """The labels of the evaluation sets that a risk category covers."""
    return _labels()[category.value]


def read_labelled(lines: Iterable[str]) -> list[LabelledRow]:
    """Rows of an evaluation file; empty lines are left out. Raises ValueError naming the line and what is wrong."""
    return [_labelled(number, line) for number, line in enumerate(lines, 1) if line.strip()]


def _labelled(number: int, line: str) -> LabelledRow:
    try:
        raw = json.loads(line)
    except ValueError as error:
        raise ValueError(f"line {number} is not JSON: {error}") from error
    if not isinstance(raw, dict):
        raise ValueError(f"line {number} is no JSON object")
    text, risky, labels = raw.get("text"), raw.get("risky"), raw.get("labels", [])
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f"line {number} has no text")
    if not isinstance(risky, bool):
        raise ValueError(f"line {number} does not say whether the text is risky: give true or false")
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise ValueError(f"line {number}: labels must be a list of words")
    if risky and "labels" not in raw:
        raise ValueError(f"line {number} is risky and has no labels: say of what kind it is")
    try:
        product = ProductCategory(raw.get("product_category") or ProductCategory.GENERAL)
    except ValueError as error:
        wrong = raw.get("product_category")
        raise ValueError(f"line {number} has the unknown product category {wrong!r}") from error
    return LabelledRow(
        id=str(raw.get("id", number)),
        text=text,
        product=product,
        risky=risky,
        labels=frozenset(labels),
        origin=str(raw.get("origin") or "unstated"),
        decidable=raw.get("text_decidable") is not False,
    )


def evaluate(matcher: Matcher, rows: Sequence[LabelledRow]) -> Report:
    """Judges every row alone and counts.

    Rows that words alone can't decide have figures of their own and are in no other recall: of them a reader of text
    can at best say "unproven".
    """
    judged = tuple(Judged(row, _raised(matcher, row)) for row in rows)
    groups: dict[str, list[bool]] = defaultdict(list)
    for one in judged:
        _count(one, groups)
    accused = {flag.category for one in judged if not one.row.risky for flag in one.flags}
    for one in judged:
        for category in () if one.row.risky else accused:
            raised = any(flag.category is category for flag in one.flags)
            groups[f"false alarms by category · {category.value}"].append(raised)
    shares = {name: Share(sum(marks), len(marks)) for name, marks in sorted(groups.items(), key=_reading_order)}
    return Report(shares, judged)


def _count(one: Judged, groups: dict[str, list[bool]]) -> None:
    row, flagged = one.row, bool(one.flags)
    if not row.risky:
        groups[f"false alarms · {row.origin}"].append(flagged)
        groups[f"false alarms by product · {row.product.value}"].append(flagged)
        return
    groups[f"recall · {row.origin}, {'decidable' if row.decidable else 'not decidable by words'}"].append(flagged)
    if flagged and row.labels:
        groups["right category"].append(one.categories_meet)
    for flag in one.flags if row.labels else ():
        groups["right category, per flag"].append(bool(labels_of(flag.category) & row.labels))
    if row.decidable:
        groups[f"recall by product · {row.product.value}"].append(flagged)
        for label in row.labels:
            groups[f"recall by label · {label}"].append(flagged)


_HEADS = (
    *("recall ·", "false alarms ·", "right category"),
    *("recall by label", "false alarms by category", "recall by product", "false alarms by product"),
)


def _reading_order(item: tuple[str, object]) -> tuple[int, str]:
    name = item[0]
    return next((place for place, head in enumerate(_HEADS) if name.startswith(head)), len(_HEADS)), name


def _raised(matcher: Matcher, row: LabelledRow) -> tuple[Flag, ...]:
    # Only who measures pays for the engine: pages count shares too.
    from livequal.risk.matcher import EvidenceState, ProductContext

    flags = matcher.judge(row.text, ProductContext(row.product))
    return tuple(flag for flag in flags if flag.evidence is not EvidenceState.SUPPORTED)


def as_table(report: Report, *, details: bool = False) -> list[str]:
    """The figures as lines of text; with `details` also by label, by category and by product."""
    lines = [f"{'what':56} {'hits':>5} {'of':>5} {'%':>6}   95 % interval"]
    for name, share in report.shares.items():
        if " by " in name and "decidable" not in name and not details:
            continue
        low, high = share.interval()
        lines.append(f"{name:56} {share.hits:5} {share.total:5} {share.percent:6.1f}   {low:5.1f}–{high:5.1f}")
    return lines


def as_rows(report: Report) -> list[dict[str, object]]:
    """Every figure as a row for programs; the ends of the interval in per cent."""
    rows: list[dict[str, object]] = []
    for name, share in report.shares.items():
        measure, _, group = name.partition(" · ")
        low, high = (round(end, 2) for end in share.interval())
        percent = round(share.percent, 2)
        rows.append(
            {"measure": measure, "group": group, "hits": share.hits, "of": share.total, "percent": percent}
            | {"low": low, "high": high}
        )
    return rows


def errors_in(report: Report) -> list[tuple[str, Judged]]:
    """What went wrong and with which row: missed, then false alarms, then misnamed."""
    kinds = (("missed", report.missed), ("false alarm", report.false_alarms), ("misnamed", report.misnamed))
    return [(kind, one) for kind, group in kinds for one in group]


def error_row(kind: str, one: Judged) -> dict[str, object]:
    """One error as a row for programs."""
    row = one.row
    return {
        "error": kind,
        "id": row.id,
        "origin": row.origin,
        "product_category": row.product.value,
        "labels": sorted(row.labels),
        "text": row.text,
        "flags": [{"rule": f.rule, "category": f.category.value, "quote": f.quote} for f in one.flags],
    }


def errors_of(report: Report) -> list[str]:
    """The errors as lines of text."""
    return [_error_line(kind, one) for kind, one in errors_in(report)]


def _error_line(kind: str, one: Judged) -> str:
    row = one.row
    why = " | ".join(f"{flag.rule}「{flag.quote}」" for flag in one.flags)
    head = f"{kind.upper()} {row.id} {row.origin[:4]} {row.product.value} [{','.join(sorted(row.labels))}]"
    return f"{head} {row.text} {why}".rstrip()
