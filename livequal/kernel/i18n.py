"""Two languages: zh_Hans_CN (default, complete) and en."""

from __future__ import annotations

from flask_babel import Babel, get_locale, gettext, lazy_gettext, ngettext

LOCALES = ("zh_Hans_CN", "en")
babel = Babel()

__all__ = ["LOCALES", "babel", "get_locale", "gettext", "lazy_gettext", "ngettext"]
