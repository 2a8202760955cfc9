"""Which fields a lead has: the eight built-in ones and those that a team declares.

The rule for one value stands in `ml.fields.types`, the rules of the file in `ml.fields.checks`;
what callers need of them is offered here too.
"""

import json
import re
import tomllib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from ml.fields.checks import (
    BUILTIN_FIELDS,
    MAX_FIELDS,
    RESERVED_NAMES,
    entry_complaints,
    entry_of,
    field_from,
)
from ml.fields.toml_lines import TableLines, table_lines
from ml.fields.types import Field, FieldType, Value, category_key, clean_text, nearest_of

__all__ = [
    "RESERVED_NAMES",
    "Field",
    "FieldType",
    "Fields",
    "FieldsFileError",
    "Mistake",
    "Value",
    "category_key",
    "clean_text",
    "dumps",
    "load",
    "loads",
]

MAX_FILE_BYTES = 1_000_000


class Mistake(NamedTuple):
    """Something wrong in a fields file: the line it stands on, from 1, and a sentence."""

    line: int
    message: str


class FieldsFileError(ValueError):
    """A fields file that cannot be used: all its mistakes, in the order of the lines."""

    def __init__(self, source: str, mistakes: Iterable[Mistake]) -> None:
        self.source = source
        self.mistakes = tuple(sorted(mistakes))
        n = len(self.mistakes)
        lines = [f"{source} has {n} mistake{'s' if n != 1 else ''}:"]
        lines += [f"  line {line}: {message}" for line, message in self.mistakes]
        super().__init__("\n".join(lines))


class Fields:
    """The fields in order: the declared ones first, then built-in ones that nobody declared.

    `version` is the number of the kept list that they are, None where no list is kept.

    >>> fields = loads('[[field]]\\nname = "seats"\\ntype = "count"\\nlabel = "Seats"')
    >>> [field.name for field in fields.model], len(fields), "age" in fields
    (['seats'], 9, True)
    """

    def __init__(self, declared: Iterable[Field], version: int | None = None) -> None:
        self.version = version
        by_name = {field.name: field for field in declared}
        self._by_name = by_name | {n: f for n, f in BUILTIN_FIELDS.items() if n not in by_name}

    def __iter__(self) -> Iterator[Field]:
        return iter(self._by_name.values())

    def __len__(self) -> int:
        return len(self._by_name)

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def __getitem__(self, name: str) -> Field:
        return self._by_name[name]

    def named(self, name: str) -> Field:
        """Give a field for people; one that is not known any more is called by its name.

        >>> Fields([]).named("age").label, Fields([]).named("pages_per_visit").label
        ('Age', 'pages per visit')
        """
        if name in self:
            return self[name]
        return Field(name, "number", name.replace("_", " "), declared=False)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all accepted fields."""
        return tuple(self._by_name)

    @property
    def declared(self) -> tuple[Field, ...]:
        """Fields that are declared and not retired: those that forms show."""
        return tuple(field for field in self if field.declared)

    @property
    def model(self) -> tuple[Field, ...]:
        """Fields that models may learn from."""
        return tuple(field for field in self if field.declared and field.use)

    @property
    def entries(self) -> tuple[dict[str, Any], ...]:
        """The `[[field]]` entries of all that were ever declared, retired ones too, in order."""
        return tuple(entry_of(field) for field in self if field.declared or field.retired)

    @property
    def own(self) -> tuple[Field, ...]:
        """Fields that are the team's own, beside the eight built-in ones."""
        return tuple(field for field in self if not field.builtin)

    def without(self, names: Collection[str]) -> "Fields":
        """Keep models from some fields, as if their entries said use = false."""
        left_out = (replace(f, use=False) if f.name in names else f for f in self)
        return Fields(left_out, self.version)

    def choices(self, name: str) -> tuple[str, ...]:
        """List the only values a category may take; empty where any text is allowed."""
        return self[name].choices

    def nearest(self, name: str, also: Iterable[str] = ()) -> str | None:
        """Find the field, or one of some further names, that a mistyped name most likely means.

        >>> Fields([]).nearest("emailopens")
        'email_opens'
        """
        return nearest_of(name, (*self.names, *also))


def load(path: str | Path) -> Fields:
    """Read a fields file: TOML of `[[field]]` tables, at most 1 MB.

    FieldsFileError names every mistake with its line, and says where the file cannot be read.
    """
    source = Path(path).name
    try:
        raw = Path(path).read_bytes()
    except OSError as error:
        reason = f"the file {path} cannot be read: {error.strerror}"
        raise FieldsFileError(source, [Mistake(1, reason)]) from None
    if len(raw) > MAX_FILE_BYTES:
        raise FieldsFileError(source, [Mistake(1, "the file is larger than 1 MB")])
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise FieldsFileError(source, [Mistake(line, "the text is not UTF-8")]) from None
    return loads(text, source)


def loads(text: str, source: str = "fields.toml") -> Fields:
    """Read fields from TOML text, which messages call `source`.

    FieldsFileError names every mistake with its line.

    >>> loads('[[field]]\\nname = "seats"\\ntype = "sum"\\nlabel = "Seats"')
    Traceback (most recent call last):
    ml.fields.fields_file.FieldsFileError: fields.toml has 1 mistake:
      line 3: type must be one of count, number, category, boolean, not 'sum'
    """
    try:
        content = tomllib.loads(text)
    except ValueError as error:  # TOMLDecodeError, or a number of thousands of digits
        raise FieldsFileError(source, [_syntax_mistake(text, str(error))]) from None
    tables = table_lines(text)
    entries = _entries(content)
    mistakes = [*_top_mistakes(content, entries, tables), *_entry_mistakes(entries, tables)]
    if mistakes:
        raise FieldsFileError(source, mistakes)
    return Fields(field_from(entry) for entry in entries)


def dumps(fields: Fields) -> str:
    """Write fields as the text of a fields file, which `loads` reads as the same fields.

    >>> print(dumps(loads('[[field]]\\nname = "seats"\\ntype = "count"\\nlabel = "Seats"')))
    [[field]]
    name = "seats"
    type = "count"
    label = "Seats"
    min = 0
    <BLANKLINE>
    """
    return "\n".join(
        "[[field]]\n" + "".join(f"{key} = {_toml(value)}\n" for key, value in entry.items())
        for entry in fields.entries
    )


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{_toml(k)} = {_toml(v)}' for k, v in value.items())} }}"
    # Numbers, truth values, and texts and lists without control characters are the same in JSON.
    return json.dumps(value, ensure_ascii=False)


def _syntax_mistake(text: str, message: str) -> Mistake:
    found = re.search(r" \(at (?:line (\d+), column (\d+)|end of document)\)$", message)
    line = int(found[1]) if found and found[1] else text.count("\n") + 1
    column = f" (column {found[2]})" if found and found[2] else ""
    sentence = message[: found.start()] if found else message
    return Mistake(line, f"not valid TOML: {sentence}{column}")


def _entries(content: dict[str, Any]) -> list[dict[str, Any]]:
    found = content.get("field")
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []


def _top_mistakes(
    content: dict[str, Any], entries: list[dict[str, Any]], tables: list[TableLines]
) -> Iterator[Mistake]:
    for name in content:
        if name != "field":
            yield Mistake(_line_of(name, tables), f"unknown key {name}: a field starts [[field]]")
    if content.get("field", []) != entries:
        yield Mistake(_line_of("field", tables), "each field must be a table that starts [[field]]")
    elif not entries:
        yield Mistake(1, "no field is declared: a field starts with the line [[field]]")
    if sum(entry.get("retired") is not True for entry in entries) > MAX_FIELDS:
        yield Mistake(1, f"more than {MAX_FIELDS} fields are declared that are not retired")


def _line_of(name: str, tables: list[TableLines]) -> int:
    headers = (t.line for t in tables if re.split(r"[.\]]", t.header.strip("["))[0] == name)
    dotted = (line for key, line in tables[0].keys.items() if re.split(r"[\s.\"']", key)[0] == name)
    return next(headers, 0) or next(dotted, 1)


def _entry_mistakes(entries: list[dict[str, Any]], tables: list[TableLines]) -> Iterator[Mistake]:
    line_by_name: dict[str, int] = {}
    for entry, table in zip(entries, _entry_lines(len(entries), tables), strict=True):
        for key, complaint in entry_complaints(entry):
            yield Mistake(table.keys.get(key, table.line), complaint)
        name = entry.get("name")
        line = table.keys.get("name", table.line)
        if isinstance(name, str) and name in line_by_name:
            first = line_by_name[name]
            yield Mistake(line, f"name {name} is declared twice, first on line {first}")
        elif isinstance(name, str):
            line_by_name[name] = line


def _entry_lines(n_entries: int, tables: list[TableLines]) -> list[TableLines]:
    headers = [table for table in tables if table.header == "[[field]]"]
    # Entries of an inline array have no header of their own: its line stands for all.
    inline = [TableLines("[[field]]", _line_of("field", tables))] * n_entries
    return headers if len(headers) == n_entries else inline
