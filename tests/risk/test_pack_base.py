from __future__ import annotations

from pathlib import Path

import pytest

from livequal.risk.matcher import Matcher, PackError, ProductContext, Rule, compile_pack, load_pack
from livequal.risk.matcher.pack import check_patterns, read_pack
from livequal.taxonomy.rules import ProductCategory, RiskCategory

BASE = Path(__file__).parents[2] / "livequal/risk/packs/base"
PACK = load_pack(BASE)
RULES = [rule for rule in PACK.rules if not rule.absence and not (rule.cue and not rule.hits)]
CUES = frozenset(rule.slug for rule in PACK.rules if rule.cue)


@pytest.fixture(scope="module")
def matcher() -> Matcher:
    return compile_pack(PACK)


def _category(rule: Rule, product: ProductCategory) -> RiskCategory:
    return rule.by_product.get(product, rule.category)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.slug)
def test_a_rules_positive_examples_are_flagged_in_its_category(matcher: Matcher, rule: Rule) -> None:
    assert rule.hits or rule.needs_evidence, "a rule without a positive example proves nothing"
    for product, text in rule.hits:
        flags = matcher.judge_by_rules(text, ProductContext(product))
        flags += tuple(flag for flag in matcher.judge(text, ProductContext(product)) if flag.rule in CUES)
        assert _category(rule, product) in {flag.category for flag in flags}, text


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.slug)
def test_a_rules_negative_examples_raise_no_flag_of_any_rule(matcher: Matcher, rule: Rule) -> None:
    assert rule.misses
    for product, text in rule.misses:
        assert not matcher.judge_by_rules(text, ProductContext(product)), text


def test_the_pack_covers_all_forty_categories() -> None:
    covered = {rule.category for rule in PACK.rules}
    for rule in PACK.rules:
        covered |= set(rule.by_product.values())
    assert covered == set(RiskCategory)


def test_google_re2_accepts_every_pattern() -> None:
    check_patterns(PACK)


def test_every_category_says_in_chinese_what_could_be_said_instead() -> None:
    assert set(PACK.suggestions) == set(RiskCategory)


def test_compiling_the_same_pack_twice_gives_the_same_matcher() -> None:
    assert compile_pack(PACK) is compile_pack(load_pack(BASE))


HEAD = {"slug": "tiny", "version": "1"}


def _pack(rule: str, head: str = "") -> dict[str, bytes]:
    suggestions = "\n".join(f"  {category.value}: 不说" for category in RiskCategory)
    return {
        "pack.yaml": f"slug: tiny\nversion: '1'\nsuggestions:\n{suggestions}\n{head}".encode(),
        "rules.yaml": f"rules:\n- slug: one\n  category: absolute_terms\n{rule}".encode(),
    }


@pytest.mark.parametrize(
    ("rule", "complaint"),
    [
        ("  patterns: ['{nowhere}好']", "neither a slot nor a macro"),
        ("  patterns: ['.*']", "no fixed word"),
        ("  patterns: ['(最好']", "bracket"),
        ("  literals: [最好]\n  products: [fruit]", "no product category"),
        ("  literals: [最好]\n  severity: 9", "severity"),
        ("  literals: [最好]\n  colour: red", "unknown key"),
        ("  literals: [最好]\n  basis: {always: XYZ 1}", "not on file"),
        ("  title: 空", "nothing would ever match"),
        ("  literals: [最好]\n  confidence: 2", "confidence"),
    ],
)
def test_a_faulty_rule_is_refused_with_file_and_rule_named(rule: str, complaint: str) -> None:
    with pytest.raises(PackError, match=complaint) as refused:
        read_pack(_pack(rule))
    assert "rules.yaml, rule one" in str(refused.value)


def test_a_slug_used_twice_is_refused() -> None:
    files = _pack("  literals: [最好]\n- slug: one\n  category: absolute_terms\n  literals: [最棒]")
    with pytest.raises(PackError, match="twice"):
        read_pack(files)


def test_a_pattern_that_would_hang_a_backtracking_engine_is_linear() -> None:
    matcher = Matcher(read_pack(_pack("  patterns: ['(好+)+坏$']")))
    assert matcher.judge_by_rules("好" * 5000, ProductContext()) == ()


def test_the_hash_covers_every_file_of_the_pack() -> None:
    one = read_pack(_pack("  literals: [最好]"))
    other = read_pack(_pack("  literals: [最好]\n  title: 另一个"))
    assert one.sha256 != other.sha256
