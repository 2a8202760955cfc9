"""What may be asked of the lead table: filters, search, sort and place, checked and readable."""

import base64
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from ml.fields.fields_file import clean_text
from webapp.services.leads.records import FieldError, search_words
from webapp.tables import STATUSES

GRADES = ("A", "B", "C", "D")
# Sort -> whether it is descending.
SORTS = {"score": True, "scored": True, "name": False}
ANY_STATUS = "all"
# Parameter -> what the leads call it.
FACETS = {"source": "lead_source", "industry": "industry", "owner": "owner"}
# Owners that are told by a word: whoever asks, and nobody.
ME, UNOWNED = "me", "unowned"
FILTERS = ("q", "status", "grade", *FACETS, "explore", "sort")
MAX_FACET_LENGTH = 200
MAX_SEARCH_LENGTH = 100
MAX_WORDS = 8
MAX_CURSOR_LENGTH = 2_000
MAX_KEY = 2**63 - 1
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(9999, 12, 31, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class InvalidQuery(ValueError):
    """Something asked of the lead table does not exist; `errors` names every such parameter."""

    def __init__(self, errors: list[FieldError]) -> None:
        super().__init__("; ".join(f"{e.field}: {e.message}" for e in errors))
        self.errors = errors


class Cursor(NamedTuple):
    """A place in the table: the value sorted by, and the key, of the last lead before it.

    Sorted by name, the value is None outside `lead_table`: addresses tell nobody's name.
    """

    value: Any
    key: int


@dataclass(frozen=True)
class Query:
    """What is asked of the lead table; every open lead, best score first, if nothing is said."""

    status: str = "open"
    grade: str | None = None
    facets: tuple[tuple[str, str], ...] = ()
    is_explored: bool = False
    search: str = ""
    sort: str = "score"
    after: Cursor | None = None
    # Who asks, by the address of their account: whose leads "me" means.
    me: str | None = None

    @property
    def statuses(self) -> tuple[str, ...]:
        return STATUSES if self.status == ANY_STATUS else (self.status,)

    @property
    def words(self) -> list[str]:
        return search_words(self.search)[:MAX_WORDS]

    @property
    def wanted(self) -> list[tuple[str, str]]:
        """Each facet with the value that scores have there."""
        owners = {ME: self.me or ME, UNOWNED: ""}
        return [
            (column, owners.get(value, value) if column == "owner" else value)
            for column, value in self.facets
        ]

    def parameters(self) -> dict[str, str]:
        """The query as `read` takes it, without what is said by leaving it out, and the place."""
        names = {column: name for name, column in FACETS.items()}
        given = {
            "q": self.search,
            "status": "" if self.status == _usual_status(self.search) else self.status,
            "grade": self.grade or "",
            **{names[column]: value for column, value in self.facets},
            "explore": "yes" if self.is_explored else "",
            "sort": "" if self.sort == Query.sort else self.sort,
        }
        return {name: value for name, value in given.items() if value}


def read(arguments: Mapping[str, str], *, me: str | None = None) -> Query:
    """Check what is asked, by parameter; empty ones do not count; else `InvalidQuery`.

    `me` is the address of the account that asks; programs have none.
    """
    given = {name: value for name, value in arguments.items() if value}
    errors: list[FieldError] = []
    sort = _one_of(errors, given, "sort", tuple(SORTS)) or Query.sort
    facets = {
        column: _text(errors, given, name, MAX_FACET_LENGTH) for name, column in FACETS.items()
    }
    if facets["owner"] == ME and me is None:
        rule = "an owner or unowned; only people who are signed in have leads of their own"
        errors.append(FieldError("owner", f"must be {rule}", rule))
    search = _text(errors, given, "q", MAX_SEARCH_LENGTH) or ""
    query = Query(
        status=_one_of(errors, given, "status", (*STATUSES, ANY_STATUS)) or _usual_status(search),
        grade=_one_of(errors, given, "grade", GRADES),
        facets=tuple((column, value) for column, value in facets.items() if value),
        is_explored=_one_of(errors, given, "explore", ("yes",)) is not None,
        search=search,
        sort=sort,
        after=_place(errors, given, sort),
        me=me,
    )
    if errors:
        raise InvalidQuery(errors)
    return query


def written(cursor: Cursor, sort: str) -> str:
    """The cursor as text for an address; `read` understands it."""
    value = (cursor.value - EPOCH) // MICROSECOND if sort == "scored" else cursor.value
    text = json.dumps([sort, value, cursor.key], ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _usual_status(search: str) -> str:
    """Work is on open leads; who searches for one does not know what became of it."""
    return ANY_STATUS if search else Query.status


def _one_of(
    errors: list[FieldError], given: Mapping[str, str], name: str, known: tuple[str, ...]
) -> str | None:
    value = given.get(name)
    if value is None or value in known:
        return value
    rule = f"one of {', '.join(known)}"
    errors.append(FieldError(name, f"must be {rule}", rule))
    return None


def _text(
    errors: list[FieldError], given: Mapping[str, str], name: str, maximum: int
) -> str | None:
    try:
        return clean_text(given.get(name), maximum=maximum)
    except ValueError as error:
        rule = f"text of up to {maximum} characters, without control characters"
        errors.append(FieldError(name, str(error), rule))
        return None


def _place(errors: list[FieldError], given: Mapping[str, str], sort: str) -> Cursor | None:
    text = given.get("after")
    if text is None:
        return None
    try:
        return _cursor(text, sort)
    except (ValueError, TypeError, ArithmeticError, RecursionError):
        rule = "the next place as a page of the table gave it, with the same sort"
        errors.append(FieldError("after", "is no place in this table", rule))
        return None


def _cursor(text: str, sort: str) -> Cursor:
    if len(text) > MAX_CURSOR_LENGTH:
        raise ValueError("too long")
    padded = text.encode("ascii") + b"=" * (-len(text) % 4)
    raw = base64.b64decode(padded, altchars=b"-_", validate=True)
    sorted_by, value, key = json.loads(raw)
    if sorted_by != sort or type(key) is not int or not 0 < key <= MAX_KEY:
        raise ValueError("of another sort")
    return Cursor(VALUES[sort](value), key)


def _probability(value: object) -> float:
    if type(value) not in (int, float) or not math.isfinite(value):  # type: ignore[arg-type]
        raise ValueError("no probability")
    return float(value)  # type: ignore[arg-type]


def _moment(value: object) -> datetime:
    if type(value) is not int or not 0 <= value <= (LATEST - EPOCH) // MICROSECOND:
        raise ValueError("no moment")
    return EPOCH + value * MICROSECOND


def _nothing(value: object) -> None:
    if value is not None:
        raise ValueError("a name")


VALUES = {"score": _probability, "scored": _moment, "name": _nothing}
