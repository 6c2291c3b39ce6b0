"""`flask backup` and `flask restore`: everything, in one file, and back."""

from __future__ import annotations

from pathlib import Path

import click
from flask.cli import with_appcontext

from ..kernel import backup, installation
from ..kernel.backup_database import CantDump, CantLoad
from ..kernel.db import db
from . import schema
from .ends import Failure, progress, told


@click.command("backup")
@click.argument("destination", type=click.Path(path_type=Path), required=False)
@told
@with_appcontext
def back_up(destination: Path | None) -> None:
    """Write database, files and secrets to one .tar, while livequal runs.

    DESTINATION is a file or an existing folder; without it the backup goes to var/backups, where the newest
    LIVEQUAL_BACKUPS_KEPT are kept.
    """
    settings = installation.settings()
    own = backup.default_target(settings)
    target = own if destination is None else destination / own.name if destination.is_dir() else destination
    try:
        with progress(0, "B", "backup") as show:
            summary = backup.back_up(settings, target.absolute(), show)
    except CantDump as error:
        raise Failure(str(error)) from error
    if destination is None:
        backup.prune(target.parent, settings.backups_kept)
    click.echo(str(summary.path))
    click.echo(f"{summary.members} members, {summary.size:,} bytes, read back and proved.", err=True)
    if settings.secret_key:
        click.echo("LIVEQUAL_SECRET_KEY comes from the environment and is not in it: keep it elsewhere.", err=True)


@click.command("restore")
@click.argument("archive", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--replace", is_flag=True, help="Lay the installation that is here aside, then restore.")
@told
@with_appcontext
def restore(archive: Path, *, replace: bool) -> None:
    """Put a backup in place. The whole archive is proved before anything is touched."""
    settings = installation.settings()
    db.session.remove()
    db.engine.dispose()
    try:
        aside = backup.restore(settings, archive, _make_schema, replace=replace)
    except (backup.BadArchive, backup.InTheWay, CantLoad) as error:
        raise Failure(str(error)) from error
    click.echo("Restored.")
    if aside is not None:
        click.echo(f"What was here before lies in {aside}", err=True)


def _make_schema(revision: str) -> None:
    try:
        schema.upgrade(revision)
    except schema.UnknownRevision as error:
        raise CantLoad(f"This livequal does not know the backup's revision {revision}: use a newer one.") from error
    finally:
        db.session.remove()
        db.engine.dispose()


COMMANDS = (back_up, restore)
