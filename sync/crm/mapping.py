"""Rows of a CRM as we keep them, and a lead's inputs made from its row. Pure."""

import json
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from hashlib import blake2s
from typing import Any

from ml.fields.fields_file import Field, Fields, Value
from ml.fields.lenient import folded
from ml.fields.reading import kind_of
from ml.fields.types import BOOLEAN_TEXTS
from sync.crm.protocol import DealRow, LeadRow
from webapp.services.crm.field_sources import FieldSource
from webapp.services.leads import records
from webapp.services.leads.records import (
    MAX_SHOWN_LENGTH,
    PEOPLE_LENGTH,
    FieldWarning,
    LeadRecord,
)

# What is kept of a lead as it came.
FACTS = (
    "created_at",
    "active_on",
    "status",
    "is_converted",
    "converted_on",
    "contact_id",
    "is_deleted",
    "merged_into",
    "owner_email",
)
DEAL_FACTS = (
    "id",
    "stamp",
    "created_at",
    "stage_changed_at",
    "is_closed",
    "is_won",
    "is_deleted",
    "has_source",
)
DATE_LENGTH = len("2026-01-31")
# Of a text no more is kept than shows that it is too long for any field.
MAX_KEPT_LENGTH = 255


@dataclass(frozen=True)
class ReadLead:
    """A lead as it was read: the columns that are kept of it, and what people read."""

    row: LeadRow
    columns: dict[str, Any]
    values: dict[str, Any]
    people: dict[str, str]

    @property
    def id(self) -> str:
        return self.row.id


class LeadMapping:
    """The mapping in force, ready to be applied to rows."""

    def __init__(self, fields: Fields, sources: Sequence[FieldSource]) -> None:
        self.fields = fields
        sources = [source for source in sources if source.is_filled]
        self.sources = {source.field: source for source in sources}
        self.crm_fields = sorted({s.crm_field for s in sources if s.crm_field})
        # The fields whose values change from day to day.
        self.daily = {s.field for s in sources if s.transform == "days_since"}
        # Another mapping makes other inputs of the same values.
        self._signature = _digest([asdict(s) for s in sorted(sources, key=lambda s: s.field)])

    def parse(self, row: LeadRow) -> ReadLead:
        """Read a row; a value of a wrong type is as good as none."""
        values = {n: v for n in self.crm_fields if (v := _kept(row.values.get(n))) is not None}
        people = {name: t for name, text in row.people.items() if (t := _text(text))}
        facts = {name: getattr(row, name) for name in FACTS if name not in row.unseen}
        columns = facts | {
            "stamp": row.stamp,
            "values": values,
            "digest": _digest([facts, row.deal_ids, values, people]),
            "inputs_digest": _digest([values, self._signature]),
        }
        return ReadLead(row, columns, values, people)

    def lead_id(self, lead: ReadLead) -> str:
        """The lead's id with us: that of another system where one is mapped, else the CRM's."""
        if lead.row.external_id:
            try:
                return records.clean_lead_id(lead.row.external_id)
            except ValueError:
                return lead.id
        return lead.id

    def record(
        self,
        row: ReadLead,
        lead_id: str,
        today: date,
        *,
        before: Mapping[str, Any],
        with_outcome: bool,
    ) -> LeadRecord:
        """The lead's record, with a warning for each value that breaks its rule and is left out.

        What the CRM has emptied since `before` is unknown; what it never had, and a value that
        breaks its rule, keep what is known. Of a lead first seen with its outcome, lost ones too,
        only fields that do not move with it are inputs: the outcome may have written all others,
        which count as not collected.
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
        asked = frozenset(inputs.keys() - wrong.keys())
        return LeadRecord(lead_id, people, told, None, warnings, self.fields.version, asked)

    def shown(self, name: str, values: Mapping[str, Any]) -> str:
        """What the CRM has for a field, as it is shown where it breaks the field's rule."""
        return folded(str(values.get(self.sources[name].crm_field or "")), MAX_SHOWN_LENGTH)

    def aged_record(self, values: Mapping[str, Any], lead_id: str, today: date) -> LeadRecord:
        """What the same values make of the fields that change from day to day.

        What the CRM never had, or has outside of the field's rule, keeps what another source knows.
        """
        inputs, _ = self.inputs(values, today)
        aged: dict[str, Value] = {n: inputs[n] for n in self.daily if inputs[n] is not None}
        return LeadRecord(lead_id, {}, aged, None, field_list=self.fields.version)

    def inputs(
        self, values: Mapping[str, Any], today: date, *, only_stable: bool = False
    ) -> tuple[dict[str, Value], dict[str, str]]:
        """Every mapped field's value, None where unknown, and what is wrong with which."""
        inputs: dict[str, Value] = {}
        wrong = {}
        for name, source in self.sources.items():
            if only_stable and (not source.is_stable or name in self.daily):
                continue
            field = self.fields[name]
            try:
                inputs[name] = _value(field, source, values, today)
            except (ValueError, OverflowError) as error:
                wrong[name] = str(error)
                inputs[name] = _fallback(field, source)
        return inputs, wrong


def deal_columns(row: DealRow) -> dict[str, Any]:
    """What is kept of a deal; its name, empty where it has none, only while it is open."""
    columns = {name: getattr(row, name) for name in DEAL_FACTS}
    if row.is_closed or row.is_deleted:
        return columns | {"name": None, "stage": None}
    names = deal_names(row)
    return columns | {"name": names["name"] or "", "stage": names["stage"]}


def deal_names(row: DealRow) -> dict[str, str | None]:
    """What people know a deal by, kept while they look for its lead."""
    return {"name": _text(row.name), "stage": _text(row.stage)}


def stamp(time: datetime) -> str:
    """A time in the form in which rows have theirs."""
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
