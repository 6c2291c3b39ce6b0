"""Throughput on one core (CPU time), start and memory, with pyahocorasick alone beside it in the same run."""

from __future__ import annotations

import argparse
import json
import resource
import time
from pathlib import Path

_BEGIN = time.process_time()

import ahocorasick  # noqa: E402

from livequal.risk.matcher import ProductContext, compile_pack, load_pack  # noqa: E402
from livequal.taxonomy.rules import ProductCategory  # noqa: E402

PACK = Path(__file__).parents[1] / "livequal/risk/packs/base"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="JSON Lines with text and product_category")
    parser.add_argument("--megabytes", type=float, default=2.0)
    args = parser.parse_args()
    matcher = compile_pack(load_pack(PACK))
    matcher.judge("全网最低价", ProductContext())
    print(f"start {time.process_time() - _BEGIN:.2f} s")
    rows = [json.loads(line) for line in args.file.read_text(encoding="utf-8").splitlines()]
    texts = [(row["text"], ProductContext(ProductCategory(row.get("product_category") or "general"))) for row in rows]
    size = sum(len(text.encode()) for text, _ in texts)
    rounds = max(1, int(args.megabytes * 1e6 / size))
    began = time.process_time()
    flags = sum(len(matcher.judge(text, context)) for _ in range(rounds) for text, context in texts)
    seconds = time.process_time() - began
    rate = rounds * size / seconds / 1e6
    peer = _peer(matcher.pack.rules, [text for text, _ in texts], rounds)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"rows {rounds * len(texts)}, flags {flags}, {rate:.2f} MB/s of UTF-8, peak memory {peak:.0f} MB")
    print(f"pyahocorasick alone on the literals: {rounds * size / peer / 1e6:.1f} MB/s, ratio {seconds / peer:.1f}")


def _peer(rules: object, texts: list[str], rounds: int) -> float:
    automaton = ahocorasick.Automaton()
    for rule in rules:  # type: ignore[attr-defined]
        for word in rule.literals:
            automaton.add_word(word, word)
    automaton.make_automaton()
    began = time.process_time()
    for _ in range(rounds):
        for text in texts:
            for _hit in automaton.iter(text):
                pass
    return time.process_time() - began


if __name__ == "__main__":
    main()
