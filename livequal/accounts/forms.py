"""The shape of what people type about accounts."""

from __future__ import annotations

from wtforms import EmailField, HiddenField, PasswordField, SearchField, SelectField, SelectMultipleField, StringField
from wtforms.validators import Email, InputRequired, Length, Optional, Regexp
from wtforms.widgets import CheckboxInput, ListWidget

from ..kernel.forms import Form
from ..kernel.i18n import lazy_gettext as _
from .rules import NAME_MAX, PASSWORD_MAX

_NAME = (InputRequired(_("Give a name.")), Length(max=NAME_MAX, message=_("Take at most %(max)d characters.")))
_MAIL = (Optional(), Length(max=200), Email(_("This doesn't look like a mail address. Check it.")))
_LONG = Length(max=PASSWORD_MAX, message=_("Take at most %(max)d characters."))


class MultiCheckboxField(SelectMultipleField):
    """Several choices, each with a box to tick."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()


class SignInForm(Form):
    """Name and password."""

    login = StringField(_("Sign-in name"), [InputRequired(_("Type your sign-in name.")), Length(max=100)])
    password = PasswordField(_("Password"), [InputRequired(_("Type your password.")), _LONG])
    next = HiddenField()


class JoinForm(Form):
    """What somebody chooses who comes in by an invitation."""

    name = StringField(_("Your name"), _NAME)
    login = StringField(
        _("Sign-in name"),
        [InputRequired(_("Choose a sign-in name."))],
        description=_("2 to 60 letters, digits or Chinese characters. You type it each time you sign in."),
    )
    password = PasswordField(
        _("Password"),
        [InputRequired(_("Choose a password."))],
        description=_("At least 10 characters. Three words in a row are easy to keep."),
    )
    email = EmailField(
        _("Mail address"), _MAIL, description=_("Only for choosing a new password when you have forgotten yours.")
    )


class InvitationForm(Form):
    """Whom to invite, as what."""

    name = StringField(_("The person's name"), _NAME)
    roles = MultiCheckboxField(_("Roles"), [InputRequired(_("Choose at least one role."))])
    subject = HiddenField(
        validators=[Regexp(r"([a-z_]+:[0-9]{1,9})?$", message=_("Open this page anew from the list."))]
    )


class OrganisationForm(Form):
    """A new tenant."""

    name = StringField(_("Name of the organisation"), _NAME)
    kind = SelectField(_("Kind"))


class RolesForm(Form):
    """The roles of a person."""

    roles = MultiCheckboxField(_("Roles"), [InputRequired(_("Choose at least one role."))])


class ProfileForm(Form):
    """One's own name and mail address."""

    name = StringField(_("Your name"), _NAME)
    email = EmailField(
        _("Mail address"), _MAIL, description=_("Only for choosing a new password when you have forgotten yours.")
    )
    current = PasswordField(
        _("Present password"),
        [_LONG],
        id="profile-current",
        description=_("Needed only when you change the mail address."),
    )


class PasswordForm(Form):
    """A new password of one's own."""

    current = PasswordField(
        _("Present password"), [InputRequired(_("Type your present password.")), _LONG], id="password-current"
    )
    password = PasswordField(
        _("New password"),
        [InputRequired(_("Choose a password."))],
        description=_("At least 10 characters. Three words in a row are easy to keep."),
    )


class LeaveForm(Form):
    """Closing one's own account."""

    current = PasswordField(
        _("Present password"), [InputRequired(_("Type your present password.")), _LONG], id="leave-current"
    )


class AskForResetForm(Form):
    """Whose password is forgotten."""

    login = StringField(
        _("Sign-in name or mail address"),
        [InputRequired(_("Type your sign-in name or mail address.")), Length(max=200)],
    )


class ResetForm(Form):
    """The new password."""

    password = PasswordField(
        _("New password"),
        [InputRequired(_("Choose a password."))],
        description=_("At least 10 characters. Three words in a row are easy to keep."),
    )


class PeopleFilter(Form):
    """What to look for among people."""

    class Meta(Form.Meta):
        """A filter changes nothing and travels in the address."""

        csrf = False

    q = SearchField(_("Name or sign-in name"))
    organisation = SelectField(_("Organisation"), validate_choice=False)
    role = SelectField(_("Role"), validate_choice=False)
    state = SelectField(_("State"), validate_choice=False)


def text(field: StringField) -> str:
    """What was typed; empty when nothing was sent."""
    return field.data or ""
