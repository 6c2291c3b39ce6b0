"""OpenAI's Whisper on CTranslate2 (int8 on the CPU): the default engine."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version as package_version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from livequal.kernel.i18n import gettext as _
from livequal.streams.engines import doubt, recognition, text, windows
from livequal.streams.engines.errors import NoModel
from livequal.streams.engines.parallel import recognise_all
from livequal.streams.engines.recognition import Piece
from livequal.streams.engines.weights import InstalledModel, find_model
from livequal.streams.rules import Window

if TYPE_CHECKING:
    from faster_whisper import WhisperModel
    from faster_whisper.transcribe import Segment as HeardSegment

    from livequal.streams.engines.audio import Samples

# No prompt and no hotwords: the model writes what it is primed with (docs/adr/0001). One temperature: sampling
# would give another text on every run, and what fails at 0 is not understood, so it is marked rather than guessed.
OPTIONS: dict[str, Any] = {
    "language": "zh",
    "task": "transcribe",
    "beam_size": 5,
    "temperature": 0.0,
    "repetition_penalty": 1.1,
    "no_repeat_ngram_size": 3,
    "condition_on_previous_text": False,
    "without_timestamps": False,
    "word_timestamps": True,
    "no_speech_threshold": None,
}

_M_ARENA_MAX = -8


class FasterWhisper:
    """Whisper through faster-whisper; `threads` windows are recognised side by side, one thread each."""

    engine = "faster_whisper"

    def __init__(self, whisper: WhisperModel, model: InstalledModel, workers: int) -> None:
        self._whisper = whisper
        self._workers = workers
        self.model = model.name
        packages = "+".join(f"{name} {package_version(name)}" for name in ("faster-whisper", "ctranslate2"))
        rules = ".".join(room.VERSION for room in (windows, recognition, text, doubt))
        options = " ".join(f"{name}={value}" for name, value in OPTIONS.items())
        self.version = f"{packages} int8 sha256:{model.sha256[:16]} {rules} {options}"

    @classmethod
    def load(cls, models_dir: Path, name: str, threads: int) -> FasterWhisper:
        """Load the weights. Raises: NoModel."""
        model = find_model(models_dir, name)
        _share_arenas()
        from faster_whisper import WhisperModel

        try:
            whisper = WhisperModel(
                str(model.path), device="cpu", compute_type="int8", cpu_threads=1, num_workers=max(1, threads)
            )
        except (RuntimeError, ValueError) as error:
            raise NoModel(
                _(
                    "The speech model %(path)s can't be loaded (%(why)s). Fetch it again: remove the folder and run "
                    ".venv/bin/flask models get %(name)s",
                    path=str(model.path),
                    why=str(error),
                    name=name,
                )
            ) from error
        return cls(whisper, model, max(1, threads))

    def transcribe(
        self, audio: Path, *, skip_windows: int = 0, cancelled: Callable[[], bool] | None = None
    ) -> Iterator[Window]:
        """See Transcriber.transcribe."""
        return recognise_all(audio, self._hear, workers=self._workers, skip_windows=skip_windows, cancelled=cancelled)

    def _hear(self, sound: Samples) -> Sequence[Piece]:
        segments, _facts = self._whisper.transcribe(sound, **OPTIONS)
        return [_piece(segment) for segment in segments]


def _share_arenas() -> None:
    """Keep the C library from giving every thread a heap of its own: on long files that costs 100 MB and more.

    Only glibc has the switch (M_ARENA_MAX, mallopt(3)); elsewhere nothing happens.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 2)


def _piece(segment: HeardSegment) -> Piece:
    words = tuple((float(w.start), float(w.end), w.word, float(w.probability)) for w in segment.words or ())
    return Piece(words, float(segment.avg_logprob), float(segment.no_speech_prob), float(segment.compression_ratio))
