"""A course whose paper holds one question of every type, its clips with sound, for the browser to learn."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import av
import numpy as np

from livequal.training.content.clips import words_sha256
from livequal.training.content.model import ItemType

from ..training.sample import item, write_course

SLUG = "all-types"
TITLE = "八种题都答一遍"
RATE = 16_000
EACH = 5
# What stands only in the explanations, in the reasons of wrong options, and beyond a choice not yet made.
TOLD_AFTERWARDS = ("解析", "没成交过", "没说哪一次", "错在", "没有依据", "与小票不符", "要当场更正", "这样收尾最稳")


def write(root: Path) -> None:
    """Write the course below `root`."""
    topics = {_topic(kind): f"题型{number}" for number, kind in enumerate(ItemType, 1)}
    bank = [
        item(number, kind.value, _topic(kind), prefix="all", **_unlike(kind, number))
        for number, kind in enumerate([kind for kind in ItemType for _ in range(EACH)], 1)
    ]
    folder = write_course(
        root,
        SLUG,
        bank=bank,
        title=TITLE,
        roles=["streamer"],
        topics=topics,
        paper={"pass_percent": 80, "minutes": 15, "draw": dict.fromkeys(topics, 1)},
    )
    for row in bank:
        if row["type"] == ItemType.CLIP_REVIEW:
            _sound(folder, row)


def _topic(kind: ItemType) -> str:
    return f"type-{kind.value.replace('_', '-')}"


def _unlike(kind: ItemType, number: int) -> dict[str, Any]:
    gaps = {"text": f"第 {number} 空：不能高于前 ____ 天内的最低成交价，存 ____ 年。"}
    return gaps if kind is ItemType.FILL_IN else {}


def _sound(folder: Path, row: dict[str, Any]) -> None:
    """A second of tone for each sentence, as AAC in MP4."""
    clips = folder / "clips"
    clips.mkdir(exist_ok=True)
    path = clips / f"{row['id']}.m4a"
    count = len(row["segments"])
    tone = np.sin(np.arange(count * RATE) * 2 * np.pi * 440 / RATE).astype(np.float32) / 8
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as output:
        stream = output.add_stream("aac", rate=RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(tone.reshape(1, -1), format="fltp", layout="mono")
        frame.sample_rate = RATE
        fifo = av.AudioFifo()
        fifo.write(frame)
        while chunk := fifo.read(1024) or fifo.read(partial=True):
            output.mux(stream.encode(chunk))
        output.mux(stream.encode(None))
    told = {
        "words_sha256": words_sha256(row["segments"]),
        "sound_sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "segments": [
            {"id": one["id"], "start_ms": number * 1000, "end_ms": number * 1000 + 900}
            for number, one in enumerate(row["segments"])
        ],
    }
    path.with_suffix(".json").write_text(json.dumps(told), encoding="utf-8")
