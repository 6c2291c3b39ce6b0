"""Trains the second reader on the project's own utterances and writes reader.npz: bench/risk_train.py [--folds 5].

The same data give the same bytes. READER.md beside the reader is its model card.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from livequal.risk.matcher import compile_pack, load_pack
from livequal.risk.matcher.normaliser import normalise
from livequal.risk.matcher.reader import features
from livequal.taxonomy.rules import ProductCategory, RiskCategory

ROOT = Path(__file__).parents[1]
PACK = ROOT / "livequal/risk/packs/base"
SETS = ROOT / "tests/risk/sets"
TARGET = ROOT / "livequal/risk/matcher/reader.npz"
_BY_LABEL = {
    "absolute-term": "absolute_terms",
    "disease-claim": "disease_claim_food",
    "medical-term-cosmetics": "cosmetic_medical",
    "efficacy-guarantee": "efficacy_guarantee",
    "health-food-misleading": "health_function_plain_food",
    "false-price": "fake_price_compare",
    "fake-scarcity": "fake_scarcity",
    "authority-endorsement": "false_endorsement",
    "counterfeit-hint": "counterfeit_hint",
    "investment-guarantee": "investment_return",
    "off-platform": "off_platform",
    "minors": "minor_harm",
    "superstition": "superstition",
    "vulgar": "vulgar_abuse",
    "disparage-competitor": "disparage_competitor",
    "false-origin": "false_origin",
    "jewelry-fake": "jewelry_fake_cert",
    "certification-false": "cert_patent_false",
    "infant-formula": "breastmilk_substitute",
    "prohibited-goods": "prohibited_goods",
    "alcohol-tobacco": "tobacco_ecig",
    "education-guarantee": "education_outcome",
    "ai-impersonation": "ai_impersonation",
    "privacy-leak": "privacy_leak",
    "fake-data": "fake_sales_data",
}
_BY_PRODUCT = {
    ("disease-claim", "cosmetics"): "cosmetic_medical",
    ("disease-claim", "health_food"): "healthfood_overclaim",
    ("disease-claim", "special_medical_food"): "fsmp_overclaim",
    ("health-food-misleading", "health_food"): "healthfood_overclaim",
    ("health-food-misleading", "infant_formula"): "breastmilk_substitute",
    ("health-food-misleading", "special_medical_food"): "fsmp_overclaim",
    ("health-food-misleading", "alcohol"): "alcohol",
    ("alcohol-tobacco", "alcohol"): "alcohol",
    ("efficacy-guarantee", "health_food"): "healthfood_overclaim",
    ("efficacy-guarantee", "agri_inputs"): "agri_inputs",
    ("efficacy-guarantee", "drug"): "drug_device_promo",
    ("efficacy-guarantee", "medical_device"): "drug_device_promo",
    **{
        ("disease-claim", product): "drug_device_promo"
        for product in ("drug", "medical_device", "daily", "home", "appliance", "jewelry", "apparel", "digital")
    },
}
_OTHER = (
    ("after_sale_denial", "退|换|保修|七天|回头找我|解释权|差评"),
    ("lottery_inducement", "抽|奖|转盘|福|一人一部|轿车"),
    ("fear_elderly", "爸妈|大姨|叔叔|岁数|亲儿子|孝|瘫"),
)


def category_of(labels: list[str], product: str, text: str) -> RiskCategory:
    """The category a row's first label stands for, given the product."""
    import re

    label = labels[0]
    if label == "other":
        for name, words in _OTHER:
            if re.search(words, text):
                return RiskCategory(name)
        return RiskCategory.FALSE_IDENTITY_STORY
    return RiskCategory(_BY_PRODUCT.get((label, product), _BY_LABEL[label]))


def read_rows() -> list[tuple[str, ProductCategory, RiskCategory | None]]:
    """Every own utterance: its normalised text, product, and category (None: harmless)."""
    rows: list[tuple[str, ProductCategory, RiskCategory | None]] = []
    for file in sorted(SETS.glob("*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            raw: dict[str, Any] = json.loads(line)
            product = ProductCategory(raw["product_category"])
            category = None
            if raw["risky"]:
                named = raw.get("category")
                category = RiskCategory(named) if named else category_of(raw["labels"], product.value, raw["text"])
            rows.append((normalise(raw["text"]).text, product, category))
    for rule in load_pack(PACK).rules:
        rows += [
            (normalise(text).text, product, rule.by_product.get(product, rule.category)) for product, text in rule.hits
        ]
        rows += [(normalise(text).text, product, None) for product, text in rule.misses]
    return rows


class Trainer:
    """A bag of features, a hidden layer and a straight way past it say "risky or not"; a linear one names it."""

    hidden = 16
    batch = 32
    drop = 0.3
    least = 2

    def __init__(self, rows: list[tuple[str, ProductCategory, RiskCategory | None]]) -> None:
        self.categories = sorted({category for _, _, category in rows if category}, key=str)
        counts: dict[str, int] = {}
        grams = [[gram for gram, _, _ in features(text, product)] for text, product, _ in rows]
        for own in grams:
            for gram in own:
                counts[gram] = counts.get(gram, 0) + 1
        common = sorted(gram for gram, count in counts.items() if count >= self.least)
        self.places = {gram: place for place, gram in enumerate(common)}
        # Which risk it is, stretches of plain characters tell; the rest would only make the file larger.
        self.plain = np.array([gram[0] != "~" and "…" not in gram for gram in common], dtype=np.float32)
        self.inputs = [np.array([self.places[gram] for gram in own if gram in self.places]) for own in grams]
        self.risky = np.array([category is not None for _, _, category in rows], dtype=np.float32)
        self.which = np.array([self.categories.index(category) if category else -1 for _, _, category in rows])

    def fit(self, chosen: Any, epochs: int = 10, rate: float = 0.05, seed: int = 0) -> dict[str, Any]:
        """The model from the rows whose numbers are given, by AdaGrad; the order is fixed, so the result is too."""
        random = np.random.default_rng(seed)
        units, kinds = self.hidden, len(self.categories)
        table = np.zeros((len(self.places), units + 1 + kinds), dtype=np.float32)
        table[:, :units] = random.standard_normal((len(self.places), units)) * 0.1
        bias, names_bias = np.zeros(units, dtype=np.float32), np.zeros(kinds, dtype=np.float32)
        out = (random.standard_normal(units) / np.sqrt(units)).astype(np.float32)
        risky = np.zeros(1, dtype=np.float32)
        squares = [np.full_like(one, 1e-4) for one in (table, bias, names_bias, out, risky)]

        def step(one: Any, square: Any, slope: Any, at: Any = slice(None)) -> None:
            square[at] += slope * slope
            one[at] -= rate * slope / np.sqrt(square[at])

        for _ in range(epochs):
            order = random.permutation(chosen)
            for begin in range(0, len(order), self.batch):
                rows = order[begin : begin + self.batch]
                bags = [self.inputs[row] for row in rows]
                bags = [bag[random.random(len(bag)) > self.drop] if len(bag) > 8 else bag for bag in bags]
                sizes = np.array([len(bag) for bag in bags])
                flat = np.concatenate(bags)
                scale = (1 / np.sqrt(sizes)).astype(np.float32)[:, None]
                summed = np.add.reduceat(table[flat], np.cumsum(sizes) - sizes, axis=0) * scale
                inner = summed[:, :units] + bias
                above = np.maximum(inner, 0)
                error = 1 / (1 + np.exp(-(above @ out + summed[:, units] + risky))) - self.risky[rows]
                kind_error = _softmax(summed[:, units + 1 :] + names_bias)
                known = self.which[rows] >= 0
                kind_error[known, self.which[rows][known]] -= 1
                kind_error[~known] = 0
                inner_error = np.outer(error, out) * (inner > 0)
                slope = np.concatenate([inner_error, error[:, None], kind_error], axis=1).astype(np.float32) * scale
                places, first = _grouped(flat)
                added = np.add.reduceat(np.repeat(slope, sizes, axis=0)[first[0]], first[1], axis=0)
                added[:, units + 1 :] *= self.plain[places][:, None]
                step(table, squares[0], added, places)
                step(bias, squares[1], inner_error.sum(axis=0))
                step(names_bias, squares[2], kind_error.sum(axis=0))
                step(out, squares[3], above.T @ error)
                step(risky, squares[4], error.sum(keepdims=True))
        return {"table": table, "bias": bias, "names_bias": names_bias, "out": out, "risky": float(risky[0])}

    def scores(self, rows: Any, model: dict[str, Any]) -> tuple[Any, Any]:
        """How risky each row is, and the place of its likeliest category."""
        units = self.hidden
        found, named = np.zeros(len(rows)), np.zeros(len(rows), dtype=int)
        for place, row in enumerate(rows):
            bag = self.inputs[row]
            summed = model["table"][bag].sum(axis=0) / np.sqrt(max(1, len(bag)))
            above = np.maximum(summed[:units] + model["bias"], 0)
            found[place] = above @ model["out"] + summed[units] + model["risky"]
            named[place] = int(np.argmax(summed[units + 1 :] + model["names_bias"]))
        return found, named


def _softmax(scores: Any) -> Any:
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)


def _grouped(flat: Any) -> tuple[Any, tuple[Any, Any]]:
    """The places that occur, each once, and how to add up what belongs to each: an order and where each begins."""
    order = np.argsort(flat, kind="stable")
    ranked = flat[order]
    begins = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
    return ranked[begins], (order, begins)


def _small(weights: Any) -> tuple[Any, Any]:
    """Weights as 8-bit integers, with one scale a column."""
    scales = np.maximum(np.abs(weights).max(axis=0), 1e-6) / 127
    return np.round(weights / scales).astype(np.int8), scales.astype(np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folds", type=int, default=5, help="0: keep the threshold given, measure nothing")
    parser.add_argument("--threshold", type=float, help="instead of the one found by cross-validation")
    parser.add_argument(
        "--false-alarms", type=float, default=1.0, help="per cent of harmless own rows, cross-validated"
    )
    args = parser.parse_args()
    rows = read_rows()
    trainer = Trainer(rows)
    everyone = np.arange(len(rows))
    print(f"{len(rows)} rows ({int(trainer.risky.sum())} risky), {len(trainer.places)} features")
    threshold = args.threshold
    if args.folds:
        fold = np.random.default_rng(1).permutation(len(rows)) % args.folds
        held, named = np.zeros(len(rows)), np.zeros(len(rows), dtype=int)
        for number in range(args.folds):
            model = trainer.fit(everyone[fold != number])
            held[fold == number], named[fold == number] = trainer.scores(everyone[fold == number], model)
        risky = trainer.risky == 1
        for percent in (0.5, 1.0, 2.0, 4.0):
            at = float(np.quantile(held[~risky], 1 - percent / 100))
            right = 100 * (named == trainer.which)[risky & (held > at)].mean()
            print(
                f"cross-validated at {percent:4.1f} % false alarms: recall {100 * (held[risky] > at).mean():.1f} %, "
                f"right category {right:.1f} %, threshold {at:.2f}"
            )
        if threshold is None:
            threshold = float(np.quantile(held[~risky], 1 - args.false_alarms / 100))
    if threshold is None:
        parser.error("--folds 0 needs --threshold")
    model = trainer.fit(everyone)
    units = trainer.hidden
    hidden, hidden_scales = _small(model["table"][:, : units + 1])
    names, names_scales = _small(model["table"][:, units + 1 :])
    np.savez_compressed(
        TARGET,
        grams=np.array("\n".join(trainer.places)),
        hidden=hidden,
        hidden_scales=hidden_scales,
        bias=model["bias"],
        out=model["out"],
        risky=np.array(model["risky"]),
        names=names,
        names_scales=names_scales,
        names_bias=model["names_bias"],
        categories=np.array([category.value for category in trainer.categories]),
        threshold=np.array(threshold),
    )
    print(f"{TARGET.stat().st_size / 1e6:.2f} MB, threshold {threshold:.2f}")
    compile_pack(load_pack(PACK))


if __name__ == "__main__":
    main()
