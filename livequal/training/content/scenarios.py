"""Read a branching scenario: every step reachable, no cycles, the best path worth 100 points."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .model import END
from .taking import Taker

BEST = 100


def scenario_body(taker: Taker, named: Callable[..., list[dict[str, Any]]]) -> dict[str, Any]:
    """Start and steps of a scenario."""
    start_line = taker.line_of("start")
    start = taker.text("start", longest=12)
    steps_line = taker.line_of("steps")
    steps: list[dict[str, Any]] = []
    lines: dict[str, int] = {}
    for row in taker.takers("steps", required=True):
        step = {"id": row.text("id", longest=12), "text": row.text("text", longest=1000)}
        if step["id"] in lines or step["id"] == END:
            row.fault(f"step {step['id']} stands here twice, or is called {END}")
        lines[step["id"]] = row.line
        steps.append(step | {"options": named(row, "options", 2, 5, extra=_choice)})
        row.done()
    graph = {str(step["id"]): step for step in steps}
    if start not in graph:
        taker.fault(f"start {start} is none of the steps", start_line)
        return {"start": start, "steps": steps}
    loose = [
        (step_id, row["next"])
        for step_id, step in graph.items()
        for row in step["options"]
        if row["next"] != END and row["next"] not in graph
    ]
    for step_id, target in loose:
        taker.fault(f"step {step_id} leads to {target}, which is none of the steps", lines[step_id])
    if not loose:
        _walk(taker, graph, lines, start, steps_line)
    return {"start": start, "steps": steps}


def _walk(taker: Taker, graph: Mapping[str, Any], lines: Mapping[str, int], start: str, steps_line: int) -> None:
    best: dict[str, int] = {END: 0}
    open_steps: set[str] = set()
    circles: set[str] = set()

    def worth(step_id: str) -> int:
        if step_id in best:
            return best[step_id]
        if step_id in open_steps:
            circles.add(step_id)
            return 0
        open_steps.add(step_id)
        best[step_id] = max(row["points"] + worth(row["next"]) for row in graph[step_id]["options"])
        open_steps.discard(step_id)
        return best[step_id]

    total = worth(start)
    for step_id in sorted(circles):
        taker.fault(f"step {step_id} leads back to itself", lines[step_id])
    for step_id in graph.keys() - best.keys():
        taker.fault(f"no path leads to step {step_id}", lines[step_id])
    if not circles and total != BEST:
        taker.fault(f"the best path is worth {total} points, not {BEST}", steps_line)


def _choice(row: Taker) -> dict[str, Any]:
    return {
        "next": row.text("next", longest=12),
        "points": row.integer("points", 0, BEST),
        "why": row.text("why", required=False),
        "outcome": row.text("outcome", required=False),
    }
