"""The shapes of what programs send; the document describes them from here."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    ValidationInfo,
    create_model,
)

from ml.fields.fields_file import clean_text
from ml.fields.types import BOOLEAN_TEXTS, NO_CONTROL_CHARACTERS, is_null_word
from webapp.api.document.contract import LEAD_RECORD
from webapp.services.accounts import api_keys
from webapp.services.exports.columns import FORMATS
from webapp.services.imports.cells.times import zone_of
from webapp.services.leads import records
from webapp.services.leads.filters.kinds import ANY_STATUS, POINTS, SOME_GRADES
from webapp.services.leads.filters.sorts import SORTS
from webapp.services.leads.filters.table import FILTERS, Filter
from webapp.services.outcomes import times
from webapp.tables import RUN_KINDS, STATUSES, Meaning

NOT_BLANK = (
    r"^[^\u0000-\u001F\u007F-\u009F]*[^\s\u0000-\u001F\u007F-\u009F]"
    r"[^\u0000-\u001F\u007F-\u009F]*$"
)
MAX_ROWS = 5000
REASON_LENGTH = 500
OutcomeWord: TypeAlias = Annotated[str, Field(pattern=records.OUTCOME_PATTERN)]
SentOutcome: TypeAlias = bool | Literal[0, 1] | OutcomeWord | None
OUTCOME_RULE = f"{records.OUTCOME_RULE}; DELETE /feedback/{{lead_id}} withdraws an outcome"
OUTCOME_HERE_RULE = f"here or as ?outcome= in the address: {OUTCOME_RULE}"
RESULT_RULE = (
    "never_worked, which says the same as an outcome never_worked: the lead was closed without"
    " being worked, which is no label for training"
)
EXPECTED_RULE = (
    f"one of {', '.join(STATUSES)}: the status that whoever reports this has seen of the lead; if"
    " it is another by now, nothing is recorded and 409 says who changed it, and when if somebody"
    " reported that; not beside wait=true, and in a batch the row of an unknown lead is then 404"
)
LeadStatus = Literal["open", "in_pipeline", "converted", "lost", "never_worked"]
WAIT_RULE = "true or false: whether the outcome of a lead that is not known yet waits for it"
FLAG_RULE = "true or false"
IGNORE_UNKNOWN_RULE = "true or false: whether fields that are not known are left out with a warning"
SCOPE_RULE = (
    f"a list of one or more of {', '.join(api_keys.SCOPES)}, or of {api_keys.FORM} alone with"
    " `origins`"
)
DAYS_RULE = f"days: 1 to {api_keys.MAX_DAYS:,}, or null for a key that is good until it is revoked"
ORIGINS_RULE = f"of a form key: a list of up to {api_keys.MAX_ORIGINS}, each {api_keys.ORIGIN_RULE}"
FORMAT_RULE = f"one of {', '.join(FORMATS)}; csv by default"
KIND_RULE = f"one of {', '.join(RUN_KINDS)}"


def text(maximum: int) -> Any:
    """Text as the document describes it: short, and without control characters."""
    return Annotated[str, Field(max_length=maximum, pattern=NO_CONTROL_CHARACTERS)]


def needed_text(maximum: int) -> Any:
    """Text of which something is left after trimming."""
    return Annotated[str, Field(min_length=1, max_length=maximum, pattern=NOT_BLANK)]


def text_of(maximum: int) -> Any:
    """Text of people up to a length, cleaned; blank is none."""
    return _cleaned(text(maximum) | None, maximum)


def needed_text_of(maximum: int) -> Any:
    """Text of people up to a length, of which something is left after trimming."""
    return _cleaned(needed_text(maximum), maximum, needed=True)


def _cleaned(described: Any, maximum: int, *, needed: bool = False) -> Any:
    def check(value: Any) -> str | None:
        cleaned = clean_text(value, maximum=maximum)
        if needed and cleaned is None:
            raise ValueError("is required and must not be empty")
        return cleaned

    return BeforeValidator(check, json_schema_input_type=described)


def _time(value: Any, info: ValidationInfo) -> datetime | None:
    now: Any = info.context
    if isinstance(value, str):
        value = None if is_null_word(value) else value.strip().upper()
    return times.parse_time(value, now)


def _status(value: Any) -> str:
    # Null too is refused: whoever sends it means to have the status checked.
    if not isinstance(value, str) or value not in STATUSES:
        raise ValueError(f"must be one of {', '.join(STATUSES)}")
    return value


def _outcome(described: Any) -> Any:
    return BeforeValidator(records.parse_outcome, json_schema_input_type=described)


class Body(BaseModel):
    """Parent of the shapes that programs send: a key that is not named is a mistake."""

    model_config = ConfigDict(extra="forbid")


class Feedback(Body):
    """What became of one lead."""

    outcome: Annotated[Meaning, _outcome(SentOutcome)] = Field(None, description=OUTCOME_HERE_RULE)
    result: Literal["never_worked"] | None = Field(None, description=RESULT_RULE)
    occurred_at: Annotated[
        datetime | None, BeforeValidator(_time, json_schema_input_type=datetime | date | None)
    ] = Field(None, description=f"{times.TIME_RULE}; now, where it is left out")
    reason: Annotated[str | None, text_of(REASON_LENGTH)] = Field(
        None, description=f"text of up to {REASON_LENGTH} characters, for people to read"
    )
    expected_status: Annotated[
        str | None, BeforeValidator(_status, json_schema_input_type=LeadStatus)
    ] = Field(None, description=EXPECTED_RULE)


class FeedbackRow(Feedback):
    """What became of one lead, in a batch."""

    lead_id: Annotated[
        str,
        BeforeValidator(
            records.clean_lead_id, json_schema_input_type=needed_text(records.LEAD_ID_LENGTH) | int
        ),
    ] = Field(description=records.LEAD_ID_RULE)
    outcome: Annotated[Meaning, _outcome(SentOutcome)] = Field(None, description=OUTCOME_RULE)

    @property
    def meaning(self) -> Meaning:
        return self.outcome if self.result is None else self.result


class FeedbackBatch(Body):
    """What became of many leads."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "outcomes": [
                        {"lead_id": "L-1", "outcome": True, "occurred_at": "2026-03-02"},
                        {"lead_id": "L-2", "outcome": False, "reason": "No budget"},
                    ]
                }
            ]
        }
    )

    outcomes: list[Any] = Field(
        max_length=MAX_ROWS,
        description=f"a list of up to {MAX_ROWS:,} outcomes",
        json_schema_extra={"items": {"$ref": "#/components/schemas/FeedbackRow"}},
    )


class LeadRecords(Body):
    """Many leads."""

    leads: list[Any] = Field(
        max_length=MAX_ROWS,
        description=f"a list of up to {MAX_ROWS:,} leads",
        json_schema_extra={"items": {"$ref": f"#/components/schemas/{LEAD_RECORD}"}},
    )


def _scopes(value: Any) -> Any:
    try:
        api_keys.check_scopes(_texts(value))
    except ValueError:
        raise ValueError(f"must be {SCOPE_RULE}") from None
    return value


def _origins(value: Any, info: ValidationInfo) -> Any:
    try:
        return api_keys.clean_origins(info.data.get("scopes", [api_keys.FORM]), _texts(value))
    except ValueError:
        raise ValueError(f"must be {ORIGINS_RULE}") from None


def _texts(value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise ValueError("no list of texts")
    return value


class WantedKey(Body):
    """A key to make."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "web form", "scopes": ["score"]}]}
    )

    name: Annotated[str, needed_text_of(api_keys.NAME_LENGTH)] = Field(
        description=f"text of 1 to {api_keys.NAME_LENGTH} characters: which program it is for"
    )
    scopes: Annotated[list[str], BeforeValidator(_scopes)] = Field(
        description=SCOPE_RULE,
        json_schema_extra={
            "minItems": 1,
            "items": {"type": "string", "enum": [*api_keys.SCOPES, api_keys.FORM]},
        },
    )
    origins: Annotated[list[str], BeforeValidator(_origins)] = Field(
        [],
        validate_default=True,
        description=ORIGINS_RULE,
        json_schema_extra={
            "items": {"type": "string", "pattern": f"^{api_keys.ORIGIN.pattern}/?$"}
        },
    )
    ignore_unknown: StrictBool = Field(False, description=IGNORE_UNKNOWN_RULE)
    expires_in_days: StrictInt | None = Field(
        None, ge=1, le=api_keys.MAX_DAYS, description=DAYS_RULE
    )


class Rotation(Body):
    """How a key is replaced."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"overlap_days": 7}]})

    overlap_days: StrictInt = Field(
        api_keys.OVERLAP.days,
        ge=0,
        le=30,
        description="whole number of 0 to 30: for how many days the old key works on",
    )


def _flag(value: Any) -> bool:
    if (said := str(value).strip().lower()) not in BOOLEAN_TEXTS:
        raise ValueError(f"must be {FLAG_RULE}")
    return BOOLEAN_TEXTS[said]


Flag = Annotated[bool, BeforeValidator(_flag, json_schema_input_type=bool)]


def _zone(name: str | None) -> str | None:
    return zone_of(name).key if name else None


class ImportQuery(Body):
    """How to take a file in."""

    name: str = Field("file", description="what the file is called, for people")
    mapping: str | None = Field(
        None, description="the name of a mapping, or auto: only what is beyond doubt"
    )
    skip_bad_rows: Flag = Field(False, description="whether wrong rows are left out: true or false")
    empty_clears: Flag = Field(
        False, description="whether an empty cell clears the value: true or false"
    )
    email_as_id: Flag = Field(
        False,
        description="whether the e-mail address is the lead's ID where no column is: true or false",
    )
    sheet: str | None = Field(None, description="the sheet of a workbook to read; else the first")
    time_zone: Annotated[str | None, AfterValidator(_zone)] = Field(
        None, description="that of times without an offset, such as Europe/Berlin; else UTC"
    )


class OutcomeQuery(Body):
    """What became of a lead, in the address."""

    outcome: Annotated[Meaning, _outcome(OutcomeWord)] = Field(
        None, description=f"{records.OUTCOME_RULE}, here or in the body"
    )
    wait: Flag = Field(False, description=WAIT_RULE)


def _kind(value: Any) -> Any:
    if value not in RUN_KINDS:
        raise ValueError(f"must be {KIND_RULE}")
    return value


class RunsQuery(Body):
    """Which runs to list."""

    kind: Annotated[str | None, BeforeValidator(_kind)] = Field(
        None, description=KIND_RULE, json_schema_extra={"enum": list(RUN_KINDS)}
    )


def _format(value: Any) -> Any:
    if value not in FORMATS:
        raise ValueError(f"must be {FORMAT_RULE}")
    return value


class ExportQuery(Body):
    """How to write an export."""

    format: Annotated[str, BeforeValidator(_format)] = Field(
        "csv", description=FORMAT_RULE, json_schema_extra={"enum": list(FORMATS)}
    )


class VersionsQuery(Body):
    """Which model versions to list."""

    after: str | None = Field(None, description="the `next` of the page before")


def _listed(choices: Iterable[str], about: str) -> Any:
    # Empty is what the forms of pages send for a choice that was not made.
    extra: dict[str, Any] = {"enum": [*choices, ""]}
    return Field(None, description=about, json_schema_extra=extra)


def _filter(each: Filter) -> Any:
    about = f"{each.label}: {each.kind.rule}"
    return (
        _listed(each.kind.choices, about) if each.kind.choices else Field(None, description=about)
    )


_FILTERS: dict[str, Any] = {
    "q": Field(None, description="words that name, company, e-mail or id begin with"),
    "status": _listed((*STATUSES, ANY_STATUS), "what became of them; open by default"),
    "grade": Field(None, description=SOME_GRADES.rule),
    "score_from": Field(None, description=f"lowest score: {POINTS.rule}"),
    "score_to": Field(None, description=f"highest score: {POINTS.rule}"),
    **{each.name: _filter(each) for each in FILTERS},
    "sort": _listed(SORTS, "score by default"),
}
_TYPED: dict[str, Any] = {name: (str | None, about) for name, about in _FILTERS.items()}
_AFTER = Field(None, description="the `next` of the page before")
# Which leads, in which order, as `lead_query` checks it; to list them, and to export them.
LeadsFilter = create_model("LeadsFilter", __base__=Body, **_TYPED)
LeadsQuery = create_model("LeadsQuery", __base__=LeadsFilter, after=(str | None, _AFTER))
ExportedLeadsQuery = create_model("ExportedLeadsQuery", __base__=(LeadsFilter, ExportQuery))
