"""The base of every form and what forms share."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from flask import request
from flask_wtf import FlaskForm
from werkzeug.datastructures import MultiDict
from wtforms import Field

from .errors import Invalid
from .i18n import gettext

F = TypeVar("F", bound="Form")


class Form(FlaskForm):
    """A form that strips its text and can take a domain error back to its fields."""

    class Meta(FlaskForm.Meta):
        """WTForms' settings."""

        def bind_field(self, form: Any, unbound_field: Any, options: dict[str, Any]) -> Field:
            """Strip surrounding white space of text fields (never of passwords)."""
            if unbound_field.field_class.__name__ in {"StringField", "TextAreaField", "EmailField", "SearchField"}:
                options["filters"] = [*unbound_field.kwargs.get("filters", ()), _stripped]
            return unbound_field.bind(form=form, **options)

    def reject(self, error: Invalid) -> None:
        """Put a service's refusal beside the fields it names; the rest stands at the top of the form."""
        for name, message in error.fields.items():
            target = self._fields.get(name)
            if target is None:
                self.form_errors.append(message)
            else:
                target.errors = [*target.errors, message]
        if error.message and not error.fields:
            self.form_errors.append(error.message)


def _stripped(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value


def from_json(form_class: type[F]) -> F:
    """A validated form over the request's JSON object; the token travels in the header.

    Raises: Invalid naming each field.
    """
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise Invalid({}, gettext("Send a JSON object."))
    sent = {key: value for key, value in body.items() if value is not None}
    plain = {key: value if isinstance(value, str) else json.dumps(value) for key, value in sent.items()}
    form = form_class(MultiDict(plain), meta={"csrf": False})
    check(form)
    return form


def check(form: Form) -> None:
    """Raise what the form refuses.

    Raises: Invalid naming each field.
    """
    if not form.validate():
        raise Invalid({name: str(errors[0]) for name, errors in form.errors.items() if name})
