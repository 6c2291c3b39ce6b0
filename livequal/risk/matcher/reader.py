"""The second reader: a small network on characters that adds suspicions where no rule spoke (READER.md: its card).

It never hides a rule's hit. What it raises is a note of low severity; its span is the clause that weighed most.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from operator import add
from pathlib import Path
from typing import Any

import ahocorasick
import numpy as np

from livequal.risk.matcher.sound import bare_syllables, sound_codes, sound_table
from livequal.risk.matcher.themes import FILE as _THEMES
from livequal.risk.matcher.themes import themes_from, themes_of
from livequal.taxonomy.rules import ProductCategory, RiskCategory

_MODEL = Path(__file__).with_name("reader.npz")
_MARKS = re.compile("[，。！？；：、「」（）~ ]+")
_CLAUSE = re.compile("[^，。！？；]+")
_LONGEST = 3
# How far apart the two characters of a pair may stand.
_GAPS = (2, 3)
_FEWEST, _MOST = 4, 400
_SIGNS = {
    "+denies": re.compile("不是|不能|不会|不敢|没有|别|不要|不讲|不保|不承诺|治不了|说不准|看个人|因人而异"),
    "+honest": re.compile(
        "医院|大夫|医生|说明书|介意|别拍|客服|平台|合同|标签|报告|备案|证书|编号|运费|风险|量力|提前说|交个底|实话"
    ),
    "+asks": re.compile("吗|？|么$|呢"),
    "+teaches": re.compile("违规|违法|骗|培训|复盘|广告法|提醒|谨防|一律"),
    "+number": re.compile("[0-9一二三四五六七八九十百千万两俩仨]"),
    "+time": re.compile("[天月周夜晚]|礼拜|明早|当天|分钟|年"),
    "+kin": re.compile("我(?:妈|爸|爷|奶|姥|婆|公|舅|姑|姨|叔|老公|媳妇)|老[张王李刘赵]|隔壁|大爷|大姐|阿姨"),
    "+dare": re.compile("我跟你姓|算我输|找我|砸|吞|嚼|不姓|退你|倒贴|我赔|你找我"),
    "+wink": re.compile("懂的|你懂|你品|别往外|别说|别问|谁知道|没人查|看不出|公屏"),
}


@dataclass(frozen=True, slots=True)
class Suspicion:
    """What the reader suspects: `score` is above 0 when it is worth a note, `start`:`end` weighed most."""

    start: int
    end: int
    category: RiskCategory
    score: float


@dataclass(frozen=True, slots=True)
class _Model:
    """`grams` finds every known stretch of up to three characters in one pass; its value is the stretch's place.

    A feature's row in `hidden` has what it adds to each hidden unit and, last, to the score itself.
    """

    grams: Any
    places: dict[str, int]
    by_product: dict[ProductCategory, dict[int, int]]
    apart: dict[str, int]
    sounds: dict[str, int]
    hidden: Any
    bias: Any
    out: Any
    risky: float
    names: Any
    names_bias: Any
    categories: tuple[RiskCategory, ...]
    threshold: float
    themes: Any


def features(text: str, product: ProductCategory, themes: Any = None) -> list[tuple[str, int, int]]:
    """The features of normalised text with the stretch each comes from; signs and product cover nothing.

    Stretches of up to three characters, pairs of characters with one or two others between them (`甲…乙`), pairs
    about this product (`food:甲乙`), two and three syllables without tone (`~jia-yi`), manners of speech and themes.
    """
    found: dict[str, tuple[int, int]] = {}
    plain = _plain(text)
    prefix = product.value + ":"
    syllables = [bare_syllables().get(char, "") for char in plain]
    for start in range(len(plain)):
        for size in range(1, min(_LONGEST, len(plain) - start) + 1):
            gram = plain[start : start + size]
            found.setdefault(gram, (start, start + size))
            if size == 2:
                found.setdefault(prefix + gram, (start, start + size))
            if size > 1 and all(syllables[start : start + size]):
                found.setdefault("~" + "-".join(syllables[start : start + size]), (start, start + size))
        for gap in _GAPS:
            if start + gap < len(plain) and "|" not in (plain[start], plain[start + gap]):
                found.setdefault(f"{plain[start]}…{plain[start + gap]}", (start, start + gap + 1))
    for name in _signs(text, prefix, themes):
        found[name] = (0, 0)
    return [(gram, *span) for gram, span in found.items()]


def _signs(text: str, prefix: str, themes: Any = None) -> list[str]:
    """The product, the manners of speech and the themes, alone and with the product."""
    signs = [*(sign for sign, pattern in _SIGNS.items() if pattern.search(text)), *themes_of(text, themes)]
    return [prefix, *signs, *(prefix + sign for sign in signs)]


def reader_files() -> dict[str, bytes]:
    """What the reader of this release consists of, by file name; empty where there is none."""
    return {path.name: path.read_bytes() for path in (_MODEL, _THEMES)} if _MODEL.exists() else {}


@cache
def reader_in_force() -> str:
    """The digest of this release's reader; empty where there is none."""
    return keep_reader(reader_files())


# Earlier readers, put here for replay under their digests.
_KEPT: dict[str, Mapping[str, bytes]] = {}


def keep_reader(files: Mapping[str, bytes]) -> str:
    """Let a reader that consists of these files be named by its digest, which is answered."""
    if not files:
        return ""
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(name.encode() + b"\0" + files[name] + b"\0")
    _KEPT.setdefault(digest.hexdigest(), files)
    return digest.hexdigest()


@lru_cache(maxsize=4)
def _model(reader: str) -> _Model | None:
    if not reader:
        return None
    files = _KEPT[reader]
    with np.load(io.BytesIO(files[_MODEL.name]), allow_pickle=False) as stored:
        places = {gram: place for place, gram in enumerate(str(stored["grams"]).split("\n"))}
        return _Model(
            grams=_automaton(places),
            places=places,
            by_product=_pairs_by_product(places),
            apart={gram[0] + gram[2]: place for gram, place in places.items() if len(gram) == 3 and gram[1] == "…"},
            sounds=_sounds(places),
            hidden=stored["hidden"] * stored["hidden_scales"],
            bias=stored["bias"],
            out=stored["out"],
            risky=float(stored["risky"]),
            names=stored["names"] * stored["names_scales"],
            names_bias=stored["names_bias"],
            categories=tuple(RiskCategory(str(name)) for name in stored["categories"]),
            threshold=float(stored["threshold"]),
            themes=themes_from(files[_THEMES.name].decode()),
        )


def _automaton(places: dict[str, int]) -> Any:
    automaton = ahocorasick.Automaton()
    for gram, place in places.items():
        if len(gram) <= _LONGEST and gram[0] not in "+~" and "…" not in gram:
            automaton.add_word(gram, place)
    automaton.make_automaton()
    return automaton


def _pairs_by_product(places: dict[str, int]) -> dict[ProductCategory, dict[int, int]]:
    """For each product: the place of a pair of characters → the place of the same pair said about that product."""
    found: dict[ProductCategory, dict[int, int]] = {product: {} for product in ProductCategory}
    for gram, place in places.items():
        name, mark, pair = gram.partition(":")
        if mark and len(pair) == 2 and pair in places:
            found[ProductCategory(name)][places[pair]] = place
    return found


def _sounds(places: dict[str, int]) -> dict[str, int]:
    """The places of stretches of syllables, each syllable as the one character that stands for it in `_sounded`."""
    codes = sound_codes()
    found: dict[str, int] = {}
    for gram, place in places.items():
        if gram[0] == "~" and len(gram) > 1:
            syllables = gram[1:].split("-")
            if all(syllable in codes for syllable in syllables):
                found["".join(codes[syllable] for syllable in syllables)] = place
    return found


def suspect(text: str, product: ProductCategory, reader: str | None = None, *, ease: float = 0.0) -> Suspicion | None:
    """The reader's suspicion about one normalised utterance; None when it has none.

    `reader`: the digest of the reader to ask, this release's when not given. `ease`: by how much less it takes, where
    a cue gives reason to listen; the score of such a suspicion may be as low as minus that.
    """
    model = _model(reader_in_force() if reader is None else reader)
    if model is None or not _FEWEST <= len(text) <= _MOST:
        return None
    known = _known(model, text, product)
    scale = 1 / np.sqrt(max(1, len(known)))
    summed = model.hidden[known].sum(axis=0) * scale
    inner = summed[:-1] + model.bias
    score = float(np.maximum(inner, 0) @ model.out + summed[-1]) + model.risky - model.threshold
    if score + ease <= 0:
        return None
    scores = model.names[known].sum(axis=0) * scale + model.names_bias
    allowed = _plausible(product)
    ranked = [(float(value), name) for value, name in zip(scores, model.categories, strict=True) if name in allowed]
    slope = np.append(model.out * (inner > 0), 1.0)
    found = [(end + 1, place) for end, place in model.grams.iter(_plain(text))]
    weights = model.hidden[[place for _, place in found]] @ slope if found else np.zeros(0)
    span = _weightiest(text, [end for end, _ in found], weights)
    return Suspicion(*span, max(ranked)[1], score)


def _known(model: _Model, text: str, product: ProductCategory) -> list[int]:
    """The places of the text's features, each once."""
    plain = _plain(text)
    places: set[Any] = {place for _, place in model.grams.iter(plain)}
    pairs = model.by_product[product]
    places.update([pairs[place] for place in places if place in pairs])
    for gap in _GAPS:
        places.update(map(model.apart.get, map(add, plain, plain[gap:])))
    sounded = plain.translate(sound_table())
    twos = list(map(add, sounded, sounded[1:]))
    places.update(map(model.sounds.get, twos))
    places.update(map(model.sounds.get, map(add, twos, sounded[2:])))
    names = _signs(text, product.value + ":", model.themes)
    places.update(map(model.places.get, names))
    places.discard(None)
    return list(places)


def _plain(text: str) -> str:
    return _MARKS.sub(_as_bars, text)


def _as_bars(match: re.Match[str]) -> str:
    return "|" * len(match.group())


def _weightiest(text: str, ends: list[int], weights: Any) -> tuple[int, int]:
    """The clause whose stretches add up to most; a stretch counts where it ends."""
    so_far = np.append(0.0, np.cumsum(np.bincount(ends, weights, minlength=len(text) + 1)))
    clauses = [match.span() for match in _CLAUSE.finditer(text)]
    return max(clauses, key=lambda span: float(so_far[span[1] + 1] - so_far[span[0] + 1]), default=(0, len(text)))


_FOODS = frozenset(map(ProductCategory, ("food", "tea", "agricultural", "general", "alcohol")))
_ONLY: dict[RiskCategory, frozenset[ProductCategory]] = {
    RiskCategory.DISEASE_CLAIM_FOOD: _FOODS | {ProductCategory.HEALTH_FOOD},
    RiskCategory.HEALTH_FUNCTION_PLAIN_FOOD: _FOODS,
    RiskCategory.HEALTHFOOD_OVERCLAIM: frozenset({ProductCategory.HEALTH_FOOD}),
    RiskCategory.COSMETIC_MEDICAL: frozenset({ProductCategory.COSMETICS, ProductCategory.SPECIAL_COSMETICS}),
    RiskCategory.COSMETIC_SPECIAL_UNREGISTERED: frozenset(
        {ProductCategory.COSMETICS, ProductCategory.DAILY, ProductCategory.GENERAL}
    ),
    RiskCategory.FSMP_OVERCLAIM: frozenset({ProductCategory.SPECIAL_MEDICAL_FOOD}),
    RiskCategory.BREASTMILK_SUBSTITUTE: frozenset({ProductCategory.INFANT_FORMULA, ProductCategory.FOOD}),
    RiskCategory.JEWELRY_FAKE_CERT: frozenset(
        {ProductCategory.JEWELRY, ProductCategory.COLLECTIBLE, ProductCategory.LUXURY, ProductCategory.GENERAL}
    ),
    RiskCategory.EDUCATION_OUTCOME: frozenset(
        {ProductCategory.EDUCATION, ProductCategory.BOOKS, ProductCategory.GENERAL, ProductCategory.SERVICE}
    ),
    RiskCategory.AGRI_INPUTS: frozenset({ProductCategory.AGRI_INPUTS, ProductCategory.AGRICULTURAL}),
    RiskCategory.ALCOHOL: frozenset({ProductCategory.ALCOHOL, ProductCategory.GENERAL, ProductCategory.FOOD}),
    RiskCategory.DRUG_DEVICE_PROMO: frozenset(ProductCategory)
    - _FOODS
    - {ProductCategory.HEALTH_FOOD, ProductCategory.COSMETICS, ProductCategory.SPECIAL_COSMETICS},
}


@cache
def _plausible(product: ProductCategory) -> frozenset[RiskCategory]:
    """The categories that can concern a product at all."""
    return frozenset(
        category for category in RiskCategory if product in _ONLY.get(category, frozenset(ProductCategory))
    )
