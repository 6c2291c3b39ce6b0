"""Hostile media: probed, rendered and cut in a child process with limits, never in this one. No `av` is loaded here.

The caller gives paths and gets frozen facts; what a file's name says is never looked at.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from livequal.streams.media.facts import Container, Limits, MediaFacts, Rendition, Stretch
from livequal.streams.media.process import Answer, Order, obey, whole
from livequal.streams.media.refusals import SENTENCES, MediaFailed, RefusalCode, Refused, RenderCancelled

__all__ = [
    "SENTENCES",
    "Container",
    "Limits",
    "MediaFacts",
    "MediaFailed",
    "RefusalCode",
    "Refused",
    "RenderCancelled",
    "Rendition",
    "Stretch",
    "clip",
    "clips",
    "probe",
    "render",
]

_OUTPUTS = ("rendition.m4a", "speech.flac", "peaks.json")


def probe(path: Path, *, limits: Limits | None = None) -> MediaFacts:
    """What the header of the file says; costs well under a second, whatever the size.

    Raises: Refused (not taken), MediaFailed (try again).
    """
    answer = obey(Order("probe", path, limits or Limits()))
    return _facts(answer.get("facts"))


def render(
    path: Path,
    out_dir: Path,
    *,
    limits: Limits | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Rendition:
    """Decode the file once and write what the product works with into `out_dir` (made when missing).

    `on_progress(done_ms, total_ms)` about twice a second. Whenever this raises, none of the files is left.
    Raises: Refused (not taken), RenderCancelled, MediaFailed (try again).
    """
    out_dir.mkdir(parents=True, exist_ok=True)
    m4a, speech, peaks = (out_dir / name for name in _OUTPUTS)
    try:
        order = Order("render", path, limits or Limits(), out_dir, nice=10)
        answer = obey(order, on_progress=on_progress, cancelled=cancelled)
        for output in (m4a, speech, peaks):
            if output.is_symlink() or not output.is_file():
                raise MediaFailed(f"{output.name} was not written")
        return Rendition(
            m4a=m4a,
            speech=speech,
            peaks=peaks,
            duration_ms=whole(answer, "duration_ms"),
            unreadable=_stretches(answer, "unreadable"),
            silent_gaps=_stretches(answer, "silent_gaps"),
            clock_jumps=whole(answer, "clock_jumps"),
            missing_ms=whole(answer, "missing_ms"),
        )
    except BaseException:
        for output in (m4a, speech, peaks):
            output.unlink(missing_ok=True)
        raise


def clip(m4a: Path, start_ms: int, end_ms: int) -> bytes:
    """The stretch of our own rendition as an .m4a of its own; see `clips`."""
    return clips(m4a, [(start_ms, end_ms)])[0]


def clips(m4a: Path, stretches: Sequence[Stretch]) -> list[bytes]:
    """Cut all stretches in one go, each an .m4a that plays by itself; empty bytes for one beyond the end.

    Nothing is encoded again: what is heard is what the rendition holds.
    Raises: Refused, MediaFailed, ValueError when a stretch does not end after its start.
    """
    asked = [(max(0, start_ms), end_ms) for start_ms, end_ms in stretches]
    if any(end_ms <= start_ms for start_ms, end_ms in asked):
        raise ValueError("a clip ends after its start")
    with tempfile.TemporaryDirectory(prefix="livequal-clips-") as out_dir:
        answer = obey(Order("clip", m4a, Limits(), Path(out_dir), stretches=asked))
        paths = [Path(out_dir) / f"clip-{index}.m4a" for index in range(len(asked))]
        if not isinstance(answer.get("clips"), list):
            raise MediaFailed("no clips in the answer")
        return [path.read_bytes() if path.is_file() and not path.is_symlink() else b"" for path in paths]


def _facts(raw: object) -> MediaFacts:
    if not isinstance(raw, dict):
        raise MediaFailed("no facts in the answer")
    return MediaFacts(
        container=Container(raw["container"]),
        duration_ms=whole(raw, "duration_ms"),
        audio_codec=str(raw["audio_codec"])[:40],
        channels=whole(raw, "channels"),
        sample_rate=whole(raw, "sample_rate"),
        audio_tracks=whole(raw, "audio_tracks"),
        has_video=raw["has_video"] is True,
        bit_rate=whole(raw, "bit_rate"),
        size_bytes=whole(raw, "size_bytes"),
    )


def _stretches(answer: Answer, name: str) -> tuple[Stretch, ...]:
    found = answer.get(name)
    if not isinstance(found, list):
        raise MediaFailed(f"no {name} in the answer")
    return tuple((int(start), int(end)) for start, end in found)
