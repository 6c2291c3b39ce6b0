"""Measures a matcher on labelled utterances, per origin and never as one pooled figure. Pure."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from livequal.risk.matcher import EvidenceState, Flag, Matcher, ProductContext
from livequal.taxonomy.rules import ProductCategory, RiskCategory

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
        return [one for one in self.judged if one.row.risky and one.flags and not one.categories_meet]


@cache
def _labels() -> dict[str, frozenset[str]]:
    raw = json.loads(_LABELS.read_text(encoding="utf-8"))
    return {slug: frozenset(labels) for slug, labels in raw.items()}


def labels_of(category: RiskCategory) -> frozenset[str]:
    """The labels of the evaluation sets that a risk category covers."""
    return _labels()[category.value]


def read_labelled(lines: Iterable[str]) -> list[LabelledRow]:
    """Rows of an evaluation file. Raises ValueError naming the line."""
    rows = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            raw = json.loads(line)
            rows.append(
                LabelledRow(
                    id=str(raw.get("id", number)),
                    text=raw["text"],
                    product=ProductCategory(raw.get("product_category") or "general"),
                    risky=bool(raw["risky"]),
                    labels=frozenset(raw.get("labels", ())),
                    origin=str(raw.get("origin", "")),
                    decidable=raw.get("text_decidable") is not False,
                )
            )
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"line {number} is no labelled utterance: {error!r}") from error
    return rows


def evaluate(matcher: Matcher, rows: Sequence[LabelledRow]) -> Report:
    """Judges every row alone and counts."""
    judged = tuple(Judged(row, _raised(matcher, row)) for row in rows)
    groups: dict[str, list[bool]] = defaultdict(list)
    for one in judged:
        row, flagged = one.row, bool(one.flags)
        if not row.risky:
            groups[f"false alarms · {row.origin}"].append(flagged)
            continue
        decidable = "decidable" if row.decidable else "not decidable by words"
        groups[f"recall · {row.origin}, {decidable}"].append(flagged)
        if flagged:
            groups["right category"].append(one.categories_meet)
        for label in row.labels:
            groups[f"recall by label · {label}"].append(flagged)
    for one in judged:
        if one.row.risky:
            for flag in one.flags:
                groups["right category, per flag"].append(bool(labels_of(flag.category) & one.row.labels))
        name = "recall" if one.row.risky else "false alarms"
        groups[f"{name} by product · {one.row.product.value}"].append(bool(one.flags))
    shares = {name: Share(sum(marks), len(marks)) for name, marks in sorted(groups.items(), key=_reading_order)}
    return Report(shares, judged)


def _reading_order(item: tuple[str, object]) -> tuple[int, str]:
    name = item[0]
    heads = ("recall ·", "false alarms ·", "right category", "recall by label", "recall by product")
    return next((place for place, head in enumerate(heads) if name.startswith(head)), len(heads)), name


def _raised(matcher: Matcher, row: LabelledRow) -> tuple[Flag, ...]:
    flags = matcher.judge(row.text, ProductContext(row.product))
    return tuple(flag for flag in flags if flag.evidence is not EvidenceState.SUPPORTED)


def as_table(report: Report, *, details: bool = False) -> list[str]:
    """The figures as lines of text; with `details` also by label and by product."""
    lines = [f"{'what':46} {'hits':>5} {'of':>5} {'%':>6}   95 % interval"]
    for name, share in report.shares.items():
        if " by " in name and not details:
            continue
        low, high = share.interval()
        lines.append(f"{name:46} {share.hits:5} {share.total:5} {share.percent:6.1f}   {low:5.1f}–{high:5.1f}")
    return lines


def errors_of(report: Report) -> list[str]:
    """The errors as lines of text: missed, false alarms, misnamed."""
    lines = []
    for head, group in (
        ("MISSED", report.missed),
        ("FALSE ALARM", report.false_alarms),
        ("MISNAMED", report.misnamed),
    ):
        for one in group:
            why = " | ".join(f"{flag.rule}「{flag.quote}」" for flag in one.flags)
            labels = ",".join(sorted(one.row.labels))
            lines.append(
                f"{head} {one.row.id} {one.row.origin[:4]} {one.row.product.value} [{labels}] {one.row.text} {why}"
            )
    return lines
