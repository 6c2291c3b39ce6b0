"""The shape of what people send about recordings."""

from __future__ import annotations

from flask_wtf.file import FileField, FileRequired
from wtforms import IntegerField, SelectField, StringField
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from ..kernel.forms import Form
from ..kernel.i18n import lazy_gettext as _


class NewUpload(Form):
    """The beginning of a chunked upload, as JSON."""

    name = StringField(validators=[InputRequired(_("Choose a file.")), Length(max=4000)])
    size = IntegerField(validators=[InputRequired(_("This file has no size. Choose it again."))])
    title = StringField(validators=[Length(max=200, message=_("Write at most 200 characters."))])
    live_session = IntegerField(validators=[Optional()])


class PlainUpload(Form):
    """A small file in one piece, for browsers without scripts."""

    file = FileField(_("Recording"), validators=[FileRequired(_("Choose a file."))])
    title = StringField(_("Title"), validators=[Length(max=200, message=_("Write at most 200 characters."))])
    live_session = SelectField(_("Live session"), coerce=int, choices=[])


class ChooseSession(Form):
    """The live session that a recording belongs to; 0 while nobody knows."""

    live_session = SelectField(
        _("Live session"),
        coerce=int,
        choices=[],
        validate_choice=False,
        validators=[InputRequired(_("Choose a live session."))],
    )


class ImportFile(Form):
    """A file of subtitles or of a session timeline."""

    file = FileField(_("File"), validators=[FileRequired(_("Choose a file."))])


class Correction(Form):
    """One corrected word, as JSON."""

    word_index = IntegerField(validators=[InputRequired(), NumberRange(min=0)])
    text = StringField(validators=[Length(max=40)])
    version = IntegerField(validators=[InputRequired()])


class Mark(Form):
    """A stretch of the timeline, as JSON."""

    kind = StringField(validators=[InputRequired()])
    start_ms = IntegerField(validators=[InputRequired(), NumberRange(min=0)])
    end_ms = IntegerField(validators=[InputRequired(), NumberRange(min=1)])
    label = StringField(validators=[Length(max=200)])
    product_category = StringField(validators=[Length(max=40)])
    speaker_role = StringField(validators=[Length(max=20)])
    replaces = IntegerField(validators=[Optional(), NumberRange(min=1, max=2**31 - 1)])
