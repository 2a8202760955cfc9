"""Fields and values of lists that a file needs: kept with its mapping until it is imported."""

from sqlalchemy.orm import Session

from ml.fields.fields_file import Fields
from webapp.services.fields import declaring
from webapp.services.fields.declaring import Author
from webapp.services.imports.matching.mapping import Mapping


def applied(fields: Fields, mapping: Mapping) -> Fields:
    """The fields as they are once the file is imported; `InvalidField` where that cannot be."""
    for entry in mapping.new_fields:
        if not _is_declared(fields, str(entry["name"])):
            fields = declaring.with_field(fields, entry)
    for name, choice in mapping.new_choices:
        if not fields.named(name).choices:  # somebody has changed the field since
            continue
        after = declaring.with_choice(declaring.named(fields, name), choice)
        changed = (after if field.name == name else field for field in fields)
        fields = Fields(changed, fields.version)
    return fields


def declare(session: Session, fields: Fields, mapping: Mapping, by: Author) -> None:
    """Declare for everybody what a file needs beyond the fields that there are."""
    for entry in mapping.new_fields:
        if not _is_declared(fields, str(entry["name"])):
            declaring.declare_field(session, entry, by)
    for name, choice in mapping.new_choices:
        declaring.add_choice(session, name, choice, by)


def _is_declared(fields: Fields, name: str) -> bool:
    return name in fields and (fields[name].declared or fields[name].retired)
