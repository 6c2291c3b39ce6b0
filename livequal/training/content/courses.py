"""Read a course's folder and the manuals; nothing outside of the folder is ever opened."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from ...accounts.rules import Role
from ...taxonomy.rules import ProductCategory, RiskCategory
from . import clips, marked
from .faults import Faults
from .items import read_bank
from .model import Course, Item, ItemType, Lesson, Manual, Paper, Subject
from .taking import Taker
from .yaml_reader import Leaf, read

SLUG = re.compile(r"[a-z0-9][a-z0-9-]{1,40}")
_VERSION = re.compile(r"\d{1,4}\.\d{1,4}\.\d{1,4}")
_TOPIC = re.compile(r"[a-z0-9][a-z0-9-]{1,38}")
_BANK_FILE = re.compile(r"[a-z0-9][a-z0-9_-]{0,60}\.yaml")
MAX_BYTES = 1 << 20
IMAGE_MAX_BYTES = 2 << 20
MANUALS = "manuals"


def course_folders(folder: Path) -> list[Path]:
    """The folders below one that hold a course, by name."""
    return sorted(path.parent for path in folder.glob("*/course.yaml"))


def read_course(folder: Path, faults: Faults, *, shown_as: str = "") -> Course | None:
    """One course; None where its course.yaml can't be read at all."""
    name = shown_as or folder.name
    text = _text(folder, "course.yaml", name, faults)
    if text is None:
        return None
    file = f"{name}/course.yaml"
    tree = read(text, file, faults)
    if tree is None:
        faults.add(file, 0, "course.yaml is empty or can't be read")
        return None
    images = _images(folder, name, faults)
    course = _course(Taker(tree, file, faults, what="course.yaml"), folder, name, faults)
    names = frozenset(lesson.file for lesson in course.lessons)
    for lesson in course.lessons:
        marked.check(lesson.markdown, f"{name}/{lesson.file}", faults, lessons=names, images=images)
    if course.id and course.id != folder.name:
        faults.add(file, 1, f"the id {course.id} is not the name of its folder, {folder.name}")
    return replace(course, items=_items(folder, name, faults), images=images, file=file, line=tree.line)


def read_manuals(folder: Path, faults: Faults) -> list[Manual]:
    """The operation manuals below a folder of courses."""
    below = folder / MANUALS
    found = [_manual(below, path.name, faults) for path in sorted(below.glob("*.md"))]
    return [manual for manual in found if manual is not None]


def _course(taker: Taker, folder: Path, name: str, faults: Faults) -> Course:
    slug_line = taker.line_of("id")
    slug = taker.text("id", longest=42)
    if slug and not SLUG.fullmatch(slug):
        taker.fault(f"{slug}: an id has small letters, digits and dashes", slug_line)
    version_line = taker.line_of("version")
    version = taker.text("version", longest=14)
    if version and not _VERSION.fullmatch(version):
        taker.fault(f"{version}: a version looks like 1.0.0", version_line)
    course = Course(
        id=slug,
        title=taker.text("title", longest=60),
        version=version,
        summary=taker.text("summary", longest=300),
        roles=_words(taker, "roles", set(Role), required=True),
        product_categories=_words(taker, "product_categories", set(ProductCategory)),
        requires=taker.texts("requires"),
        minutes=taker.integer("minutes", 1, 600),
        red_line=taker.flag("red_line"),
        subjects=_words(taker, "subjects", set(Subject), required=True),
        risk_categories=_words(taker, "risk_categories", set(RiskCategory)),
        sources=taker.texts("sources", required=True, longest=300),
        lessons=_lessons(taker, folder, name, faults),
        paper=_paper(taker),
        topics=_topics(taker),
    )
    taker.done()
    return course


def _words(taker: Taker, name: str, known: Iterable[str], *, required: bool = False) -> tuple[str, ...]:
    line = taker.line_of(name)
    words = taker.texts(name, required=required, longest=60)
    for word in sorted(set(words) - set(known)):
        taker.fault(f"{name}: {word} is not among the known words", line)
    return words


def _lessons(taker: Taker, folder: Path, name: str, faults: Faults) -> tuple[Lesson, ...]:
    lessons = []
    for row in taker.takers("lessons", required=True):
        line = row.line_of("file")
        file = row.text("file", longest=80)
        title = row.text("title", longest=60)
        minutes = row.integer("minutes", 1, 60)
        risks = _words(row, "risk_categories", set(RiskCategory))
        row.done()
        if not marked.LESSON_FILE.fullmatch(file):
            row.fault(f"{file}: a lesson's file looks like 01-original-price.md", line)
            continue
        text = _text(folder, file, name, faults)
        if text is None:
            continue
        if not marked.title_of(text):
            faults.add(f"{name}/{file}", 1, "the first line must be the lesson's title: # …")
        lessons.append(Lesson(file, title, minutes, risks, text))
    names = [lesson.file for lesson in lessons]
    if len(set(names)) < len(names):
        taker.fault("lessons: a file stands here twice")
    for path in sorted(folder.glob("*.md")):
        if path.name not in names:
            faults.add(f"{name}/{path.name}", 0, "course.yaml does not name this lesson")
    return tuple(lessons)


def _paper(taker: Taker) -> Paper:
    tree = taker.entries.pop("paper", None)
    if tree is None:
        taker.fault("course.yaml lacks paper")
        return Paper(80, 15, {})
    row = Taker(tree, taker.file, taker.faults, what="paper")
    draw = {}
    for tag, leaf in row.pairs("draw", required=True):
        if isinstance(leaf.value, bool) or not isinstance(leaf.value, int) or not 1 <= leaf.value <= 20:
            row.fault(f"draw: {tag} must be a count from 1 to 20", leaf.line)
            continue
        draw[tag] = leaf.value
    paper = Paper(row.integer("pass_percent", 1, 100, default=80), row.integer("minutes", 1, 180), draw)
    row.done()
    return paper


def _topics(taker: Taker) -> dict[str, str]:
    topics = {}
    for tag, leaf in taker.pairs("topics"):
        if not _TOPIC.fullmatch(tag) or tag in set(RiskCategory):
            taker.fault(f"topics: {tag} must be small letters and dashes, and no risk category", leaf.line)
        topics[tag] = str(leaf.value)
    return topics


def _items(folder: Path, name: str, faults: Faults) -> tuple[Item, ...]:
    items: list[Item] = []
    for path in sorted((folder / "bank").glob("*")):
        shown = f"bank/{path.name}"
        if not _BANK_FILE.fullmatch(path.name):
            faults.add(f"{name}/{shown}", 0, "a bank holds .yaml files only")
            continue
        text = _text(folder, shown, name, faults)
        if text is not None:
            items += read_bank(text, f"{name}/{shown}", faults)
    return tuple(
        replace(item, clip=clips.read_clip(item, folder, faults)) if item.type is ItemType.CLIP_REVIEW else item
        for item in items
    )


def _images(folder: Path, name: str, faults: Faults) -> dict[str, Path]:
    found = {}
    for path in sorted((folder / "img").glob("*")):
        shown = f"img/{path.name}"
        if not marked.IMAGE_FILE.fullmatch(shown) or not _inside(folder, path):
            faults.add(
                f"{name}/{shown}", 0, "images are .png, .jpg or .webp files with small letters, digits and dashes"
            )
        elif path.stat().st_size > IMAGE_MAX_BYTES:
            faults.add(f"{name}/{shown}", 0, "an image has 2 MB at most")
        else:
            found[shown] = path
    return found


def _manual(folder: Path, file: str, faults: Faults) -> Manual | None:
    shown = f"{MANUALS}/{file}"
    text = _text(folder, file, MANUALS, faults)
    if text is None:
        return None
    front = re.match(r"---\n(.*?)\n---\n+(.*)", text, re.DOTALL)
    if front is None:
        faults.add(shown, 1, "a manual begins with its title, version and roles between two lines of ---")
        return None
    tree = read(front[1], shown, faults, first_line=2)
    if tree is None or isinstance(tree, Leaf):
        faults.add(shown, 2, "title, version and roles are missing")
        return None
    taker = Taker(tree, shown, faults, what="the manual's head")
    version = taker.text("version", longest=14)
    if version and not _VERSION.fullmatch(version):
        taker.fault(f"{version}: a version looks like 1.0.0")
    slug = file.removesuffix(".md")
    title, roles = taker.text("title", longest=60), _words(taker, "roles", set(Role), required=True)
    taker.done()
    if not SLUG.fullmatch(slug.replace("_", "-")):
        faults.add(shown, 0, "a manual's file is named after its role")
    # So that faults in the text name the file's own lines.
    body = "\n" * text[: front.start(2)].count("\n") + front[2]
    marked.check(body, shown, faults, lessons=frozenset(), images={})
    return Manual(slug, title, version, roles, front[2])


def _text(folder: Path, file: str, name: str, faults: Faults) -> str | None:
    path = folder / file
    shown = f"{name}/{file}"
    if not path.is_file():
        faults.add(shown, 0, "there is no such file")
        return None
    if not _inside(folder, path):
        faults.add(shown, 0, "the file is a link or lies outside of its folder")
        return None
    if path.stat().st_size > MAX_BYTES:
        faults.add(shown, 0, "the file is larger than 1 MB")
        return None
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        faults.add(shown, 0, f"the file is not UTF-8 (byte {error.start})")
        return None


def _inside(folder: Path, path: Path) -> bool:
    return not path.is_symlink() and path.resolve().is_relative_to(folder.resolve())
