"""What a field says of itself: words that name something written while or after a lead is worked.

A field's numbers cannot tell when it was filled in: on real leads the last activity, written
after the outcome, foretells less than the seconds spent on the site, known before it. Its name
and its values often can. Words alone are no evidence; `ml.leaks` asks for numbers as well.
"""

import re
from collections.abc import Iterable

from ml.values import Field

# A field of the past before the lead came is known beforehand, whatever else it says.
EARLIER = frozenset(
    ["previous", "prior", "past", "earlier", "former", "first", "initial", "original", "historical"]
)
# One word of each: what the field then names.
PAIRS = (
    (
        frozenset(["last", "latest", "recent"]),
        frozenset(
            ["activity", "action", "event", "interaction", "engagement", "touch", "touchpoint"]
        ),
        "the latest event of a lead, which goes on changing until its end",
    ),
    (
        frozenset(["lead", "prospect", "deal", "opportunity", "sales", "pipeline", "call"]),
        frozenset(
            [
                "status",
                "stage",
                "quality",
                "rating",
                "grade",
                "score",
                "priority",
                "temperature",
                "profile",
                "disposition",
                "result",
                "outcome",
            ]
        ),
        "a judgement of the lead, which people make while they work it",
    ),
    (
        frozenset(["converted", "conversion", "closed", "close", "closing", "won", "lost", "loss"]),
        frozenset(["date", "day", "time", "value", "amount", "reason", "by", "at", "status"]),
        "the end of a lead",
    ),
    (
        frozenset(["call", "contact", "conversation", "talk"]),
        frozenset(["duration", "length"]),
        "a talk that is over only when its outcome is known",
    ),
)
ALONE = frozenset(["tag", "tags", "disposition", "remark", "remarks"])
OF_ALONE = "what people write on a lead while they work it"
ENDS = frozenset(["converted", "closed", "won", "lost"])
WORD = re.compile(r"[^\W\d_]+")


def named_later(field: Field) -> str | None:
    """Tell what a field names by its name and label, where that is written later.

    Parameters
    ----------
    field : Field
        Its name and label are read.

    Returns
    -------
    str or None
        What it names, in words; None where the words say nothing of the kind.

    Examples
    --------
    >>> named_later(Field("last_activity", "category", "Last activity"))
    'the latest event of a lead, which goes on changing until its end'
    >>> named_later(Field("previous_outcome", "category", "Outcome of the last call before"))
    """
    words = words_of(f"{field.name} {field.label}")
    if words & EARLIER:
        return None
    if words & ALONE:
        return OF_ALONE
    return next((what for some, of, what in PAIRS if words & some and words & of), None)


def level_of_an_end(field: Field, levels: Iterable[str]) -> str | None:
    """Find a value that speaks of the end of a lead.

    Parameters
    ----------
    field : Field
        A field of earlier things may hold such values.
    levels : iterable of str
        Values of a category, as they are written.

    Returns
    -------
    str or None
        The first of them with such a word.

    Examples
    --------
    >>> level_of_an_end(Field("note", "category", "Note"), ["Busy", "Lost to others"])
    'Lost to others'
    """
    if words_of(f"{field.name} {field.label}") & EARLIER:
        return None
    return next((level for level in levels if words_of(level) & ENDS), None)


def words_of(text: str) -> set[str]:
    """Give the words of a text without case, each letter run one."""
    return set(WORD.findall(text.casefold()))
