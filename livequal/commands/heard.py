"""A media file from outside, made ready for recognition in a folder that goes away."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ..kernel import installation
from ..kernel.i18n import gettext
from ..streams.engines import Transcriber, open_engine
from ..streams.media import MediaFailed, Refused, Rendition, probe, render
from ..streams.rules import Segment
from .ends import Failure

Show = Callable[[int, int], None]


@contextmanager
def rendered(file: Path, show: Show) -> Iterator[Rendition]:
    """The rendition of a media file, probed and decoded like an upload.

    Raises: Failure with the reason why a file is not taken.
    """
    with tempfile.TemporaryDirectory(prefix="livequal-") as folder:
        try:
            probe(file)
            rendition = render(file, Path(folder), on_progress=show)
        except Refused as refused:
            raise Failure(refused.told(gettext)) from refused
        except MediaFailed as failed:
            raise Failure(str(failed)) from failed
        yield rendition


def engine(model: str | None) -> Transcriber:
    """The engine of the settings with `model`, or with the settings' own.

    Raises: NoModel, NoEngine.
    """
    settings = installation.settings()
    return open_engine(settings.speech, settings.models_dir, model or settings.model, threads=settings.speech_threads)


def recognised(transcriber: Transcriber, rendition: Rendition, show: Show) -> Iterator[Segment]:
    """The segments of a rendition as they are recognised."""
    for window in transcriber.transcribe(rendition.speech):
        show(window.end_ms, rendition.duration_ms)
        yield from window.segments
