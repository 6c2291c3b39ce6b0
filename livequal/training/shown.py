"""What pages show of courses and exams. Until an exam is submitted nothing here knows a key or an explanation."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import url_for
from markupsafe import Markup
from sqlalchemy import select

from ..kernel.clock import now
from ..kernel.db import db
from ..kernel.i18n import get_locale
from ..kernel.i18n import gettext as _
from ..taxonomy.categories import RISK_CATEGORIES
from ..taxonomy.rules import RiskCategory
from . import grading
from .attempts import answers_of, slots_of
from .content import rendered
from .content.items import GAP
from .ledger import CertificateEventKind, CertificateState
from .models import Attempt, Grade, QuestionVersion
from .rules import Admission, Gate
from .service import CourseFacts
from .standing import Standing

Choice = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Scene:
    """One step of a scenario that was reached; `chosen` is the place of the choice made, 0 for none yet."""

    text: str
    options: tuple[Choice, ...]
    chosen: int


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of a clip with its place and times in ms."""

    place: int
    text: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as the learner sees it, and what was answered so far. `parts`: the text cut at its gaps."""

    slot: int
    type: str
    red_line: bool
    text: str
    parts: tuple[str, ...] = ()
    options: tuple[Choice, ...] = ()
    left: tuple[Choice, ...] = ()
    scenes: tuple[Scene, ...] = ()
    sentences: tuple[Sentence, ...] = ()
    categories: tuple[tuple[str, str], ...] = ()
    answer: Any = None

    @property
    def answered(self) -> bool:
        """Whether nothing of it is open (an unmarked clip counts only once somebody said that nothing is wrong)."""
        if self.type == "scenario":
            return bool(self.scenes and self.scenes[-1].chosen)
        if self.type == "matching":
            return len(self.answer or ()) == len(self.left)
        if isinstance(self.answer, list):
            return bool(self.answer) and all(self.answer)
        return self.answer is not None


@dataclass(frozen=True, slots=True)
class Told:
    """A question after the exam: what was answered, what is right, why, and where it is taught."""

    slot: int
    text: str
    right: bool
    percent: int
    answered: tuple[str, ...]
    expected: tuple[str, ...]
    whys: tuple[str, ...]
    explanation: str
    source: str
    lesson: str
    red_line: bool


@dataclass(frozen=True, slots=True)
class Row:
    """A course on the learning page."""

    course: CourseFacts
    standing: Standing
    read: int
    minutes_left: int
    next_lesson: str
    required: bool


def category_name(slug: str) -> str:
    """A risk category in the reader's language."""
    facts = RISK_CATEGORIES[RiskCategory(slug)]
    return facts.en if str(get_locale()) == "en" else facts.zh


def row_of(course: CourseFacts, standing: Standing, read: Mapping[str, datetime | None], *, required: bool) -> Row:
    """How far somebody has come in a course; the exam counts with its whole time."""
    unread = [lesson for lesson in course.lessons if read[lesson.file] is None]
    left = sum(lesson.minutes for lesson in unread) + course.exam_minutes
    return Row(
        course,
        standing,
        len(course.lessons) - len(unread),
        0 if standing.passed_at else left,
        unread[0].file if unread else "",
        required,
    )


def lesson_html(course: CourseFacts, markdown: str) -> Markup:
    """A lesson as safe HTML."""
    html = rendered(
        markdown,
        image=lambda name: url_for("training.image", slug=course.slug, name=name.removeprefix("img/")),
        lesson=lambda file: url_for("training.lesson", slug=course.slug, lesson=file.removesuffix(".md")),
    )
    return Markup(html)  # noqa: S704 - cleaned by nh3 against a list of what is allowed


def manual_html(markdown: str) -> Markup:
    """A manual as safe HTML; it has no pictures and leads nowhere."""
    return Markup(rendered(markdown, image=lambda _name: "", lesson=lambda _file: ""))  # noqa: S704


def certificate_state(state: CertificateState) -> tuple[str, str]:
    """Tone and word of how a certificate stands."""
    return {
        CertificateState.VALID: ("holds", _("Holds")),
        CertificateState.EXPIRED: ("unknown", _("Has run out")),
        CertificateState.SUSPENDED: ("proof", _("Suspended")),
        CertificateState.SUPERSEDED: ("unknown", _("Replaced by a newer one")),
        CertificateState.REVOKED: ("stop", _("Revoked")),
    }[state]


def certificate_event(kind: CertificateEventKind) -> str:
    """What may be decided about a certificate."""
    return {
        CertificateEventKind.SUSPENDED: _("Suspend it"),
        CertificateEventKind.REINSTATED: _("Let it hold again"),
        CertificateEventKind.REVOKED: _("Revoke it for good"),
    }[kind]


def certificate_happened(kind: str) -> str:
    """What happened to a certificate."""
    return {
        CertificateEventKind.ISSUED: _("Issued"),
        CertificateEventKind.SUSPENDED: _("Suspended"),
        CertificateEventKind.REINSTATED: _("Holds again"),
        CertificateEventKind.SUPERSEDED: _("Replaced by a newer one"),
        CertificateEventKind.REVOKED: _("Revoked"),
    }[CertificateEventKind(kind)]


def gate_text(admission: Admission) -> str:
    """What stands before the exam, in one sentence."""
    match admission.gate:
        case Gate.RUNNING:
            return _("Your exam is running. Go on where you were.")
        case Gate.REQUIRES:
            return _("Pass the courses first that this one builds on.")
        case Gate.READ_FIRST:
            return _("The exam opens when all lessons are read to their end.")
        case Gate.COOL_DOWN:
            return _("Three attempts in 24 hours are enough. Take a break; then it opens again.")
        case Gate.RESTUDY:
            return _("A few minutes with the lessons marked below, then the exam opens again.")
        case _:
            return ""


# ── the running exam ──────────────────────────────────────────────────────────────────────────────────────────────


def paper_of(attempt: Attempt) -> list[Asked]:
    """The questions of a paper as the learner sees them."""
    slots, answers = slots_of(attempt), answers_of(attempt, late=True)
    versions = _versions(slots)
    return [
        _asked(slot, versions[slot["question_version"]], [one for _step, one in answers.get(number, ())])
        for number, slot in slots.items()
    ]


def scenes_json(attempt: Attempt, numbers: Sequence[int]) -> dict[str, Any]:
    """The steps reached of some scenarios, for the page to go on."""
    return {
        str(asked.slot): [{"text": one.text, "options": one.options, "chosen": one.chosen} for one in asked.scenes]
        for asked in paper_of(attempt)
        if asked.slot in numbers and asked.type == "scenario"
    }


def times_json(attempt: Attempt) -> dict[str, Any]:
    """The server's clock: how long there is left, whatever the client's says."""
    left = attempt.deadline - now()
    return {"left_ms": max(0, int(left.total_seconds() * 1000)), "closed": attempt.closed_at is not None}


def _versions(slots: Mapping[int, Mapping[str, Any]]) -> dict[int, QuestionVersion]:
    ids = [slot["question_version"] for slot in slots.values()]
    return {row.id: row for row in db.session.scalars(select(QuestionVersion).where(QuestionVersion.id.in_(ids)))}


def _asked(slot: Mapping[str, Any], version: QuestionVersion, answers: Sequence[object]) -> Asked:
    content = json.loads(version.content)
    kind: str = slot["type"]
    order: Any = slot.get("order")
    more: dict[str, Any] = {"answer": answers[-1] if answers else None}
    match kind:
        case "single" | "multiple" | "ordering":
            more["options"] = _ordered(content["options"], order)
        case "fill_in":
            more["parts"] = tuple(GAP.split(content["text"]))
        case "matching":
            more["left"] = _ordered(content["left"], order["left"])
            more["options"] = _ordered(content["right"], order["right"])
        case "scenario":
            path, _place = grading.chosen_path(slot, answers)
            more |= {"scenes": _scenes(slot, content, path), "answer": path}
        case "clip_review":
            more["sentences"] = _sentences(content, version)
            more["categories"] = tuple((slug, category_name(slug)) for slug in slot["categories"])
    return Asked(slot["slot"], kind, slot["red_line"], content["text"], **more)


def _ordered(rows: Sequence[Mapping[str, Any]], order: Sequence[str]) -> tuple[Choice, ...]:
    texts = {row["id"]: row["text"] for row in rows}
    return tuple((place, texts[one]) for place, one in enumerate(order, 1))


def _scenes(slot: Mapping[str, Any], content: Mapping[str, Any], path: Sequence[int]) -> tuple[Scene, ...]:
    steps = {step["id"]: step for step in content["steps"]}
    chosen = [*path, 0]
    return tuple(
        Scene(steps[one]["text"], _ordered(steps[one]["options"], slot["order"][one]), chosen[number])
        for number, one in enumerate(grading.steps_reached(slot, path))
    )


def _sentences(content: Mapping[str, Any], version: QuestionVersion) -> tuple[Sentence, ...]:
    times = json.loads(version.clip_times or "{}")
    return tuple(
        Sentence(place, row["text"], *times.get(row["id"], (0, 0))) for place, row in enumerate(content["segments"], 1)
    )


# ── after it ──────────────────────────────────────────────────────────────────────────────────────────────────────


def result_of(attempt: Attempt, grade: Grade) -> list[Told]:
    """Every question of a submitted exam, what went wrong first."""
    slots, answers = slots_of(attempt), answers_of(attempt)
    versions = _versions(slots)
    points = {row["slot"]: row["points"] for row in json.loads(grade.slots)}
    rows = [
        _told(slot, json.loads(versions[slot["question_version"]].content), answers.get(number, ()), points[number])
        for number, slot in slots.items()
    ]
    return sorted(rows, key=lambda row: (row.right, row.slot))


def _told(
    slot: Mapping[str, Any], content: Mapping[str, Any], answers: Sequence[tuple[int, object]], points: int
) -> Told:
    given = [answer for _step, answer in answers]
    answered, expected, whys = _words(slot, content, given)
    return Told(
        slot["slot"],
        content["text"],
        points == grading.FULL,
        points * 100 // grading.FULL,
        tuple(answered),
        tuple(expected),
        tuple(why for why in whys if why),
        content["explanation"],
        content["source"],
        content["lesson"],
        slot["red_line"],
    )


def _words(
    slot: Mapping[str, Any], content: Mapping[str, Any], given: Sequence[object]
) -> tuple[list[str], list[str], list[str]]:
    """What was answered, what is right, and why the options chosen wrongly are wrong."""
    kind, key = slot["type"], slot["key"]
    order: Any = slot.get("order")
    answer: Any = given[-1] if given else None
    rows = {row["id"]: row for name in ("options", "left", "right", "segments") for row in content.get(name, ())}
    if kind == "scenario":
        return _scenario_words(slot, content, given)
    if kind == "true_false":
        names = {True: _("True"), False: _("False")}
        return [names[answer]] if answer is not None else [], [names[key]], []
    if kind == "fill_in":
        return list(answer or ()), [" / ".join(accepted) for accepted in key], []
    if kind == "matching":
        pairs = {order["left"][int(a) - 1]: order["right"][b - 1] for a, b in (answer or {}).items()}
        return _pairs(pairs, rows), _pairs(key, rows), []
    if kind == "clip_review":
        marks = {order[int(place) - 1]: slug for place, slug in (answer or {}).items()}
        return _marks(marks, rows), _marks(key, rows) or [_("Nothing to mark")], []
    places = [answer] if isinstance(answer, int) else [place for place in answer or () if place]
    chosen = [order[place - 1] for place in places]
    right = [key] if isinstance(key, str) else list(key)
    whys = [rows[one].get("why", "") for one in chosen if one not in right]
    return [rows[one]["text"] for one in chosen], [rows[one]["text"] for one in right], whys


def _pairs(pairs: Mapping[str, str], rows: Mapping[str, Any]) -> list[str]:
    return [f"{rows[a]['text']} → {rows[b]['text']}" for a, b in pairs.items()]


def _marks(marks: Mapping[str, str], rows: Mapping[str, Any]) -> list[str]:
    return [f"{rows[one]['text']} → {category_name(slug) if slug else '?'}" for one, slug in marks.items()]


def _scenario_words(
    slot: Mapping[str, Any], content: Mapping[str, Any], given: Sequence[object]
) -> tuple[list[str], list[str], list[str]]:
    steps = {step["id"]: {row["id"]: row for row in step["options"]} for step in content["steps"]}
    path, _place = grading.chosen_path(slot, given)
    step_id, chosen = content["start"], []
    for choice in path:
        row = steps[step_id][slot["order"][step_id][choice - 1]]
        chosen.append(row)
        step_id = row["next"]
    best = _best(steps, content["start"])
    told = [row["why"] or row["outcome"] for row in chosen]
    return [row["text"] for row in chosen], [row["text"] for row in best], told


def _best(steps: Mapping[str, Mapping[str, Any]], start: str) -> list[Mapping[str, Any]]:
    def path_from(step_id: str) -> tuple[int, list[Mapping[str, Any]]]:
        if step_id not in steps:
            return 0, []
        ways = []
        for row in steps[step_id].values():
            points, rest = path_from(row["next"])
            ways.append((row["points"] + points, [row, *rest]))
        return max(ways, key=lambda way: way[0])

    return path_from(start)[1]
