"""How large a certificate's PDF and picture are and how long they take: `python -m bench.certificate`."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from flask import Flask
from flask_babel import Babel

from livequal.training import certificate_print
from livequal.training.certificate_print import Printed
from livequal.training.ledger import serial_of

NAMES = ("张三丰", "古丽·买买提", "䶮", "欧阳喆𬭎", "阿卜杜热合曼·吐尔逊尼亚孜")
AT = datetime(2026, 11, 22, 7, 0, tzinfo=UTC)
RUNS = 20
LIMIT_KB, LIMIT_MS = 150, 300


def main() -> None:
    """Print a table; the first drawing reads the typeface and is told apart."""
    app = Flask(__name__)
    Babel(app)
    with app.test_request_context():
        print(f"{'name':<16}{'kind':<6}{'KB':>7}{'first ms':>10}{'median ms':>11}{'max ms':>8}")
        for name in NAMES:
            for kind, draw in (("pdf", certificate_print.pdf), ("png", certificate_print.picture)):
                _row(name, kind, draw)
        print(f"limits for the pdf: {LIMIT_KB} KB, {LIMIT_MS} ms")


def _row(name: str, kind: str, draw: Callable[[Printed], bytes]) -> None:
    serial = serial_of(bytes(range(10)))
    url = f"https://live.example.com/verify/{serial}"
    until = AT + timedelta(days=365)
    one = Printed(serial, name, "开播上岗课：五门必修一次学完", "1.0.0", AT, until, "晴川直播平台", url)
    times, size = [], 0
    for _ in range(RUNS):
        begun = time.perf_counter()
        size = len(draw(one))
        times.append((time.perf_counter() - begun) * 1000)
    told = f"{times[0]:>10.0f}{statistics.median(times):>11.0f}{max(times[1:]):>8.0f}"
    print(f"{name:<16}{kind:<6}{size / 1000:>7.1f}{told}")


if __name__ == "__main__":
    main()
