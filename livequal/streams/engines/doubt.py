"""Which stretches were not understood. Pure. (placeholder until measured)"""

from __future__ import annotations

from collections.abc import Sequence

from livequal.streams.engines.windows import Heard, Plan
from livequal.streams.rules import Segment

VERSION = "d0"


def mark(segments: Sequence[Segment], heard: Heard, plan: Plan) -> list[Segment]:
    """The segments with their marks."""
    return list(segments)
