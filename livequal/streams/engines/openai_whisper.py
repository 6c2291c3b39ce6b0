"""OpenAI's own implementation of Whisper: the reference engine, after `pip install -r requirements-whisper.txt`.

It reads an official checkpoint `<models_dir>/<name>.pt` where there is one, otherwise the conversion that the default
engine uses, turned back: the same weights. Its decoder has no repetition guards; all else is as in the default engine.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as package_version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from livequal.kernel.i18n import gettext as _
from livequal.streams.engines import doubt, recognition, text, windows
from livequal.streams.engines.checkpoint import to_checkpoint
from livequal.streams.engines.errors import NoEngine, NoModel
from livequal.streams.engines.parallel import recognise_all
from livequal.streams.engines.recognition import Piece
from livequal.streams.engines.weights import file_sha256, find_model
from livequal.streams.rules import Window

if TYPE_CHECKING:
    from whisper.model import Whisper

    from livequal.streams.engines.audio import Samples

OPTIONS: dict[str, Any] = {
    "language": "zh",
    "task": "transcribe",
    "beam_size": 5,
    "temperature": 0.0,
    "condition_on_previous_text": False,
    "word_timestamps": True,
    "no_speech_threshold": None,
    "compression_ratio_threshold": None,
    "logprob_threshold": None,
    "fp16": False,
}


class OpenAIWhisper:
    """Whisper through openai-whisper and torch; one window at a time, `threads` threads inside torch."""

    engine = "openai_whisper"

    def __init__(self, whisper: Whisper, model: str, sha256: str) -> None:
        self._whisper = whisper
        self.model = model
        packages = "+".join(f"{name} {package_version(name)}" for name in ("openai-whisper", "torch"))
        rules = ".".join(room.VERSION for room in (windows, recognition, text, doubt))
        options = " ".join(f"{name}={value}" for name, value in OPTIONS.items())
        self.version = f"{packages} sha256:{sha256[:16]} {rules} {options}"

    @classmethod
    def load(cls, models_dir: Path, name: str, threads: int) -> OpenAIWhisper:
        """Load the weights. Raises: NoEngine when the packages are not installed, NoModel."""
        _check_packages()
        import torch

        torch.set_num_threads(max(1, threads))
        official = models_dir / f"{name}.pt"
        if official.is_file():
            return cls(_load_official(official), name, file_sha256(official))
        model = find_model(models_dir, name)
        return cls(_load_conversion(model.path), model.name, model.sha256)

    def transcribe(
        self, audio: Path, *, skip_windows: int = 0, cancelled: Callable[[], bool] | None = None
    ) -> Iterator[Window]:
        """See Transcriber.transcribe."""
        return recognise_all(audio, self._hear, workers=1, skip_windows=skip_windows, cancelled=cancelled)

    def _hear(self, sound: Samples) -> Sequence[Piece]:
        found = self._whisper.transcribe(np.ascontiguousarray(sound), verbose=None, **OPTIONS)
        return [_piece(segment) for segment in found["segments"]]


def _check_packages() -> None:
    try:
        package_version("openai-whisper")
        package_version("torch")
    except PackageNotFoundError as missing:
        raise NoEngine(
            _(
                "The engine openai_whisper needs packages that are not installed. Run: "
                ".venv/bin/pip install -r requirements-whisper.txt"
            )
        ) from missing


def _load_official(path: Path) -> Whisper:
    import whisper

    try:
        model: Whisper = whisper.load_model(str(path), device="cpu")
    except (RuntimeError, KeyError, TypeError, EOFError, pickle.UnpicklingError) as error:
        raise NoModel(_("%(path)s is not a checkpoint of OpenAI's Whisper.", path=str(path))) from error
    return model


def _load_conversion(folder: Path) -> Whisper:
    import torch
    from whisper.model import ModelDimensions, Whisper

    checkpoint = to_checkpoint(folder)
    model = Whisper(ModelDimensions(**checkpoint["dims"]))
    state = {
        name: torch.from_numpy(values.astype(np.float32)) for name, values in checkpoint["model_state_dict"].items()
    }
    model.load_state_dict(state)
    heads = torch.zeros(model.dims.n_text_layer, model.dims.n_text_head, dtype=torch.bool)
    for layer, head in checkpoint["alignment_heads"]:
        heads[layer, head] = True
    if checkpoint["alignment_heads"]:
        model.register_buffer("alignment_heads", heads.to_sparse(), persistent=False)
    return model.eval()


def _piece(segment: dict[str, Any]) -> Piece:
    words = tuple(
        (float(w["start"]), float(w["end"]), str(w["word"]), float(w["probability"]))
        for w in segment.get("words") or ()
    )
    return Piece(
        words, float(segment["avg_logprob"]), float(segment["no_speech_prob"]), float(segment["compression_ratio"])
    )
