"""Windows recognised side by side and given out in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from livequal.streams.engines.audio import Samples, read_stretches
from livequal.streams.engines.errors import Cancelled
from livequal.streams.engines.recognition import Hear, recognise
from livequal.streams.engines.windows import Heard, Plan, listen, plan_windows
from livequal.streams.rules import Window


def recognise_all(
    audio: Path,
    hear: Hear,
    *,
    workers: int,
    skip_windows: int = 0,
    cancelled: Callable[[], bool] | None = None,
) -> Iterator[Window]:
    """Every window from `skip_windows` on; at most `workers` + 1 windows of sound are in memory.

    Raises: NotSpeech, Cancelled.
    """
    heard = listen(audio, cancelled=cancelled)
    _obey(cancelled)
    plans = plan_windows(heard)
    sounds = _sounds(audio, plans[skip_windows:])
    running: deque[Future[Window]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="speech") as pool:
        try:
            for plan, parts in sounds:
                running.append(pool.submit(_recognise, plan, len(plans), parts, heard, hear, cancelled))
                if len(running) > workers:
                    yield _next(running, cancelled)
            while running:
                yield _next(running, cancelled)
        finally:
            for future in running:
                future.cancel()


def _sounds(audio: Path, plans: tuple[Plan, ...]) -> Iterator[tuple[Plan, list[Samples]]]:
    stretches = read_stretches(audio, [stretch for plan in plans for stretch in plan.speech])
    for plan in plans:
        yield plan, [next(stretches) for _stretch in plan.speech]


def _recognise(
    plan: Plan, count: int, parts: list[Samples], heard: Heard, hear: Hear, cancelled: Callable[[], bool] | None
) -> Window:
    _obey(cancelled)
    return recognise(plan, count, parts, heard, hear)


def _next(running: deque[Future[Window]], cancelled: Callable[[], bool] | None) -> Window:
    window = running.popleft().result()
    _obey(cancelled)
    return window


def _obey(cancelled: Callable[[], bool] | None) -> None:
    if cancelled is not None and cancelled():
        raise Cancelled
