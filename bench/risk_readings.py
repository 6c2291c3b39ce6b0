"""Writes livequal/risk/matcher/readings.txt: a syllable with tone a line, then its characters (first reading)."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from opencc import OpenCC
from pypinyin import Style, pinyin_dict
from pypinyin.contrib.tone_convert import to_tone3

TARGET = Path(__file__).parents[1] / "livequal/risk/matcher/readings.txt"


def main() -> None:
    simplify = OpenCC("t2s")
    by_syllable: dict[str, list[str]] = defaultdict(list)
    for code, readings in sorted(pinyin_dict.pinyin_dict.items()):
        if 0x4E00 <= code < 0xA000 and simplify.convert(chr(code)) == chr(code):
            first = to_tone3(readings.split(",")[0], neutral_tone_with_five=True, v_to_u=False)
            by_syllable[first].append(chr(code))
    lines = [f"{syllable} {''.join(chars)}" for syllable, chars in sorted(by_syllable.items())]
    TARGET.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{len(lines)} syllables, {sum(map(len, by_syllable.values()))} characters ({Style.TONE3.name})")


if __name__ == "__main__":
    main()
