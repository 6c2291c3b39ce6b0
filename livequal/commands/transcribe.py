"""`flask transcribe`: what is said in a recording."""

from __future__ import annotations

from pathlib import Path

import click

from ..streams import subtitles
from .ends import progress, told, write_line
from .heard import engine, recognised, rendered

WRITERS = {"text": subtitles.to_txt, "srt": subtitles.to_srt, "vtt": subtitles.to_vtt}


@click.command("transcribe")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--model", help="The model's name; the settings' own by default.")
@click.option("--format", "kind", type=click.Choice(["text", "srt", "vtt", "jsonl"]), default="text", show_default=True)
@told
def transcribe(file: Path, model: str | None, kind: str) -> None:
    """Transcribe FILE: Chinese, simplified, with word times. Progress goes to standard error."""
    transcriber = engine(model)
    with (
        progress(0, "ms", "preparing") as preparing,
        rendered(file, preparing) as rendition,
        progress(rendition.duration_ms, "ms", "transcribing") as show,
    ):
        segments = recognised(transcriber, rendition, show)
        if kind == "jsonl":
            for segment in segments:
                write_line(subtitles.segment_json(segment))
        else:
            click.echo(WRITERS[kind](list(segments)), nl=False)


COMMANDS = (transcribe,)
