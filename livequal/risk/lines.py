"""话术自查: a text read with the rules in force for whoever wants to say it; nothing is kept unless it is saved."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from sqlalchemy import Select, false, func, select
from sqlalchemy.exc import IntegrityError

from ..accounts.rules import Actor
from ..kernel.clock import SHANGHAI, now
from ..kernel.db import db, edge
from ..kernel.errors import Conflict, NotFound, TooMany
from ..kernel.i18n import gettext, ngettext
from ..onboarding import service as onboarding
from ..onboarding.models import Streamer
from ..taxonomy.rules import ProductCategory
from . import service
from .models import LineUse, SavedLine

if TYPE_CHECKING:
    from .matcher import Flag

TEXT_MAX = 20_000
TITLE_MAX = 60
SAVED_MAX = 500
WINDOW = timedelta(minutes=10)
TEXTS_PER_WINDOW = 60
VOICES_PER_WINDOW = 30


@dataclass(frozen=True, slots=True)
class Claim:
    """One thing to look at again: the same words judged the same are one claim, however often they stand there."""

    number: int
    flag: Flag
    times: int


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the text, and the numbers of the claims that cover it (none: plain text)."""

    text: str
    claims: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Checked:
    """A text in pieces, which joined are the text to the letter, and its claims in the order of their first words."""

    pieces: tuple[Piece, ...]
    claims: tuple[Claim, ...]


def check(text: str, product: ProductCategory) -> Checked:
    """What the rules in force make of a text about such a product, with the law of today.

    Pure but for asking which rules are in force: no transaction is open while it reads.
    """
    from .matcher import ProductContext

    matcher = service.matcher()
    return marked(text, matcher.judge(text, ProductContext(product, spoken_on=now().astimezone(SHANGHAI).date())))


def marked(text: str, flags: tuple[Flag, ...]) -> Checked:
    """The text cut where flags begin and end, with equal flags under one number."""
    groups: dict[tuple[str, str, str], list[Flag]] = {}
    for flag in sorted(flags, key=lambda one: (one.start, one.end)):
        groups.setdefault((flag.rule, flag.category.value, flag.quote), []).append(flag)
    claims = tuple(Claim(number, same[0], len(same)) for number, same in enumerate(groups.values(), 1))
    begins: dict[int, list[int]] = {}
    ends: dict[int, list[int]] = {}
    for claim, same in zip(claims, groups.values(), strict=True):
        for flag in same:
            begins.setdefault(flag.start, []).append(claim.number)
            ends.setdefault(flag.end, []).append(claim.number)
    pieces, over = [], Counter[int]()
    for start, end in pairwise(sorted({0, len(text), *begins, *ends})):
        over.subtract(ends.get(start, ()))
        over.update(begins.get(start, ()))
        pieces.append(Piece(text[start:end], tuple(sorted(number for number in over if over[number] > 0))))
        over = +over
    return Checked(tuple(pieces), claims)


def count_text(product: ProductCategory, *, by: Actor) -> None:
    """Count one check of a text, and remember the product. In a transaction of its own: what follows takes its time.

    Raises: TooMany.
    """
    _count(product, by, voice=False)


def count_voice(product: ProductCategory, *, by: Actor) -> None:
    """Count one check by voice, and remember the product. In a transaction of its own.

    Raises: TooMany.
    """
    _count(product, by, voice=True)


def _count(product: ProductCategory, by: Actor, *, voice: bool) -> None:
    with edge():
        use = _use(by, product)
        at = now()
        if use.since + WINDOW <= at:
            use.since, use.texts, use.voices = at, 0, 0
        if voice:
            use.voices += 1
        else:
            use.texts += 1
        use.product_category = product.value
        wait_s = round((use.since + WINDOW - at).total_seconds())
        over = use.voices > VOICES_PER_WINDOW or use.texts > TEXTS_PER_WINDOW
    if over:
        minutes = max(1, -(-wait_s // 60))
        again = ngettext(
            "That was a lot in a short time. Please wait %(num)s minute; what you wrote is still here.",
            "That was a lot in a short time. Please wait %(num)s minutes; what you wrote is still here.",
            minutes,
        )
        raise TooMany(again, max(1, wait_s))


def _use(by: Actor, product: ProductCategory) -> LineUse:
    known = select(LineUse).where(LineUse.user_id == by.user_id).with_for_update()
    use = db.session.scalars(known).first()
    if use is not None:
        return use
    use = LineUse(user_id=by.user_id, product_category=product.value, since=now(), texts=0, voices=0)
    try:
        with db.session.begin_nested():
            db.session.add(use)
    except IntegrityError:
        # Two windows checked their first line at once.
        return db.session.scalars(known).one()
    return use


def last_product(by: Actor) -> ProductCategory:
    """What the person checked for last; before the first time what she sells, if that is one thing."""
    known = db.session.scalar(select(LineUse.product_category).where(LineUse.user_id == by.user_id))
    if known is not None:
        return ProductCategory(known)
    own = own_products(by)
    return own[0] if own else ProductCategory.GENERAL


def own_products(by: Actor) -> list[ProductCategory]:
    """The product categories this person sells as a streamer."""
    row = db.session.scalars(onboarding.visible_to_streamers(by).where(Streamer.user_id == by.user_id)).first()
    sold = row.categories if row is not None else frozenset()
    return [product for product in ProductCategory if product.value in sold]


# ── what somebody saved ───────────────────────────────────────────────────────────────────────────────────────────


def visible_to(actor: Actor) -> Select[SavedLine]:
    """A person's own, and nobody else's."""
    query = select(SavedLine)
    return query.where(false()) if actor.user_id is None else query.where(SavedLine.user_id == actor.user_id)


def listed(actor: Actor) -> Select[SavedLine]:
    """What the person saved, newest first."""
    return visible_to(actor).order_by(SavedLine.id.desc())


def get(saved_line_id: int, actor: Actor) -> SavedLine:
    """One text the person saved.

    Raises: NotFound.
    """
    row = db.session.scalars(visible_to(actor).where(SavedLine.id == saved_line_id)).first()
    if row is None:
        raise NotFound(gettext("There is no such saved text, or it is not yours."))
    return row


def save(title: str, text: str, product: ProductCategory, *, by: Actor) -> SavedLine:
    """Keep a text in the person's own list. No record of it is made elsewhere: it is nobody else's business.

    Raises: Conflict when the list is full.
    """
    saved = db.session.scalar(select(func.count()).select_from(visible_to(by).subquery())) or 0
    if saved >= SAVED_MAX:
        raise Conflict(gettext("Your list is full. Delete what you no longer need, then save this."))
    row = SavedLine(user_id=by.user_id, title=title, body=text, product_category=product.value, saved_at=now())
    db.session.add(row)
    db.session.flush()
    return row


def delete(row: SavedLine) -> None:
    """Remove a saved text for good."""
    db.session.delete(row)
    db.session.flush()
