"""The 40 risk categories: names, default severity, products, legal basis and, apart from it, platform basis."""

from __future__ import annotations

from datetime import date

from livequal.taxonomy.instruments import INSTRUMENTS
from livequal.taxonomy.rules import (
    Citation,
    LegalBasis,
    ProductCategory,
    RiskCategory,
    RiskCategoryFacts,
    Severity,
    article_zh,
)

_P = ProductCategory
_FOODS = (_P.FOOD, _P.TEA, _P.AGRICULTURAL, _P.ALCOHOL)
_JEWELS = (_P.JEWELRY, _P.COLLECTIBLE)
_INDUSTRY_CODE = "《网络主播行为规范》（2022）第十四条"
_PLATFORM = "平台规则"


def _cite(text: str) -> tuple[Citation, ...]:
    """ "AdL 9(3),57; CosR 37" → citations."""
    citations = []
    for part in filter(None, (piece.strip() for piece in text.split(";"))):
        key, _, articles = part.partition(" ")
        citations.append(Citation(key, tuple(filter(None, (a.strip() for a in articles.split(","))))))
    return tuple(citations)


def parse_basis(always: str = "", if_advertising: str = "", otherwise: str = "") -> LegalBasis:
    """A basis from its short notation, as rule packs write it: "AdL 9(3),57; CosR 37". Raises KeyError, ValueError."""
    basis = LegalBasis(_cite(always), _cite(if_advertising), _cite(otherwise))
    for citation in (*basis.always, *basis.if_advertising, *basis.otherwise):
        INSTRUMENTS[citation.instrument]
        for article in citation.articles:
            article_zh(article)
    return basis


_FALSE = "O117 34; AUCL 9"
_R = RiskCategory
_S = Severity


def _facts(
    slug: RiskCategory,
    names: tuple[str, str],
    severity: Severity,
    basis: LegalBasis,
    products: tuple[ProductCategory, ...] = (),
    platform: str = "",
) -> RiskCategoryFacts:
    return RiskCategoryFacts(slug, names[0], names[1], severity, basis, frozenset(products), platform)


RISK_CATEGORIES: dict[RiskCategory, RiskCategoryFacts] = {
    facts.slug: facts
    for facts in (
        _facts(
            _R.ABSOLUTE_TERMS,
            ("绝对化用语", "Absolute terms"),
            _S.CORRECT,
            parse_basis("", "AdL 9(3),57", _FALSE),
            (),
            _INDUSTRY_CODE + "第26项",
        ),
        _facts(
            _R.LOWEST_PRICE,
            ("最低价", "Lowest-price claim"),
            _S.CORRECT,
            parse_basis("CRP 6(5); P56 19", "AdL 28", _FALSE),
        ),
        _facts(
            _R.FAKE_PRICE_COMPARE,
            ("虚构原价", "Made-up reference price"),
            _S.PAUSE,
            parse_basis("P56 16,17,18,19,20; O117 32"),
        ),
        _facts(_R.FAKE_SCARCITY, ("虚假稀缺", "Made-up scarcity"), _S.CORRECT, parse_basis("O37 14(3); Pro 5,20")),
        _facts(
            _R.FAKE_SALES_DATA,
            ("虚构销量评价", "Made-up sales and reviews"),
            _S.PAUSE,
            parse_basis("AUCL 9; ECL 17; O37 14; O117 34,44"),
            (),
            _INDUSTRY_CODE + "第25项",
        ),
        _facts(
            _R.DISEASE_CLAIM_FOOD,
            ("食品宣称治病", "Disease claim for food"),
            _S.STOP,
            parse_basis("FSL 73", "AdL 17", _FALSE),
            (*_FOODS, _P.HEALTH_FOOD),
        ),
        _facts(
            _R.HEALTH_FUNCTION_PLAIN_FOOD,
            ("普通食品宣称保健功能", "Health function for ordinary food"),
            _S.PAUSE,
            parse_basis("FSR 38", "AdL 17", _FALSE),
            _FOODS,
        ),
        _facts(
            _R.HEALTHFOOD_OVERCLAIM,
            ("保健食品超范围宣传", "Health food beyond its approval"),
            _S.STOP,
            parse_basis("FSL 73", "AdL 18; O21 7,11", _FALSE),
            (_P.HEALTH_FOOD,),
        ),
        _facts(
            _R.HEALTHFOOD_NO_DISCLAIMER,
            ("保健食品未见警示语", "Health food without its warning"),
            _S.NOTE,
            parse_basis("", "AdL 18; O21 7,10"),
            (_P.HEALTH_FOOD,),
        ),
        _facts(
            _R.COSMETIC_MEDICAL,
            ("化妆品医疗化", "Medical claim for cosmetics"),
            _S.PAUSE,
            parse_basis("CosR 37,43", "AdL 17", _FALSE),
            (_P.COSMETICS, _P.SPECIAL_COSMETICS),
        ),
        _facts(
            _R.COSMETIC_SPECIAL_UNREGISTERED,
            ("普通化妆品宣称特殊功效", "Special effect without registration"),
            _S.PAUSE,
            parse_basis("CosR 16,22,43", "AdL 28(2)", _FALSE),
            (_P.COSMETICS,),
        ),
        _facts(
            _R.EFFICACY_GUARANTEE,
            ("效果保证", "Guarantee of effect"),
            _S.PAUSE,
            parse_basis("", "AdL 16,18,21,28(4)", _FALSE),
        ),
        _facts(
            _R.DRUG_DEVICE_PROMO,
            ("药械违规推介", "Unlawful promotion of medicines and devices"),
            _S.STOP,
            parse_basis("DrN 8,13", "AdL 15,16,17,46; O72 6,7", _FALSE),
        ),
        _facts(
            _R.DISGUISED_MEDICAL_AD,
            ("科普变相广告", "Advertising disguised as health education"),
            _S.PAUSE,
            parse_basis("", "AdL 19; O72 8", _FALSE),
            (_P.HEALTH_FOOD, _P.DRUG, _P.MEDICAL_DEVICE, _P.SPECIAL_MEDICAL_FOOD),
        ),
        _facts(
            _R.FEAR_ELDERLY,
            ("恐吓诱导老年人", "Frightening or luring the elderly"),
            _S.PAUSE,
            parse_basis("CPR 15", "O21 11(4)", _FALSE),
        ),
        _facts(
            _R.FSMP_OVERCLAIM,
            ("特医食品超范围宣传", "Overclaim for medical-purpose food"),
            _S.PAUSE,
            parse_basis("FSL 80", "O21 8,11,22", _FALSE),
            (_P.SPECIAL_MEDICAL_FOOD,),
        ),
        _facts(
            _R.BREASTMILK_SUBSTITUTE,
            ("宣称替代母乳", "Replacing breast milk"),
            _S.STOP,
            parse_basis("", "AdL 20,57(3)", _FALSE),
            (_P.INFANT_FORMULA,),
        ),
        _facts(
            _R.FALSE_ENDORSEMENT,
            ("虚假权威背书", "False authority"),
            _S.PAUSE,
            parse_basis("", "AdL 11,16(4),18(5),28(3),38; O21 11(2)", _FALSE),
        ),
        _facts(
            _R.STATE_SYMBOLS,
            ("借国家机关、领导人、特供之名", "State organs, leaders, special supply"),
            _S.STOP,
            parse_basis("", "AdL 9(1),9(2); O21 11(1)", _FALSE),
        ),
        _facts(
            _R.COUNTERFEIT_HINT,
            ("假冒暗示", "Hints at counterfeits"),
            _S.STOP,
            parse_basis("AUCL 7; CRP 5(5),5(6); O117 33; TmL 57"),
            (),
            _INDUSTRY_CODE + "第25项",
        ),
        _facts(
            _R.FALSE_ORIGIN,
            ("虚假产地", "False origin"),
            _S.PAUSE,
            parse_basis("CRP 5(3)", "AdL 28(2)", _FALSE),
        ),
        _facts(
            _R.FALSE_MATERIAL_SPEC,
            ("材质规格不实", "False material or specification"),
            _S.PAUSE,
            parse_basis("O117 34", "AdL 8,28(2)", "AUCL 9"),
        ),
        _facts(
            _R.JEWELRY_FAKE_CERT,
            ("珠宝虚假鉴定", "False jewellery certificates"),
            _S.STOP,
            parse_basis("Insp 14; S102", "AdL 28(3)", _FALSE),
            _JEWELS,
        ),
        _facts(
            _R.CERT_PATENT_FALSE,
            ("认证、能效、专利不实", "False certification, energy grade or patent"),
            _S.PAUSE,
            parse_basis("CertR 27,66; EnL 19", "AdL 12", _FALSE),
        ),
        _facts(
            _R.INVESTMENT_RETURN,
            ("收益承诺", "Promised returns"),
            _S.STOP,
            parse_basis("", "AdL 25,26", _FALSE),
        ),
        _facts(
            _R.EDUCATION_OUTCOME,
            ("教培效果保证", "Promised results of teaching"),
            _S.PAUSE,
            parse_basis("", "AdL 24", _FALSE),
            (_P.EDUCATION, _P.BOOKS),
        ),
        _facts(
            _R.OFF_PLATFORM,
            ("诱导站外交易", "Luring off the platform"),
            _S.PAUSE,
            LegalBasis(),
            (),
            _PLATFORM + "：禁止诱导场外交易",
        ),
        _facts(
            _R.LOTTERY_INDUCEMENT,
            ("违规抽奖", "Unlawful lottery"),
            _S.CORRECT,
            parse_basis("AUCL 11; Pro 13,14,15,16,17"),
        ),
        _facts(
            _R.MINOR_HARM,
            ("侵害未成年人", "Harm to minors"),
            _S.STOP,
            parse_basis("Minors 59", "AdL 10,38,40", "O117 34"),
            (),
            _INDUSTRY_CODE + "第20项",
        ),
        _facts(
            _R.SUPERSTITION,
            ("封建迷信", "Superstition"),
            _S.CORRECT,
            parse_basis("", "AdL 9(8)", _FALSE),
            (),
            _INDUSTRY_CODE + "第21项",
        ),
        _facts(
            _R.VULGAR_ABUSE,
            ("低俗、辱骂、歧视", "Vulgarity, abuse, discrimination"),
            _S.PAUSE,
            parse_basis("", "AdL 9(8),9(9)"),
            (),
            _INDUSTRY_CODE + "第18、24项",
        ),
        _facts(
            _R.PRIVACY_LEAK,
            ("泄露个人信息", "Leak of personal information"),
            _S.STOP,
            parse_basis("PIPL 25", "AdL 9(6)"),
        ),
        _facts(
            _R.DISPARAGE_COMPETITOR,
            ("贬低同行", "Disparaging competitors"),
            _S.PAUSE,
            parse_basis("AUCL 12; O117 36", "AdL 13"),
        ),
        _facts(
            _R.AGRI_INPUTS,
            ("农资违规宣传", "Claims for agricultural inputs"),
            _S.PAUSE,
            parse_basis("", "AdL 21,27", _FALSE),
            (_P.AGRI_INPUTS, _P.AGRICULTURAL),
        ),
        _facts(
            _R.ALCOHOL,
            ("酒类违规宣传", "Claims for alcohol"),
            _S.PAUSE,
            parse_basis("Minors 59", "AdL 23", _FALSE),
            (_P.ALCOHOL,),
        ),
        _facts(
            _R.TOBACCO_ECIG,
            ("烟草、电子烟", "Tobacco and e-cigarettes"),
            _S.STOP,
            parse_basis("TobR 65", "AdL 22; O72 6"),
        ),
        _facts(
            _R.AI_IMPERSONATION,
            ("人工智能冒充或未标识", "AI impersonation or no AI label"),
            _S.STOP,
            parse_basis("O117 17,34,37; CivC 1019,1023"),
        ),
        _facts(
            _R.FALSE_IDENTITY_STORY,
            ("虚假身份与卖惨剧本", "False identity and made-up stories"),
            _S.CORRECT,
            parse_basis("O117 26,34"),
        ),
        _facts(_R.PROHIBITED_GOODS, ("禁售品", "Prohibited goods"), _S.STOP, parse_basis("ECL 13; O117 33; DrN 8")),
        _facts(
            _R.AFTER_SALE_DENIAL,
            ("拒绝售后", "Denial of after-sale rights"),
            _S.CORRECT,
            parse_basis("CPL 25; CPR 19; O37 21"),
        ),
    )
}


def basis_zh(basis: LegalBasis, day: date | None = None) -> str:
    """The basis in words: with `day`, only instruments in force on it. Empty when nothing remains."""
    parts = []
    if always := _citations_zh(basis.always, day):
        parts.append(always)
    if advertising := _citations_zh(basis.if_advertising, day):
        parts.append("属于广告的：" + advertising)
    if otherwise := _citations_zh(basis.otherwise, day):
        parts.append(("不属于广告但虚假或引人误解的：" if basis.if_advertising else "虚假或引人误解的：") + otherwise)
    return "；".join(parts)


def _citations_zh(citations: tuple[Citation, ...], day: date | None) -> str:
    words = []
    for citation in citations:
        instrument = INSTRUMENTS[citation.instrument]
        if day is None or instrument.in_force(day):
            words.append(f"《{instrument.title_zh}》" + "、".join(article_zh(a) for a in citation.articles))
    return "、".join(words)
