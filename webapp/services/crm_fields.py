"""Where each field of a lead comes from in Salesforce: what may be chosen, and what was."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.fields import Field, Fields
from webapp.crm_tables import CrmFieldMap
from webapp.database import change
from webapp.services import audit, crm_windows

# What stays as it was when a lead is converted: nobody moves it to the contact or goes on with it.
# Only such fields may be inputs of a lead that we first see together with its outcome.
STABLE = frozenset(
    {
        "LeadSource",
        "Industry",
        "Street",
        "City",
        "State",
        "StateCode",
        "PostalCode",
        "Country",
        "CountryCode",
        "AnnualRevenue",
        "NumberOfEmployees",
        "Company",
        "Title",
    }
)
NUMBERS = frozenset({"int", "double", "currency", "percent", "long"})
TIMES = frozenset({"date", "datetime"})
TEXTS = frozenset({"string", "picklist", "multipicklist", "combobox", "textarea", "country"})
# Our own answers must not become inputs.
WRITTEN = (
    "Conversion_Score__c",
    "Conversion_Band__c",
    "Score_Reasons__c",
    "Score_Updated_At__c",
    "Score_Model_Version__c",
)
MOVES_WITH_OUTCOME = frozenset({"IsConverted", "Status", "IsDeleted", "IsUnreadByOwner"})


@dataclass(frozen=True)
class FieldSource:
    """How one field of a lead is filled: from a Salesforce field by a transform, or constant."""

    field: str
    crm_field: str | None
    transform: str = "as_is"
    constant: str | None = None
    fallback: str | None = None
    is_stable: bool = False


@dataclass(frozen=True)
class Choice:
    """A Salesforce field that may fill a field, and the transforms that it can go through."""

    name: str
    label: str
    transforms: tuple[str, ...]


def sources(session: Session, fields: Fields) -> list[FieldSource]:
    """The saved mapping, or that of `fields.toml` where none was saved."""
    rows = session.scalars(sa.select(CrmFieldMap).order_by(CrmFieldMap.field)).all()
    if not rows:
        return declared(fields)
    found = [
        FieldSource(r.field, r.crm_field, r.transform, r.constant, r.fallback, r.is_stable)
        for r in rows
    ]
    return [source for source in found if source.field in fields]


def declared(fields: Fields) -> list[FieldSource]:
    """The mapping that `fields.toml` declares."""
    return [
        FieldSource(f.name, f.salesforce, is_stable=f.salesforce in STABLE)
        for f in fields.declared
        if f.salesforce
    ]


def choices(field: Field, described: Iterable[Mapping[str, Any]]) -> list[Choice]:
    """The Salesforce fields that can fill a field, by label."""
    found = [
        Choice(str(d["name"]), str(d.get("label", d["name"])), transforms)
        for d in described
        if d["name"] not in WRITTEN
        and d["name"] not in MOVES_WITH_OUTCOME
        and (transforms := _transforms(field, str(d["type"])))
    ]
    return sorted(found, key=lambda choice: choice.label.casefold())


def problems(
    chosen: Sequence[FieldSource], fields: Fields, described: Iterable[Mapping[str, Any]]
) -> list[str]:
    """What is wrong with a mapping by what Salesforce describes, a sentence each."""
    by_name = {str(d["name"]): d for d in described}
    return [
        complaint
        for source in chosen
        if (complaint := _problem(source, fields, by_name)) is not None
    ]


def save(session: Session, chosen: Sequence[FieldSource], actor: str, now: datetime) -> None:
    """Replace the mapping; all leads are read again, since values of new fields are not here."""
    change(session, sa.delete(CrmFieldMap))
    session.add_all(CrmFieldMap(**asdict(source)) for source in chosen)
    crm_windows.restart(session, "Lead")
    detail = {source.field: source.crm_field or source.transform for source in chosen}
    audit.record(session, actor, "mapped fields", "salesforce", now=now, detail=detail)


def _problem(
    source: FieldSource, fields: Fields, described: Mapping[str, Mapping[str, Any]]
) -> str | None:
    if source.field not in fields:
        return f"{source.field} is no field of fields.toml"
    field = fields[source.field]
    if source.transform == "constant":
        return _constant_problem(field, source.constant)
    name = source.crm_field or "(none)"
    if name not in described:
        return f"{field.label}: Salesforce has no Lead field {name}, or hides it"
    kind = str(described[name]["type"])
    if source.transform not in _transforms(field, kind):
        return f"{field.label}: {name} ({kind}) cannot fill a {field.type}"
    return _constant_problem(field, source.fallback) if source.fallback else None


def _constant_problem(field: Field, text: str | None) -> str | None:
    try:
        field.parse(text, text=True)
    except ValueError as error:
        return f"{field.label}: {error}"
    return None


def _transforms(field: Field, crm_type: str) -> tuple[str, ...]:
    """How a Salesforce type can become the field's."""
    if field.type == "boolean":
        return ("as_is",) if crm_type == "boolean" else ("boolean",)
    if field.type == "category":
        return ("as_is",) if crm_type in TEXTS else ()
    if crm_type in TIMES:
        return ("days_since",)
    return ("as_is",) if crm_type in NUMBERS | {"string"} else ()
