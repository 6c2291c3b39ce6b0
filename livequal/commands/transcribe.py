"""`flask transcribe`: what is said in a recording."""

from __future__ import annotations

from pathlib import Path

import click

from ..streams import subtitles
from ..streams.rules import Segment
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
                write_line(segment_line(segment))
        else:
            click.echo(WRITERS[kind](list(segments)), nl=False)


def segment_line(segment: Segment) -> dict[str, object]:
    """One segment as `flask transcribe --format jsonl` writes it."""
    return {
        "start_ms": segment.start_ms,
        "end_ms": segment.end_ms,
        "text": segment.text,
        "words": [
            {"start_ms": w.start_ms, "end_ms": w.end_ms, "text": w.text, "probability": round(w.probability, 4)}
            for w in segment.words
        ],
        "avg_logprob": round(segment.avg_logprob, 4),
        "no_speech_prob": round(segment.no_speech_prob, 4),
        "unintelligible": segment.unintelligible,
    }


COMMANDS = (transcribe,)
