"""What a person sees and says of the columns of a file, before anything of it is taken in."""

from collections.abc import Iterable
from dataclasses import replace

from sqlalchemy.orm import Session

from ml.fields.fields_file import Fields
from webapp.intake_tables import Import
from webapp.services.imports import imports
from webapp.services.imports.errors import WrongState
from webapp.services.imports.files.table import encodings, format_sentence
from webapp.services.imports.matching import profile, questions, remembered
from webapp.services.imports.matching.mapping import (
    LEAD_ID,
    LEAVE_OUT,
    OUTCOME,
    TARGETS_BESIDE_FIELDS,
    ColumnMapping,
    Mapping,
    header_key,
)
from webapp.services.imports.matching.proposal import ColumnProposal, Proposal, propose
from webapp.services.imports.matching.questions import Matching, Question

# It has the name of no column.
UNDECIDED = ColumnMapping(name="?")


def matching(
    session: Session, fields: Fields, key: int, drafted: Mapping | None = None
) -> Matching:
    """Give what is known and asked of an import's columns; `WrongState` unless it is matching.

    `drafted` has one `ColumnMapping` for each column, in order, whose targets count here: where one
    is not as proposed, values and questions are those of that target, and other columns make room
    for it. The questions are those of somebody who agrees with all targets.
    """
    found = _in_matching(session, key)
    read = profile.from_store(found.profiled)
    known = Mapping.model_validate(found.mapping)
    first = propose(read, fields, known)
    proposal = propose(read, fields, _with_choices(first, known, drafted))
    earlier = remembered.by_header(session, read.header)
    return Matching(
        columns=tuple(map(_as_reasoned, proposal.columns, first.columns)),
        questions=questions.questions(proposal),
        targets=targets(fields),
        mapping=known,
        proposed=questions.as_proposed(proposal),
        n_rows=read.n_rows,
        format=format_sentence(found.format),
        sheets=found.format.sheets,
        encodings=encodings(found.format),
        remembered=earlier.name if earlier else None,
    )


def answer(session: Session, fields: Fields, key: int, decided: Mapping) -> list[Question]:
    """Take what a person says of each column, in order; give what is open still.

    Where anything is, the answers are kept in matching; else the worker goes on to checking.
    `WrongState` unless it is in matching; ValueError with a sentence where answers do not fit the
    file.
    """
    found = _in_matching(session, key)
    read = profile.from_store(found.profiled)
    questions.check_answers(read, fields, decided)
    asked = questions.questions(propose(read, fields, Mapping.model_validate(found.mapping)))
    asked = [q for q in asked if q.kind == "outcome" and not _is_answered(q, decided.columns)]
    proposal = propose(read, fields, decided)
    found.mapping = decided.to_store()
    must = [q for q in questions.questions(proposal) if q.must_answer]
    still_open = [*must, *(q for q in asked if q not in must)]
    if not still_open:
        found.state = "checking"
    return still_open


def forget_remembered(session: Session, key: int) -> None:
    """Forget what files with this header were said to mean, and propose anew."""
    found = _in_matching(session, key)
    remembered.forget(session, profile.from_store(found.profiled).header)
    found.mapping = {}


def choose_sheet(session: Session, key: int, sheet: str) -> None:
    """Read another sheet of a workbook; ValueError where it has none of that name."""
    found = _in_matching(session, key)
    if sheet not in found.format.sheets:
        raise ValueError(f"The workbook has no sheet “{sheet[:60]}”.")
    found.file_format = found.format.model_copy(update={"sheet": sheet}).model_dump()
    found.mapping, found.profile, found.state = {}, {}, "reading"


def choose_encoding(session: Session, key: int, codec: str) -> None:
    """Read a text by another encoding; ValueError where it is none that the file may be in."""
    found = _in_matching(session, key)
    if codec not in encodings(found.format):
        raise ValueError(f"The file cannot be read as {codec[:60]!r}.")
    found.file_format = found.format.model_copy(update={"codec": codec}).model_dump()
    found.mapping, found.profile, found.state = {}, {}, "reading"


def targets(fields: Fields) -> dict[str, str]:
    """All that a column may mean, each with its label for people."""
    labels = {field.name: field.label for field in fields}
    return {LEAVE_OUT: "Leave out", **TARGETS_BESIDE_FIELDS, **labels}


def _with_choices(first: Proposal, known: Mapping, drafted: Mapping | None) -> Mapping:
    """What was decided, with the targets that a person has changed, or agrees with though unsure.

    What is unsure about the lead's ID stays a question.
    """
    targets = [column.target for column in (drafted or first).columns]
    columns = list(zip(first.columns, targets, strict=True))
    # Of columns with one name, all are chosen or none: only their places tell them apart.
    chosen = {
        header_key(column.column.name)
        for column, target in columns
        if target != column.target
        or (column.confidence != "sure" and target not in (LEAD_ID, LEAVE_OUT))
    }
    return known.model_copy(
        update={
            "columns": tuple(
                ColumnMapping(name=c.column.name, target=t, words=c.words, fills=c.fills)
                if header_key(c.column.name) in chosen
                else known.column_at(c.column.place, c.column.name) or UNDECIDED
                for c, t in columns
            )
        }
    )


def _as_reasoned(column: ColumnProposal, first: ColumnProposal) -> ColumnProposal:
    """A column with the reason for which its target was proposed at first, if it still is."""
    if column.target == first.target:
        return replace(column, confidence=first.confidence, why=first.why)
    return replace(column, why="your choice") if column.is_decided else column


def _is_answered(question: Question, columns: Iterable[ColumnMapping]) -> bool:
    """Whether a value of an outcome was decided, or its column does not tell the outcome."""
    named = [c for c in columns if c.name == question.column and c.target == OUTCOME]
    return all(column.decided(question.value or "") for column in named)


def _in_matching(session: Session, key: int) -> Import:
    found = imports.by_key(session, key, lock=True)
    if found.state != "matching":
        raise WrongState(found.state, "matching")
    return found
