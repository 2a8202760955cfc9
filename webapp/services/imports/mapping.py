"""What each column of a file means, as it was decided: kept, sent and applied again next week."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from pydantic import BaseModel, ConfigDict

from ml.fields.checks import field_from
from ml.fields.fields_file import Fields, Value, category_key
from webapp.services.imports.cells.numbers import DecimalMark
from webapp.services.leads.records import PEOPLE_FIELDS
from webapp.services.outcomes.outcome_words import OutcomeWords

LEAVE_OUT = ""
# With a point, so that no field can be called so.
FIRST_NAME, LAST_NAME, REASON = "name.first", "name.last", "outcome.reason"
OUTCOME, OUTCOME_AT, SCORED_AT, LEAD_ID = "actual_outcome", "outcome_at", "scored_at", "lead_id"
TARGETS_BESIDE_FIELDS = {
    LEAD_ID: "Lead ID",
    "name": "Name",
    FIRST_NAME: "First name",
    LAST_NAME: "Last name",
    "company": "Company",
    "email": "E-mail",
    "phone": "Phone",
    "owner": "Owner",
    OUTCOME: "Outcome",
    OUTCOME_AT: "Time of the outcome",
    REASON: "Reason of the outcome",
    SCORED_AT: "Time of the values",
}
# Several columns may say these together.
MULTIPLE_TARGETS = (OUTCOME, OUTCOME_AT)
TEXT_TARGETS = (*PEOPLE_FIELDS, FIRST_NAME, LAST_NAME, REASON)


class ColumnMapping(BaseModel):
    """What one column means; `values` are decided ones by `category_key` of the cell."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    target: str = LEAVE_OUT
    words: OutcomeWords = "status"
    values: dict[str, Value] = {}
    day_first: bool | None = None
    decimal: DecimalMark | None = None

    def decided(self, cell: str) -> bool:
        """Whether somebody has said what this value means."""
        return category_key(cell) in self.values


class Mapping(BaseModel):
    """What all columns of a file mean, in their order.

    Parameters
    ----------
    columns : tuple of ColumnMapping
        One for each column of the header.
    time_zone : str or None
        The zone of times without an offset.
    empty_clears : bool
        Whether an empty cell makes a known value unknown; else it keeps it.
    id_from_email : bool
        Whether the e-mail address, in small letters, is the lead's id.
    sheet : str or None
        Which sheet of a workbook.
    new_fields : tuple of dict
        Fields to declare, each as an entry of the fields file.
    added_choices : dict
        Choices to add, by the name of the field.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    columns: tuple[ColumnMapping, ...]
    time_zone: str | None = None
    empty_clears: bool = False
    id_from_email: bool = False
    sheet: str | None = None
    new_fields: tuple[dict[str, Any], ...] = ()
    added_choices: dict[str, tuple[str, ...]] = {}

    def to_json(self) -> str:
        """Write the mapping down."""
        return self.model_dump_json(exclude_defaults=True)

    @classmethod
    def from_json(cls, text: str) -> "Mapping":
        """Read a mapping that was written down; ValueError where it is none."""
        return cls.model_validate_json(text)

    def column(self, name: str) -> ColumnMapping | None:
        """The first column of that name, case and punctuation aside."""
        key = header_key(name)
        return next((c for c in self.columns if header_key(c.name) == key), None)

    def columns_of(self, target: str) -> list[tuple[int, ColumnMapping]]:
        """The columns of a target, each with its place."""
        return [(place, c) for place, c in enumerate(self.columns) if c.target == target]

    @property
    def ignored_columns(self) -> list[str]:
        """The names of columns that are left out."""
        return [c.name for c in self.columns if c.target == LEAVE_OUT and c.name]

    @property
    def is_of_outcomes_only(self) -> bool:
        """Whether the file says what became of leads and nothing that a score rests on."""
        targets = {column.target for column in self.columns} - {LEAVE_OUT}
        return OUTCOME in targets and targets <= TARGETS_BESIDE_FIELDS.keys()

    def extended(self, fields: Fields) -> Fields:
        """The fields with those and the choices that come with the import."""
        known = [_with_choices(field, self.added_choices.get(field.name, ())) for field in fields]
        return Fields([*known, *map(field_from, self.new_fields)])


def _with_choices(field: Any, added: Iterable[str]) -> Any:
    fresh = [choice for choice in added if choice not in field.choices]
    return replace(field, choices=(*field.choices, *fresh)) if fresh else field


def header_key(name: str) -> str:
    """Give the form of a column's name that headers are compared by.

    Examples
    --------
    >>> header_key("Lead ID"), header_key("Person - E-mail")
    ('leadid', 'personemail')
    """
    return "".join(character for character in name.casefold() if character.isalnum())
