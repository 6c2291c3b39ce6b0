"""Every bad file there is, then mutations of good ones as long as asked: each must be refused or taken, nothing else.

Usage: python soak/bad_files.py [--minutes 5] [--seed 1] [--only NAME]
Prints one line per file and a table of what came of the mutations; exits with 1 when anything unexpected did.
"""

from __future__ import annotations

import argparse
import random
import resource
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from livequal.streams.media import Limits, MediaFailed, Refused, Rendition, probe, render
from tests.streams.bad_files import BAD_FILES, BadFile
from tests.streams.media_maker import KINDS, beeps, make

SLOW_S = 60.0


def main() -> int:
    """Run both parts; 1 when something unexpected happened."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--minutes", type=float, default=5.0)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--only", default="")
    asked = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="bad-files-") as folder:
        wrong = _known(Path(folder), asked.only)
        if not asked.only:
            wrong += _mutations(Path(folder), asked.minutes * 60, asked.seed)
        left = [path for path in Path(folder).rglob("*") if path.is_file()]
    print(f"left on disk: {len(left)}; unexpected: {wrong}")
    return 1 if wrong or left else 0


def _known(folder: Path, only: str) -> int:
    wrong = 0
    print(f"{'file':32} {'expected':18} {'came out':18} {'s':>6} {'CPU s':>6}  told")
    for bad in BAD_FILES:
        if only and only not in bad.name:
            continue
        started, cpu = time.monotonic(), _cpu()
        result = _outcome(bad.content(), folder)
        fine = _as_expected(bad, result)
        wrong += not fine
        came = "taken" if isinstance(result, Rendition) else getattr(result, "code", type(result).__name__)
        spent = time.monotonic() - started
        print(
            f"{bad.name[:32]:32} {bad.refused or 'taken':18} {came:18} {spent:6.1f} {_cpu() - cpu:6.1f}  "
            f"{_told(result)}{'' if fine else '   <<< UNEXPECTED'}"
        )
    return wrong


def _as_expected(bad: BadFile, result: Rendition | Exception) -> bool:
    if bad.refused is not None:
        return isinstance(result, Refused) and result.code == bad.refused
    if not isinstance(result, Rendition):
        return False
    length_fits = not bad.duration_ms or abs(result.duration_ms - bad.duration_ms) <= 60
    return length_fits and bad.damaged == bool(result.unreadable or result.missing_ms)


def _told(result: Rendition | Exception) -> str:
    if isinstance(result, Rendition):
        return f"{result.duration_ms} ms, unreadable {result.unreadable_ms} ms, missing {result.missing_ms} ms"
    return str(result)[:60]


def _outcome(content: bytes, folder: Path) -> Rendition | Exception:
    path, out = folder / "upload", folder / "out"
    path.write_bytes(content)
    try:
        probe(path)
        result = render(path, out, limits=Limits(stall_seconds=60))
        for derived in (result.m4a, result.speech, result.peaks):
            derived.unlink()
        return result
    except (Refused, MediaFailed) as error:
        return error
    finally:
        path.unlink()


def _mutations(folder: Path, seconds: float, seed: int) -> int:
    """Good files of every kind with bytes flipped, overwritten, cut out, repeated or cut off."""
    luck = random.Random(seed)
    good = {kind: make(kind, beeps(2.0), film=1.0 if film else 0.0) for kind, (_m, _c, film) in KINDS.items()}
    came: Counter[tuple[str, str]] = Counter()
    unexpected, count, slowest, until = 0, 0, 0.0, time.monotonic() + seconds
    while time.monotonic() < until:
        kind = luck.choice(list(good))
        content = _mutated(good[kind], luck)
        started = time.monotonic()
        result = _outcome(content, folder)
        spent = time.monotonic() - started
        count, slowest = count + 1, max(slowest, spent)
        came[kind, "taken" if isinstance(result, Rendition) else getattr(result, "code", "failed")] += 1
        if isinstance(result, MediaFailed) or spent > SLOW_S:
            unexpected += 1
            kept = Path(tempfile.gettempdir()) / f"bad-{kind}-{seed}-{count}"
            kept.write_bytes(content)
            print(f"kept {kept}: {result} after {spent:.1f} s")
    for (kind, code), times in sorted(came.items()):
        print(f"  {kind:6} {code:18} {times:5}")
    print(f"{count} mutations, slowest {slowest:.1f} s")
    return unexpected


def _mutated(content: bytes, luck: random.Random) -> bytes:
    mutant = bytearray(content)
    for _ in range(luck.choice((1, 1, 2, 4, 16))):
        at = luck.randrange(len(mutant) if luck.random() < 0.5 else min(len(mutant), 2_000))
        length = luck.choice((1, 1, 4, 64, 1_000))
        what = luck.randrange(6)
        if what == 0:
            mutant[at] ^= 1 << luck.randrange(8)
        elif what == 1:
            mutant[at : at + 4] = luck.choice(
                (b"\xff\xff\xff\xff", b"\x00\x00\x00\x00", b"\x7f\xff\xff\xff", b"\x80\0\0\0")
            )
        elif what == 2:
            mutant[at : at + length] = luck.randbytes(length)
        elif what == 3:
            del mutant[at : at + length]
        elif what == 4:
            mutant[at:at] = mutant[at : at + length]
        elif len(mutant) > 64:
            del mutant[luck.randrange(32, len(mutant)) :]
        mutant = mutant or bytearray(b"\x00")
    return bytes(mutant)


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    sys.exit(main())
