"""Why one row of a write is refused. `{id}` in a message stands for the row's id."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class RowError:
    code: str
    message: str
    fields: tuple[str, ...] = ()

    def result(self, record_id: str = "") -> dict[str, Any]:
        """The row's place in the answer to a write to many: it has no id."""
        message = self.message.replace("{id}", record_id)
        error = {"statusCode": self.code, "message": message, "fields": list(self.fields)}
        return {"success": False, "errors": [error]}


class Refused(Exception):
    """This row is not saved."""

    def __init__(self, error: RowError) -> None:
        super().__init__(error.code)
        self.error = error


CONVERTED = RowError("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead")
LOCKED = RowError(
    "UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record or 1 records: {id}"
)
ID_OF_NOTHING = RowError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
DELETED = RowError("ENTITY_IS_DELETED", "entity is deleted")
DUPLICATES = RowError("DUPLICATES_DETECTED", "Use one of these records?")
NO_ACCESS = RowError("INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id")
NO_ID = RowError("MISSING_ARGUMENT", "Id not specified in an update call")
ROLLED_BACK = RowError(
    "ALL_OR_NONE_OPERATION_ROLLED_BACK",
    "Record rolled back because not all records were valid and the request was using AllOrNone "
    "header",
)


def validation_rule(message: str, *fields: str) -> RowError:
    return RowError("FIELD_CUSTOM_VALIDATION_EXCEPTION", message, fields)


def trigger(message: str) -> RowError:
    return RowError("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", message)


def read_only(*names: str) -> RowError:
    message = (
        f"Unable to create/update fields: {', '.join(names)}. Please check the security settings "
        "of this field and verify that it is read/write for your profile or permission set."
    )
    return RowError("INVALID_FIELD_FOR_INSERT_UPDATE", message, names)


def no_such_field(name: str, sobject: str) -> RowError:
    return RowError("INVALID_FIELD", f"No such column '{name}' on sobject of type {sobject}")


def wrong_type(kind: str, value: object) -> RowError:
    """As the JSON reader says it: it does not get to the field's name."""
    token = {str: "VALUE_STRING", bool: f"VALUE_{str(value).upper()}", int: "VALUE_NUMBER_INT"}
    shown = token.get(type(value), "VALUE_NUMBER_FLOAT")
    message = (
        f"Cannot deserialize instance of {kind} from {shown} value {value} or request may be "
        "missing a required field at [Source: N/A; line: -1, column: -1][line:-1, column:-1]"
    )
    return RowError("JSON_PARSER_ERROR", message)


def not_in_picklist(label: str, value: str, name: str) -> RowError:
    message = f"{label}: bad value for restricted picklist field: {value}"
    return RowError("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, (name,))


def too_long(label: str, value: str, length: int, name: str) -> RowError:
    message = f"{label}: data value too large: {value} (max length={length})"
    return RowError("STRING_TOO_LONG", message, (name,))


def out_of_range(label: str, value: float, name: str) -> RowError:
    message = f"{label}: value outside of valid range on numeric field: {value}"
    return RowError("NUMBER_OUTSIDE_VALID_RANGE", message, (name,))


def required(names: Iterable[str]) -> RowError:
    missing = tuple(names)
    message = f"Required fields are missing: [{', '.join(missing)}]"
    return RowError("REQUIRED_FIELD_MISSING", message, missing)


def malformed_id(value: object) -> RowError:
    return RowError("MALFORMED_ID", f"malformed id {value}")


def twice(record_id: str) -> RowError:
    return RowError("DUPLICATE_VALUE", f"duplicate id specified: {record_id}")
