"""Examples for the document and its page, made from the declared fields."""

from typing import Any

from ml.fields.fields_file import Field, Fields, Value

COMMON: dict[str, Value] = {
    "age": 42,
    "location": "Leeds",
    "industry": "Software",
    "email_opens": 8,
    "website_visits": 5,
    "content_downloads": 1,
    "days_since_contact": 2,
    "lead_source": "Referral",
}


def lead(fields: Fields) -> dict[str, Any]:
    """A lead that `POST /score` takes."""
    declared = {field.name: _value(field) for field in fields.declared}
    return {"lead_id": "L-1", "name": "Ada Example", **declared}


def _value(field: Field) -> Value:
    """The usual example where the field's rule allows it, else the simplest right value."""
    for value in (COMMON.get(field.name), *field.choices, True, 1, field.minimum, "Example"):
        if value is not None and _is_right(field, value):
            return value
    return None


def _is_right(field: Field, value: Value) -> bool:
    try:
        return field.parse(value) is not None
    except ValueError:
        return False
