"""What a course consists of, as read from its folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any


class ItemType(StrEnum):
    """How an item is answered. The words are stored and never change their meaning."""

    SINGLE = "single"
    MULTIPLE = "multiple"
    TRUE_FALSE = "true_false"
    FILL_IN = "fill_in"
    MATCHING = "matching"
    ORDERING = "ordering"
    SCENARIO = "scenario"
    CLIP_REVIEW = "clip_review"


class Subject(StrEnum):
    """The five subjects every streamer is trained in: 《直播电商监督管理办法》 article 10."""

    ONLINE_TRADING = "online_trading"
    INFORMATION_SECURITY = "information_security"
    PRODUCT_QUALITY = "product_quality"
    CONSUMER_RIGHTS = "consumer_rights"
    PLATFORM_RULES = "platform_rules"


# The end of a scenario, as `next` names it.
END = "end"
ENTRY = "entry"
ENTRY_MINUTES_MAX = 60
ITEMS_MIN = 40
# So that nobody can learn a paper by heart: each tag holds this many times what a paper draws of it.
STOCK_FACTOR = 3


@dataclass(frozen=True, slots=True)
class Clip:
    """The spoken sound of an item and where each segment stands in it, in ms."""

    path: Path
    sha256: str
    times: Mapping[str, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Item:
    """One question. `body` is what of it depends on its type, in plain values (see `items`)."""

    id: str
    type: ItemType
    tags: tuple[str, ...]
    text: str
    explanation: str
    source: str
    lesson: str
    red_line: bool
    body: Mapping[str, Any]
    file: str = ""
    line: int = 0
    clip: Clip | None = None

    @property
    def tag(self) -> str:
        """The tag it counts under."""
        return self.tags[0] if self.tags else ""

    def content(self) -> dict[str, Any]:
        """Everything that is kept of it."""
        return {
            "id": self.id,
            "type": self.type.value,
            "tags": list(self.tags),
            "text": self.text,
            "explanation": self.explanation,
            "source": self.source,
            "lesson": self.lesson,
            "red_line": self.red_line,
            **self.body,
        }


@dataclass(frozen=True, slots=True)
class Lesson:
    """One lesson; `markdown` is the whole file."""

    file: str
    title: str
    minutes: int
    risk_categories: tuple[str, ...]
    markdown: str


@dataclass(frozen=True, slots=True)
class Paper:
    """How a paper is drawn: `draw` is tag → count."""

    pass_percent: int
    minutes: int
    draw: Mapping[str, int]

    @property
    def size(self) -> int:
        """How many items a paper has."""
        return sum(self.draw.values())


@dataclass(frozen=True, slots=True)
class Course:
    """One course with everything in it. `minutes` is reading; the exam comes on top."""

    id: str
    title: str
    version: str
    summary: str
    roles: tuple[str, ...]
    product_categories: tuple[str, ...]
    requires: tuple[str, ...]
    minutes: int
    red_line: bool
    subjects: tuple[str, ...]
    risk_categories: tuple[str, ...]
    sources: tuple[str, ...]
    lessons: tuple[Lesson, ...]
    paper: Paper
    topics: Mapping[str, str]
    items: tuple[Item, ...] = ()
    images: Mapping[str, Path] = field(default_factory=dict)
    file: str = ""
    line: int = 0

    def facts(self) -> dict[str, Any]:
        """What course.yaml says, in plain values."""
        return {
            "id": self.id,
            "title": self.title,
            "version": self.version,
            "summary": self.summary,
            "roles": list(self.roles),
            "product_categories": list(self.product_categories),
            "requires": list(self.requires),
            "minutes": self.minutes,
            "red_line": self.red_line,
            "subjects": list(self.subjects),
            "risk_categories": list(self.risk_categories),
            "sources": list(self.sources),
            "lessons": [
                {
                    "file": one.file,
                    "title": one.title,
                    "minutes": one.minutes,
                    "risk_categories": [*one.risk_categories],
                }
                for one in self.lessons
            ],
            "paper": {
                "pass_percent": self.paper.pass_percent,
                "minutes": self.paper.minutes,
                "draw": dict(self.paper.draw),
            },
            "topics": dict(self.topics),
        }


@dataclass(frozen=True, slots=True)
class Manual:
    """An operation manual 操作手册 for some roles."""

    slug: str
    title: str
    version: str
    roles: tuple[str, ...]
    markdown: str


@dataclass(frozen=True, slots=True)
class Library:
    """All courses and manuals of some folders."""

    courses: tuple[Course, ...]
    manuals: tuple[Manual, ...]
