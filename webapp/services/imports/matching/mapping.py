"""What each column of a file means, as it was decided: kept, sent and applied again next week."""

from typing import Any

from pydantic import BaseModel, ConfigDict

from ml.fields.fields_file import Value, category_key
from webapp.services.imports.cells.numbers import DecimalMark
from webapp.services.leads.records import PEOPLE_FIELDS
from webapp.stored import OutcomeWords

LEAVE_OUT = ""
# With a point, so that no field can be called so.
FIRST_NAME, LAST_NAME, REASON = "name.first", "name.last", "outcome.reason"
OUTCOME, OUTCOME_AT, SCORED_AT, LEAD_ID = "actual_outcome", "outcome_at", "scored_at", "lead_id"
# Of files that the product exported itself.
OUTCOME_SOURCE, OUTCOME_RULE = "outcome_source", "outcome_rule"
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
    OUTCOME_SOURCE: "Source of the outcome",
    OUTCOME_RULE: "Rule of the outcome",
}
# Several columns may say these together.
MULTIPLE_TARGETS = (OUTCOME, OUTCOME_AT)
# Of these no column fills in for another.
SINGLE_TARGETS = (LEAD_ID, SCORED_AT, OUTCOME_SOURCE, OUTCOME_RULE)
TEXT_TARGETS = (*PEOPLE_FIELDS, FIRST_NAME, LAST_NAME, REASON, OUTCOME_RULE)


# Of a column of times: which outcome was at that time.
DATED: dict[OutcomeWords, bool] = {"converted": True, "lost": False}


class ColumnMapping(BaseModel):
    """What one column means; `values` are decided ones by `category_key` of the cell.

    One that `fills` counts only where others of its target are empty.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    target: str = LEAVE_OUT
    words: OutcomeWords = "status"
    values: dict[str, Value] = {}
    day_first: bool | None = None
    decimal: DecimalMark | None = None
    fills: bool = False

    @property
    def tells_outcome(self) -> bool:
        """Whether it says what became of leads: a status, or a time such as that of winning."""
        is_dated = self.target == OUTCOME_AT and self.words in DATED
        return self.target == OUTCOME or is_dated

    def decided(self, cell: str) -> bool:
        return category_key(cell) in self.values


class Mapping(BaseModel):
    """What all columns of a file mean, in their order.

    `time_zone` is that of times without an offset. `empty_clears`: an empty cell makes a known
    value unknown. `id_from_email`: the e-mail address, in small letters, is the lead's id.
    `new_fields`, as entries of a fields file, and `new_choices` are declared when it is imported.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    columns: tuple[ColumnMapping, ...] = ()
    time_zone: str | None = None
    empty_clears: bool = False
    id_from_email: bool = False
    new_fields: tuple[dict[str, Any], ...] = ()
    new_choices: tuple[tuple[str, str], ...] = ()

    def to_store(self) -> dict[str, Any]:
        return self.model_dump(mode="json", exclude_defaults=True)

    def column(self, name: str) -> ColumnMapping | None:
        """The first column of that name, case and punctuation aside."""
        key = header_key(name)
        return next((c for c in self.columns if header_key(c.name) == key), None)

    def column_at(self, place: int, name: str) -> ColumnMapping | None:
        """What was said of a column: the one at its place if that has its name, or the first."""
        if place < len(self.columns) and header_key(self.columns[place].name) == header_key(name):
            return self.columns[place]
        return self.column(name)

    @property
    def ignored_columns(self) -> list[str]:
        return [c.name for c in self.columns if c.target == LEAVE_OUT and c.name]

    @property
    def is_of_outcomes_only(self) -> bool:
        """Whether the file says what became of leads and nothing that a score rests on."""
        targets = {column.target for column in self.columns} - {LEAVE_OUT}
        tells = any(column.tells_outcome for column in self.columns)
        return tells and targets <= TARGETS_BESIDE_FIELDS.keys()

    @property
    def is_of_export(self) -> bool:
        """Whether the product has exported the file itself."""
        return any(column.target == OUTCOME_SOURCE for column in self.columns)


def header_key(name: str) -> str:
    """Give the form of a column's name that headers are compared by.

    >>> header_key("Lead ID"), header_key("Person - E-mail")
    ('leadid', 'personemail')
    """
    return "".join(character for character in name.casefold() if character.isalnum())
