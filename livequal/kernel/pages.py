"""Lists come in pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import Select, func, select

from .db import db

T = TypeVar("T")
PAGE_SIZE = 25


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list; `number` counts from 1, `total` is the number of rows in all."""

    rows: Sequence[T]
    number: int
    size: int
    total: int

    @property
    def count(self) -> int:
        """How many pages there are (at least one)."""
        return max(1, -(-self.total // self.size))


def paginate(query: Select[T], number: int = 1, size: int = PAGE_SIZE) -> Page[T]:
    """The asked page of a query of one entity; a number past the end gives the last page."""
    total = db.session.scalar(select(func.count()).select_from(query.order_by(None).subquery())) or 0
    last = max(1, -(-total // size))
    number = min(max(1, number), last)
    rows: Sequence[Any] = db.session.scalars(query.limit(size).offset((number - 1) * size)).unique().all()
    return Page(rows, number, size, total)
