"""The shape of what people send to have a line checked, and to keep it."""

from __future__ import annotations

from typing import Any

from wtforms import SelectField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length

from ..kernel.forms import Form
from ..kernel.i18n import lazy_gettext as _
from . import lines


def _as_typed(value: Any) -> Any:
    """Browsers send line ends their own way, and databases take no NUL."""
    return value.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "") if isinstance(value, str) else value


class LineText(Form):
    """A text to check before it is said, and what it is about."""

    product = SelectField(_("What is sold"), choices=[])
    text = TextAreaField(
        _("What you want to say"),
        filters=[_as_typed],
        validators=[
            DataRequired(_("Write or paste what you want to say.")),
            Length(max=lines.TEXT_MAX, message=_("At most 20,000 characters at a time. Check the rest afterwards.")),
        ],
    )


class SaveLine(LineText):
    """A checked text to keep."""

    title = StringField(
        _("Title"),
        validators=[
            DataRequired(_("Give it a title, so that you find it again.")),
            Length(max=lines.TITLE_MAX, message=_("Write at most 60 characters.")),
        ],
    )
