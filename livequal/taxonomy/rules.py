"""The leaf tables all rooms share: product categories, the 40 risk categories, severities, legal instruments. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import IntEnum, StrEnum


class ProductCategory(StrEnum):
    """What is being sold. The slugs are part of the public interface (`flask scan`, imports, API)."""

    FOOD = "food"
    HEALTH_FOOD = "health_food"
    SPECIAL_MEDICAL_FOOD = "special_medical_food"
    INFANT_FORMULA = "infant_formula"
    COSMETICS = "cosmetics"
    SPECIAL_COSMETICS = "special_cosmetics"
    MEDICAL_DEVICE = "medical_device"
    DRUG = "drug"
    MEDICAL_BEAUTY = "medical_beauty"
    JEWELRY = "jewelry"
    COLLECTIBLE = "collectible"
    LUXURY = "luxury"
    APPAREL = "apparel"
    SHOES = "shoes"
    APPLIANCE = "appliance"
    DIGITAL = "digital"
    HOME = "home"
    DAILY = "daily"
    TEA = "tea"
    ALCOHOL = "alcohol"
    TOBACCO = "tobacco"
    AGRICULTURAL = "agricultural"
    AGRI_INPUTS = "agri_inputs"
    MINORS_GOODS = "minors_goods"
    EDUCATION = "education"
    FINANCE = "finance"
    REALESTATE = "realestate"
    BOOKS = "books"
    SERVICE = "service"
    WILDLIFE = "wildlife"
    GENERAL = "general"

    @property
    def zh(self) -> str:
        """The Chinese name."""
        return _PRODUCT_NAMES[self][0]

    @property
    def en(self) -> str:
        """The English name."""
        return _PRODUCT_NAMES[self][1]


_PRODUCT_NAMES: dict[ProductCategory, tuple[str, str]] = {
    ProductCategory.FOOD: ("普通食品", "Food"),
    ProductCategory.HEALTH_FOOD: ("保健食品", "Health food"),
    ProductCategory.SPECIAL_MEDICAL_FOOD: ("特殊医学用途配方食品", "Food for special medical purposes"),
    ProductCategory.INFANT_FORMULA: ("婴幼儿配方食品", "Infant formula"),
    ProductCategory.COSMETICS: ("普通化妆品", "Cosmetics"),
    ProductCategory.SPECIAL_COSMETICS: ("特殊化妆品", "Special cosmetics"),
    ProductCategory.MEDICAL_DEVICE: ("医疗器械", "Medical device"),
    ProductCategory.DRUG: ("药品", "Medicine"),
    ProductCategory.MEDICAL_BEAUTY: ("医疗美容", "Medical beauty"),
    ProductCategory.JEWELRY: ("珠宝玉石", "Jewellery"),
    ProductCategory.COLLECTIBLE: ("收藏品", "Collectibles"),
    ProductCategory.LUXURY: ("箱包奢品", "Luxury goods"),
    ProductCategory.APPAREL: ("服装", "Apparel"),
    ProductCategory.SHOES: ("鞋靴", "Shoes"),
    ProductCategory.APPLIANCE: ("家用电器", "Appliances"),
    ProductCategory.DIGITAL: ("数码产品", "Digital products"),
    ProductCategory.HOME: ("家居家装", "Home and furniture"),
    ProductCategory.DAILY: ("日用百货", "Daily goods"),
    ProductCategory.TEA: ("茶叶", "Tea"),
    ProductCategory.ALCOHOL: ("酒类", "Alcohol"),
    ProductCategory.TOBACCO: ("烟草及电子烟", "Tobacco and e-cigarettes"),
    ProductCategory.AGRICULTURAL: ("农产品", "Agricultural produce"),
    ProductCategory.AGRI_INPUTS: ("农资", "Agricultural inputs"),
    ProductCategory.MINORS_GOODS: ("儿童用品", "Goods for minors"),
    ProductCategory.EDUCATION: ("教育培训", "Education"),
    ProductCategory.FINANCE: ("金融投资", "Finance"),
    ProductCategory.REALESTATE: ("房产", "Real estate"),
    ProductCategory.BOOKS: ("图书", "Books"),
    ProductCategory.SERVICE: ("生活服务", "Services"),
    ProductCategory.WILDLIFE: ("野生动植物", "Wildlife"),
    ProductCategory.GENERAL: ("未指明", "Not stated"),
}


class Severity(IntEnum):
    """How a risk category is met by default; 1 is the mildest."""

    NOTE = 1
    CORRECT = 2
    PAUSE = 3
    STOP = 4

    @property
    def zh(self) -> str:
        """The default measure in Chinese."""
        return {1: "提示", 2: "现场纠正", 3: "暂停该商品并人工复核", 4: "停播、锁定证据并上报"}[int(self)]

    @property
    def en(self) -> str:
        """The default measure in English."""
        return {
            1: "Note",
            2: "Correct on the spot",
            3: "Pause the product, human review",
            4: "Stop, lock evidence, escalate",
        }[int(self)]


class RiskCategory(StrEnum):
    """The 40 ways in which spoken selling goes wrong."""

    ABSOLUTE_TERMS = "absolute_terms"
    LOWEST_PRICE = "lowest_price"
    FAKE_PRICE_COMPARE = "fake_price_compare"
    FAKE_SCARCITY = "fake_scarcity"
    FAKE_SALES_DATA = "fake_sales_data"
    DISEASE_CLAIM_FOOD = "disease_claim_food"
    HEALTH_FUNCTION_PLAIN_FOOD = "health_function_plain_food"
    HEALTHFOOD_OVERCLAIM = "healthfood_overclaim"
    HEALTHFOOD_NO_DISCLAIMER = "healthfood_no_disclaimer"
    COSMETIC_MEDICAL = "cosmetic_medical"
    COSMETIC_SPECIAL_UNREGISTERED = "cosmetic_special_unregistered"
    EFFICACY_GUARANTEE = "efficacy_guarantee"
    DRUG_DEVICE_PROMO = "drug_device_promo"
    DISGUISED_MEDICAL_AD = "disguised_medical_ad"
    FEAR_ELDERLY = "fear_elderly"
    FSMP_OVERCLAIM = "fsmp_overclaim"
    BREASTMILK_SUBSTITUTE = "breastmilk_substitute"
    FALSE_ENDORSEMENT = "false_endorsement"
    STATE_SYMBOLS = "state_symbols"
    COUNTERFEIT_HINT = "counterfeit_hint"
    FALSE_ORIGIN = "false_origin"
    FALSE_MATERIAL_SPEC = "false_material_spec"
    JEWELRY_FAKE_CERT = "jewelry_fake_cert"
    CERT_PATENT_FALSE = "cert_patent_false"
    INVESTMENT_RETURN = "investment_return"
    EDUCATION_OUTCOME = "education_outcome"
    OFF_PLATFORM = "off_platform"
    LOTTERY_INDUCEMENT = "lottery_inducement"
    MINOR_HARM = "minor_harm"
    SUPERSTITION = "superstition"
    VULGAR_ABUSE = "vulgar_abuse"
    PRIVACY_LEAK = "privacy_leak"
    DISPARAGE_COMPETITOR = "disparage_competitor"
    AGRI_INPUTS = "agri_inputs"
    ALCOHOL = "alcohol"
    TOBACCO_ECIG = "tobacco_ecig"
    AI_IMPERSONATION = "ai_impersonation"
    FALSE_IDENTITY_STORY = "false_identity_story"
    PROHIBITED_GOODS = "prohibited_goods"
    AFTER_SALE_DENIAL = "after_sale_denial"


class InstrumentKind(StrEnum):
    """Rank of a legal instrument: only a law or administrative regulation can carry a blacklisting (O117 a14)."""

    LAW = "law"
    ADMINISTRATIVE_REGULATION = "administrative_regulation"
    DEPARTMENTAL_RULE = "departmental_rule"
    GUIDELINE = "guideline"


@dataclass(frozen=True, slots=True)
class LegalInstrument:
    """A law, regulation, rule or guideline; `until` None: still in force, `since` None: the day is not known."""

    key: str
    title_zh: str
    kind: InstrumentKind
    since: date | None = None
    until: date | None = None

    def in_force(self, day: date) -> bool:
        """Whether it applied on that day; an unknown beginning counts as long ago."""
        return (self.since is None or self.since <= day) and (self.until is None or day <= self.until)


@dataclass(frozen=True, slots=True)
class Citation:
    """Articles of one instrument; an article is "9", "9(3)" (item) or "57¶2" (paragraph); none cites the whole."""

    instrument: str
    articles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LegalBasis:
    """What a category rests on in law: always, if the speech is an advertisement, and otherwise.

    `otherwise` applies where the words are false or misleading though no advertisement (O117 a35 says when they are).
    """

    always: tuple[Citation, ...] = ()
    if_advertising: tuple[Citation, ...] = ()
    otherwise: tuple[Citation, ...] = ()


@dataclass(frozen=True, slots=True)
class RiskCategoryFacts:
    """What is on file about one risk category.

    `products` empty means all products. `platform` is the basis in platform rules or industry codes, not law.
    """

    slug: RiskCategory
    zh: str
    en: str
    severity: Severity
    basis: LegalBasis
    products: frozenset[ProductCategory] = frozenset()
    platform: str = ""


_DIGITS = "零一二三四五六七八九"
_PLACES = ("", "十", "百", "千")


def chinese_number(number: int) -> str:
    """1 → 一, 14 → 十四, 120 → 一百二十, 1019 → 一千零一十九; for article numbers, 1 to 9999."""
    words, gap = "", False
    digits = str(number)
    for index, digit in enumerate(digits):
        place = _PLACES[len(digits) - 1 - index]
        if digit == "0":
            gap = bool(words)
            continue
        words += ("零" if gap else "") + _DIGITS[int(digit)] + place
        gap = False
    return words[1:] if words.startswith("一十") else words


def article_zh(article: str) -> str:
    """ "9(3)" → 第九条第（三）项, "57¶2" → 第五十七条第二款."""
    head, paragraph, item = article, "", ""
    if "(" in head:
        head, _, item = head.rstrip(")").partition("(")
    if "¶" in head:
        head, _, paragraph = head.partition("¶")
    words = f"第{chinese_number(int(head))}条"
    if paragraph:
        words += f"第{chinese_number(int(paragraph))}款"
    if item:
        words += f"第（{chinese_number(int(item))}）项"
    return words
