"""How often one address may ask."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from livequal.kernel import throttle
from livequal.kernel.throttle import Window

AT = datetime(2026, 3, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def test_so_many_calls_in_any_span_and_then_it_says_how_long_to_wait() -> None:
    window = Window(2, timedelta(minutes=1))
    assert [window.wait_s("a", AT + n * SECOND) for n in range(3)] == [0, 0, 59]
    assert window.wait_s("b", AT) == 0
    assert window.wait_s("a", AT + 60 * SECOND) == 0


def test_memory_is_bounded() -> None:
    window = Window(1, timedelta(minutes=1))
    for number in range(throttle.KEYS_MAX + 10):
        window.wait_s(str(number), AT)
    assert len(window._calls) == throttle.KEYS_MAX
