"""The shape of a rule that assigns courses, and of a waiver."""

from __future__ import annotations

from typing import Any

from wtforms import DateField, HiddenField, IntegerField, SelectField, SelectMultipleField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]
from wtforms.validators import InputRequired, Length, NumberRange, Optional
from wtforms.widgets import CheckboxInput, ListWidget

from ..kernel.forms import Form
from ..kernel.i18n import lazy_gettext as _
from .duties import TITLE_MAX, WAIVE_REASON_MAX, WORKING_DAYS_MAX, Held, Occasion


class MultiCheckboxField(SelectMultipleField):
    """Several of many, as check boxes."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()


class RuleForm(Form):
    """A rule; it is counted first and saved then. `counted` is the number of people shown before saving."""

    title = StringField(
        _("Name of the rule"),
        [InputRequired(_("Fill this in.")), Length(max=TITLE_MAX)],
    )
    course = SelectField(_("Course"))
    occasion = SelectField(
        _("When"),
        choices=[
            SelectChoice(Occasion.JOINING.value, _("As soon as somebody fits")),
            SelectChoice(Occasion.DATE.value, _("From a day on")),
        ],
    )
    on_date = DateField(_("From"), [Optional()])
    roles = MultiCheckboxField(_("For whom"), [InputRequired(_("Choose at least one role."))])
    product_categories = MultiCheckboxField(_("Only who sells"))
    organisation = StringField(_("Only this organisation"), [Length(max=120)])
    room = StringField(_("Only who streams in the room with this number"), [Length(max=120)])
    held = SelectField(
        _("Only who"),
        choices=[
            SelectChoice(Held.ANY.value, _("(everybody)")),
            SelectChoice(Held.NEVER.value, _("never passed this course")),
            SelectChoice(Held.EXPIRING.value, _("passed it, and it ends within 30 days")),
            SelectChoice(Held.EXPIRED.value, _("passed it more than a year ago")),
        ],
    )
    working_days = IntegerField(
        _("Due in working days"),
        [
            InputRequired(_("Give a number.")),
            NumberRange(0, WORKING_DAYS_MAX, _("Give %(min)s to %(max)s working days.")),
        ],
        default=5,
    )
    counted = HiddenField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.room.description = _("The number under which viewers find it on the platform.")


class WaiveForm(Form):
    """Why somebody is let off."""

    reason = TextAreaField(
        _("Why"),
        [
            InputRequired(_("Say why. It stays on record.")),
            Length(max=WAIVE_REASON_MAX, message=_("Write at most %(max)d characters.")),
        ],
    )
