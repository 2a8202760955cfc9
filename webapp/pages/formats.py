"""How pages write moments and figures; the markup around them stands in `macros.html`."""

import math
from collections.abc import Callable
from datetime import datetime, timedelta

from flask import Flask

from ml.fields import wording
from ml.fields.types import Value
from ml.gate.intervals import interval_text
from ml.sentences import Figure, Sentence, as_whole, either, gettext, ngettext
from webapp.database import utc_now
from webapp.pages import language
from webapp.services.leads import records

STEPS = (
    ("year", 31_536_000),
    ("month", 2_592_000),
    ("day", 86_400),
    ("hour", 3_600),
    ("minute", 60),
    ("second", 1),
)


def init_app(app: Flask) -> None:
    """Make the filters known to the templates."""
    for function in (
        ago,
        exact,
        last_day,
        moment,
        duration,
        percent,
        points,
        interval_text,
        effect_in_points,
        moved_by,
        outcome_word,
        role_word,
        either,
        number,
        rule_in_words,
        known,
        signed_text,
    ):
        app.add_template_filter(function)


def ago(moment: datetime, now: datetime | None = None) -> str:
    """How long ago it was, or how long it is until then, in the largest unit that fits."""
    seconds = ((now or utc_now()) - moment).total_seconds()
    if abs(seconds) < 60:
        told = gettext("just now") if seconds >= 0 else gettext("in less than a minute")
        return str(language.told(told))
    if seconds > 0:
        return str(language.told(_past(*_in_largest_unit(seconds))))
    # What was set to 90 days a moment ago is not "in 2 months".
    return str(language.told(_ahead(*_in_largest_unit(-seconds, round_to=round))))


def _past(unit: str, n: int) -> str:
    return {
        "year": ngettext("%(n)s year ago", "%(n)s years ago", n),
        "month": ngettext("%(n)s month ago", "%(n)s months ago", n),
        "day": ngettext("%(n)s day ago", "%(n)s days ago", n),
        "hour": ngettext("%(n)s hour ago", "%(n)s hours ago", n),
        "minute": ngettext("%(n)s minute ago", "%(n)s minutes ago", n),
    }[unit]


def _ahead(unit: str, n: int) -> str:
    return {
        "year": ngettext("in %(n)s year", "in %(n)s years", n),
        "month": ngettext("in %(n)s month", "in %(n)s months", n),
        "day": ngettext("in %(n)s day", "in %(n)s days", n),
        "hour": ngettext("in %(n)s hour", "in %(n)s hours", n),
        "minute": ngettext("in %(n)s minute", "in %(n)s minutes", n),
    }[unit]


def _in_largest_unit(
    seconds: float, round_to: Callable[[float], int] = math.floor
) -> tuple[str, int]:
    unit, length = next((step for step in STEPS if seconds >= step[1]), STEPS[-1])
    return unit, round_to(seconds / length)


def duration(seconds: float) -> str:
    """A length of time in its largest unit: "8 seconds", "2 minutes", "1 day"."""
    unit, n = _in_largest_unit(seconds)
    lengths = {
        "year": ngettext("%(n)s year", "%(n)s years", n),
        "month": ngettext("%(n)s month", "%(n)s months", n),
        "day": ngettext("%(n)s day", "%(n)s days", n),
        "hour": ngettext("%(n)s hour", "%(n)s hours", n),
        "minute": ngettext("%(n)s minute", "%(n)s minutes", n),
        "second": ngettext("%(n)s second", "%(n)s seconds", n),
    }
    return str(language.told(lengths[unit]))


def exact(moment: datetime) -> str:
    """The moment to the second in the reader's time zone, with its name."""
    here = language.reader()
    return here.moment(moment) if here else f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def last_day(until: datetime) -> str:
    """The last day of what counts until a moment."""
    last, here = until - timedelta(microseconds=1), language.reader()
    return here.day(last) if here else last.date().isoformat()


def moment(text: str) -> datetime:
    """The moment that a time written by a CRM means."""
    return datetime.fromisoformat(text)


def percent(share: float) -> str:
    """A share of 1 as a whole percentage; only what is certain reads 0 % or 100 %."""
    if 0 < share < 0.01:
        return _figure("<1 %")
    if 0.99 < share < 1:
        return _figure(">99 %")
    return _figure(f"{share * 100:.0f} %")


def _figure(text: str) -> str:
    return str(language.told(Figure(text)))


def points(change: float) -> str:
    """A change of a share of 1 in points, to a tenth, with its sign."""
    return signed_text(100 * change, 1)


def signed_text(change: float, digits: int = 0) -> str:
    """A change, always signed."""
    return _figure(wording.signed_text(change, digits))


def moved_by(effect: float, probability: float) -> str:
    """Say how far a reason moves the score: `effect` in log-odds, told in points of 0 to 100."""
    without = 1 / (1 + (1 / max(probability, 1e-12) - 1) * math.exp(effect))
    moved = 100 * (probability - without)
    return "<1" if abs(moved) < 1 else signed_text(moved)


def effect_in_points(effect: float, probability: float) -> str:
    """The same, with its unit."""
    number = moved_by(effect, probability)
    n = 1 if number[1:] == "1" else 2
    moved = ngettext("%(moved)s point", "%(moved)s points", n, moved=number)
    return str(language.told(moved))


def outcome_word(result: str) -> str:
    """An outcome or status as people read it."""
    words = {
        "converted": gettext("converted"),
        "lost": gettext("lost"),
        "never_worked": gettext("not worked"),
        "withdrawn": gettext("withdrawn"),
        "open": gettext("open"),
        "in_pipeline": gettext("in pipeline"),
        "all": gettext("all"),
    }
    return words.get(result, result)


def role_word(role: str) -> str:
    """A role as people read it."""
    words = {"rep": gettext("rep"), "manager": gettext("manager"), "admin": gettext("admin")}
    return words.get(role, role)


def sentence(error: Exception) -> str:
    """What a service says of an error, as a sentence of its own."""
    said = error.args[0] if error.args and isinstance(error.args[0], Sentence) else str(error)
    return str(language.told(as_whole(said)))


def rule_in_words(message: str) -> str:
    """A broken rule as the API words it, for people in front of a form or a file."""
    text = records.as_text(message)
    return f"{text[:1].upper()}{text[1:]}."


def known(value: Value, unit: str | None = None) -> str:
    """An input of a lead as people read it: unknown is said, never shown as zero."""
    if value is None:
        return str(language.told(gettext("unknown")))
    if isinstance(value, bool):
        return str(language.told(gettext("yes") if value else gettext("no")))
    if isinstance(value, str):
        return value
    return f"{number(value)} {unit}" if unit else number(value)


def number(count: float) -> str:
    """A number with its thousands set apart."""
    return _figure(f"{count:,}")
