"""The demo's recordings: spoken by synthetic voices, with the truth about what is said in them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..accounts.rules import Actor
from ..streams import service, uploads
from ..streams.models import Recording
from ..streams.rules import SpanKind
from ..streams.timeline import TimelineSpan

FOLDER = Path(__file__).parent / "recordings"
NAMES = ("skin-and-snacks", "night-market")


@dataclass(frozen=True, slots=True)
class Line:
    """One spoken sentence. `risks` are the risk categories it must raise; `kind` says what it is there for:
    claim, negated, question, answer, trap, plain, or garbled (not meant to be understood)."""

    start_ms: int
    end_ms: int
    text: str
    voice: str
    product_category: str
    kind: str
    risks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Truth:
    """What is in a recording. `garbled` are stretches of fast speech under loud music, `quiet` those without speech,
    each as (start_ms, end_ms)."""

    name: str
    title: str
    duration_ms: int
    lines: tuple[Line, ...]
    spans: tuple[TimelineSpan, ...]
    garbled: tuple[tuple[int, int], ...]
    quiet: tuple[tuple[int, int], ...]

    @property
    def sound(self) -> Path:
        """The recording itself."""
        return FOLDER / f"{self.name}.ogg"


def truth(name: str) -> Truth:
    """The truth about one recording of NAMES."""
    told: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return Truth(
        name,
        told["title"],
        told["duration_ms"],
        tuple(Line(**{**line, "risks": tuple(line["risks"])}) for line in told["lines"]),
        tuple(TimelineSpan(**{**span, "kind": SpanKind(span["kind"])}) for span in told["timeline"]),
        tuple((start, end) for start, end in told["garbled"]),
        tuple((start, end) for start, end in told["quiet"]),
    )


def store(told: Truth, live_session_id: int, *, by: Actor) -> Recording:
    """Upload a recording like a person would, and mark its timeline; the worker does the rest."""
    size = told.sound.stat().st_size
    upload = uploads.start(told.sound.name, size, title=told.title, live_session_id=live_session_id, by=by)
    with told.sound.open("rb") as source:
        uploads.write_piece(upload.incoming, 0, size, source)
    recording = uploads.finish(upload.id, by=by)
    service.mark(recording, told.spans, by=by)
    return recording
