"""A row of Lead or Opportunity as we keep it, and a lead's inputs made from it. Pure."""

import json
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from hashlib import blake2s
from typing import Any

from ml.fields.fields_file import Field, Fields, Value
from ml.fields.lenient import folded
from ml.fields.reading import kind_of
from ml.fields.types import BOOLEAN_TEXTS
from webapp.services.crm.field_sources import FieldSource
from webapp.services.leads import records
from webapp.services.leads.records import (
    MAX_SHOWN_LENGTH,
    PEOPLE_LENGTH,
    FieldWarning,
    LeadRecord,
)

PEOPLE = {
    "name": "Name",
    "company": "Company",
    "email": "Email",
    "phone": "Phone",
    "owner": "Owner.Name",
}
LEAD_FIELDS = (
    "Id",
    "SystemModstamp",
    "CreatedDate",
    "LastActivityDate",
    "Status",
    "IsConverted",
    "ConvertedDate",
    "ConvertedOpportunityId",
    "ConvertedContactId",
    "IsDeleted",
    "MasterRecordId",
    "OwnerId",
    *PEOPLE.values(),
)
OPPORTUNITY_FIELDS = (
    "Id",
    "SystemModstamp",
    "CreatedDate",
    "LastStageChangeDate",
    "IsClosed",
    "IsWon",
    "IsDeleted",
    "LeadSource",
    "Name",
    "StageName",
)
DATE_LENGTH = len("2026-01-31")
# Of a text no more is kept than shows that it is too long for any field.
MAX_KEPT_LENGTH = 255


@dataclass(frozen=True)
class LeadRow:
    """A lead as Salesforce sent it: what is kept of it, and what people read."""

    id: str
    columns: dict[str, Any]
    values: dict[str, Any]
    people: dict[str, str]
    # The deals that it names as its own.
    deal_ids: tuple[str, ...]
    external_id: str | None
    owner_id: str | None
    record_type_id: str | None


class LeadMapping:
    """The mapping in force, ready to be applied to rows."""

    def __init__(
        self,
        fields: Fields,
        sources: Sequence[FieldSource],
        *,
        external_id_field: str | None = None,
        reads_record_type: bool = False,
    ) -> None:
        self.fields = fields
        sources = [source for source in sources if source.is_filled]
        self.sources = {source.field: source for source in sources}
        self.external_id_field = external_id_field
        self.crm_fields = sorted({s.crm_field for s in sources if s.crm_field})
        # Another mapping makes other inputs of the same values.
        self._signature = _digest([asdict(s) for s in sorted(sources, key=lambda s: s.field)])
        also = ["RecordTypeId"] * reads_record_type
        also += [external_id_field] if external_id_field else []
        self.select = tuple(dict.fromkeys((*LEAD_FIELDS, *also, *self.crm_fields)))
        self.hidden_people: list[str] = []

    def leave_out_hidden_people(self, visible: Collection[str]) -> None:
        """Ask for fields that people read only where they may be seen, unless they are mapped."""
        people = [n for n in PEOPLE.values() if "." not in n and n not in self.crm_fields]
        self.hidden_people = [name for name in people if name not in visible]
        self.select = tuple(name for name in self.select if name not in self.hidden_people)

    def parse(self, row: Mapping[str, Any]) -> LeadRow:
        """Read a row; a value of a wrong type is as good as none."""
        values = {n: v for n in self.crm_fields if (v := _kept(row.get(n))) is not None}
        people = {name: t for name, path in PEOPLE.items() if (t := _text(_at(row, path)))}
        facts = {
            "created_at": _string(row, "CreatedDate") or row["SystemModstamp"],
            "active_on": _date(row, "LastActivityDate"),
            "status": _string(row, "Status"),
            "is_converted": row.get("IsConverted") is True,
            "converted_on": _date(row, "ConvertedDate"),
            "contact_id": _string(row, "ConvertedContactId"),
            "is_deleted": row.get("IsDeleted") is True,
            "merged_into": _string(row, "MasterRecordId"),
        }
        deal_id = _string(row, "ConvertedOpportunityId")
        return LeadRow(
            id=row["Id"],
            columns=facts
            | {
                "stamp": row["SystemModstamp"],
                "values": values,
                "digest": _digest([facts, deal_id, values, people]),
                "inputs_digest": _digest([values, self._signature]),
            },
            values=values,
            people=people,
            deal_ids=(deal_id,) if deal_id else (),
            external_id=_string(row, self.external_id_field) if self.external_id_field else None,
            owner_id=_string(row, "OwnerId"),
            record_type_id=_string(row, "RecordTypeId"),
        )

    def lead_id(self, row: LeadRow) -> str:
        """The lead's id with us: that of another system where one is mapped, else Salesforce's."""
        if row.external_id:
            try:
                return records.clean_lead_id(row.external_id)
            except ValueError:
                return row.id
        return row.id

    def record(
        self,
        row: LeadRow,
        lead_id: str,
        today: date,
        *,
        before: Mapping[str, Any],
        with_outcome: bool,
    ) -> LeadRecord:
        """The lead's record, with a warning for each value that breaks its rule and is left out.

        What Salesforce has emptied since `before` is unknown; what it never had, and a value that
        breaks its rule, keep what is known. Of a lead first seen with its outcome, lost ones too,
        only fields that do not move with it are inputs: the outcome may have written all others.
        """
        inputs, wrong = self.inputs(row.values, today, only_stable=with_outcome)
        had, _ = self.inputs(before, today, only_stable=with_outcome)
        emptied = {name for name, value in had.items() if value is not None}
        told = {n: v for n, v in inputs.items() if v is not None or n in emptied - wrong.keys()}
        people: dict[str, str | None] = {**row.people}
        warnings = tuple(
            FieldWarning(
                n, self.shown(n, row.values), self.fields[n].rule, message, kind_of(self.fields[n])
            )
            for n, message in wrong.items()
        )
        return LeadRecord(lead_id, people, told, None, warnings, self.fields.version)

    def shown(self, name: str, values: Mapping[str, Any]) -> str:
        """What Salesforce has for a field, as it is shown where it breaks the field's rule."""
        return folded(str(values.get(self.sources[name].crm_field or "")), MAX_SHOWN_LENGTH)

    def aged_record(self, values: Mapping[str, Any], lead_id: str, today: date) -> LeadRecord:
        """What the same values make of the fields that change from day to day."""
        inputs, _ = self.inputs(values, today)
        aged = {n: v for n, v in inputs.items() if self.sources[n].transform == "days_since"}
        return LeadRecord(lead_id, {}, aged, None, field_list=self.fields.version)

    def inputs(
        self, values: Mapping[str, Any], today: date, *, only_stable: bool = False
    ) -> tuple[dict[str, Value], dict[str, str]]:
        """Every mapped field's value, None where unknown, and what is wrong with which."""
        inputs: dict[str, Value] = {}
        wrong = {}
        for name, source in self.sources.items():
            if only_stable and (not source.is_stable or source.transform == "days_since"):
                continue
            field = self.fields[name]
            try:
                inputs[name] = _value(field, source, values, today)
            except (ValueError, OverflowError) as error:
                wrong[name] = str(error)
                inputs[name] = _fallback(field, source)
        return inputs, wrong

    def depends_on_today(self) -> bool:
        return any(source.transform == "days_since" for source in self.sources.values())


def deal_columns(row: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept of an opportunity; its name, empty where it has none, only while it is open."""
    is_over = row.get("IsClosed") is True or row.get("IsDeleted") is True
    names = deal_names(row)
    return {
        "id": row["Id"],
        "stamp": row["SystemModstamp"],
        "created_at": _string(row, "CreatedDate") or row["SystemModstamp"],
        "stage_changed_at": _string(row, "LastStageChangeDate"),
        "is_closed": row.get("IsClosed") is True,
        "is_won": row.get("IsWon") is True,
        "is_deleted": row.get("IsDeleted") is True,
        "has_source": bool(row.get("LeadSource")),
        "name": None if is_over else names["name"] or "",
        "stage": None if is_over else names["stage"],
    }


def deal_names(row: Mapping[str, Any]) -> dict[str, str | None]:
    """What people know an opportunity by, kept while they look for its lead."""
    return {"name": _text(row.get("Name")), "stage": _text(row.get("StageName"))}


def stamp(time: datetime) -> str:
    """A time as Salesforce writes it."""
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.000+0000"


def parse_time(text: str) -> datetime:
    """Read a stamp, or a date as its beginning in UTC."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _value(field: Field, source: FieldSource, values: Mapping[str, Any], today: date) -> Value:
    if source.transform == "constant":
        return field.parse(source.constant, text=True)
    raw = values.get(source.crm_field or "")
    if source.transform == "boolean":
        # A ticked checkbox, or anything that is filled in; 0 and No in words are no.
        return BOOLEAN_TEXTS.get(raw.casefold(), True) if isinstance(raw, str) else bool(raw)
    if raw is None:
        return None
    if source.transform == "days_since":
        # Planned activities lie ahead: that is contact today.
        return field.parse(max((today - _day(raw)).days, 0))
    if isinstance(raw, str):
        return field.parse(source.replacements.get(raw, raw), text=True)
    return field.parse(raw)


def _fallback(field: Field, source: FieldSource) -> Value:
    try:
        return field.parse(source.fallback, text=True)
    except ValueError:
        return None


def _day(raw: Any) -> date:
    if not isinstance(raw, str):
        raise ValueError("must be a date")
    if len(raw) == DATE_LENGTH:
        return date.fromisoformat(raw)
    return parse_time(raw).astimezone(UTC).date()


def _kept(value: Any) -> Any:
    return (value.strip()[:MAX_KEPT_LENGTH] or None) if isinstance(value, str) else value


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


def _text(value: Any) -> str | None:
    """Text for people, made to fit: what is shown need not be refused."""
    if not isinstance(value, str):
        return None
    start = value[: 4 * PEOPLE_LENGTH]
    if not (start.isascii() and start.isprintable()):
        start = "".join(c for c in start if unicodedata.category(c) not in _NO_TEXT)
        start = unicodedata.normalize("NFC", start)
    return " ".join(start.split())[:PEOPLE_LENGTH] or None


_NO_TEXT = ("Cc", "Cs")


def _digest(content: Any) -> str:
    text = json.dumps(content, sort_keys=True, default=str)
    return blake2s(text.encode("utf-8", "replace"), digest_size=16).hexdigest()
