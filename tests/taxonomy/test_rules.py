from __future__ import annotations

import subprocess
import sys
from datetime import date

import pytest

from livequal.taxonomy.categories import RISK_CATEGORIES, basis_zh, parse_basis
from livequal.taxonomy.instruments import INSTRUMENTS
from livequal.taxonomy.rules import ProductCategory, RiskCategory, Severity, article_zh, chinese_number


def test_every_risk_category_has_facts_names_severity_and_some_basis() -> None:
    assert len(RiskCategory) == 40
    assert set(RISK_CATEGORIES) == set(RiskCategory)
    for facts in RISK_CATEGORIES.values():
        assert facts.zh
        assert facts.en
        assert isinstance(facts.severity, Severity)
        assert basis_zh(facts.basis) or facts.platform, facts.slug


def test_every_product_category_has_both_names() -> None:
    for product in ProductCategory:
        assert product.zh
        assert product.en


@pytest.mark.parametrize(
    ("number", "words"),
    [(9, "九"), (10, "十"), (14, "十四"), (20, "二十"), (57, "五十七"), (103, "一百零三")],
)
def test_article_numbers_are_written_in_chinese(number: int, words: str) -> None:
    assert chinese_number(number) == words


def test_items_and_paragraphs_of_an_article_are_named() -> None:
    assert article_zh("9(3)") == "第九条第（三）项"
    assert article_zh("57¶2") == "第五十七条第二款"


def test_articles_of_the_civil_code_are_written_with_thousands() -> None:
    assert article_zh("1019") == "第一千零一十九条"
    assert article_zh("1023") == "第一千零二十三条"


def test_only_the_law_in_force_when_the_words_were_spoken_is_cited() -> None:
    basis = RISK_CATEGORIES[RiskCategory.FAKE_PRICE_COMPARE].basis
    assert "直播电商监督管理办法" in basis_zh(basis, date(2026, 3, 1))
    assert "直播电商监督管理办法" not in basis_zh(basis, date(2026, 1, 31))


def test_advertising_and_other_speech_are_told_apart_in_the_wording() -> None:
    words = basis_zh(RISK_CATEGORIES[RiskCategory.ABSOLUTE_TERMS].basis, date(2026, 11, 1))
    assert words.startswith("属于广告的：《中华人民共和国广告法》第九条第（三）项")
    assert "不属于广告但虚假或引人误解的：《直播电商监督管理办法》第三十四条" in words


def test_a_basis_on_an_unknown_instrument_is_refused() -> None:
    with pytest.raises(KeyError):
        parse_basis("XYZ 1")


def test_instruments_are_kept_under_their_own_key() -> None:
    for key, instrument in INSTRUMENTS.items():
        assert instrument.key == key
        assert instrument.since is None or instrument.until is None or instrument.since < instrument.until


def test_taxonomy_imports_nothing_beyond_the_standard_library() -> None:
    code = (
        "import sys; before = set(sys.modules); import livequal.taxonomy.categories; "
        "new = {m.partition('.')[0] for m in set(sys.modules) - before}; "
        "print(sorted(new - set(sys.stdlib_module_names) - {'livequal'}))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
