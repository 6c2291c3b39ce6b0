"""Speech engines behind one protocol: sound in, windows of recognised segments out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from livequal.kernel.i18n import gettext as _
from livequal.streams.engines.errors import Cancelled, NoEngine, NoModel, NotSpeech
from livequal.streams.rules import Window

__all__ = ["ENGINES", "Cancelled", "NoEngine", "NoModel", "NotSpeech", "Transcriber", "open_engine"]

ENGINES = ("faster_whisper", "openai_whisper", "sidecar")


class Transcriber(Protocol):
    """One engine with its model loaded. The same file gives the same windows, whatever the threads."""

    @property
    def engine(self) -> str:
        """The engine's name, one of ENGINES."""

    @property
    def model(self) -> str:
        """The model's name, as `flask models list` shows it; "subtitles" for sidecar."""

    @property
    def version(self) -> str:
        """Everything that pins the result: packages, weights' digest, options, window rule, marking rule."""

    def transcribe(
        self, audio: Path, *, skip_windows: int = 0, cancelled: Callable[[], bool] | None = None
    ) -> Iterator[Window]:
        """The windows of a recording in order, from the one with index `skip_windows` on.

        `audio` is the 16 kHz mono FLAC or WAV that livequal derived. A run that was cut off after n windows goes on
        with `skip_windows=n` and gives what the uninterrupted run would have given.

        Raises: NotSpeech when the file can't be read, Cancelled as soon as `cancelled()` is true.
        """


def open_engine(
    name: str, models_dir: Path, model: str = "base", threads: int = 2, *, subtitles: Path | None = None
) -> Transcriber:
    """The engine of that name with its model loaded; `threads` changes the speed and nothing else.

    `subtitles` is the file the sidecar engine reads; without it, it looks beside the sound for the same stem.

    Raises: NoEngine when the name is unknown or a package is missing, NoModel when the weights are.
    """
    if name == "faster_whisper":
        from livequal.streams.engines.faster_whisper import FasterWhisper

        return FasterWhisper.load(models_dir, model, threads)
    if name == "openai_whisper":
        from livequal.streams.engines.openai_whisper import OpenAIWhisper

        return OpenAIWhisper.load(models_dir, model, threads)
    if name == "sidecar":
        from livequal.streams.engines.sidecar import Sidecar

        return Sidecar(subtitles)
    raise NoEngine(
        _(
            "There is no speech engine %(name)s; LIVEQUAL_SPEECH is one of %(names)s.",
            name=name,
            names=", ".join(ENGINES),
        )
    )
