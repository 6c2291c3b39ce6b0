"""OpenAI's own implementation: a tiny checkpoint of random weights, and the way back from a conversion."""

from __future__ import annotations

import importlib.util
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from livequal.streams.engines import NoEngine, NoModel, Transcriber, open_engine
from livequal.streams.engines.audio import RATE, read_blocks
from livequal.streams.engines.checkpoint import read_conversion, to_checkpoint
from tests.conftest import need

from .sounds import SPOKEN, models_with_base, write_wav

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # openai-whisper hands tensors to numpy

INSTALLED = all(importlib.util.find_spec(name) is not None for name in ("torch", "whisper"))
TINY = {
    "n_mels": 80,
    "n_audio_ctx": 1500,
    "n_audio_state": 32,
    "n_audio_head": 2,
    "n_audio_layer": 1,
    "n_vocab": 51865,
    "n_text_ctx": 48,  # half of it is the most tokens it writes: keeps the test short
    "n_text_state": 32,
    "n_text_head": 2,
    "n_text_layer": 2,
}


@pytest.fixture
def whisper_installed() -> None:
    need(INSTALLED, "torch and openai-whisper are not installed: .venv/bin/pip install -r requirements-whisper.txt")


@pytest.fixture
def tiny(whisper_installed: None, tmp_path: Path) -> Transcriber:
    """The engine on random weights, saved the way OpenAI publishes checkpoints."""
    import torch
    from whisper.model import ModelDimensions, Whisper

    torch.manual_seed(7)
    model = Whisper(ModelDimensions(**TINY))
    torch.save({"dims": TINY, "model_state_dict": model.state_dict()}, tmp_path / "tiny.pt")
    return open_engine("openai_whisper", tmp_path, "tiny", threads=1)


def test_a_checkpoint_of_random_weights_runs_from_sound_to_marked_windows(tiny: Transcriber, tmp_path: Path) -> None:
    first_words = next(read_blocks(SPOKEN, 2 * RATE))
    sound = write_wav(tmp_path / "short.wav", first_words)

    (window,) = tiny.transcribe(sound)

    assert (window.start_ms, window.end_ms) == (0, 2000)
    assert window.segments
    assert all(segment.unintelligible for segment in window.segments)  # random weights understand nothing
    assert all(0 <= s.start_ms <= s.end_ms <= 2000 for s in window.segments)
    assert [window] == list(tiny.transcribe(sound))
    assert tiny.engine == "openai_whisper"
    assert "openai-whisper" in tiny.version
    assert "beam_size=5" in tiny.version


def test_a_file_that_is_no_checkpoint_is_refused(whisper_installed: None, tmp_path: Path) -> None:
    (tmp_path / "broken.pt").write_bytes(b"no checkpoint")

    with pytest.raises(NoModel, match="not a checkpoint"):
        open_engine("openai_whisper", tmp_path, "broken")


@pytest.mark.skipif(INSTALLED, reason="the packages are installed here")
def test_without_the_packages_it_says_how_to_install_them(tmp_path: Path) -> None:
    with pytest.raises(NoEngine, match=r"requirements-whisper\.txt"):
        open_engine("openai_whisper", tmp_path, "base")


@pytest.mark.model
def test_the_weights_of_the_default_engine_run_in_openais_implementation(whisper_installed: None) -> None:
    (window,) = open_engine("openai_whisper", models_with_base(), "base", threads=2).transcribe(SPOKEN)

    text = "".join(segment.text for segment in window.segments)
    assert "天气变冷" in text
    assert "洗发水" in text


def variables() -> dict[str, Any]:
    """A conversion of TINY, each variable filled so that it can be told from the others."""
    width, shapes = TINY["n_text_state"], {}
    for side, layers in (("encoder", 1), ("decoder", 2)):
        for layer in range(layers):
            block = f"{side}/layer_{layer}"
            attentions = {"self_attention": (3, 1)} | ({"attention": (1, 2, 1)} if side == "decoder" else {})
            for attention, parts in attentions.items():
                for number, fused in enumerate(parts):
                    shapes[f"{block}/{attention}/linear_{number}/weight"] = (fused * width, width)
                    shapes[f"{block}/{attention}/linear_{number}/bias"] = (fused * width,)
                shapes |= {f"{block}/{attention}/layer_norm/{kind}": (width,) for kind in ("gamma", "beta")}
            shapes |= {f"{block}/ffn/layer_norm/{kind}": (width,) for kind in ("gamma", "beta")}
            for number, (outer, inner) in enumerate(((4 * width, width), (width, 4 * width))):
                shapes[f"{block}/ffn/linear_{number}/weight"] = (outer, inner)
                shapes[f"{block}/ffn/linear_{number}/bias"] = (outer,)
        shapes |= {f"{side}/layer_norm/{kind}": (width,) for kind in ("gamma", "beta")}
    shapes |= {
        "encoder/conv1/weight": (width, 80, 3),
        "encoder/conv1/bias": (width,),
        "encoder/conv2/weight": (width, width, 3),
        "encoder/conv2/bias": (width,),
        "encoder/position_encodings/encodings": (1500, width),
        "decoder/position_encodings/encodings": (TINY["n_text_ctx"], width),
        "decoder/embeddings/weight": (51865, width),
    }
    random = np.random.default_rng(3)
    filled: dict[str, Any] = {name: random.standard_normal(shape).astype(np.float16) for name, shape in shapes.items()}
    return filled | {"encoder/num_heads": np.array(2, np.int16), "decoder/num_heads": np.array(2, np.int16)}


def write_conversion(folder: Path, content: dict[str, Any]) -> Path:
    """model.bin in CTranslate2's layout."""
    kinds = {np.dtype(np.float32): 0, np.dtype(np.int8): 1, np.dtype(np.int16): 2, np.dtype(np.float16): 4}

    def text(name: str) -> bytes:
        return struct.pack("<H", len(name) + 1) + name.encode() + b"\0"

    parts = [struct.pack("<I", 6), text("WhisperSpec"), struct.pack("<II", 3, len(content))]
    for name, values in content.items():
        parts += [text(name), struct.pack("<B", values.ndim), struct.pack(f"<{values.ndim}I", *values.shape)]
        parts += [struct.pack("<BI", kinds[values.dtype], values.nbytes), values.tobytes()]
    (folder / "model.bin").write_bytes(b"".join([*parts, struct.pack("<I", 0)]))
    (folder / "config.json").write_text(json.dumps({"alignment_heads": [[1, 0]]}), encoding="utf-8")
    return folder


def test_a_conversion_is_turned_back_into_openais_names_and_sizes(tmp_path: Path) -> None:
    content = variables()
    folder = write_conversion(tmp_path, content)

    checkpoint = to_checkpoint(folder)

    assert checkpoint["dims"] == TINY
    assert checkpoint["alignment_heads"] == [[1, 0]]
    state = checkpoint["model_state_dict"]
    fused = content["encoder/layer_0/self_attention/linear_0/weight"]
    assert np.array_equal(state["encoder.blocks.0.attn.query.weight"], fused[:32])
    assert np.array_equal(state["encoder.blocks.0.attn.value.weight"], fused[64:])
    assert "encoder.blocks.0.attn.key.bias" not in state
    crossed = content["decoder/layer_1/attention/linear_1/bias"]
    assert np.array_equal(state["decoder.blocks.1.cross_attn.value.bias"], crossed[32:])
    assert np.array_equal(state["decoder.ln.weight"], content["decoder/layer_norm/gamma"])


def test_what_was_turned_back_fits_openais_model_exactly(whisper_installed: None, tmp_path: Path) -> None:
    import torch
    from whisper.model import ModelDimensions, Whisper

    checkpoint = to_checkpoint(write_conversion(tmp_path, variables()))

    model = Whisper(ModelDimensions(**checkpoint["dims"]))
    state = {
        name: torch.from_numpy(values.astype(np.float32)) for name, values in checkpoint["model_state_dict"].items()
    }
    loaded = model.load_state_dict(state)

    assert (loaded.missing_keys, loaded.unexpected_keys) == ([], [])


def test_a_quantised_conversion_is_refused(tmp_path: Path) -> None:
    content = variables() | {"encoder/layer_0/ffn/linear_0/weight_scale": np.ones(4, np.float32)}

    with pytest.raises(NoModel, match="converted to integers"):
        to_checkpoint(write_conversion(tmp_path, content))


def test_another_file_is_no_conversion(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(struct.pack("<IH", 6, 6) + b"Other\0" + b"\0" * 20)

    with pytest.raises(NoModel, match="not a Whisper model"):
        read_conversion(tmp_path / "model.bin")
