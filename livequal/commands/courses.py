"""`flask courses`: check the content of courses and load it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import click
from flask.cli import AppGroup

from ..accounts.rules import SYSTEM
from ..kernel import installation
from ..kernel.db import edge
from ..training import loading
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


@courses.command("sync")
@click.option("--yes", is_flag=True, help="Do not ask before a change that affects people.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@told
def sync(*, yes: bool, dry_run: bool) -> None:
    """Load the courses of this installation into the database, in one transaction; earlier versions stay.

    Says before writing whom it affects: those whose running or passed exam holds a question that changes materially.
    Content with errors is refused and changes nothing; items whose clip is missing are loaded, but not asked.
    """
    library, faults = read_library(existing_dirs())
    errors = [fault for fault in faults if fault.weight is Weight.ERROR]
    for fault in errors:
        click.echo(str(fault), err=True)
    if errors:
        raise Failure(f"{_summary(faults)}. Nothing was changed.")
    with edge(write=not dry_run):
        plan = loading.plan(library)
        concerned = loading.affected(plan)
        for line in lines_of(plan, concerned):
            click.echo(line)
        if len(faults) > len(errors):
            click.echo(f"{len(faults) - len(errors)} items wait for their clip (flask courses check names them).")
        if plan.empty or dry_run:
            return
        if concerned and not yes and not click.confirm("Go on?", err=True):
            raise Failure("Nothing was changed.")
        loading.apply(plan, by=SYSTEM)
    click.echo("Loaded.")


def lines_of(plan: loading.Plan, concerned: Sequence[loading.Affected]) -> list[str]:
    """What a plan does and whom it affects, line by line."""
    lines = []
    for one in plan.courses:
        changed = sum(asked.changed for asked in one.asked)
        word = "changed" if one.course else "new"
        lines.append(
            f"{one.content.id} {one.content.version}: {word}, {changed} of {len(one.asked)} questions"
            + (f", {len(one.gone)} asked no more" if one.gone else "")
        )
        lines += [f"  {asked.item.id} changes materially" for asked in one.material]
    lines += [f"{course.slug}: no longer offered" for course in plan.unlisted]
    lines += [f"manual {manual.slug} {manual.version}" for manual in plan.manuals]
    if plan.empty:
        return ["All is loaded already."]
    lines.append(f"{len({one.user_id for one in concerned})} people are affected.")
    lines += [_affected_line(one) for one in concerned]
    return lines


def _affected_line(one: loading.Affected) -> str:
    what = "passed, a certificate may rest on it" if one.passed else "running"
    return f"  {one.name}, {one.course}, attempt {one.attempt_id} ({what}): {', '.join(one.items)}"


def load_quietly(say: Callable[[str], None]) -> None:
    """Load what is new when livequal starts; content with errors, or a change that affects people, waits.

    Reading all courses takes seconds: it is left out while neither a file nor what is loaded has changed.
    """
    files, mark = _digest(existing_dirs()), installation.settings().var / "courses.loaded"
    with edge(write=False):
        if mark.is_file() and mark.read_text(encoding="utf-8") == f"{files} {loading.newest()}":
            return
    library, faults = read_library(existing_dirs())
    if any(fault.weight is Weight.ERROR for fault in faults):
        say("The courses have errors and were not loaded. See them with: .venv/bin/flask courses check")
        return
    with edge():
        plan = loading.plan(library)
        if not plan.empty:
            if loading.affected(plan):
                say("Courses changed in a way that affects people. Look and load with: .venv/bin/flask courses sync")
                return
            say("Loading courses …")
            loading.apply(plan, by=SYSTEM)
    with edge(write=False):
        mark.write_text(f"{files} {loading.newest()}", encoding="utf-8")


def _digest(folders: Sequence[Path]) -> str:
    """One digest of every file of the courses and its place."""
    every = hashlib.sha256()
    for folder in folders:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            every.update(f"{path.relative_to(folder)}\0{content}\n".encode())
    return every.hexdigest()


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
