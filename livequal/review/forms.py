"""The shape of a decision."""

from __future__ import annotations

from wtforms import IntegerField, StringField, TextAreaField
from wtforms.validators import AnyOf, InputRequired, Length, Optional

from ..kernel.forms import Form
from ..kernel.i18n import lazy_gettext as _
from .rules import Outcome
from .service import NOTE_MAX


class DecisionForm(Form):
    """What a moderator decides, as JSON or from a plain form."""

    outcome = StringField(validators=[InputRequired(), AnyOf(list(Outcome), _("Confirm, dismiss or withdraw."))])
    reason = StringField(validators=[InputRequired(_("Choose a reason."))])
    note = TextAreaField(validators=[Length(max=NOTE_MAX, message=_("Write at most %(max)d characters."))])
    category = StringField(validators=[Length(max=60)])
    streamer = IntegerField(validators=[Optional()])
    version = IntegerField(validators=[InputRequired()])
