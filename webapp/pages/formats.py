"""How pages write moments and figures; the markup around them stands in `macros.html`."""

import math
from datetime import datetime, timedelta

from flask import Flask

from ml.fields.types import Value
from ml.fields.wording import signed_text
from ml.gate.intervals import interval_text
from webapp.database import utc_now
from webapp.services.leads import records

STEPS = (
    ("year", 31_536_000),
    ("month", 2_592_000),
    ("day", 86_400),
    ("hour", 3_600),
    ("minute", 60),
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
        return "just now" if seconds >= 0 else "in less than a minute"
    words = duration(abs(seconds))
    return f"{words} ago" if seconds > 0 else f"in {words}"


def duration(seconds: float) -> str:
    """A length of time in its largest unit: "8 seconds", "2 minutes", "1 day"."""
    unit, length = next((step for step in STEPS if seconds >= step[1]), ("second", 1))
    count = int(seconds // length)
    return f"{count} {unit}{'' if count == 1 else 's'}"


def exact(moment: datetime) -> str:
    """The moment to the second, with its zone."""
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")


def last_day(until: datetime) -> str:
    """The last day of what counts until a moment."""
    return (until - timedelta(microseconds=1)).date().isoformat()


def moment(text: str) -> datetime:
    """The moment that a time written by a CRM means."""
    return datetime.fromisoformat(text)


def percent(share: float) -> str:
    """A share of 1 as a whole percentage; only what is certain reads 0 % or 100 %."""
    if 0 < share < 0.01:
        return "<1 %"
    if 0.99 < share < 1:
        return ">99 %"
    return f"{share * 100:.0f} %"


def points(change: float) -> str:
    """A change of a share of 1 in points, to a tenth, with its sign."""
    return signed_text(100 * change, 1)


def moved_by(effect: float, probability: float) -> str:
    """Say how far a reason moves the score: `effect` in log-odds, told in points of 0 to 100."""
    without = 1 / (1 + (1 / max(probability, 1e-12) - 1) * math.exp(effect))
    moved = 100 * (probability - without)
    return "<1" if abs(moved) < 1 else signed_text(moved)


def effect_in_points(effect: float, probability: float) -> str:
    """The same, with its unit."""
    number = moved_by(effect, probability)
    return f"{number} {'point' if number[1:] == '1' else 'points'}"


def outcome_word(result: str) -> str:
    """An outcome or status as people read it."""
    return "not worked" if result == "never_worked" else result.replace("_", " ")


def sentence(error: Exception) -> str:
    """What a service says of an error, as a sentence of its own."""
    text = str(error)
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def rule_in_words(message: str) -> str:
    """A broken rule as the API words it, for people in front of a form or a file."""
    text = records.as_text(message)
    return f"{text[:1].upper()}{text[1:]}."


def known(value: Value, unit: str | None = None) -> str:
    """An input of a lead as people read it: unknown is said, never shown as zero."""
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    return f"{value:,} {unit}" if unit else f"{value:,}"


def number(count: float) -> str:
    """A number with its thousands set apart."""
    return f"{count:,}"
