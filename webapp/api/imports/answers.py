"""The shapes in which the API tells of imports."""

from typing import Literal

from pydantic import BaseModel, Field

from webapp.api.answers import Moment


class RejectedRow(BaseModel):
    """One thing that is wrong in a row; of the whole file it stands on line 1."""

    line: int
    column: str | None
    reason: str


class ImportWarning(BaseModel):
    """Something taken otherwise than it stands in the file; without a column it is of all."""

    column: str | None
    message: str
    count: int | None
    lines: list[int] = Field(description="The first of them.")


class ImportSummary(BaseModel):
    """What a file held and brought; rows and outcomes are counted."""

    read: int
    new: int
    changed: int
    unchanged: int
    outcomes: int
    waiting: int = Field(description="Outcomes kept until their lead comes.")
    rejected: list[RejectedRow] = Field(description="The first 200.")
    ignored_columns: list[str]
    warnings: list[ImportWarning]


class Import(BaseModel):
    """One import: how far it is, and what came of it."""

    id: int
    name: str
    state: Literal[
        "reading",
        "matching",
        "checking",
        "preview",
        "importing",
        "done",
        "failed",
        "cancelled",
        "undoing",
        "undone",
    ]
    requested_by: str
    requested_at: Moment
    finished_at: Moment | None
    stage: str
    progress: float = Field(ge=0, le=1, description="Of what the worker does now.")
    error: str | None = Field(description="Why nothing was taken in, or not all.")
    result: ImportSummary


class Imports(BaseModel):
    """The newest imports first."""

    imports: list[Import]
