"""From the conditions of a query to a function that says whether a row meets them.

Where Salesforce's answer is not established (order of texts, what a negation does with null),
the query is refused.
"""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any, NoReturn

from demo.salesforce.org import ids
from demo.salesforce.org.clock import stamp
from demo.salesforce.org.schema import ID_TYPES, NUMBER_TYPES, TEXT_TYPES, SField
from demo.salesforce.org.table import AFTER_ALL, Row
from demo.salesforce.soql.parse import (
    And,
    Comparison,
    Condition,
    Membership,
    Not,
    Or,
    Path,
    SoqlError,
    Value,
    unquote,
)

Getter = Callable[[Row], Any]
Test = Callable[[Row], bool]
Resolve = Callable[[Path], tuple[SField, Getter]]

ORDERED: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
WANTED = {
    "boolean": "boolean",
    "date": "date",
    "datetime": "dateTime",
    "int": "int",
    "double": "double",
    "currency": "currency",
    "percent": "percent",
}


class Filter:
    """Compiles conditions; `resolve` knows the fields of the object that is queried."""

    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve

    def compile(self, condition: Condition, *, is_negated: bool = False) -> Test:
        match condition:
            case And(terms):
                tests = [self.compile(each, is_negated=is_negated) for each in terms]
                return lambda row: all(test(row) for test in tests)
            case Or(terms):
                tests = [self.compile(each, is_negated=is_negated) for each in terms]
                return lambda row: any(test(row) for test in tests)
            case Not(term):
                inner = self.compile(term, is_negated=True)
                return lambda row: not inner(row)
            case Membership():
                return self._membership(condition, is_negated)
            case Comparison():
                return self._comparison(condition, is_negated)

    def _membership(self, condition: Membership, is_negated: bool) -> Test:
        field, get = self._field(condition.path)
        if condition.is_negated or is_negated:
            refuse_null_in_doubt(field, condition.path)
        wanted = frozenset(comparable(field, value, condition.path) for value in condition.values)
        if None in wanted:
            malformed("null is compared with = and !=", condition.path)
        if condition.is_negated:
            return lambda row: get(row) not in wanted
        return lambda row: get(row) in wanted

    def _comparison(self, condition: Comparison, is_negated: bool) -> Test:
        field, get = self._field(condition.path)
        operator, value = condition.operator, condition.value
        if operator == "LIKE":
            return self._like(condition, is_negated)
        if operator in ORDERED:
            return self._ordered(condition, is_negated)
        wanted = comparable(field, value, condition.path)
        if wanted is not None and (operator == "!=" or is_negated):
            refuse_null_in_doubt(field, condition.path)
        if operator == "=":
            return lambda row: bool(get(row) == wanted)
        return lambda row: bool(get(row) != wanted)

    def _ordered(self, condition: Comparison, is_negated: bool) -> Test:
        field, get = self._field(condition.path)
        if field.type in TEXT_TYPES or field.type in {"boolean", "reference"}:
            invalid_operator(condition)
        if is_negated:
            refuse_null_in_doubt(field, condition.path)
        is_first_id = field.type == "id" and condition.value.text == "''"
        wanted = "" if is_first_id else comparable(field, condition.value, condition.path)
        if wanted is None:
            invalid_operator(condition)
        holds = ORDERED[condition.operator]

        def test(row: Row) -> bool:
            value = get(row)
            return value is not None and holds(value, wanted)

        return test

    def _like(self, condition: Comparison, is_negated: bool) -> Test:
        field, get = self._field(condition.path)
        if field.type not in TEXT_TYPES or condition.value.kind != "string":
            invalid_operator(condition)
        if is_negated:
            refuse_null_in_doubt(field, condition.path)
        pattern = like_pattern(condition.value)

        def test(row: Row) -> bool:
            value = get(row)
            return value is not None and pattern.fullmatch(value) is not None

        return test

    def _field(self, path: Path) -> tuple[SField, Getter]:
        field, get = self._resolve(path)
        if not field.filterable:
            reason = f"field '{path.name}' can not be filtered in a query call"
            raise SoqlError("INVALID_FIELD", reason, path.position)
        if field.type in TEXT_TYPES:
            return field, lambda row: folded(get(row))
        return field, get


def folded(text: str | None) -> str | None:
    return None if text is None else text.casefold()


def comparable(field: SField, value: Value, path: Path) -> Any:
    """The literal in the form that rows hold, texts folded; None for null."""
    if value.kind == "null":
        return False if field.type == "boolean" else None
    match family(field), value.kind:
        case "text", "string":
            literal: Any = unquote(value).casefold()
        case "id", "string":
            literal = id_of(value, path)
        case "number", "number":
            literal = float(value.text)
        case "boolean", "boolean":
            literal = value.text == "TRUE"
        case "date", "date":
            literal = valid(lambda: date.fromisoformat(value.text).isoformat(), value)
        case "datetime", "datetime":
            literal = valid(lambda: datetime_of(value.text), value)
        case _:
            wrong_type(field, path)
    return literal


def family(field: SField) -> str:
    """The type as far as comparing goes."""
    families = {"text": TEXT_TYPES, "id": ID_TYPES, "number": NUMBER_TYPES}
    return next((name for name, types in families.items() if field.type in types), field.type)


def id_of(value: Value, path: Path) -> str:
    full = ids.normal(unquote(value))
    if full is None:
        reason = f"invalid ID field: {unquote(value)}"
        raise SoqlError("INVALID_QUERY_FILTER_OPERATOR", reason, path.position)
    return full


def datetime_of(text: str) -> str:
    read = datetime.fromisoformat(text)
    if read.microsecond % 1000:
        raise ValueError("finer than a millisecond")
    return stamp(read.astimezone(UTC))


def valid(read: Callable[[], str], value: Value) -> str:
    try:
        return read()
    except ValueError:
        reason = f"unexpected token: '{value.text}'"
        raise SoqlError("MALFORMED_QUERY", reason, value.position) from None


def wrong_type(field: SField, path: Path) -> NoReturn:
    if field.type in WANTED:
        rule = f"of type {WANTED[field.type]} and should not be enclosed in quotes"
    else:
        rule = "of type string and should be enclosed in quotes"
    reason = f"value of filter criterion for field '{path.name}' must be {rule}"
    raise SoqlError("INVALID_FIELD", reason, path.position)


def invalid_operator(condition: Comparison) -> NoReturn:
    reason = f"invalid operator {condition.operator} on field '{condition.path.name}'"
    raise SoqlError("INVALID_QUERY_FILTER_OPERATOR", reason, condition.path.position)


def refuse_null_in_doubt(field: SField, path: Path) -> None:
    """Sources disagree on whether a negation finds the rows without a value."""
    if field.nillable or "." in path.name:
        malformed(f"'{path.name}' may be null: not answered with a negation", path)


def malformed(reason: str, path: Path) -> NoReturn:
    raise SoqlError("MALFORMED_QUERY", reason, path.position)


def like_pattern(value: Value) -> re.Pattern[str]:
    """% is any text, _ any character; a backslash before them makes them plain."""
    parts = []
    for escape, wild, plain in re.findall(
        r"(\\[%_])|([%_])|((?:\\[^%_]|[^%_\\])+)", value.text[1:-1]
    ):
        if wild:
            parts.append(".*" if wild == "%" else ".")
        else:
            literal = Value("string", f"'{plain}'", value.position)
            parts.append(re.escape(escape[1] if escape else unquote(literal).casefold()))
    return re.compile("".join(parts), re.DOTALL)


def stamp_bounds(condition: Condition | None) -> tuple[str, str]:
    """The span of SystemModstamp outside of which no row meets the condition."""
    match condition:
        case And(terms):
            spans = [stamp_bounds(each) for each in terms]
            return max(low for low, _ in spans), min(high for _, high in spans)
        case Or(terms):
            spans = [stamp_bounds(each) for each in terms]
            return min(low for low, _ in spans), max(high for _, high in spans)
        case Comparison(path, operator, value) if (
            path.name.lower() == "systemmodstamp" and value.kind == "datetime"
        ):
            at = datetime_of(value.text)
            low = at if operator in {"=", ">", ">="} else ""
            high = at if operator in {"=", "<", "<="} else AFTER_ALL
            return low, high
    return "", AFTER_ALL


def looked_up(condition: Condition | None) -> tuple[str, list[str]] | None:
    """A field and its values, one of which every matching row has: for an index."""
    match condition:
        case And(terms):
            found = [looked_up(each) for each in terms]
            return next((each for each in found if each), None)
        case Membership(path, values, False) if all(v.kind == "string" for v in values):
            return path.name, [unquote(value) for value in values]
        case Comparison(path, "=", value) if value.kind == "string":
            return path.name, [unquote(value)]
    return None
