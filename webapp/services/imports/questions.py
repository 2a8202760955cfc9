"""What must be asked of a person before a file can be imported, and the mapping once it is told."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from webapp.services.imports.errors import ImportFileError, RowError
from webapp.services.imports.mapping import (
    LEAD_ID,
    LEAVE_OUT,
    OUTCOME,
    TARGETS_BESIDE_FIELDS,
    ColumnMapping,
    Mapping,
)
from webapp.services.imports.matching import ColumnProposal, Proposal

QuestionKind: TypeAlias = Literal[
    "lead_id", "id_from_email", "day_first", "decimal", "outcome", "time_zone", "column", "choice"
]
MAX_VALUES_NAMED = 20


@dataclass(frozen=True)
class Question:
    """Something about a column (or the file) that only a person can tell.

    `must_answer` is False where an import without the answer loses nothing unsaid: the column is
    left out, the value unknown, the time in the usual zone, and the result says so.
    """

    kind: QuestionKind
    column: str
    message: str
    value: str | None = None
    must_answer: bool = True


class MappingRefused(ImportFileError):
    """A file cannot be imported before somebody answers questions; `errors` names the columns."""

    def __init__(self, questions: list[Question]) -> None:
        super().__init__([RowError(1, q.column, q.message) for q in questions])
        self.questions = questions


@dataclass(frozen=True)
class Accepted:
    """A mapping to import by, and what to say of it."""

    mapping: Mapping
    notes: list[str]


def questions(proposal: Proposal) -> list[Question]:
    """List what a person should say of a file, what must be answered first."""
    found = [*_about_id(proposal), *_about_times(proposal)]
    for column in proposal.columns:
        found += _about_column(column)
    return sorted(found, key=lambda question: not question.must_answer)


def accept(
    proposal: Proposal,
    *,
    time_zone: str = "UTC",
    id_from_email: bool = False,
    empty_clears: bool = False,
) -> Accepted:
    """Take a proposal without asking anybody; `MappingRefused` names what is in doubt.

    What was decided before (`Proposal.known`) is kept; the options answer what it leaves open.
    """
    known = proposal.known or Mapping(columns=())
    asked = [q for q in questions(proposal) if q.must_answer]
    asked = [q for q in asked if not (q.kind == "id_from_email" and id_from_email)]
    if asked:
        raise MappingRefused(asked)
    columns = tuple(_mapped(column, known) for column in proposal.columns)
    mapping = known.model_copy(
        update={
            "columns": columns,
            "time_zone": known.time_zone or time_zone,
            "empty_clears": known.empty_clears or empty_clears,
            "id_from_email": known.id_from_email or (id_from_email and not proposal.of(LEAD_ID)),
        }
    )
    return Accepted(mapping, list(_notes(proposal, mapping)))


def _mapped(column: ColumnProposal, known: Mapping) -> ColumnMapping:
    name, is_taken = column.column.name, column.confidence == "sure"
    if column.target == LEAVE_OUT or not is_taken:
        return ColumnMapping(name=name)
    before = known.column(name)
    values = before.values if before and column.is_decided else {}
    return ColumnMapping(
        name=name,
        target=column.target,
        words=column.words,
        values=values,
        day_first=column.day_first if column.needs_day_order else None,
        decimal=column.decimal if column.needs_decimal else None,
    )


def _about_id(proposal: Proposal) -> Iterator[Question]:
    sure = [column for column in proposal.of(LEAD_ID) if column.confidence == "sure"]
    if sure or (proposal.known and proposal.known.id_from_email):
        return
    emails = [c for c in proposal.of("email") if c.confidence == "sure"]
    if likely := proposal.of(LEAD_ID):
        name = likely[0].column.name
        message = "may be the lead's ID: say so, or call the column lead_id"
        yield Question("lead_id", name, message)
    elif emails:
        message = "no column is the lead's ID; the e-mail address can be, if you say so"
        yield Question("id_from_email", emails[0].column.name, message)
    else:
        yield Question(
            "lead_id", LEAD_ID, "no column is the lead's ID, and none the e-mail address"
        )


def _about_times(proposal: Proposal) -> Iterator[Question]:
    is_told = proposal.known is not None and proposal.known.time_zone is not None
    without = [column for column in proposal.columns if column.lacks_offset]
    if without and not is_told:
        message = "has times without their offset: in which time zone are they?"
        yield Question("time_zone", without[0].column.name, message, must_answer=False)


def _about_column(column: ColumnProposal) -> Iterator[Question]:
    name = column.column.name
    if column.target == LEAVE_OUT:
        return
    if column.confidence != "sure":
        if column.target != LEAD_ID:
            message = f"looks like {TARGETS_BESIDE_FIELDS.get(column.target, column.target)}"
            yield Question("column", name, message, must_answer=False)
        return
    if column.needs_day_order and column.day_first is None:
        yield Question("day_first", name, _day_order_message(column))
    if column.needs_decimal and column.decimal is None:
        yield Question("decimal", name, _decimal_message(column))
    for value in column.open_values[:MAX_VALUES_NAMED]:
        yield _about_value(column, value.value)


def _day_order_message(column: ColumnProposal) -> str:
    example = _example(column, "/")
    return (
        f"{example} can mean day and month in either order: say which comes first, or write dates"
        " as 2026-03-02"
    )


def _decimal_message(column: ColumnProposal) -> str:
    example = _example(column, ",.")
    return f"{example} can mean two numbers: say whether the comma or the point marks decimals"


def _example(column: ColumnProposal, marks: str) -> str:
    values = (value for value in column.column.values if any(mark in value for mark in marks))
    return f"“{next(values, '')[:40]}”"


def _about_value(column: ColumnProposal, value: str) -> Question:
    name, shown = column.column.name, f"“{value[:40]}”"
    if column.target == OUTCOME:
        message = f"does {shown} mean converted, lost, or no outcome yet?"
        return Question("outcome", name, message, value)
    message = f"{shown} is not known to the field; it stays unknown unless you say what it means"
    return Question("choice", name, message, value, must_answer=False)


def _notes(proposal: Proposal, mapping: Mapping) -> Iterator[str]:
    without = [c.column.name for c in proposal.columns if c.lacks_offset and c.confidence == "sure"]
    if without:
        names = ", ".join(f"“{name}”" for name in without)
        yield f"Times without an offset in {names} were taken as {mapping.time_zone}."
    for column in proposal.columns:
        if column.target and column.confidence != "sure":
            target = TARGETS_BESIDE_FIELDS.get(column.target, column.target)
            yield f"The column “{column.column.name}” looks like {target}; it was left out."
    if mapping.id_from_email:
        yield "The e-mail address, in small letters, is the lead's ID."
