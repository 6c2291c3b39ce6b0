"""How often an address may ask, counted in this process's memory: one web process serves one installation."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta
from threading import Lock

KEYS_MAX = 20_000


class Window:
    """At most `limit` calls of one key in any `span`."""

    def __init__(self, limit: int, span: timedelta) -> None:
        self.limit, self.span = limit, span
        self._calls: dict[str, deque[datetime]] = {}
        self._lock = Lock()

    def wait_s(self, key: str, at: datetime) -> int:
        """Count a call; seconds until the next one is welcome, 0 when this one was."""
        with self._lock:
            # Memory is bounded: whoever came first is forgotten first.
            while key not in self._calls and len(self._calls) >= KEYS_MAX:
                del self._calls[next(iter(self._calls))]
            calls = self._calls.setdefault(key, deque())
            while calls and calls[0] <= at - self.span:
                calls.popleft()
            if len(calls) >= self.limit:
                return int((calls[0] + self.span - at).total_seconds()) + 1
            calls.append(at)
            return 0

    def clear(self) -> None:
        """Forget all calls."""
        with self._lock:
            self._calls.clear()
