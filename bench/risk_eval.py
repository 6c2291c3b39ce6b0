"""Prints recall and false alarms of the base pack per origin: bench/risk_eval.py FILE.jsonl [--errors] [--details]."""

from __future__ import annotations

import argparse
from pathlib import Path

from livequal.risk.evaluation import as_table, errors_of, evaluate, read_labelled
from livequal.risk.matcher import compile_pack, load_pack

PACK = Path(__file__).parents[1] / "livequal/risk/packs/base"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--pack", type=Path, default=PACK)
    parser.add_argument("--errors", action="store_true", help="list the rows that were judged wrongly")
    parser.add_argument("--details", action="store_true", help="also by label and by product")
    parser.add_argument("--rows", choices=("all", "odd", "even"), default="all", help="half of the file, by line")
    args = parser.parse_args()
    matcher = compile_pack(load_pack(args.pack))
    for file in args.files:
        rows = read_labelled(file.read_text(encoding="utf-8").splitlines())
        if args.rows != "all":
            rows = rows[0 if args.rows == "odd" else 1 :: 2]
        report = evaluate(matcher, rows)
        print(f"\n{file.name} ({args.rows}, {len(rows)} rows)")
        print("\n".join(as_table(report, details=args.details)))
        if args.errors:
            print("\n".join(errors_of(report)))


if __name__ == "__main__":
    main()
