"""The reader of a page: in which language, number and date format and time zone it is written."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from typing import Any

import flask
import flask_babel
from babel import Locale, negotiate_locale
from babel.dates import format_skeleton
from babel.numbers import format_decimal, get_decimal_symbol, get_group_symbol
from flask import Flask, current_app, g, has_request_context, request
from flask_login import current_user
from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from ml.sentences import ENGLISH, in_words
from ml.sentences import Reader as AnyReader

SOURCE = "en"  # what the messages are written in

babel = flask_babel.Babel()


def init_app(app: Flask) -> None:
    """Let templates translate: `trans` blocks, `_()`, and every sentence that they show."""
    babel.init_app(app, locale_selector=_language, timezone_selector=_time_zone)
    app.jinja_env.policies["ext.i18n.trimmed"] = True
    app.jinja_env.finalize = told
    app.jinja_env.globals |= {"gettext": _gettext, "ngettext": _ngettext, "language": language}
    app.add_template_filter(told)


class Reader:
    """Who reads this page."""

    def __init__(self, formats: str | None) -> None:
        self._messages = flask_babel.get_translations()
        self.formats = Locale.parse(formats or str(flask_babel.get_locale()))
        self._signs = str.maketrans(
            {",": get_group_symbol(self.formats), ".": get_decimal_symbol(self.formats)}
        )

    def gettext(self, message: str) -> str:
        # A catalogue answers the empty message with its own header.
        return str(self._messages.ugettext(message)) if message else ""

    def ngettext(self, singular: str, plural: str, n: float) -> str:
        return str(self._messages.ungettext(singular, plural, n))

    def number(self, number: float) -> str:
        return str(format_decimal(number, locale=self.formats))

    def figure(self, text: str) -> str:
        return str(text).translate(self._signs)

    def moment(self, moment: datetime) -> str:
        """A moment to the second in the reader's zone, with its name."""
        local: datetime = moment.astimezone(flask_babel.get_timezone())
        if str(self.formats) == SOURCE:
            return local.strftime("%Y-%m-%d %H:%M:%S %Z")
        return f"{self.day(local)} {local:%H:%M:%S %Z}"

    def day(self, day: datetime) -> str:
        """A day in figures."""
        if str(self.formats) == SOURCE:
            return day.date().isoformat()
        return format_skeleton("yMd", day, locale=self.formats)


def reader() -> Reader | None:
    """Who reads this page; None where no page is being written."""
    if not has_request_context():
        return None
    if "reader" not in g:
        g.reader = Reader(_formats())
    found: Reader = g.reader
    return found


def told(value: Any) -> Any:
    """Put a sentence or figure into the reader's language; anything else stays as it is."""
    return in_words(value, _here()) if isinstance(value, str) else value


def flash(sentence: str, kind: str = "message") -> None:
    """Say something on the next page."""
    flask.flash(told(sentence), kind)


def language() -> str:
    """The language of this page, as HTML names it."""
    return str(flask_babel.get_locale()).replace("_", "-")


def languages() -> list[str]:
    """The languages that there is a catalogue for, and English."""
    return _catalogues(tuple(current_app.extensions["babel"].translation_directories))


def own_name(locale: str) -> str:
    """What a locale is called by those who use it: "Deutsch (Schweiz)"."""
    found = Locale.parse(locale)
    name = str(found.get_display_name(found))
    return name[0].upper() + name[1:]


@contextmanager
def without_account() -> Iterator[None]:
    """Write for whoever asks, without looking up who it is."""
    with flask_babel.force_locale(_asked_for()):
        g.reader = Reader(None)
        yield


def _here() -> AnyReader:
    return reader() or ENGLISH


@cache
def _catalogues(folders: tuple[str, ...]) -> list[str]:
    return sorted(str(locale) for locale in babel.list_translations())


def _asked_for() -> str:
    """The best language that the browser asks for and that there is."""
    wanted = [tag.replace("-", "_") for tag in request.accept_languages.values()]
    return negotiate_locale(wanted, languages()) or SOURCE


def _language() -> str:
    chosen = current_user.language if current_user.is_authenticated else None
    return chosen if chosen in languages() else _asked_for()


def _formats() -> str | None:
    return current_user.formats if current_user.is_authenticated else None


def _time_zone() -> str | None:
    return current_user.time_zone if current_user.is_authenticated else None


def _filled(context: Context, message: str, values: Mapping[str, Any]) -> str:
    text = Markup(message) if context.eval_ctx.autoescape else message  # noqa: S704 - a template's
    here = _here()
    return text % {name: in_words(value, here) for name, value in values.items()}


@pass_context
def _gettext(context: Context, message: str, /, **values: Any) -> str:
    return _filled(context, _here().gettext(message), values)


@pass_context
def _ngettext(context: Context, singular: str, plural: str, num: float, /, **values: Any) -> str:
    return _filled(context, _here().ngettext(singular, plural, num), {"num": num, **values})
