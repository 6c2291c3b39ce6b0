"""The process in which hostile media is opened: `python -m livequal.streams.media.child ORDER`.

ORDER is one JSON object; answers are JSON lines on stdout: any number of {"kind": "progress"}, then one of
{"kind": "done"}, {"kind": "refused"}, {"kind": "failed"}. The file comes as an open descriptor.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from livequal.streams.media.confine import allow_only, limit_resources
from livequal.streams.media.facts import Limits
from livequal.streams.media.refusals import RefusalCode, Refused
from livequal.streams.media.sniff import recognise

_SPEECH_BYTES_PER_SECOND = 40_000
"""More than 16 kHz mono 16 bit takes in FLAC, so the largest output has room."""


def main() -> int:
    """Do one order and answer; 0 whenever an answer was given."""
    order: dict[str, Any] = json.loads(sys.argv[1])
    answer = _answer_on_a_private_descriptor()
    limits = Limits(**order["limits"])
    os.nice(int(order["nice"]))
    longest_s = limits.max_duration_ms // 1000
    limit_resources(
        memory_bytes=limits.memory_bytes,
        cpu_seconds=limits.probe_seconds if order["verb"] == "probe" else 300 + longest_s // 20,
        file_bytes=(1 << 20) + longest_s * _SPEECH_BYTES_PER_SECOND,
    )
    try:
        answer(_obey(order, limits, answer))
    except Refused as refused:
        answer({"kind": "refused", "code": refused.code, "detail": refused.detail[:500], "values": refused.values})
    except MemoryError as error:
        answer({"kind": "refused", "code": RefusalCode.TOO_MUCH_MEMORY, "detail": repr(error)[:500], "values": {}})
    return 0


def _answer_on_a_private_descriptor() -> Callable[[dict[str, object]], None]:
    """Whatever a C library prints must not be taken for an answer: stdout becomes stderr for everyone else."""
    descriptor = os.dup(1)
    os.dup2(2, 1)

    def answer(line: dict[str, object]) -> None:
        os.write(descriptor, json.dumps(line).encode("ascii") + b"\n")

    return answer


def _obey(order: dict[str, Any], limits: Limits, emit: Callable[[dict[str, object]], None]) -> dict[str, object]:
    descriptor, out_dir = int(order["descriptor"]), Path(order["out_dir"] or ".")
    kind = recognise(descriptor)
    # Loaded only now: most of what is refused is refused before, and the limits stand.
    import av

    av.logging.set_level(None)
    if order["verb"] == "probe":
        from livequal.streams.media.opening import open_media

        allow_only(None)
        with open_media(descriptor, kind, limits) as opened:
            return {"kind": "done", "facts": asdict(opened.facts)}
    from livequal.streams.media import clipping, rendering

    allow_only(out_dir)
    if order["verb"] == "clip":
        return {"kind": "done", "clips": clipping.cut_clips(descriptor, order["stretches"], out_dir)}
    return {"kind": "done", **rendering.render_media(descriptor, kind, out_dir, limits, emit)}


if __name__ == "__main__":
    sys.exit(main())
