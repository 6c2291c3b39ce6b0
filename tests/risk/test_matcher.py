from __future__ import annotations

import time
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livequal.risk.matcher import (
    Evidence,
    EvidenceItem,
    EvidenceKind,
    EvidenceState,
    Matcher,
    ProductContext,
    Utterance,
    compile_pack,
    evidence_from,
    load_pack,
)
from livequal.streams.rules import Word
from livequal.taxonomy.rules import ProductCategory, RiskCategory, Severity

MATCHER = compile_pack(load_pack(Path(__file__).parents[2] / "livequal/risk/packs/base"))
P = ProductCategory


def flagged(text: str, product: ProductCategory = P.GENERAL, evidence: Evidence | None = None) -> list[str]:
    return [flag.category.value for flag in MATCHER.judge(text, ProductContext(product), evidence)]


@pytest.mark.parametrize(
    ("product", "text"),
    [
        (P.GENERAL, "我有一个大麻烦"),
        (P.DRUG, "三黄片"),
        (P.GENERAL, "这个人很靠谱"),
        (P.APPAREL, "女装"),
        (P.GENERAL, "最近"),
        (P.GENERAL, "第一步"),
        (P.JEWELRY, "翡翠A货"),
        (P.COSMETICS, "烟酰胺"),
        (P.APPLIANCE, "抽油烟机拆洗，烟道另算"),
        (P.HOME, "象牙白的柜门"),
    ],
)
def test_words_inside_other_words_are_no_flag(product: ProductCategory, text: str) -> None:
    assert flagged(text, product) == []


@pytest.mark.parametrize(
    ("text", "quote", "product"),
    [
        ("这是国 家 级的好米", "国 家 级", P.FOOD),
        ("這是國家級的好米", "國家級", P.FOOD),
        ("这是囯家级的好米", "囯家级", P.FOOD),
        ("这是guojiaji的好米", "guojiaji", P.FOOD),
        ("这是ｇｕｏｊｉａｊｉ的好米", "ｇｕｏｊｉａｊｉ", P.FOOD),
        ("这个去癍很快", "去癍", P.COSMETICS),
        ("去癍", "去癍", P.COSMETICS),
        ("蕞好", "蕞好", P.GENERAL),
        ("国 家 级", "国 家 级", P.GENERAL),
        ("guojiaji", "guojiaji", P.GENERAL),
        ("加薇", "加薇", P.GENERAL),
        ("想要的加薇聊", "加薇", P.GENERAL),
        ("这酒是te供的", "te供", P.ALCOHOL),
        ("全*网*最*低", "全*网*最*低", P.GENERAL),
    ],
)
def test_written_evasions_are_flagged_on_exactly_the_original_characters(
    text: str, quote: str, product: ProductCategory
) -> None:
    flags = MATCHER.judge(text, ProductContext(product))
    assert quote in {flag.quote for flag in flags}
    for flag in flags:
        assert text[flag.start : flag.end] == flag.quote


def test_a_word_written_for_its_sound_says_what_it_is_taken_for() -> None:
    (flag,) = MATCHER.judge("喝它能医好糖脲病", ProductContext(P.FOOD))
    assert flag.category is RiskCategory.DISEASE_CLAIM_FOOD
    assert flag.heard_as == "糖尿病"


@pytest.mark.parametrize(
    ("text", "risky"),
    [
        ("这个能治糖尿病", True),
        ("这个不能治糖尿病", False),
        ("不能说治病,但是你懂的", True),
        ("说「根治糖尿病」是违规的", False),
        ("有宝宝问能治鼻炎吗", False),
        ("有宝宝问能治鼻炎吗？不能，这是零食", False),
        ("有宝宝问能治鼻炎吗？能的，放心吃", True),
    ],
)
def test_denial_question_and_teaching_are_told_from_claims(text: str, *, risky: bool) -> None:
    assert bool(MATCHER.judge_by_rules(text, ProductContext(P.FOOD))) is risky


def test_the_product_decides_what_words_mean() -> None:
    assert flagged("这个是顶级A货", P.LUXURY)
    assert "counterfeit_hint" not in flagged("翡翠A货，带证书", P.JEWELRY)
    assert "cosmetic_special_unregistered" in flagged("美白淡斑", P.COSMETICS)
    assert "cosmetic_special_unregistered" not in flagged("美白淡斑", P.SPECIAL_COSMETICS)


def test_a_health_foods_claim_is_judged_against_its_certificate() -> None:
    evidence = evidence_from({"approved_claims": [{"value": "有助于改善睡眠", "document": "国食健注G20230001"}]})
    context = ProductContext(P.HEALTH_FOOD)
    (supported,) = MATCHER.judge("有助于改善睡眠", context, evidence)
    assert supported.evidence is EvidenceState.SUPPORTED
    assert supported.severity is Severity.NOTE
    assert supported.document == "国食健注G20230001"
    (contradicted,) = MATCHER.judge("增强免疫力", context, evidence)
    assert contradicted.evidence is EvidenceState.CONTRADICTED
    (violation,) = MATCHER.judge("治失眠", context, evidence)
    assert violation.evidence is EvidenceState.NOT_NEEDED


def test_a_reference_price_is_supported_only_by_price_evidence() -> None:
    context = ProductContext(P.DIGITAL)
    evidence = Evidence((EvidenceItem(EvidenceKind.PRICE, "1999", "成交记录0301"),))
    assert MATCHER.judge("原价1999", context)[0].evidence is EvidenceState.UNPROVEN
    assert MATCHER.judge("原价1999", context, evidence)[0].evidence is EvidenceState.SUPPORTED
    assert MATCHER.judge("原价一千九百九十九", context, evidence)[0].evidence is EvidenceState.SUPPORTED
    assert MATCHER.judge("原价2999", context, evidence)[0].evidence is EvidenceState.CONTRADICTED


def test_the_law_cited_is_the_law_in_force_when_the_words_were_spoken() -> None:
    early = MATCHER.judge("原价1999今天99", ProductContext(spoken_on=date(2026, 1, 1)))[0]
    late = MATCHER.judge("原价1999今天99", ProductContext(spoken_on=date(2026, 3, 1)))[0]
    assert "直播电商监督管理办法" not in early.legal_basis
    assert "直播电商监督管理办法" in late.legal_basis


def test_a_brand_name_is_no_claim() -> None:
    assert flagged("顶级工坊的酱油到了", P.FOOD)
    context = ProductContext(P.FOOD, names=("顶级工坊",))
    assert MATCHER.judge("顶级工坊的酱油到了", context) == ()


def test_a_claim_across_two_segments_is_found_and_ends_in_the_second() -> None:
    session = MATCHER.session()
    context = ProductContext()
    flags = [*session.feed(Utterance("a", "今天我们家是全网最"), context)]
    flags += session.feed(Utterance("b", "低价，快上车"), context)
    flags += session.finish()
    flag = next(flag for flag in flags if flag.category is RiskCategory.LOWEST_PRICE)
    assert (flag.utterance, flag.end_utterance) == ("a", "b")
    assert flag.quote.startswith("全网最低")
    assert flag.end <= 2


def test_times_and_confidence_come_from_the_recognised_words() -> None:
    words = (Word(0, 400, "今天", 0.9), Word(400, 900, "全网", 0.5), Word(900, 1500, "最低价", 0.8))
    session = MATCHER.session()
    session.feed(Utterance("a", "今天全网最低价", 0, 1500, words), ProductContext())
    flag = next(flag for flag in session.finish() if flag.category is RiskCategory.LOWEST_PRICE)
    assert (flag.start_ms, flag.end_ms) == (400, 1500)
    plain = next(f for f in MATCHER.judge("今天全网最低价", ProductContext()) if f.category is flag.category)
    assert flag.confidence == pytest.approx(plain.confidence * 0.75, abs=0.01)


def test_what_must_be_said_is_missed_only_at_the_end_of_a_session() -> None:
    context = ProductContext(P.HEALTH_FOOD)
    assert flagged("钙片一天两粒，随餐吃", P.HEALTH_FOOD) == []
    silent = MATCHER.session()
    assert not silent.feed(Utterance("a", "钙片一天两粒，随餐吃"), context)
    assert [flag.category for flag in silent.finish()] == [RiskCategory.HEALTHFOOD_NO_DISCLAIMER]
    honest = MATCHER.session()
    honest.feed(Utterance("a", "钙片一天两粒，本品不能代替药物"), context)
    assert honest.finish() == ()


PIECES = st.lists(
    st.sampled_from(
        ["今天全网最", "低价", "能治", "糖尿病", "，", "大家好", "有人问能治鼻炎吗", "不能", "国家", "级", "原价1999"]
    ),
    max_size=12,
)


@settings(max_examples=40, deadline=None)
@given(PIECES)
def test_flags_do_not_depend_on_when_they_are_asked_for(pieces: list[str]) -> None:
    context = ProductContext(P.FOOD)
    utterances = [Utterance(str(place), piece) for place, piece in enumerate(pieces)]
    one, other = MATCHER.session(), MATCHER.session()
    early = [flag for utterance in utterances for flag in one.feed(utterance, context)]
    for utterance in utterances:
        other.feed(utterance, context)
    assert [*early, *one.finish()] == [*early, *other.finish()]


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=60), st.sampled_from(list(P)))
def test_every_span_maps_back_into_any_text(text: str, product: ProductCategory) -> None:
    mixed = "全网最低" + text + "国-家-级，能治糖尿病" + text
    for flag in MATCHER.judge(mixed, ProductContext(product)):
        assert 0 <= flag.start < flag.end <= len(mixed)
        assert mixed[flag.start : flag.end] == flag.quote


def test_lone_surrogates_and_empty_text_do_no_harm() -> None:
    assert MATCHER.judge("", ProductContext()) == ()
    flags = MATCHER.judge("\ud800全网最低\udfff", ProductContext())
    assert any("全网最低" in flag.quote for flag in flags)


def test_time_grows_with_the_text_and_not_faster() -> None:
    text = "全网最低的国家级好货能治糖尿病，"
    context = ProductContext(P.FOOD)

    def seconds(copies: int) -> float:
        began = time.process_time()
        MATCHER.judge(text * copies, context)
        return time.process_time() - began

    seconds(50)
    assert seconds(800) < 40 * max(seconds(100), 0.005)


def test_the_readers_suspicion_is_only_a_note_and_stands_where_no_rule_does() -> None:
    flags = MATCHER.judge("我二叔那把降压药都停了，就靠它", ProductContext(P.FOOD))
    assert all(flag.rule != "second-reader" for flag in flags)
    for flag in MATCHER.judge("瓶子见底那天你再照镜子，亲妈都得愣一下", ProductContext(P.COSMETICS)):
        if flag.rule == "second-reader":
            assert flag.severity is Severity.NOTE
            assert flag.confidence <= 0.6


def test_a_matcher_is_the_same_for_the_same_pack() -> None:
    assert isinstance(MATCHER, Matcher)
