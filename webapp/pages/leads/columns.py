"""The columns of the lead table: those a person chose, else those that hold something."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from ml.fields.fields_file import Fields
from ml.fields.types import value_text
from ml.sentences import gettext
from webapp.services.leads import leads
from webapp.services.leads.filters.kinds import OF_FIELD
from webapp.services.leads.lead_table import Row


class Column(NamedTuple):
    """A column: its name, what stands above it, and the sort that it has, if any."""

    name: str
    label: str
    sort: str = ""


FIXED = (
    Column("source", gettext("Source")),
    Column("owner", gettext("Owner")),
    Column("contact", gettext("Last contact"), "contact"),
    Column("scored", gettext("Scored"), "scored"),
)
OTHERS = (
    Column("created", gettext("Created")),
    Column("email", gettext("E-mail")),
    Column("phone", gettext("Phone")),
)
# Columns that show a field in a way of their own.
OF_FIELDS = {"source": "lead_source", "contact": "days_since_contact"}


def known(fields: Fields) -> dict[str, Column]:
    """Every column there is, by name."""
    of_fields = (
        Column(f"{OF_FIELD}{each.name}", each.label)
        for each in fields.declared
        if each.name not in OF_FIELDS.values()
    )
    fixed = [c for c in FIXED if c.name not in OF_FIELDS or fields[OF_FIELDS[c.name]].declared]
    return {each.name: each for each in (*fixed, *OTHERS, *of_fields)}


def shown(fields: Fields, rows: Sequence[Row], chosen: Iterable[str] | None) -> list[Column]:
    """The chosen columns that hold something in any of these rows."""
    there = known(fields)
    names = [each.name for each in FIXED] if chosen is None else chosen
    wanted = [there[name] for name in names if name in there]
    return [each for each in wanted if any(held(row, each.name) is not None for row in rows)]


def held(row: Row, name: str) -> Any:
    """What a column holds of a lead, None where it is empty."""
    lead = row.lead
    if name.startswith(OF_FIELD):
        value = leads.known_inputs(lead).get(name.removeprefix(OF_FIELD))
        return None if value is None else value_text(value)
    times = {"contact": row.contact_at, "scored": lead.scored_at, "created": lead.created_at}
    others = {"source": lead.lead_source, "owner": lead.owner}
    plain = {"email": lead.email, "phone": lead.phone}
    return (times | others | plain)[name]


def cell(row: Row, name: str) -> Any:
    """What stands in a cell of the lead table."""
    return held(row, name)
