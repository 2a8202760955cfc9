"""JSON lines as rows of text: one object a line, as the product exports them."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from webapp.services.exports.formulas import defused, restored
from webapp.services.imports.files.errors import ImportFileError
from webapp.services.imports.files.layout import MAX_COLUMNS, Cells, Row

NOT_LINES = (
    "is not one JSON object on a line of its own: write one object a line (JSON lines), or export"
    " the table as CSV"
)


def columns(lines: Iterable[str]) -> tuple[list[str], list[str]]:
    """Name all keys of a file, in the order of their coming: plain ones, and nested ones.

    A nested one holds a list or an object in some line, which no cell can hold.
    """
    found: dict[str, None] = {}
    nested: set[str] = set()
    for number, record in _records(lines):
        found |= dict.fromkeys(record)
        nested |= {key for key, value in record.items() if isinstance(value, dict | list)}
        if len(found) > MAX_COLUMNS:
            raise ImportFileError.at(number, f"has more than {MAX_COLUMNS:,} keys")
    return [key for key in found if key not in nested], sorted(nested)


def rows(lines: Iterable[str], names: Cells) -> Iterator[Row]:
    """Give the names as a header, and then each object as a row; what it lacks is empty."""
    yield 0, names
    for number, record in _records(lines):
        yield number, [_text(record.get(name)) for name in names]


def _records(lines: Iterable[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line, parse_float=str, parse_int=str, object_pairs_hook=_object)
        except (ValueError, RecursionError):
            raise ImportFileError.at(number, NOT_LINES) from None
        if not isinstance(record, dict):
            raise ImportFileError.at(number, NOT_LINES)
        yield number, record


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object, unless it says something twice: then nobody knows which counts."""
    record = dict(pairs)
    if len(record) < len(pairs):
        raise ValueError("a key stands twice")
    return record


def _text(value: object) -> str:
    """A value as a CSV has it; numbers are text already, exactly as they were written."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    # A CSV marks what a spreadsheet would run, and reading a cell takes the mark away.
    return text if restored(text) == text else defused(text)
