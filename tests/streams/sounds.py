"""Sound and models for the tests of the speech engines."""

from __future__ import annotations

import os
import wave
from pathlib import Path

import numpy as np
import pytest

from livequal.streams.engines.audio import RATE, Samples
from livequal.streams.engines.weights import get_model, installed_models

SPOKEN = Path(__file__).with_name("spoken.flac")
"""A voice says 最近天气变冷，大家注意保暖。 at 0.5–3.9 s and 这是世界上最好的洗发水，没有之一。 at 5.5–9.3 s."""

ROOT = Path(__file__).resolve().parents[2]


def write_wav(path: Path, samples: Samples, *, rate: int = RATE, channels: int = 1) -> Path:
    """Write samples (-1 … 1) as 16-bit WAV."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.clip(np.rint(samples * 32768), -32768, 32767).astype("<i2").tobytes())
    return path


def models_with_base() -> Path:
    """A models folder that holds base: the installation's own; in CI it is fetched. Skips where there is none."""
    folder = Path(os.environ.get("LIVEQUAL_MODELS_DIR") or ROOT / "var" / "models")
    if os.environ.get("CI") == "true":
        get_model(folder, "base")
    if not any(model.name == "base" for model in installed_models(folder)):
        pytest.skip("the speech model is not loaded: .venv/bin/flask models get base")
    return folder
