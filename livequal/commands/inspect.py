"""`flask inspect`: from a media file to the report a moderator would want."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click
from flask import render_template
from flask.cli import with_appcontext

from ..kernel.clock import SHANGHAI, now
from ..risk import service as risk
from ..streams.media import clips
from ..streams.rules import Segment, unclear_stretches
from ..streams.subtitles import segment_json
from ..taxonomy.categories import RISK_CATEGORIES
from ..taxonomy.rules import ProductCategory
from .ends import progress, told, write_line
from .heard import engine, recognised, rendered

if TYPE_CHECKING:
    from ..risk.matcher import Flag

BEFORE_MS, AFTER_MS = 3000, 2000
LONGEST_MS = 60_000


@dataclass(frozen=True, slots=True)
class Heard:
    """Something to listen to: a flag, or (flag None) a stretch that was not understood; `clip` is base64 .m4a."""

    start_ms: int
    end_ms: int
    text: str
    flag: Flag | None
    category: str
    clip: str


@click.command("inspect")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--product-category",
    type=click.Choice([category.value for category in ProductCategory]),
    default=ProductCategory.GENERAL.value,
    show_default=True,
    help="What is sold in this recording.",
)
@click.option("--model", help="The speech model's name; the settings' own by default.")
@click.option("--format", "kind", type=click.Choice(["text", "jsonl", "html"]), default="text", show_default=True)
@with_appcontext
@told
def inspect(file: Path, product_category: str, model: str | None, kind: str) -> None:
    """Transcribe FILE and report what should be listened to. The html is one file that opens offline."""
    category = ProductCategory(product_category)
    transcriber = engine(model)
    with progress(0, "ms", "preparing") as preparing, rendered(file, preparing) as rendition:
        with progress(rendition.duration_ms, "ms", "transcribing") as show:
            segments = list(recognised(transcriber, rendition, show))
        flags = risk.read(_reading(segments, category), risk.matcher())
        if kind == "jsonl":
            _write_lines(segments, flags)
            return
        heard = _heard(segments, flags, rendition.m4a if kind == "html" else None)
        facts = {
            "name": file.name,
            "duration_ms": rendition.duration_ms,
            "unreadable": rendition.unreadable,
            "engine": f"{transcriber.engine} · {transcriber.model}",
            "pack": risk.pack().stamp,
            "product": category.zh,
            "made_at": now().astimezone(SHANGHAI),
            "segments": segments,
            "heard": heard,
        }
        click.echo(render_template(f"report/inspect.{'html' if kind == 'html' else 'txt'}", **facts), nl=False)


def _reading(segments: Sequence[Segment], category: ProductCategory) -> risk.Reading:
    from ..risk.matcher import Utterance

    said = [
        Utterance(str(n), s.text, s.start_ms, s.end_ms, s.words)
        for n, s in enumerate(segments)
        if s.text and not s.unintelligible and not s.invented
    ]
    today: date = now().astimezone(SHANGHAI).date()
    return risk.Reading(0, tuple(said), (category,) * len(said), {u.id: int(u.id) for u in said}, today)


def _heard(segments: Sequence[Segment], flags: Sequence[Flag], m4a: Path | None) -> list[Heard]:
    found = [
        (
            flag.start_ms or 0,
            flag.end_ms or 0,
            segments[int(flag.utterance)].text,
            flag,
            RISK_CATEGORIES[flag.category].zh,
        )
        for flag in flags
    ]
    unclear = unclear_stretches((s.start_ms, s.end_ms) for s in segments if s.unintelligible)
    rows = sorted([*found, *((start, end, "", None, "") for start, end in unclear)], key=lambda row: row[:2])
    spans = [(max(0, row[0] - BEFORE_MS), min(row[1] + AFTER_MS, row[0] + LONGEST_MS)) for row in rows]
    sounds = clips(m4a, spans) if m4a is not None and spans else [b""] * len(rows)
    return [
        Heard(start, end, text, flag, name, base64.b64encode(sound).decode())
        for (start, end, text, flag, name), sound in zip(rows, sounds, strict=True)
    ]


def _write_lines(segments: Sequence[Segment], flags: Sequence[Flag]) -> None:
    from ..risk.scan import flag_as_dict

    for n, segment in enumerate(segments):
        here = [
            flag_as_dict(flag) | {"start_ms": flag.start_ms, "end_ms": flag.end_ms}
            for flag in flags
            if flag.utterance == str(n)
        ]
        write_line(segment_json(segment) | {"flags": here})


COMMANDS = (inspect,)
