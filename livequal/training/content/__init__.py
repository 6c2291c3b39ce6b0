"""Courses as files: read and validate them. Pure: no database and no web, so that a writer can check anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .checks import check_course, check_together
from .courses import course_folders, read_course, read_manuals
from .faults import Fault, Faults, Weight
from .fingerprint import canonical, material_sha256, sha256, text_sha256
from .marked import rendered, title_of
from .model import END, ENTRY, Course, Item, ItemType, Lesson, Library, Manual, Paper, Subject

__all__ = [
    "END",
    "ENTRY",
    "Course",
    "Fault",
    "Item",
    "ItemType",
    "Lesson",
    "Library",
    "Manual",
    "Paper",
    "Subject",
    "Weight",
    "canonical",
    "material_sha256",
    "read_library",
    "rendered",
    "sha256",
    "text_sha256",
    "title_of",
]


def read_library(folders: Sequence[Path], *, whole: bool = True) -> tuple[Library, list[Fault]]:
    """All courses and manuals of the folders, and every fault in the order of files and lines.

    A folder holds courses, or is itself one. `whole`: these are all courses there are, so that prerequisites must be
    among them and every risk category taught and tested.
    """
    faults = Faults()
    courses: list[Course] = []
    manuals: list[Manual] = []
    for folder in folders:
        if not folder.is_dir():
            faults.add(str(folder), 0, "there is no such folder")
            continue
        alone = (folder / "course.yaml").exists()
        for one in [folder] if alone else course_folders(folder):
            course = read_course(one, faults)
            if course is not None:
                check_course(course, faults)
                courses.append(course)
        manuals += [] if alone else read_manuals(folder, faults)
    check_together(courses, faults, whole=whole)
    return Library(tuple(courses), tuple(manuals)), sorted(faults.found)
