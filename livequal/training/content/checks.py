"""What holds of courses as a whole, and of all of them together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from ...taxonomy.rules import RiskCategory
from .faults import Faults
from .model import ENTRY, ENTRY_MINUTES_MAX, ITEMS_MIN, STOCK_FACTOR, Course, ItemType


def check_course(course: Course, faults: Faults) -> None:
    """Lessons, minutes, tags, draw, items and types of one course."""

    def say(message: str) -> None:
        faults.add(course.file, course.line, message)

    spent = sum(lesson.minutes for lesson in course.lessons)
    if spent != course.minutes:
        say(f"the lessons take {spent} minutes, minutes says {course.minutes}")
    if course.id == ENTRY and course.minutes > ENTRY_MINUTES_MAX:
        say(f"the entry course takes {course.minutes} minutes; {ENTRY_MINUTES_MAX} is the most")
    for lesson in course.lessons:
        for slug in sorted(set(lesson.risk_categories) - set(course.risk_categories)):
            say(f"{lesson.file} teaches {slug}, which the course does not list")
    if len(course.items) < ITEMS_MIN:
        say(f"the bank has {len(course.items)} items; {ITEMS_MIN} are needed")
    for kind in sorted(set(ItemType) - {item.type for item in course.items}):
        say(f"no item is of the type {kind}")
    _check_items(course, faults)
    stock = Counter(item.tag for item in course.items)
    for tag, count in course.paper.draw.items():
        if stock[tag] < STOCK_FACTOR * count:
            say(
                f"{tag}: the paper draws {count} and needs {STOCK_FACTOR * count} items under this first tag, "
                f"{stock[tag]} are there"
            )
    if not course.red_line and any(item.red_line for item in course.items):
        first = next(item for item in course.items if item.red_line)
        faults.add(first.file, first.line, f"{first.id} is a red-line item, but course.yaml says red_line: false")


def _check_items(course: Course, faults: Faults) -> None:
    tags = set(RiskCategory) | set(course.topics)
    lessons = {lesson.file for lesson in course.lessons}
    for item in course.items:
        for tag in item.tags:
            if tag not in tags:
                faults.add(item.file, item.line, f"{item.id}: {tag} is no risk category and no topic of the course")
        if item.lesson not in lessons:
            faults.add(item.file, item.line, f"{item.id}: {item.lesson} is no lesson of the course")
    for tag in sorted(set(course.paper.draw) - tags):
        faults.add(course.file, course.line, f"draw: {tag} is no risk category and no topic of the course")
    texts = Counter((item.text, repr(item.body)) for item in course.items)
    for item in course.items:
        if texts[(item.text, repr(item.body))] > 1:
            faults.add(item.file, item.line, f"{item.id} says the same as another item")


def check_together(courses: Sequence[Course], faults: Faults, *, whole: bool) -> None:
    """Unlike ids, prerequisites that exist and form no circle; with `whole`, every risk category taught and tested."""
    _unlike(((course.id, course.file, course.line) for course in courses), "course", faults)
    _unlike(((item.id, item.file, item.line) for course in courses for item in course.items), "item", faults)
    by_id = {course.id: course for course in courses}
    for course in courses:
        for slug in course.requires:
            if slug not in by_id and whole:
                faults.add(course.file, course.line, f"requires {slug}, which is no course")
        if _leads_back(course, by_id):
            faults.add(course.file, course.line, f"{course.id} requires itself, by way of others")
    if whole:
        taught = {slug for course in courses for slug in course.risk_categories}
        tested = {tag for course in courses for item in course.items for tag in item.tags}
        for slug in RiskCategory:
            if slug not in taught:
                faults.add("courses", 0, f"no course teaches {slug}")
            if slug not in tested:
                faults.add("courses", 0, f"no item tests {slug}")


def _unlike(rows: Iterable[tuple[str, str, int]], what: str, faults: Faults) -> None:
    seen: dict[str, str] = {}
    for name, file, line in rows:
        if name in seen:
            faults.add(file, line, f"the {what} {name} is also in {seen[name]}")
        seen.setdefault(name, f"{file}:{line}")


def _leads_back(course: Course, by_id: dict[str, Course]) -> bool:
    reached: set[str] = set()
    todo = list(course.requires)
    while todo:
        slug = todo.pop()
        if slug == course.id:
            return True
        if slug in by_id and slug not in reached:
            reached.add(slug)
            todo += by_id[slug].requires
    return False
