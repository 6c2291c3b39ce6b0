"""The spoken clip of an item: `clips/<item>.m4a` with `clips/<item>.json`, tied to the words by their digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .faults import Faults, Weight
from .model import Clip, Item

MAX_BYTES = 4 << 20


def words_sha256(segments: Sequence[dict[str, Any]]) -> str:
    """The digest of what is to be spoken: ids and words in their order."""
    words = [[row["id"], row["text"]] for row in segments]
    return hashlib.sha256(json.dumps(words, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()


def read_clip(item: Item, folder: Path, faults: Faults) -> Clip | None:
    """The item's clip; None and a gap where it is missing, stale or broken."""
    path = folder / "clips" / f"{item.id}.m4a"
    told = path.with_suffix(".json")

    def gap(message: str) -> None:
        faults.add(item.file, item.line, f"{item.id}: {message}", Weight.GAP)

    if path.is_symlink() or told.is_symlink() or not path.is_file() or not told.is_file():
        gap("its clip is not spoken yet")
        return None
    if path.stat().st_size > MAX_BYTES or told.stat().st_size > MAX_BYTES:
        gap("its clip is too large")
        return None
    sound = path.read_bytes()
    digest = hashlib.sha256(sound).hexdigest()
    try:
        facts = json.loads(told.read_text(encoding="utf-8"))
        times = {str(row["id"]): (int(row["start_ms"]), int(row["end_ms"])) for row in facts["segments"]}
        words, kept = facts["words_sha256"], facts["sound_sha256"]
    except (ValueError, KeyError, TypeError):
        gap("the times of its clip can't be read")
        return None
    if words != words_sha256(item.body["segments"]):
        gap("its words changed since its clip was spoken")
        return None
    if kept != digest or sound[4:8] != b"ftyp":
        gap("its clip is not the one its times were taken from")
        return None
    if not _in_order(item, times):
        gap("the times of its clip do not fit its segments")
        return None
    return Clip(path, digest, times)


def _in_order(item: Item, times: dict[str, tuple[int, int]]) -> bool:
    spans = [times.get(row["id"], (0, 0)) for row in item.body["segments"]]
    edges = [edge for span in spans for edge in span]
    return len(times) == len(spans) and edges == sorted(edges) and all(end > start for start, end in spans)
