"""The shape of what people send about streamers, live rooms and live sessions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from wtforms import DateTimeLocalField, SelectMultipleField, StringField
from wtforms.validators import InputRequired, Length, Optional
from wtforms.widgets import CheckboxInput, ListWidget

from ..kernel.clock import SHANGHAI
from ..kernel.forms import Form
from ..kernel.i18n import lazy_gettext as _
from .rules import NAME_MAX, PLATFORM_NUMBER_MAX, TITLE_MAX, RoomEntry, SessionEntry, StreamerEntry

# How browsers spell the value of a field of this kind.
BROWSER_MOMENT = "%Y-%m-%dT%H:%M"


def _short(longest: int) -> Callable[..., Any]:
    return Length(max=longest, message=_("Write at most %(max)d characters."))


def _required() -> Callable[..., Any]:
    return InputRequired(_("Fill this in."))


class MultiCheckboxField(SelectMultipleField):
    """Several of many, as check boxes; whether each exists is the service's to say."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()

    def __init__(self, label: str, **kwargs: Any) -> None:
        super().__init__(label, choices=[], validate_choice=False, **kwargs)


class MomentField(DateTimeLocalField):
    """A moment, entered and shown in Shanghai time, aware."""

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Read what the browser sent."""
        if not "".join(valuelist).strip():
            self.data = None
            return
        try:
            super().process_formdata(valuelist)
        except ValueError:
            raise ValueError(_("Enter day and time like this: 2026-11-22 20:00.")) from None
        self.data = self.data.replace(tzinfo=SHANGHAI) if isinstance(self.data, datetime) else None

    def _value(self) -> str:
        if self.raw_data:
            return " ".join(self.raw_data)
        return self.data.astimezone(SHANGHAI).strftime(BROWSER_MOMENT) if self.data else ""


class StreamerForm(Form):
    """A streamer. `organisation` is asked of those who may choose."""

    organisation = StringField(_("MCN or room operator"))
    stage_name = StringField(_("Stage name"), validators=[_required(), _short(NAME_MAX)])
    name = StringField(_("Real name"), validators=[_required(), _short(NAME_MAX)])
    categories = MultiCheckboxField(_("What she sells"))

    @property
    def entry(self) -> StreamerEntry:
        """What was entered."""
        return StreamerEntry(self.name.data or "", self.stage_name.data or "", frozenset(self.categories.data or ()))


class RoomForm(Form):
    """A live room. `organisation` is asked of those who may choose."""

    organisation = StringField(_("Room operator"))
    name = StringField(_("Name of the room"), validators=[_required(), _short(NAME_MAX)])
    platform_number = StringField(_("Room number"), validators=[_required(), _short(PLATFORM_NUMBER_MAX)])
    mcn = StringField(_("MCN that serves the room"))

    @property
    def entry(self) -> RoomEntry:
        """What was entered."""
        return RoomEntry(self.name.data or "", self.platform_number.data or "")


class SessionForm(Form):
    """A live session."""

    title = StringField(_("Title"), validators=[_required(), _short(TITLE_MAX)])
    starts_at = MomentField(_("Start"), validators=[_required()])
    ends_at = MomentField(_("End"), validators=[Optional()])

    @property
    def entry(self) -> SessionEntry:
        """What was entered; only asked once the form is valid."""
        assert self.starts_at.data is not None  # noqa: S101 - the field is required
        return SessionEntry(self.title.data or "", self.starts_at.data, self.ends_at.data)
