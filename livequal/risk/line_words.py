"""What a streamer reads about a line: what is the matter, in plain and kind words. A suspicion accuses nobody."""

from __future__ import annotations

from dataclasses import dataclass

from flask_babel import LazyString

from ..kernel.i18n import gettext, lazy_gettext
from ..taxonomy.rules import RiskCategory, Severity
from .lines import Checked, Claim

_ = lazy_gettext
_R = RiskCategory

MATTERS: dict[RiskCategory, LazyString] = {
    _R.ABSOLUTE_TERMS: _("It sounds like “the best of all”. Words like that need a fact that can be looked up."),
    _R.LOWEST_PRICE: _("“The lowest price” has to be proved against everybody else, and nobody can."),
    _R.FAKE_PRICE_COMPARE: _("The price it is compared with must really have been asked lately, with records to show."),
    _R.FAKE_SCARCITY: _("How many are left and until when must be what the stock really says."),
    _R.FAKE_SALES_DATA: _("How much was sold and what buyers wrote must be what the page shows."),
    _R.DISEASE_CLAIM_FOOD: _("It sounds as if this cured or prevented an illness. Food must not be sold like that."),
    _R.HEALTH_FUNCTION_PLAIN_FOOD: _("It sounds like a health effect. Only approved health food may speak of one."),
    _R.HEALTHFOOD_OVERCLAIM: _("It says more than the approval of this health food does."),
    _R.HEALTHFOOD_NO_DISCLAIMER: _("The sentence that health food is no medicine has not been said yet."),
    _R.COSMETIC_MEDICAL: _("These are a doctor's words. Cosmetics must not use them."),
    _R.COSMETIC_SPECIAL_UNREGISTERED: _("An effect like this needs a special cosmetics registration."),
    _R.EFFICACY_GUARANTEE: _("It promises an effect or a time. It works differently for everybody, so nobody can."),
    _R.DRUG_DEVICE_PROMO: _("Medicines and devices may only be described as their approved leaflet does."),
    _R.DISGUISED_MEDICAL_AD: _("It sounds like medical advice that sells something."),
    _R.FEAR_ELDERLY: _("It presses people with fear or with duty to their parents."),
    _R.FSMP_OVERCLAIM: _("It says more than the label of this special medical food does."),
    _R.BREASTMILK_SUBSTITUTE: _("It compares formula with breast milk or gives it effects. Neither is allowed."),
    _R.FALSE_ENDORSEMENT: _("If an expert, an institution or a prize is named, there must be a paper for it."),
    _R.STATE_SYMBOLS: _("State organs, leaders and state banquets must not be used to sell."),
    _R.COUNTERFEIT_HINT: _("It sounds as if the goods were an imitation or of unclear origin."),
    _R.FALSE_ORIGIN: _("Where it comes from must be what the label and the papers say."),
    _R.FALSE_MATERIAL_SPEC: _("What it is made of, and how much, must be what the report says."),
    _R.JEWELRY_FAKE_CERT: _("How a stone was treated, its value and its certificate must be said as they are."),
    _R.CERT_PATENT_FALSE: _("A certificate or patent may be named with its number only."),
    _R.INVESTMENT_RETURN: _("It promises a gain, or that money is safe. Nobody may."),
    _R.EDUCATION_OUTCOME: _("It promises passing, points or a place. Nobody may."),
    _R.OFF_PLATFORM: _("It leads viewers away from the platform, where nobody protects them."),
    _R.LOTTERY_INDUCEMENT: _("A draw needs its rules, prizes and odds in the open."),
    _R.MINOR_HARM: _("It urges children to buy, or harms them."),
    _R.SUPERSTITION: _("It sells luck or fate."),
    _R.VULGAR_ABUSE: _("It hurts somebody or is indecent."),
    _R.PRIVACY_LEAK: _("It tells something private of a person."),
    _R.DISPARAGE_COMPETITOR: _("It runs others down. A comparison needs a report by somebody else."),
    _R.AGRI_INPUTS: _("Seeds, feed and pesticides may only be described as they are registered."),
    _R.ALCOHOL: _("It urges to drink, or gives alcohol effects."),
    _R.TOBACCO_ECIG: _("Tobacco and e-cigarettes must not be sold live."),
    _R.AI_IMPERSONATION: _("A face or voice made by machine must be marked, and the person must have agreed."),
    _R.FALSE_IDENTITY_STORY: _("It sounds like a made-up story or somebody else's name."),
    _R.PROHIBITED_GOODS: _("This must not be sold."),
    _R.AFTER_SALE_DENIAL: _("It takes a right from buyers that the law gives them."),
}


@dataclass(frozen=True, slots=True)
class Told:
    """A claim as its page shows it. `tone` is a badge's."""

    claim: Claim
    tone: str
    head: str
    matter: str


def told(checked: Checked) -> list[Told]:
    """Every claim in words."""
    return [Told(claim, *_head(claim), str(MATTERS[claim.flag.category])) for claim in checked.claims]


def _head(claim: Claim) -> tuple[str, str]:
    from .matcher import EvidenceState
    from .matcher.engine import READER_SLUG

    flag = claim.flag
    if flag.rule == READER_SLUG:
        return "unknown", gettext("Think this one over")
    if flag.evidence is EvidenceState.UNPROVEN:
        return "proof", gettext("This needs proof")
    if flag.severity >= Severity.PAUSE:
        return "stop", gettext("Better not say this")
    return "proof", gettext("Say this differently")
