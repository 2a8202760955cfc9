"""The shapes of what programs say of a lead beside its values, and of what they are answered."""

from datetime import date, timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from webapp.api import answers
from webapp.api.answers import Grade, Moment, Probability
from webapp.api.sent import Body, needed_text_of, text_of
from webapp.database import utc_now
from webapp.services.remarks import notes, overrides
from webapp.tables.remarks import WRONG_REASONS

MAX_ADDRESS = 254
REASON_RULE = f"one of {', '.join(WRONG_REASONS)}"
SCORE_RULE = "a probability from 0 to 1"
_IN_LINES = r"[^\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F]"
LINES = rf"^{_IN_LINES}*[^\s\u0000-\u001F\u007F-\u009F]{_IN_LINES}*$"
# An example that is still one in some months.
SOON = (utc_now() + timedelta(days=300)).date().isoformat()
UNTIL_RULE = "a date like 2026-12-31, from today on, at most a year ahead: the last day, in UTC"


def _note(value: str) -> str:
    try:
        return notes.clean(value)
    except notes.InvalidNote:
        raise ValueError(f"must be text of 1 to {notes.MAX_LENGTH:,} characters") from None


def _reason(value: Any) -> Any:
    if value not in WRONG_REASONS:
        raise ValueError(f"must be {REASON_RULE}")
    return value


def _day(value: Any) -> date:
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise ValueError(f"must be {UNTIL_RULE}") from None


class SentNote(Body):
    """A note to write on a lead."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"text": "Calls back on Monday."}]})

    text: Annotated[
        str, Field(min_length=1, max_length=notes.MAX_LENGTH), AfterValidator(_note)
    ] = Field(
        description=f"text of 1 to {notes.MAX_LENGTH:,} characters, in lines, not blank",
        json_schema_extra={"pattern": LINES},
    )


class SentScoreReport(Body):
    """Why the score of a lead is wrong."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "not_a_fit"}]})

    reason: Annotated[str, BeforeValidator(_reason)] = Field(
        description=REASON_RULE, json_schema_extra={"enum": list(WRONG_REASONS)}
    )
    note: Annotated[str | None, text_of(overrides.MAX_REASON_LENGTH)] = Field(
        None, description=f"text of up to {overrides.MAX_REASON_LENGTH} characters"
    )


class SentOverride(Body):
    """A score to stand beside the model's until a date."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"conversion_score": 0.9, "until": SOON, "reason": "Asked for an offer"}]
        }
    )

    conversion_score: Annotated[float, Field(strict=True, ge=0, le=1, allow_inf_nan=False)] = Field(
        description=SCORE_RULE
    )
    until: Annotated[date, BeforeValidator(_day, json_schema_input_type=date)] = Field(
        description=UNTIL_RULE
    )
    reason: Annotated[str, needed_text_of(overrides.MAX_REASON_LENGTH)] = Field(
        description=f"text of 1 to {overrides.MAX_REASON_LENGTH} characters, for people to read"
    )


class SentOwner(Body):
    """Who a lead is given to."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"owner": "rita@example.com"}]})

    owner: Annotated[str | None, text_of(MAX_ADDRESS)] = Field(
        description="the e-mail address of an active account, or null for nobody"
    )


class Note(BaseModel):
    """A note on a lead."""

    id: int
    text: str
    author: str
    written_at: Moment
    edited_at: Moment | None


class Notes(BaseModel):
    """The notes on a lead, the newest first, at most 500."""

    notes: list[Note]


class ScoreReport(BaseModel):
    """A score that was reported as wrong; no model learns from it."""

    reason: Literal["not_a_fit", "no_interest", "good_fit", "wants_to_buy", "wrong_data", "other"]
    note: str | None
    author: str
    reported_at: Moment
    model_version: str
    conversion_score: Probability
    grade: Grade


class Overridden(BaseModel):
    """Whether a person's or program's score stands beside the model's."""

    lead_id: str
    override: answers.Override | None


class Owned(BaseModel):
    """Whose lead it is."""

    lead_id: str
    owner: str | None


class View(BaseModel):
    """A saved view of the lead table."""

    id: int
    name: str
    author: str
    filters: dict[str, str] = Field(description="Parameters of `/api/leads`, sort among them.")
    saved_at: Moment


class Views(BaseModel):
    """The views that people share, by name."""

    views: list[View]


def override(found: overrides.Override) -> answers.Override:
    """An override as the API tells it."""
    said = found.said
    return answers.Override(
        conversion_score=round(said.probability, 4),
        grade=found.grade,
        reason=said.reason,
        author=said.author,
        made_at=said.made_at,
        until=said.until,
    )
