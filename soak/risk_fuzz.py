"""Whatever is typed at the rules: no crash, time that grows with the text alone, spans that map back, any grouping.

Usage: python soak/risk_fuzz.py [--minutes 10] [--seed 1] [--quick]
Random Unicode, lone surrogates, endless repeats, what the normaliser takes apart, real wording torn and joined; then
lines of up to 1 MB of each kind against the clock. Prints a table; exits with 1 when anything unexpected happened.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from livequal.risk.matcher import Flag, Matcher, ProductContext, Session, Utterance, compile_pack, load_pack
from livequal.risk.matcher.normaliser import normalise
from livequal.taxonomy.rules import ProductCategory

ROOT = Path(__file__).resolve().parents[1]
SIZES = (10_000, 100_000, 1_000_000)
# Time per byte may double between 10 KB and 1 MB, for caches and for what the machine does beside it; a quadratic
# reading would grow a hundredfold.
GROWTH_MAX = 2.5
SLOWEST_S_PER_MB = 40.0
# Kinds that are read to the full megabyte even when there is little time.
QUICK = frozenset({"最", "最 最", "surrogates", "invisible", "noise", "mixed"})

HAN = "最好国家级第一治疗糖尿病保证根治加微信药妆祛斑美白全网低价原价限时专家推荐的了是不没有吗能"
MARKS = "，。！？；：、「」“”…—～·*_~-/|\\+#^`=.<>[]{} \t\n\r\u3000"
INVISIBLE = "\u200b\u200d\u2060\ufeff\ufe0f\u00ad\u202e\u3164\U000e0041"
EMOJI = "➕🈲💊💉🥇💯❤👨\u200d👩🏽🛰"
WIDE = "ｇｕｏｊｉａｊｉＡＶ０１２９％①②㊀㈠Ⅴ√×蕞囯癍溦國級療"
LETTERS = "guojiajizuihaovxVXwx0123456789.%"


def main() -> int:
    """Fuzz for as long as asked, then race; 1 when something unexpected happened."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--minutes", type=float, default=10.0)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--quick", action="store_true", help="most lines to 100 KB only, and ten seconds of fuzz")
    asked = options.parse_args()
    matcher = compile_pack(load_pack(ROOT / "livequal/risk/packs/base"))
    wrong = _race(matcher, asked.seed, quick=asked.quick)
    wrong += _fuzz(matcher, asked.seed, time.monotonic() + (10 if asked.quick else asked.minutes * 60))
    print("nothing unexpected" if not wrong else f"{wrong} unexpected")
    return 1 if wrong else 0


# ── texts ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _wording(matcher: Matcher) -> list[str]:
    """What the rules are about: their own examples."""
    return [text for rule in matcher.pack.rules for _product, text in (*rule.hits, *rule.misses)]


def _noise(dice: random.Random, size: int) -> str:
    """Any code points at all, lone surrogates included."""
    ranges = ((0, 0x7F), (0x80, 0x2FFF), (0x3000, 0x33FF), (0x4E00, 0x9FFF), (0xD800, 0xDFFF), (0x1F000, 0x1FAFF))
    ends = [dice.choice(ranges) for _place in range(size)]
    return "".join(chr(dice.randint(first, last)) for first, last in ends)


def _mixed(dice: random.Random, size: int) -> str:
    """What the normaliser takes apart, all at once."""
    return "".join(dice.choices(HAN * 4 + MARKS + INVISIBLE + EMOJI + WIDE + LETTERS, k=size))


def _repeated(dice: random.Random, size: int) -> str:
    """One short stretch over and over."""
    unit = "".join(dice.choices(HAN + MARKS + INVISIBLE + EMOJI + WIDE + LETTERS, k=dice.randint(1, 6)))
    return (unit * (size // len(unit) + 1))[:size]


def _torn(dice: random.Random, size: int, wording: Sequence[str]) -> str:
    """Real wording torn, joined and dirtied."""
    pieces: list[str] = []
    length = 0
    while length < size:
        text = dice.choice(wording)
        first = dice.randint(0, len(text))
        piece = text[first : dice.randint(first, len(text))] if dice.random() < 0.4 else text
        if dice.random() < 0.3:
            piece = dice.choice(MARKS + INVISIBLE + EMOJI).join(piece)
        pieces.append(piece)
        length += len(piece)
    return "".join(pieces)[:size]


def _text(dice: random.Random, wording: Sequence[str], size: int) -> str:
    kind = dice.randrange(4)
    if kind == 0:
        return _noise(dice, size)
    if kind == 1:
        return _mixed(dice, size)
    return _repeated(dice, size) if kind == 2 else _torn(dice, size, wording)


# ── time ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _lines(matcher: Matcher, seed: int) -> Iterator[tuple[str, Callable[[int], str]]]:
    """Every kind of long line by name: how to make one of so many characters."""
    units = {
        "最": "最",
        "最 最": "最 ",
        "spelled out": "最，好，",
        "negation": "不是",
        "questions": "能治吗？",
        "no end mark": "治疗糖尿病保证根治",
        "spaces": " ",
        "invisible": "\u200b",
        "surrogates": "\ud800",
        "emoji inside": "加💊微",
        "letters": "guojiaji",
        "spelled letters": "v x ",
        "marks": "最*好-",
        "digits": "1",
        "prices": "原价1999现价9",
        "brackets": "「",
        "sound": "全往蕞帝价",
    }
    units |= {
        "noise": _noise(random.Random(seed), 3000),
        "mixed": _mixed(random.Random(seed), 3000),
        "real wording": _torn(random.Random(seed), 3000, _wording(matcher)),
    }
    for name, unit in units.items():
        yield name, lambda size, unit=unit: (unit * (size // len(unit) + 1))[:size]  # type: ignore[misc]


def _race(matcher: Matcher, seed: int, *, quick: bool) -> int:
    """Seconds per million bytes of lines of 10 KB, 100 KB and 1 MB: they must not grow with the line."""
    matcher.judge(_torn(random.Random(seed), 20_000, _wording(matcher)), ProductContext(ProductCategory.FOOD))
    wrong = 0
    print(f"{'line':16}" + "".join(f"{f'{size // 1000} KB':>10}" for size in SIZES) + f"{'growth':>9}   s per MB")
    for name, line in _lines(matcher, seed):
        speeds = [_speed(matcher, line, size) for size in (SIZES if not quick or name in QUICK else SIZES[:-1])]
        growth = speeds[-1] / speeds[0]
        fine = growth <= GROWTH_MAX and speeds[-1] <= SLOWEST_S_PER_MB
        wrong += not fine
        shown = "".join(f"{speed:10.2f}" for speed in speeds) + " " * 10 * (len(SIZES) - len(speeds))
        print(f"{name:16}{shown}{growth:9.2f}{'' if fine else '   <<< UNEXPECTED'}", flush=True)
    return wrong


def _speed(matcher: Matcher, line: Callable[[int], str], size: int) -> float:
    """Processor seconds per million bytes; short lines the best of three, for what the machine does beside it."""
    unit = line(1000)
    text = line(max(1, size * len(unit) // max(1, len(unit.encode("utf-8", "surrogatepass")))))
    best = float("inf")
    for _try in range(3 if size == SIZES[0] else 1):
        begun = time.process_time()
        matcher.judge(text, ProductContext(ProductCategory.FOOD))
        best = min(best, time.process_time() - begun)
    return best / len(text.encode("utf-8", "surrogatepass")) * 1e6


# ── meaning ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _fuzz(matcher: Matcher, seed: int, until: float) -> int:
    dice = random.Random(seed)
    wording, products = _wording(matcher), list(ProductCategory)
    rounds = characters = flagged = wrong = 0
    while time.monotonic() < until:
        text = _text(dice, wording, dice.choice((0, 1, 3, 10, 40, 200, 1500)))
        context = ProductContext(dice.choice(products))
        rounds, characters = rounds + 1, characters + len(text)
        try:
            flags = matcher.judge(text, context)
            faults = [*_normaliser_faults(text), *(_fault(flag, text) for flag in flags)]
            faults.append(_grouping_fault(matcher, text, context, dice))
        except Exception:
            faults, flags = [traceback.format_exc(limit=-4)], ()
        flagged += len(flags)
        for fault in filter(None, faults):
            wrong += 1
            print(f"round {rounds}, {context.category}: {fault}\n  {text[:300]!r}", flush=True)
        if wrong > 20:
            break
    print(f"{rounds} texts, {characters} characters, {flagged} flags")
    return wrong


def _fault(flag: Flag, text: str) -> str:
    """What is wrong with where a flag stands; empty when nothing is."""
    if not 0 <= flag.start < flag.end <= len(text):
        return f"{flag.rule} stands at {flag.start}:{flag.end} of {len(text)} characters"
    if flag.quote != text[flag.start : flag.end]:
        return f"{flag.rule} quotes {flag.quote!r} where {text[flag.start : flag.end]!r} stands"
    return ""


def _normaliser_faults(text: str) -> Iterator[str]:
    seen = normalise(text)
    places = seen.places if seen.places is not None else tuple(range(len(seen.text)))
    if len(places) != len(seen.text) or (seen.places is None and len(seen.text) != len(text)):
        yield "the map has another length than the normalised text"
    if any(a >= b for a, b in pairwise(places)) or (places and places[-1] >= len(text)):
        yield "the map does not rise within the text"


class _AllAtTheEnd(Session):
    """A session that decides nothing before it is finished."""

    def _heard_after(self, index: int) -> int:
        return 0


def _grouping_fault(matcher: Matcher, text: str, context: ProductContext, dice: random.Random) -> str:
    """The same utterances decided as early as may be, all at the end, or in two sittings: their flags must agree."""
    pieces = _cut(text, dice)
    other = ProductContext(ProductCategory.FINANCE)
    said = [(Utterance(str(at), piece), dice.choice((context, context, other))) for at, piece in enumerate(pieces)]
    early, late, halves = matcher.session(), _AllAtTheEnd(matcher), matcher.session()
    flags = _told(flag for utterance, about in said for flag in early.feed(utterance, about))
    flags = _told((*flags, *early.finish()))
    for utterance, about in said:
        late.feed(utterance, about)
    half = dice.randint(0, len(said))
    first = [flag for utterance, about in said[:half] for flag in halves.feed(utterance, about)]
    rest = [flag for utterance, about in said[half:] for flag in halves.feed(utterance, about)]
    if _told(late.finish()) != flags or _told((*first, *rest, *halves.finish())) != flags:
        return f"{len(pieces)} pieces give other flags in another grouping"
    return next(filter(None, (_session_fault(flag, pieces) for flag in flags)), "")


def _session_fault(flag: Flag, pieces: Sequence[str]) -> str:
    first, last = int(flag.utterance), int(flag.end_utterance)
    if not (0 <= flag.start <= len(pieces[first]) and 0 <= flag.end <= len(pieces[last])):
        return f"{flag.rule} stands outside its utterances"
    spoken = "".join(pieces[first : last + 1])
    stands = spoken[flag.start : len(spoken) - len(pieces[last]) + flag.end]
    return "" if stands == flag.quote else f"{flag.rule} quotes {flag.quote!r} where {stands!r} stands"


def _told(flags: Iterable[Flag]) -> list[Flag]:
    return sorted(flags, key=lambda flag: (int(flag.utterance), flag.start, flag.end, flag.rule))


def _cut(text: str, dice: random.Random) -> list[str]:
    places = sorted(dice.randint(0, len(text)) for _time in range(dice.randint(0, 6)))
    return [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True)]


if __name__ == "__main__":
    sys.exit(main())
