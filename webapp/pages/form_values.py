"""Values that a form sends, each refused by its name and rule where no page of ours sends it."""

import re
from collections.abc import Container

from flask import request

from ml.fields.types import clean_text
from ml.sentences import Figure, gettext
from webapp.pages.addresses import MAX_KEY
from webapp.services.leads.filters.kinds import InvalidQuery
from webapp.services.leads.records import FieldError

MAX_DIGITS = len(str(MAX_KEY))


def refused(field: str, rule: str) -> InvalidQuery:
    """The error that names a field of a form and the rule that it breaks."""
    return InvalidQuery([FieldError(field, gettext("must be %(rule)s", rule=rule), rule)])


def choice(field: str, value: str, choices: Container[str], rule: str) -> str:
    """One of these values; else `InvalidQuery`."""
    if value not in choices:
        raise refused(field, rule)
    return value


def token(field: str, pattern: str, rule: str) -> str:
    """A text of this pattern from the form; else `InvalidQuery`."""
    value = request.form.get(field, "")
    if not re.fullmatch(pattern, value, re.ASCII):
        raise refused(field, rule)
    return value


def text(field: str, maximum: int) -> str | None:
    """Text of people from the form, None where it is blank; else `InvalidQuery`."""
    try:
        return clean_text(request.form.get(field), maximum=maximum)
    except ValueError:
        rule = gettext(
            "text of up to %(maximum)s characters, without control characters", maximum=maximum
        )
        raise refused(field, rule) from None


def lead_states(maximum: int) -> dict[int, str]:
    """The ticked leads by key, each with the state in which the page showed it."""
    ticked, found = request.form.getlist("lead"), {}
    if len(ticked) > maximum:
        raise refused(
            "lead", gettext("at most %(maximum)s leads at once", maximum=Figure(f"{maximum:,}"))
        )
    for value in ticked:
        digits, _, seen = value.partition(" ")
        is_number = digits.isascii() and digits.isdecimal() and len(digits) <= MAX_DIGITS
        if not is_number or not 0 < int(digits) <= MAX_KEY:
            raise refused(
                "lead", gettext("the number of a lead and its status, as the page sends them")
            )
        found[int(digits)] = seen
    return found
