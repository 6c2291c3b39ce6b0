"""The shape of what learners and administrators send."""

from __future__ import annotations

from wtforms import (
    BooleanField,
    HiddenField,
    IntegerField,
    PasswordField,
    RadioField,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from ..accounts.rules import PASSWORD_MAX
from ..kernel.forms import Form
from ..kernel.i18n import lazy_gettext as _
from .commitments import BODY_MAX, TITLE_MAX
from .rules import EXTRA_MINUTES_MAX, REASON_MAX
from .service import PLACE_MAX


class StartForm(Form):
    """Who begins an exam shows once more who they are."""

    agreed = BooleanField(_("I answer by myself, without help."), [InputRequired(_("Agree to this to begin."))])
    password = PasswordField(_("Your password"), [InputRequired(_("Type your password.")), Length(max=PASSWORD_MAX)])


class PlaceForm(Form):
    """Where somebody reads."""

    place = IntegerField(validators=[InputRequired(), NumberRange(0, PLACE_MAX)])


class GrantForm(Form):
    """One more attempt, or more time."""

    course = SelectField(_("Course"))
    kind = SelectField(
        _("What"), choices=[SelectChoice("attempt", _("One more attempt")), SelectChoice("time", _("More time, once"))]
    )
    minutes = IntegerField(
        _("Minutes"), [Optional(), NumberRange(1, EXTRA_MINUTES_MAX, _("Give %(min)s to %(max)s minutes."))]
    )
    reason = TextAreaField(
        _("Why"),
        [
            InputRequired(_("Say why. It stays on record.")),
            Length(max=REASON_MAX, message=_("Write at most %(max)d characters.")),
        ],
    )


class CertificateForm(Form):
    """What becomes of a certificate, and why."""

    kind = RadioField(_("What is to happen"), [InputRequired(_("Choose what is to happen."))])
    reason = TextAreaField(
        _("Why"),
        [
            InputRequired(_("Say why. It stays on record.")),
            Length(max=REASON_MAX, message=_("Write at most %(max)d characters.")),
        ],
    )


class SignForm(Form):
    """A commitment was read and is signed: the digest says which text stood there."""

    read = HiddenField(validators=[InputRequired()])
    agreed = BooleanField(_("I have read this text and keep to it."), [InputRequired(_("Agree to this to sign."))])


class CommitmentForm(Form):
    """A new version of a commitment."""

    read = HiddenField(validators=[InputRequired()])
    title = StringField(_("Title"), [InputRequired(_("Write a title.")), Length(max=TITLE_MAX)])
    body = TextAreaField(_("Text"), [InputRequired(_("Write the text.")), Length(max=BODY_MAX)])
    change = RadioField(
        _("What kind of change"),
        [InputRequired(_("Choose what kind of change it is."))],
        choices=[
            SelectChoice("minor", _("Wording only: signatures stay good")),
            SelectChoice("major", _("What is promised changes: everybody signs anew")),
        ],
    )
