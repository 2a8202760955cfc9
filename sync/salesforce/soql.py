"""The only place where SOQL is written: of names, ids and times, each checked here."""

# ruff: noqa: S608 - checked, as said above

import re
from collections.abc import Iterable, Iterator, Sequence

PAGE_ROWS = 2000
# 200 ids stay far below the 16,384 bytes that an address may have.
IDS_PER_QUERY = 200
SAMPLE_ROWS = 20
TIME_ZONE = "SELECT TimeZoneSidKey FROM Organization LIMIT 1"
# A field, one of a parent as in Owner.Name, or an amount in the currency of whoever asks.
NAME = re.compile(r"[A-Za-z]\w*(?:\.[A-Za-z]\w*)?|convertCurrency\([A-Za-z]\w*\)", re.ASCII)
RECORD_ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?")
STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,3})?(?:Z|[+-]\d\d:?\d\d)")


class Unaskable(ValueError):
    """A name, id or time that must not stand in a query."""


def page(
    obj: str, fields: Iterable[str], after: str | tuple[str, str], end: str, *, n_rows: int
) -> str:
    """The oldest rows of a window: from its start on, or behind a row given as stamp and id."""
    if isinstance(after, str):
        where = f"SystemModstamp >= {_stamp(after)} AND SystemModstamp < {_stamp(end)}"
    else:
        stamp, row_id = _stamp(after[0]), _id(after[1])
        behind = f"SystemModstamp > {stamp} OR (SystemModstamp = {stamp} AND Id > {row_id})"
        where = f"SystemModstamp < {_stamp(end)} AND ({behind})"
    return (
        f"SELECT {_names(fields)} FROM {_name(obj)} WHERE {where}"
        f" ORDER BY SystemModstamp, Id LIMIT {n_rows:d}"
    )


def by_ids(obj: str, fields: Iterable[str], ids: Sequence[str]) -> str:
    """The rows with these ids, at most `IDS_PER_QUERY`."""
    return f"SELECT {_names(fields)} FROM {_name(obj)} WHERE Id IN {_ids(ids)} LIMIT {len(ids)}"


def referring(
    obj: str, fields: Iterable[str], reference: str, ids: Sequence[str], *, after: str | None = None
) -> str:
    """The rows that name one of these ids in a field, by their own ids, behind one of those."""
    behind = f" AND Id > {_id(after)}" if after else ""
    return (
        f"SELECT {_names(fields)} FROM {_name(obj)}"
        f" WHERE {_name(reference)} IN {_ids(ids)}{behind} ORDER BY Id LIMIT {PAGE_ROWS}"
    )


def sample(obj: str, fields: Iterable[str]) -> str:
    """The rows changed last."""
    return (
        f"SELECT {_names(fields)} FROM {_name(obj)} WHERE IsDeleted = false"
        f" ORDER BY SystemModstamp DESC, Id DESC LIMIT {SAMPLE_ROWS}"
    )


def count(obj: str, field: str, start: str, end: str) -> str:
    """How many rows have a time within a window."""
    name = _name(field)
    return (
        f"SELECT COUNT() FROM {_name(obj)}"
        f" WHERE {name} >= {_stamp(start)} AND {name} < {_stamp(end)}"
    )


def converted(field: str) -> str:
    """An amount in one currency, whichever it is kept in; the answer has it by the same name."""
    return f"convertCurrency({field})"


def chunks(ids: Iterable[str]) -> Iterator[list[str]]:
    """Ids in portions that fit a query, each once; nothing where there are none."""
    wanted = sorted(set(ids))
    for start in range(0, len(wanted), IDS_PER_QUERY):
        yield wanted[start : start + IDS_PER_QUERY]


def _names(fields: Iterable[str]) -> str:
    return ", ".join(_name(f) for f in fields)


def _name(text: str) -> str:
    return _checked(NAME, text, "a name")


def _id(text: str) -> str:
    return f"'{_checked(RECORD_ID, text, 'a record id')}'"


def _stamp(text: str) -> str:
    return _checked(STAMP, text, "a time")


def _ids(ids: Sequence[str]) -> str:
    if not 0 < len(ids) <= IDS_PER_QUERY:
        raise Unaskable(f"1 to {IDS_PER_QUERY} ids fit a query, not {len(ids)}")
    return f"({','.join(_id(i) for i in ids)})"


def _checked(pattern: re.Pattern[str], text: str, what: str) -> str:
    if not pattern.fullmatch(text):
        raise Unaskable(f"not {what}")
    return text
