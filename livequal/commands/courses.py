"""`flask courses`: check the content of courses."""

from __future__ import annotations

from pathlib import Path

import click
from flask.cli import AppGroup

from ..kernel import installation
from ..training.content import Fault, Library, Weight, read_library
from .ends import Failure, told

courses = AppGroup("courses", help="Check courses and load them.")


@courses.command("check")
@click.argument("folders", nargs=-1, type=click.Path(path_type=Path))
@told
def check(folders: tuple[Path, ...]) -> None:
    """Validate courses: those in FOLDERS, else all this installation has.

    Names file and line of every fault. Gaps (clips that are not spoken yet, or whose words changed) fail it too.
    """
    library, faults = read_library(folders or existing_dirs(), whole=not folders)
    for fault in faults:
        click.echo(f"{fault.weight}  {fault}")
    if faults:
        raise Failure(_summary(faults))
    click.echo(_counts(library))


def existing_dirs() -> list[Path]:
    """The folders of this installation's courses; those named in the settings must be there."""
    shipped, *own = installation.settings().all_course_dirs
    return [*([shipped] if shipped.is_dir() else []), *own]


def _counts(library: Library) -> str:
    items = sum(len(course.items) for course in library.courses)
    lessons = sum(len(course.lessons) for course in library.courses)
    return (
        f"{len(library.courses)} courses, {lessons} lessons, {items} items, {len(library.manuals)} manuals: all well."
    )


def _summary(faults: list[Fault]) -> str:
    errors = sum(fault.weight is Weight.ERROR for fault in faults)
    return f"{errors} errors, {len(faults) - errors} gaps"


COMMANDS = (courses,)
