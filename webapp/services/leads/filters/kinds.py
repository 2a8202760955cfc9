"""How the value of a filter is read from an address, and what is wrong with it."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from types import MappingProxyType
from typing import Any, NamedTuple

from ml.fields.types import Field, clean_text
from ml.sentences import Figure, gettext
from webapp.services.leads.records import FieldError

MAX_DAYS = 36_500
MAX_TEXT = 200
MAX_DIGITS = 20
OF_FIELD = "field."
GRADES = ("A", "B", "C", "D")
ANY_STATUS = "all"
NO_CHOICES: Mapping[str, str] = MappingProxyType({})


class InvalidQuery(ValueError):
    """Something asked of the lead table does not exist; `errors` names every such parameter."""

    def __init__(self, errors: list[FieldError]) -> None:
        super().__init__("; ".join(f"{e.field}: {e.message}" for e in errors))
        self.errors = errors


class Kind(NamedTuple):
    """What a value must be (`rule`), and how it is read: `ValueError` where it is something else.

    `choices` are the only values, with their words; `control` is the kind of input of a form.
    """

    rule: str
    read: Callable[[str], Any]
    control: str = "text"
    choices: Mapping[str, str] = NO_CHOICES


class Since(NamedTuple):
    """A moment: the beginning of a `day` in UTC, or so many `days` before now."""

    days: int | None = None
    day: date | None = None

    def moment(self, now: datetime) -> datetime:
        """When that is."""
        if self.day is not None:
            return datetime.combine(self.day, time(), UTC)
        return now - timedelta(days=self.days or 0)

    def __str__(self) -> str:
        if self.day is not None:
            return self.day.isoformat()
        return (
            gettext("a day ago") if self.days == 1 else gettext("%(days)s days ago", days=self.days)
        )


def number(low: float, high: float) -> Kind:
    """A number within these bounds, which are allowed values themselves."""

    def read(text: str) -> float:
        if len(text) > MAX_DIGITS or not low <= (found := float(text)) <= high:
            raise ValueError
        return found

    return Kind(
        gettext(
            "a number from %(low)s to %(high)s", low=Figure(f"{low:g}"), high=Figure(f"{high:g}")
        ),
        read,
        "number",
    )


def one_of(choices: Mapping[str, str]) -> Kind:
    """One of these values."""

    def read(text: str) -> str:
        if text not in choices:
            raise ValueError
        return text

    return Kind(gettext("one of %(choices)s", choices=", ".join(choices)), read, "choice", choices)


def some_of(choices: Mapping[str, str]) -> Kind:
    """One or more of these values, with commas between; in the order of the choices."""

    def read(text: str) -> tuple[str, ...]:
        asked = set(text.split(","))
        if not asked <= choices.keys():
            raise ValueError
        return tuple(choice for choice in choices if choice in asked)

    rule = gettext("one of %(choices)s, or several with commas between", choices=", ".join(choices))
    return Kind(rule, read, "choice", choices)


def keys_of(maximum: int) -> Kind:
    """The numbers of rows, with commas between."""
    rule = gettext("up to %(maximum)s numbers with commas between", maximum=Figure(f"{maximum:,}"))

    def read(text: str) -> tuple[int, ...]:
        found = tuple(
            int(each) for each in text.split(",")[: maximum + 1] if len(each) < MAX_DIGITS
        )
        if len(found) > maximum or not all(0 < key < 2**63 for key in found):
            raise ValueError
        return found

    return Kind(rule, read)


def text_of(maximum: int = MAX_TEXT) -> Kind:
    """Text for people."""
    rule = gettext(
        "text of up to %(maximum)s characters, without control characters", maximum=maximum
    )
    return Kind(rule, lambda text: clean_text(text, maximum=maximum))


def value_of(field: Field) -> Kind:
    """A value of a field of leads, as a form sends it."""
    control = "number" if field.kind.is_numeric else "choice" if field.answers else "text"
    rule = field.rule.removesuffix(" or null").removesuffix(",")
    rule = gettext("yes or no") if field.type == "boolean" else rule
    return Kind(rule, lambda text: field.parse(text, text=True), control, dict(field.answers))


def _days(text: str) -> int:
    if len(text) > MAX_DIGITS or not 0 <= (days := int(text)) <= MAX_DAYS:
        raise ValueError
    return days


def _since(text: str) -> Since:
    if text.isdigit():
        return Since(days=_days(text))
    if len(text) != len("2026-03-31"):
        raise ValueError
    return Since(day=date.fromisoformat(text))


DAYS = Kind(
    gettext("a whole number of days from 0 to %(MAX_DAYS)s", MAX_DAYS=Figure(f"{MAX_DAYS:,}")),
    _days,
    "number",
)
SINCE = Kind(gettext("a date such as 2026-03-31, or a number of days before now"), _since, "since")
POINTS = number(0, 100)
SOME_GRADES = some_of({letter: letter for letter in GRADES})
