"""Rows of Lead and Opportunity as Salesforce sends them, in the form that every CRM has. Pure."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from sync.crm.protocol import DealRow, LeadRow

PEOPLE = {
    "name": "Name",
    "company": "Company",
    "email": "Email",
    "phone": "Phone",
    "owner": "Owner.Name",
}
# What tells a fact of a lead that it can be without.
LEAD_FACTS = {
    "LastActivityDate": "active_on",
    "Status": "status",
    "ConvertedDate": "converted_on",
    "ConvertedContactId": "contact_id",
    "OwnerId": "owner_id",
    "Owner.Email": "owner_email",
    "RecordTypeId": "record_type_id",
}
# With what the ids of users begin; those of queues begin otherwise.
USER_PREFIX = "005"
MAX_ADDRESS_LENGTH = 200
DATE_LENGTH = len("2026-01-31")


def lead_row(
    row: Mapping[str, Any],
    fields: Iterable[str] = (),
    external_id_field: str | None = None,
    hidden: Iterable[str] = (),
) -> LeadRow:
    """A lead with the values of these fields; one of a wrong type is as good as none."""
    deal_id = _string(row, "ConvertedOpportunityId")
    return LeadRow(
        id=row["Id"],
        stamp=row["SystemModstamp"],
        created_at=_string(row, "CreatedDate") or row["SystemModstamp"],
        values={name: row.get(name) for name in fields},
        people={name: _at(row, path) for name, path in PEOPLE.items()},
        active_on=_date(row, "LastActivityDate"),
        status=_string(row, "Status"),
        deal_ids=(deal_id,) if deal_id else (),
        is_converted=row.get("IsConverted") is True,
        converted_on=_date(row, "ConvertedDate"),
        contact_id=_string(row, "ConvertedContactId"),
        is_deleted=row.get("IsDeleted") is True,
        merged_into=_string(row, "MasterRecordId"),
        external_id=_string(row, external_id_field) if external_id_field else None,
        owner_id=_string(row, "OwnerId"),
        owner_email=_owner_email(row),
        record_type_id=_string(row, "RecordTypeId"),
        unseen=frozenset(LEAD_FACTS[name] for name in hidden if name in LEAD_FACTS),
    )


def deal_row(row: Mapping[str, Any]) -> DealRow:
    """An opportunity; which leads it came from it does not say."""
    return DealRow(
        id=row["Id"],
        stamp=row["SystemModstamp"],
        created_at=_string(row, "CreatedDate") or row["SystemModstamp"],
        stage_changed_at=_string(row, "LastStageChangeDate"),
        is_closed=row.get("IsClosed") is True,
        is_won=row.get("IsWon") is True,
        is_deleted=row.get("IsDeleted") is True,
        has_source=bool(row.get("LeadSource")),
        name=row.get("Name"),
        stage=row.get("StageName"),
    )


def text_at(row: Mapping[str, Any], path: str) -> str:
    """A text of the row or of its parent, as in `Account.Name`; empty where it has none."""
    value = _at(row, path)
    return value.strip() if isinstance(value, str) else ""


def _owner_email(row: Mapping[str, Any]) -> str | None:
    """The address of the user who owns a lead; in a sandbox it ends in .invalid, as mail would."""
    address = _at(row, "Owner.Email")
    is_user = (_string(row, "OwnerId") or "").startswith(USER_PREFIX)
    if not is_user or not isinstance(address, str):
        return None
    return address.strip().lower().removesuffix(".invalid")[:MAX_ADDRESS_LENGTH] or None


def _at(row: Mapping[str, Any], path: str) -> Any:
    """A value of the row or of its parent: `Owner.Name`; a queue has a name as well."""
    value: Any = row
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _string(row: Mapping[str, Any], name: str) -> str | None:
    value = row.get(name)
    return value if isinstance(value, str) and value else None


def _date(row: Mapping[str, Any], name: str) -> str | None:
    value = _string(row, name)
    try:
        return date.fromisoformat(value[:DATE_LENGTH]).isoformat() if value else None
    except ValueError:
        return None
