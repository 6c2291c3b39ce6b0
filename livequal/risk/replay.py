"""Read again what was read when a flag was raised, with the pack and the second reader of that time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from sqlalchemy import Select

from ..kernel.db import db
from . import service
from .force import as_used
from .models import FlagRow, ReadText, UsedPack

if TYPE_CHECKING:
    from .matcher import Flag


@dataclass(frozen=True, slots=True)
class Replayed:
    """A flag and in what its replay differs: (what, then, now). `raised`: whether its rule spoke there at all."""

    flag_id: int
    rule: str
    raised: bool
    differences: tuple[tuple[str, object, object], ...] = ()

    @property
    def same(self) -> bool:
        """Whether the replay gave the very same flag."""
        return self.raised and not self.differences


def replay(flags: Select[FlagRow]) -> Iterator[Replayed]:
    """Replay flags, one reading after the other; only one is in memory."""
    ordered = flags.order_by(None).order_by(FlagRow.pack_id, FlagRow.read_text_id, FlagRow.transcript_id, FlagRow.id)
    rows = db.session.scalars(ordered.execution_options(yield_per=500))
    for (pack_id, text_id, transcript_id), group in groupby(
        rows, key=lambda row: (row.pack_id, row.read_text_id, row.transcript_id)
    ):
        found = _found(pack_id, text_id, transcript_id)
        for row in group:
            yield _compared(row, found)


def _found(pack_id: int, text_id: int | None, transcript_id: int) -> list[Flag]:
    matcher = as_used(db.session.get_one(UsedPack, pack_id))
    if text_id is None:
        # Raised before texts were kept: what stands there now is the nearest there is.
        return list(service.read(service.reading_of(transcript_id, words=False), matcher))
    return list(service.read(service.reading_from(db.session.get_one(ReadText, text_id)), matcher))


def _compared(row: FlagRow, found: list[Flag]) -> Replayed:
    start = row.start if row.raised_start is None else row.raised_start
    end = row.end if row.raised_end is None else row.raised_end
    then = (row.rule, start, end, str(row.end_segment_id), row.quote, row.category, row.severity)
    nearest: tuple[int, tuple[object, ...]] | None = None
    for flag in found:
        if flag.utterance != str(row.segment_id) or flag.rule != row.rule:
            continue
        again = (flag.rule, flag.start, flag.end, flag.end_utterance, flag.quote, flag.category.value, flag.severity)
        off = sum(a != b for a, b in zip(then, again, strict=True))
        if nearest is None or off < nearest[0]:
            nearest = (off, again)
    if nearest is None:
        return Replayed(row.id, row.rule, raised=False)
    names = ("rule", "start", "end", "end_segment", "quote", "category", "severity")
    pairs = zip(names, then, nearest[1], strict=True)
    return Replayed(row.id, row.rule, raised=True, differences=tuple((name, a, b) for name, a, b in pairs if a != b))
