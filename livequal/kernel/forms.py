"""The base of every form and what forms share."""

from __future__ import annotations

from typing import Any

from flask_wtf import FlaskForm
from wtforms import Field

from .errors import Invalid


class Form(FlaskForm):
    """A form that strips its text and can take a domain error back to its fields."""

    class Meta(FlaskForm.Meta):
        """WTForms' settings."""

        def bind_field(self, form: Any, unbound_field: Any, options: dict[str, Any]) -> Field:
            """Strip surrounding white space of text fields (never of passwords)."""
            if unbound_field.field_class.__name__ in {"StringField", "TextAreaField", "EmailField", "SearchField"}:
                options["filters"] = [*unbound_field.kwargs.get("filters", ()), _stripped]
                unbound_field.kwargs.pop("filters", None)
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
