"""What a person sees and says of the columns of a file, before anything of it is taken in."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from ml.fields.fields_file import Fields
from webapp.intake_tables import Import
from webapp.services.imports import imports
from webapp.services.imports.errors import WrongState
from webapp.services.imports.files.table import format_sentence
from webapp.services.imports.matching import profile, questions, remembered
from webapp.services.imports.matching.mapping import LEAVE_OUT, TARGETS_BESIDE_FIELDS, Mapping
from webapp.services.imports.matching.proposal import ColumnProposal, new_field, propose
from webapp.services.imports.matching.questions import Question


@dataclass(frozen=True)
class Matching:
    """What the page of the step *Match* shows.

    Parameters
    ----------
    columns : sequence of ColumnProposal
        In the order of the file. Of each: `column.name`, `column.samples` (up to three values),
        `column.n_filled`, `target` (a key of `targets`), `confidence`, `why`, and where they
        matter `values` (values with the meaning proposed), `day_first`, `needs_day_order`,
        `decimal`, `needs_decimal`, `words`.
    questions : list of Question
        What is open, what must be answered first.
    targets : dict of str
        All that a column may mean: target to label; the empty target leaves the column out.
    mapping : Mapping
        What was decided so far, with `time_zone`, `empty_clears` and `id_from_email`.
    proposed : Mapping
        What is imported if the person changes nothing: the defaults of the form.
    n_rows : int
        Rows under the header.
    format : str
        How the file was read, for people: encoding, delimiter, or the sheet.
    sheets : list of str
        Sheets of a workbook to choose from.
    remembered : str or None
        The name of the mapping of an earlier file with this header that was applied.
    """

    columns: Sequence[ColumnProposal]
    questions: list[Question]
    targets: dict[str, str]
    mapping: Mapping
    proposed: Mapping
    n_rows: int
    format: str
    sheets: list[str]
    remembered: str | None


def matching(session: Session, fields: Fields, key: int) -> Matching:
    """Give what is known and asked of an import's columns; `WrongState` unless it is matching."""
    found = _in_matching(session, key)
    read = profile.from_store(found.profiled)
    known = Mapping.model_validate(found.mapping)
    proposal = propose(read, fields, known)
    earlier = remembered.by_header(session, read.header)
    return Matching(
        columns=proposal.columns,
        questions=questions.questions(proposal),
        targets=targets(fields),
        mapping=known,
        proposed=questions.as_proposed(proposal),
        n_rows=read.n_rows,
        format=format_sentence(found.format),
        sheets=found.format.sheets,
        remembered=earlier.name if earlier else None,
    )


def answer(session: Session, fields: Fields, key: int, decided: Mapping) -> list[Question]:
    """Take what a person says of all columns, and go on to the preview if nothing is open.

    `decided` has one `ColumnMapping` for each column of the file, in its order, with what the page
    showed or the person chose: target, decided `values` by `category_key`, `day_first`, `decimal`
    and `words`; and the time zone and options of the whole file.

    It gives what must be answered still: the answers are kept and the import stays in matching.
    Where that is empty the import is checking, and the worker goes on. `WrongState` unless it is
    in matching; ValueError with a sentence where the answers do not fit the file.
    """
    found = _in_matching(session, key)
    read = profile.from_store(found.profiled)
    questions.check_answers(read, fields, decided)
    proposal = propose(read, fields, decided)
    found.mapping = decided.to_store()
    still_open = questions.claimed_twice(decided)
    still_open += [q for q in questions.questions(proposal) if q.must_answer]
    if not still_open:
        found.state = "checking"
    return still_open


def field_for(session: Session, key: int, place: int) -> dict[str, object]:
    """Propose how to declare a field for a column, as an entry of the fields file.

    `place` counts the columns from 0. Once the field is declared the column can mean it.
    """
    return new_field(profile.from_store(_in_matching(session, key).profiled).columns[place])


def choose_sheet(session: Session, key: int, sheet: str) -> None:
    """Read another sheet of a workbook; ValueError where it has none of that name."""
    found = _in_matching(session, key)
    if sheet not in found.format.sheets:
        raise ValueError(f"The workbook has no sheet “{sheet[:60]}”.")
    found.file_format = found.format.model_copy(update={"sheet": sheet}).model_dump()
    found.mapping, found.profile, found.state = {}, {}, "reading"


def targets(fields: Fields) -> dict[str, str]:
    """All that a column may mean, each with its label for people."""
    declared = {field.name: field.label for field in fields.declared}
    return {LEAVE_OUT: "Leave out", **TARGETS_BESIDE_FIELDS, **declared}


def _in_matching(session: Session, key: int) -> Import:
    found = imports.by_key(session, key, lock=True)
    if found.state != "matching":
        raise WrongState(found.state, "matching")
    return found
