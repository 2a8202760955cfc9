"""Changing records over the API: what is checked, in which order, and what is answered."""

import math
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, NoReturn

from demo.salesforce.http import faults, row_errors
from demo.salesforce.http.messages import Answer, Refusal, Request, json_answer, refuse
from demo.salesforce.http.row_errors import Refused, RowError
from demo.salesforce.org import ids
from demo.salesforce.org.clock import stamp
from demo.salesforce.org.crm import Crm
from demo.salesforce.org.schema import DECIMAL_TYPES, ID_TYPES, SField, SObject
from demo.salesforce.org.table import Row

MAX_ROWS = 200
Failing = Mapping[str, RowError]
Plan = tuple[str, Row] | RowError


class Writer:
    """Applies one request's changes as the integration user, in one transaction."""

    def __init__(self, crm: Crm, request: Request, failing: Failing) -> None:
        self.crm, self.org = crm, crm.org
        self.request, self.failing = request, failing

    def write_many(self) -> Answer:
        """The answer to `PATCH composite/sobjects`: one result for each row, in their order."""
        rows = self.request.records
        if not rows:
            raise Refusal(faults.answer("empty batch"))
        if len(rows) > MAX_ROWS:
            limit = f"cannot submit more than {MAX_ROWS} records in this call"
            refuse(400, "LIMIT_EXCEEDED", f"record limit reached. {limit}")
        seen: set[str] = set()
        planned = [self._plan(row, seen) for row in rows]
        is_bad = any(isinstance(each, RowError) for each in planned)
        if is_bad and self.request.json.get("allOrNone") is True:
            planned = [p if isinstance(p, RowError) else row_errors.ROLLED_BACK for p in planned]
        self._save([each for each in planned if not isinstance(each, RowError)])
        return json_answer([result(p, row) for p, row in zip(planned, rows, strict=True)])

    def write_one(self, sobject: SObject, record_id: str) -> Answer:
        """The answer to `PATCH sobjects/Lead/{id}`."""
        planned = self._plan(self.request.json | {"id": record_id}, set(), sobject)
        if isinstance(planned, RowError):
            refuse_one(planned, record_id)
        self._save([planned])
        return Answer(204)

    def _plan(self, record: Row, seen: set[str], sobject: SObject | None = None) -> Plan:
        """What to change on which row, or why not."""
        try:
            return self._checked(record, seen, sobject)
        except Refused as refused:
            return refused.error

    def _checked(self, record: Row, seen: set[str], sobject: SObject | None) -> tuple[str, Row]:
        sobject = sobject or self._sobject(record)
        given = id_in(record)
        fields = {n: v for n, v in record.items() if n.lower() not in {"id", "attributes"}}
        values = self._values(sobject, fields)
        record_id = self._writable(sobject, given)
        if record_id in seen:
            raise Refused(row_errors.twice(record_id))
        seen.add(record_id)
        if given in self.failing and not self._is_waved_through(self.failing[given]):
            raise Refused(self.failing[given])
        return record_id, values

    def _sobject(self, record: Row) -> SObject:
        name = record.get("attributes", {}).get("type", "")
        found = self.org.sobject(name)
        if found is None:
            message = f"sObject type '{name}' is not supported."
            refuse(400, "INVALID_TYPE", message)
        return found

    def _values(self, sobject: SObject, fields: Row) -> Row:
        """Fields in the form that rows hold: known, writable, of their type and size."""
        values, read_only = {}, []
        for name, value in fields.items():
            field = sobject.fields.get(name.lower())
            if field is None:
                raise Refused(row_errors.no_such_field(name, sobject.name))
            if field.updateable and field.is_visible:
                values[field.name] = stored(field, value)
            else:
                read_only.append(field.name)
        if read_only:
            raise Refused(row_errors.read_only(*read_only))
        return values

    def _writable(self, sobject: SObject, given: str) -> str:
        if not given:
            raise Refused(row_errors.NO_ID)
        record_id = ids.normal(given)
        if record_id is None:
            raise Refused(row_errors.malformed_id(given))
        row = self.org.tables[sobject.name.lower()].rows.get(record_id)
        if row is None or record_id in self.org.hidden:
            raise Refused(row_errors.ID_OF_NOTHING)
        if row.get("IsDeleted"):
            raise Refused(row_errors.DELETED)
        if row.get("IsConverted"):
            raise Refused(row_errors.CONVERTED)
        if self.org.is_locked(record_id):
            raise Refused(row_errors.LOCKED)
        return record_id

    def _is_waved_through(self, error: RowError) -> bool:
        """A duplicate rule lets pass what says `allowSave=true`."""
        header = self.request.headers.get("Sforce-Duplicate-Rule-Header", "")
        return error == row_errors.DUPLICATES and "allowsave=true" in header.lower().replace(
            " ", ""
        )

    def _save(self, planned: list[tuple[str, Row]]) -> None:
        if not planned:
            return
        with self.crm.acting_as(self.crm.integration_user), self.org.transaction():
            for record_id, values in planned:
                self.org.change(record_id, **values, **self._assignment(record_id))

    def _assignment(self, record_id: str) -> Row:
        """Without the header that forbids it, the assignment rule gives the lead to its queue."""
        header = self.request.headers.get("Sforce-Auto-Assign", "TRUE")
        is_lead = self.org.name_of(record_id) == "lead"
        if not is_lead or header.upper() == "FALSE":
            return {}
        return {"OwnerId": self.crm.assignment_queue}


def refuse_one(error: RowError, record_id: str) -> NoReturn:
    """The error of a row, where it is the whole answer."""
    if error == row_errors.ID_OF_NOTHING:
        raise Refusal(faults.answer("not found"))
    status = {row_errors.DELETED.code: 404, row_errors.NO_ACCESS.code: 403}.get(error.code, 400)
    shown = error.result(record_id)["errors"][0]
    refuse(status, shown["statusCode"], shown["message"], shown["fields"])


def result(planned: Plan, record: Row) -> Row:
    if isinstance(planned, RowError):
        return planned.result(id_in(record))
    return {"id": planned[0], "success": True, "errors": []}


def id_in(record: Row) -> str:
    return str(next((value for name, value in record.items() if name.lower() == "id"), "") or "")


def stored(field: SField, value: Any) -> Any:
    """A value of JSON in the form that rows hold, or Refused."""
    if value is None:
        if not field.nillable:
            raise Refused(row_errors.required([field.name]))
        return None
    if field.type == "boolean":
        return as_boolean(value)
    if field.type == "int" or field.type in DECIMAL_TYPES:
        return as_number(field, value)
    if field.type == "datetime":
        return as_time(value)
    if field.type == "date":
        return as_date(value)
    if not isinstance(value, str):
        raise Refused(row_errors.wrong_type("string", value))
    return as_text(field, value)


def as_boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if value in {"true", "false"}:
        return bool(value == "true")
    raise Refused(row_errors.wrong_type("boolean", value))


def as_number(field: SField, value: Any) -> float | int:
    """Numbers may come as texts; decimals are rounded to the field's scale."""
    kind = "int" if field.type == "int" else "double"
    if isinstance(value, bool):
        raise Refused(row_errors.wrong_type(kind, value))
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise Refused(row_errors.wrong_type(kind, value)) from None
    if not math.isfinite(number) or (kind == "int" and number != int(number)):
        raise Refused(row_errors.wrong_type(kind, value))
    if abs(number) >= 10 ** ((field.precision - field.scale) or field.digits):
        raise Refused(row_errors.out_of_range(field.label, number, field.name))
    if kind == "int":
        return int(number)
    unit = Decimal(1).scaleb(-field.scale)
    return float(Decimal(str(number)).quantize(unit, ROUND_HALF_UP))


def as_time(value: Any) -> str:
    try:
        read = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise Refused(row_errors.wrong_type("datetime", value)) from None
    return stamp(read if read.tzinfo else read.replace(tzinfo=UTC))


def as_date(value: Any) -> str:
    try:
        return date.fromisoformat(value).isoformat()
    except (TypeError, ValueError):
        raise Refused(row_errors.wrong_type("date", value)) from None


def as_text(field: SField, value: str) -> str | None:
    if field.type in ID_TYPES:
        full = ids.normal(value)
        if full is None:
            raise Refused(row_errors.malformed_id(value))
        return full
    if field.is_restricted and value not in field.choices:
        raise Refused(row_errors.not_in_picklist(field.label, value, field.name))
    if field.length and len(value) > field.length:
        raise Refused(row_errors.too_long(field.label, value, field.length, field.name))
    return value or None
