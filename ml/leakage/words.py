"""What a field says of itself: words that name something written while or after a lead is worked.

Numbers cannot tell when a field was filled in; its name and its values often can. Words alone are
no evidence: `ml.leakage.detect` asks for numbers as well.
"""

import re

from ml.fields.types import Field
from ml.sentences import gettext

# A field of the past before the lead came is known beforehand, whatever else it says.
EARLIER = re.compile(r"\b(previous|prior|past|earlier|former|first|initial|original|historical)\b")
# Words side by side, so that a credit rating of the prospect is no rating of a lead; what is last
# may be told more closely: last email activity. Each with what a field of that name holds.
WRITTEN_LATER = (
    (
        re.compile(
            r"\b(last|latest|recent) (\w+ )?"
            r"(activity|action|event|interaction|engagement|touch|touchpoint)\b"
        ),
        gettext("the latest event of a lead, which goes on changing until its end"),
    ),
    (
        re.compile(
            r"\b(lead|prospect|deal|opportunity|sales|pipeline|call) (status|stage|quality|rating"
            r"|grade|score|priority|temperature|profile|disposition|result|outcome)\b"
        ),
        gettext("a judgement of the lead, which people make while they work it"),
    ),
    (
        re.compile(
            r"\b(converted|conversion|closed|close|closing|won|lost|loss)"
            r" (date|day|time|value|amount|reason|by|at|status)\b"
            r"|\b(date|day|time|value|amount|reason) (converted|closed|won|lost)\b"
        ),
        gettext("the end of a lead"),
    ),
    (
        re.compile(r"\b(call|contact|conversation|talk) (duration|length)\b"),
        gettext("a talk that is over only when its outcome is known"),
    ),
    (
        re.compile(r"\b(tags?|disposition|remarks?)\b"),
        gettext("what people write on a lead while they work it"),
    ),
)
END = re.compile(r"\b(converted|closed|won|lost)\b")
WORD = re.compile(r"[^\W\d_]+")


def named_later(field: Field) -> str | None:
    """Say what a field's name or label describes that is written later; None where it is not.

    >>> named_later(Field("last_activity", "category", "Last activity"))
    'the latest event of a lead, which goes on changing until its end'
    >>> named_later(Field("previous_outcome", "category", "Outcome of the last call before"))
    """
    names = [_words(field.name), _words(field.label)]
    if _is_earlier(field):
        return None
    found = (what for form, what in WRITTEN_LATER if any(form.search(name) for name in names))
    return next(found, None)


def speaks_of_an_end(field: Field, level: str) -> bool:
    """Tell whether a value describes the end of a lead; fields of earlier things may hold such.

    >>> note = Field("note", "category", "Note")
    >>> speaks_of_an_end(note, "Lost to others"), speaks_of_an_end(note, "Busy")
    (True, False)
    """
    return not _is_earlier(field) and END.search(_words(level)) is not None


def _is_earlier(field: Field) -> bool:
    return EARLIER.search(_words(f"{field.name} {field.label}")) is not None


def _words(text: str) -> str:
    """The letter runs of a text without case, a space between each two."""
    return " ".join(WORD.findall(text.casefold()))
