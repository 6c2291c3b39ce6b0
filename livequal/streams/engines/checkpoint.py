"""From a CTranslate2 conversion back to the checkpoint of OpenAI's implementation: the same weights for both engines.

The conversion keeps every tensor of the original (16-bit floats here as there); it only fuses the projections of
attention and renames the layers.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from livequal.kernel.i18n import gettext as _
from livequal.streams.engines.errors import NoModel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Tensors = dict[str, NDArray[Any]]

_TYPES = {0: "<f4", 1: "<i1", 2: "<i2", 3: "<i4", 4: "<f2"}
_OLDEST, _NEWEST = 4, 6


def read_conversion(weights: Path) -> Tensors:
    """Every variable of a CTranslate2 model.bin by its name there. Raises: NoModel when it is quantised or unknown."""
    with weights.open("rb") as file:
        binary_version = struct.unpack("<I", file.read(4))[0]
        if not _OLDEST <= binary_version <= _NEWEST or _name(file) != "WhisperSpec":
            raise NoModel(
                _("%(path)s is not a Whisper model for CTranslate2 that livequal can read.", path=str(weights))
            )
        file.read(4)  # the specification's revision
        count = struct.unpack("<I", file.read(4))[0]
        return dict(_variable(file) for _index in range(count))


def to_checkpoint(folder: Path) -> dict[str, Any]:
    """`{"dims", "model_state_dict", "alignment_heads"}` as OpenAI's `load_model` reads it, arrays instead of tensors.

    Raises: NoModel when the conversion was quantised to integers: its weights are no longer the original ones.
    """
    variables = read_conversion(folder / "model.bin")
    if any(name.endswith("weight_scale") for name in variables):
        raise NoModel(_("%(path)s was converted to integers; OpenAI's implementation needs floats.", path=str(folder)))
    state: Tensors = {}
    for name, values in variables.items():
        if values.ndim:
            state.update(_renamed(name, values))
    heads = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("alignment_heads") or []
    return {"dims": _dimensions(variables), "model_state_dict": state, "alignment_heads": heads}


def _name(file: BinaryIO) -> str:
    length = struct.unpack("<H", file.read(2))[0]
    return file.read(length).rstrip(b"\0").decode("ascii", "replace")


def _variable(file: BinaryIO) -> tuple[str, NDArray[Any]]:
    name = _name(file)
    rank = struct.unpack("<B", file.read(1))[0]
    shape = struct.unpack(f"<{rank}I", file.read(4 * rank))
    kind, size = struct.unpack("<BI", file.read(5))
    return name, np.frombuffer(file.read(size), dtype=_TYPES[kind]).reshape(shape)


def _dimensions(variables: Tensors) -> dict[str, int]:
    def layers(side: str) -> int:
        return len(
            {name.split("/")[1] for name in variables if name.startswith(f"{side}/layer_") and name.count("/") > 2}
        )

    positions, vocabulary = variables["encoder/position_encodings/encodings"], variables["decoder/embeddings/weight"]
    return {
        "n_mels": variables["encoder/conv1/weight"].shape[1],
        "n_audio_ctx": positions.shape[0],
        "n_audio_state": positions.shape[1],
        "n_audio_head": int(variables["encoder/num_heads"]),
        "n_audio_layer": layers("encoder"),
        "n_vocab": vocabulary.shape[0],
        "n_text_ctx": variables["decoder/position_encodings/encodings"].shape[0],
        "n_text_state": vocabulary.shape[1],
        "n_text_head": int(variables["decoder/num_heads"]),
        "n_text_layer": layers("decoder"),
    }


def _renamed(name: str, values: NDArray[Any]) -> Tensors:
    """OpenAI's names for one variable; a fused projection becomes several, of which the key has no bias."""
    side, *path, kind = name.split("/")
    kind = {"gamma": "weight", "beta": "bias"}.get(kind, kind)
    if not path[0].startswith("layer_") or path[0] == "layer_norm":
        return {_outside(side, path[0], kind): values}
    block = f"{side}.blocks.{path[0].removeprefix('layer_')}"
    if path[1] == "ffn":
        place = {"layer_norm": "mlp_ln", "linear_0": "mlp.0", "linear_1": "mlp.2"}[path[2]]
        return {f"{block}.{place}.{kind}": values}
    attention = "attn" if path[1] == "self_attention" else "cross_attn"
    if path[2] == "layer_norm":
        return {f"{block}.{attention}_ln.{kind}": values}
    parts = {
        ("attn", "linear_0"): ("query", "key", "value"),
        ("attn", "linear_1"): ("out",),
        ("cross_attn", "linear_0"): ("query",),
        ("cross_attn", "linear_1"): ("key", "value"),
        ("cross_attn", "linear_2"): ("out",),
    }[attention, path[2]]
    pieces = zip(parts, np.split(values, len(parts)), strict=True)
    return {f"{block}.{attention}.{part}.{kind}": piece for part, piece in pieces if (part, kind) != ("key", "bias")}


def _outside(side: str, layer: str, kind: str) -> str:
    if layer == "position_encodings":
        return f"{side}.positional_embedding"
    if layer == "embeddings":
        return "decoder.token_embedding.weight"
    if layer == "layer_norm":
        return f"{side}.ln_post.{kind}" if side == "encoder" else f"{side}.ln.{kind}"
    return f"{side}.{layer}.{kind}"
