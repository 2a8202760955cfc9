"""What must be asked of a person before a file can be imported, and the mapping once it is told."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ml.fields.fields_file import Fields, Value, category_key
from webapp.services.imports.cells.numbers import number_form
from webapp.services.imports.cells.times import zone_of
from webapp.services.imports.files.layout import cell_shape
from webapp.services.imports.matching.mapping import (
    LEAD_ID,
    LEAVE_OUT,
    OUTCOME,
    TARGETS_BESIDE_FIELDS,
    ColumnMapping,
    Mapping,
    header_key,
)
from webapp.services.imports.matching.profile import ColumnProfile, Profile
from webapp.services.imports.matching.proposal import LEFT_OUT, ColumnProposal, Proposal
from webapp.services.leads import records
from webapp.stored import RowError

QuestionKind: TypeAlias = Literal[
    "lead_id", "id_from_email", "day_first", "decimal", "outcome", "time_zone", "column", "choice"
]
MAX_VALUES_NAMED = 20


@dataclass(frozen=True)
class Question:
    """Something about a column (or the file) that only a person can tell.

    Unless it `must_answer`, an import without it loses nothing unsaid: the result says so.
    """

    kind: QuestionKind
    column: str
    message: str
    value: str | None = None
    must_answer: bool = True


@dataclass(frozen=True)
class Matching:
    """What the page of the step *Match* shows, columns in the order of the file.

    `targets` has a label for each meaning, "" leaving a column out. `mapping` was decided so far;
    `proposed` is what is imported if the person changes nothing. `remembered` names the mapping of
    an earlier file with this header. `encodings` are those that a text may be in, if in doubt.
    """

    columns: Sequence[ColumnProposal]
    questions: list[Question]
    targets: dict[str, str]
    mapping: Mapping
    proposed: Mapping
    n_rows: int
    format: str
    sheets: list[str]
    encodings: dict[str, str]
    remembered: str | None


class MappingRefused(ValueError):
    """A file cannot be imported before somebody answers questions; `errors` names the columns."""

    def __init__(self, questions: list[Question]) -> None:
        asked = "; ".join(map(_with_column, questions))
        asked = asked.rstrip(".?")
        super().__init__(f"Nothing was imported, since the file leaves questions open: {asked}.")
        self.errors = [RowError(line=1, field=q.column, message=q.message) for q in questions]
        self.questions = questions


def _with_column(question: Question) -> str:
    goes_on = question.message.startswith(("means ", "looks ", "may ", "has "))
    return f"“{question.column}”{'' if goes_on else ':'} {question.message}"


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


def check_answers(profile: Profile, fields: Fields, decided: Mapping) -> None:
    """Check that answers are of this file and can be carried out; ValueError with a sentence."""
    zone_of(decided.time_zone or "UTC")
    if [header_key(c.name) for c in decided.columns] != list(map(header_key, profile.header)):
        raise ValueError("the answers are of a file with other columns")
    for column in decided.columns:
        if column.target not in (LEAVE_OUT, *TARGETS_BESIDE_FIELDS, *fields.names):
            raise ValueError(f"“{column.name}” cannot mean {column.target[:60]!r}")
        for value in column.values.values():
            _check_meaning(column, fields, value)


def _check_meaning(column: ColumnMapping, fields: Fields, value: Value) -> None:
    if column.target == OUTCOME:
        records.parse_outcome(value)
    elif column.target in fields:
        fields[column.target].parse(value)


def accept(
    proposal: Proposal,
    *,
    time_zone: str = "UTC",
    id_from_email: bool = False,
    empty_clears: bool = False,
) -> Accepted:
    """Take a proposal without asking, by these options; `MappingRefused` names what is in doubt."""
    known = proposal.known or Mapping(columns=())
    asked = [q for q in questions(proposal) if q.must_answer]
    asked = [q for q in asked if not (q.kind == "id_from_email" and id_from_email)]
    if asked:
        raise MappingRefused(asked)
    columns = tuple(_mapped(column, known) for column in proposal.columns)
    has_id = any(column.target == LEAD_ID for column in columns)
    mapping = known.model_copy(
        update={
            "columns": columns,
            "time_zone": known.time_zone or time_zone,
            "empty_clears": known.empty_clears or empty_clears,
            "id_from_email": (known.id_from_email or id_from_email) and not has_id,
        }
    )
    return Accepted(mapping, list(_notes(proposal, mapping)))


def as_proposed(proposal: Proposal) -> Mapping:
    """The mapping of somebody who agrees with all that is proposed, however unsure it is."""
    columns = tuple(
        ColumnMapping(
            name=column.column.name,
            target=column.target,
            words=column.words,
            values={category_key(value.value): value.meaning for value in column.open_values},
            day_first=column.day_first if column.needs_day_order else None,
            decimal=column.decimal if column.needs_decimal else None,
            fills=column.fills,
        )
        for column in proposal.columns
    )
    known = proposal.known or Mapping()
    return known.model_copy(update={"columns": columns})


def _mapped(column: ColumnProposal, known: Mapping) -> ColumnMapping:
    name, is_taken = column.column.name, column.confidence == "sure"
    if column.target == LEAVE_OUT or not is_taken:
        return ColumnMapping(name=name)
    before = known.column_at(column.column.place, name)
    values = before.values if before and column.is_decided else {}
    return ColumnMapping(
        name=name,
        target=column.target,
        words=column.words,
        values=values,
        day_first=column.day_first if column.needs_day_order else None,
        decimal=column.decimal if column.needs_decimal else None,
        fills=column.fills,
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
        message = "no column is the lead's ID, and none the e-mail address"
        if any(_looks_like_data(column.column) for column in proposal.columns):
            message += (
                "; the header seems to be missing, since its row looks like the rows under it: add"
                " a first row of names, such as lead_id,name,industry"
            )
        yield Question("lead_id", LEAD_ID, ". ".join([message, *proposal.notes]))


def _looks_like_data(column: ColumnProfile) -> bool:
    """Whether the name of a column is formed like its values: N-1 over N-2."""
    return cell_shape(column.name) in map(cell_shape, column.samples)


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
    if column.rival and not column.fills:
        what = TARGETS_BESIDE_FIELDS.get(column.target, column.target)
        message = f"means {what}, and so does “{column.rival}”: leave one of them out"
        yield Question("column", name, message)
        return
    if column.confidence != "sure":
        if column.target == OUTCOME:
            message = "looks like the outcome: say whether it is, or leave it out"
            yield Question("column", name, message)
        elif column.target != LEAD_ID:
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
    marked = {number_form(value): value[:40] for value in column.column.values}
    if "." in marked and "," in marked:
        return (
            f"“{marked['.']}” and “{marked[',']}” have different decimal marks: say whether the"
            " comma or the point marks decimals"
        )
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
    yield from proposal.notes
    without = [c.column.name for c in proposal.columns if c.lacks_offset and c.confidence == "sure"]
    if without:
        names = ", ".join(f"“{name}”" for name in without)
        yield f"Times without an offset in {names} were taken as {mapping.time_zone}."
    yield from _about_names(proposal)
    for column in proposal.columns:
        if column.fills:
            yield f"The column “{column.column.name}” {column.why}."
        if column.target and column.confidence != "sure":
            target = TARGETS_BESIDE_FIELDS.get(column.target, column.target)
            yield f"The column “{column.column.name}” looks like {target}; it was left out."
    if mapping.id_from_email:
        yield "The e-mail address, in small letters, is the lead's ID."


def _about_names(proposal: Proposal) -> Iterator[str]:
    """What is left out although its name or values may mean something."""
    for place, column in enumerate(proposal.columns, 1):
        if column.target or column.is_decided or not column.column.n_filled:
            continue
        if not column.column.name:
            yield f"Column {place} has values but no name; it was left out."
        elif column.why not in (LEFT_OUT.why, "as decided"):
            yield f"The column “{column.column.name}” was left out: {column.why}."
