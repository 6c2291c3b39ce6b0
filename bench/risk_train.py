"""Trains the second reader on the project's own utterances and writes reader.npz: bench/risk_train.py [--folds 5]."""

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
            category = category_of(raw["labels"], product.value, raw["text"]) if raw["risky"] else None
            rows.append((normalise(raw["text"]).text, product, category))
    for rule in load_pack(PACK).rules:
        rows += [
            (normalise(text).text, product, rule.by_product.get(product, rule.category)) for product, text in rule.hits
        ]
        rows += [(normalise(text).text, product, None) for product, text in rule.misses]
    return rows


class Trainer:
    """Logistic regression per column by AdaGrad: column 0 risky or not, then one column per category."""

    def __init__(self, rows: list[tuple[str, ProductCategory, RiskCategory | None]]) -> None:
        self.categories = sorted({category for _, _, category in rows if category}, key=str)
        counts: dict[str, int] = {}
        grams = [[gram for gram, _, _ in features(text, product)] for text, product, _ in rows]
        for own in grams:
            for gram in own:
                counts[gram] = counts.get(gram, 0) + 1
        self.places = {gram: place for place, gram in enumerate(sorted(counts))}
        self.inputs = [np.array([self.places[gram] for gram in own]) for own in grams]
        self.targets = np.zeros((len(rows), 1 + len(self.categories)), dtype=np.float32)
        for place, (_, _, category) in enumerate(rows):
            if category:
                self.targets[place, 0] = 1
                self.targets[place, 1 + self.categories.index(category)] = 1

    def fit(self, chosen: Any, epochs: int = 25, rate: float = 0.3, decay: float = 1e-4) -> tuple[Any, Any]:
        """Weights and bias from the rows whose numbers are given; the order is fixed, so the result is too."""
        weights = np.zeros((len(self.places), self.targets.shape[1]), dtype=np.float32)
        bias = np.zeros(self.targets.shape[1], dtype=np.float32)
        squares, bias_squares = np.full_like(weights, 1e-3), np.full_like(bias, 1e-3)
        order = np.random.default_rng(0)
        for _ in range(epochs):
            for row in order.permutation(chosen):
                own = self.inputs[row]
                scale = 1 / np.sqrt(len(own))
                error = 1 / (1 + np.exp(-(weights[own].sum(axis=0) * scale + bias))) - self.targets[row]
                if self.targets[row, 0] == 0:
                    error[1:] = 0
                step = error * scale + decay * weights[own]
                squares[own] += step * step
                weights[own] -= rate * step / np.sqrt(squares[own])
                bias_squares += error * error
                bias -= rate * error / np.sqrt(bias_squares)
        return weights, bias

    def scores(self, rows: Any, weights: Any, bias: Any) -> Any:
        """The first column's score of each row."""
        return np.array([weights[self.inputs[row], 0].sum() / np.sqrt(len(self.inputs[row])) + bias[0] for row in rows])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument(
        "--false-alarms", type=float, default=0.8, help="per cent of harmless own rows, cross-validated"
    )
    args = parser.parse_args()
    rows = read_rows()
    trainer = Trainer(rows)
    everyone = np.arange(len(rows))
    fold = np.random.default_rng(1).permutation(len(rows)) % args.folds
    held = np.zeros(len(rows))
    for number in range(args.folds):
        weights, bias = trainer.fit(everyone[fold != number])
        held[fold == number] = trainer.scores(everyone[fold == number], weights, bias)
    risky = trainer.targets[:, 0] == 1
    threshold = float(np.quantile(held[~risky], 1 - args.false_alarms / 100))
    print(f"{len(rows)} rows ({int(risky.sum())} risky), {len(trainer.places)} features")
    for percent in (1.0, 2.0, 5.0, 10.0):
        at = np.quantile(held[~risky], 1 - percent / 100)
        print(f"cross-validated recall at {percent:4.1f} % false alarms: {100 * (held[risky] > at).mean():.1f} %")
    weights, bias = trainer.fit(everyone)
    keep = np.abs(weights).max(axis=1) > 0.02
    grams = [gram for gram, place in trainer.places.items() if keep[place]]
    kept = weights[keep]
    scales = np.abs(kept).max(axis=0) / 127
    np.savez_compressed(
        TARGET,
        grams=np.array("\n".join(grams)),
        weights=np.round(kept / scales).astype(np.int8),
        scales=scales.astype(np.float32),
        bias=bias,
        categories=np.array([category.value for category in trainer.categories]),
        threshold=np.array(threshold),
    )
    print(f"{len(grams)} features kept, {TARGET.stat().st_size / 1e6:.2f} MB, threshold {threshold:.2f}")
    compile_pack(load_pack(PACK))


if __name__ == "__main__":
    main()
