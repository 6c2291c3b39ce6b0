"""Two languages: zh_Hans_CN (default, complete) and en."""

from __future__ import annotations

from typing import Any

import flask_babel
from flask_babel import Babel, get_locale

LOCALES = ("zh_Hans_CN", "en")
babel = Babel()

__all__ = ["LOCALES", "babel", "get_locale", "gettext", "lazy_gettext", "locale", "ngettext"]


def gettext(message: str, **values: object) -> str:
    """The message in the reader's language, `%(name)s` filled in."""
    return str(flask_babel.gettext(message, **values))


def ngettext(one: str, many: str, num: int, **values: object) -> str:
    """The message for a number, `%(num)s` filled in."""
    return str(flask_babel.ngettext(one, many, num, **values))


def lazy_gettext(message: str, **values: object) -> Any:
    """A message that is translated when it is shown, for what is defined before anybody reads."""
    return flask_babel.lazy_gettext(message, **values)


def locale() -> str:
    """The reader's language, one of LOCALES."""
    return str(get_locale() or LOCALES[0])
