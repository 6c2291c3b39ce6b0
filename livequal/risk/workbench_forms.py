"""The shape of what rule owners send."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any

from wtforms import BooleanField, DateField, HiddenField, IntegerField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]
from wtforms.validators import AnyOf, InputRequired, Length, Optional

from ..kernel.clock import SHANGHAI
from ..kernel.forms import Form
from ..kernel.i18n import lazy_gettext as _
from ..kernel.i18n import locale
from ..onboarding.forms import MultiCheckboxField
from ..taxonomy.rules import ProductCategory, Severity
from .backtest import Scope
from .overlay import RuleEntry
from .rules import NOTE_MAX, TEXT_MAX

_LONG = Length(max=NOTE_MAX, message=_("Write at most %(max)d characters."))
_LISTS = ("literals", "patterns", "unless", "hits", "misses")
_EXAMPLES = ("hits", "misses")
_CODES = {name: product.value for product in ProductCategory for name in (product.value, product.zh, product.en)}


def _coded(line: str) -> str:
    """An example with its product's short name, as packs write it: `普通食品：能治病` is `food: 能治病`."""
    head, mark, text = line.replace("：", ":", 1).partition(":")
    return f"{_CODES[head.strip()]}: {text.strip()}" if mark and head.strip() in _CODES else line


def _named(line: str) -> str:
    """The same example as a person reads it."""
    head, _mark, text = line.partition(": ")
    product = ProductCategory(head)
    return f"{product.en}: {text}" if locale() == "en" else f"{product.zh}：{text}"


class DraftForm(Form):
    """Begin a version with the content of another (`origin`), else of the active one."""

    origin = IntegerField(validators=[Optional()])


class SwitchForm(Form):
    """A rule of the version as it was shown: `changes`."""

    slug = StringField(validators=[InputRequired()])
    changes = IntegerField(validators=[InputRequired()])
    on = BooleanField()


class MoveForm(Form):
    """What happens to a version next; `note` says what it is for, or why."""

    step = StringField(validators=[AnyOf(("shadow", "take_back", "submit", "activate", "retire", "roll_back"))])
    note = TextAreaField(_("What this version is for"), validators=[_LONG])


class JudgeForm(Form):
    """A second person's answer."""

    verdict = StringField(validators=[AnyOf(("approve", "send_back"))])
    reason = TextAreaField(_("Your reason"), validators=[_LONG])


class RuleForm(Form):
    """One rule; lists are typed line by line."""

    slug = StringField(_("Short name"))
    title = StringField(_("Title"), validators=[InputRequired(_("Fill this in.")), Length(max=120)])
    category = SelectField(_("Risk category"), validate_choice=False)
    severity = SelectField(
        _("Severity"),
        coerce=int,
        choices=[SelectChoice(int(level), level.name) for level in Severity],
        default=int(Severity.CORRECT),
    )
    literals = TextAreaField(_("Words, one a line"))
    patterns = TextAreaField(_("Patterns, one a line"))
    unless = TextAreaField(_("Not where the sentence matches, one pattern a line"))
    sound = BooleanField(_("Also find what sounds the same"), default=True)
    everything = BooleanField(_("For all products"))
    products = MultiCheckboxField(_("For which products"))
    always = StringField(_("Legal basis, always"))
    if_advertising = StringField(_("Legal basis, if it is an advertisement"))
    otherwise = StringField(_("Legal basis, if it is none but false or misleading"))
    platform = StringField(_("Basis in platform rules"), validators=[_LONG])
    suggestion = TextAreaField(_("What to say instead"), validators=[_LONG])
    evidence = SelectField(_("Papers that can prove it"), validate_choice=False)
    hits = TextAreaField(_("Must be found, one sentence a line"))
    misses = TextAreaField(_("Must not be found, one sentence a line"))
    changes = HiddenField(validators=[InputRequired()])
    was = HiddenField()

    def fill(self, entry: RuleEntry) -> None:
        """Show a rule."""
        for name in RuleEntry.__dataclass_fields__:
            value = getattr(entry, name)
            value = tuple(map(_named, value)) if name in _EXAMPLES else value
            self[name].data = "\n".join(value) if name in _LISTS else list(value) if name == "products" else value
        if set(entry.products) >= set(ProductCategory):
            self.everything.data, self.products.data = True, []

    @property
    def seen(self) -> int:
        """The state of the version that was changed; 0 for nonsense."""
        text = str(self.changes.data or "")
        return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0

    @property
    def entry(self) -> RuleEntry:
        """What was typed; from then on the lists show without empty lines, so that a line's number is what one sees."""
        lists: dict[str, Any] = {
            name: tuple(filter(None, map(str.strip, (self[name].data or "").splitlines()))) for name in _LISTS
        }
        for name, lines in lists.items():
            self[name].data = "\n".join(lines)
        texts = ("slug", "title", "category", "always", "if_advertising", "otherwise", "platform", "suggestion")
        plain: dict[str, Any] = {name: self[name].data or "" for name in texts}
        lists |= {name: tuple(map(_coded, lists[name])) for name in _EXAMPLES}
        chosen = list(ProductCategory) if self.everything.data else self.products.data or ()
        return RuleEntry(
            severity=self.severity.data or 0,
            products=tuple(sorted(str(product) for product in chosen)),
            evidence=self.evidence.data or "",
            sound=bool(self.sound.data),
            **plain,
            **lists,
        )


class TryForm(Form):
    """Words to read with a version."""

    text = TextAreaField(
        _("Text"),
        validators=[
            InputRequired(_("Paste or type some words.")),
            Length(max=TEXT_MAX, message=_("Write at most %(max)d characters.")),
        ],
    )
    product = SelectField(
        _("What is sold"),
        choices=[SelectChoice(category.value, category.value) for category in ProductCategory],
        default=ProductCategory.GENERAL.value,
    )


class BacktestForm(Form):
    """Which stored transcripts."""

    room = IntegerField(_("Live room"), validators=[Optional()])
    since = DateField(_("From"), validators=[Optional()])
    until = DateField(_("To"), validators=[Optional()])

    @property
    def scope(self) -> Scope:
        """The days as moments: the last day counts whole."""
        since, until = self.since.data, self.until.data
        return Scope(
            self.room.data,
            datetime.combine(since, time(), SHANGHAI) if since else None,
            datetime.combine(until + timedelta(days=1), time(), SHANGHAI) if until else None,
        )
