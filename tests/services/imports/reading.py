"""Files read as an import without a person would read them."""

from functools import partial
from pathlib import Path
from typing import NamedTuple

from ml.fields import fields_file
from ml.fields.fields_file import Fields
from tests.factories import FIELDS, NOW
from webapp.services.imports.check import Check
from webapp.services.imports.files.table import detect, open_table
from webapp.services.imports.forecast import Beside, Forecast, Known
from webapp.services.imports.matching.mapping import Mapping
from webapp.services.imports.matching.profile import profile_file
from webapp.services.imports.matching.proposal import Proposal, propose
from webapp.services.imports.matching.questions import accept
from webapp.services.imports.matching.synonyms import rivals
from webapp.services.imports.rows import ImportRow, RowReader, WrongRow
from webapp.stored import ImportPreview, ImportResult

CASES = Path(__file__).parents[2] / "cases"
OWN = fields_file.loads(
    """
    [[field]]
    name = "employees"
    type = "count"
    label = "Employees"
    [[field]]
    name = "amount"
    type = "number"
    label = "Expected amount"
    [[field]]
    name = "title"
    type = "category"
    label = "Job title"
    [[field]]
    name = "newsletter"
    type = "boolean"
    label = "Newsletter"
    """
)
# The fields of the shipped file, and some as teams declare them.
TEAM_FIELDS = Fields([*FIELDS, *(field for field in OWN if not field.builtin)])


class Read(NamedTuple):
    """A file read to its end: by which mapping, its rows, and what importing it would do."""

    mapping: Mapping
    rows: list[ImportRow | WrongRow]
    result: ImportResult
    preview: ImportPreview

    @property
    def values(self):
        """What each right row says, by id."""
        return {row.record.lead_id: row.values for row in self.right}

    @property
    def notes(self):
        """What is to be said of the whole file."""
        return [w.message for w in self.result.warnings if w.column is None]

    @property
    def right(self):
        return [row for row in self.rows if isinstance(row, ImportRow)]

    @property
    def errors(self):
        """What is wrong: line, column, reason."""
        wrong = [row for row in self.rows if isinstance(row, WrongRow)]
        return [(e.line, e.field, e.message) for row in wrong for e in row.errors]


def proposal_of(path: Path, *, known: Mapping | None = None, fields=TEAM_FIELDS) -> Proposal:
    """What a file may mean."""
    found = profile_file(path, detect(path), partial(rivals, fields=fields))
    return propose(found, fields, known)


def read_file(path: Path, *, known=None, fields=TEAM_FIELDS, leads=(), now=NOW, **options) -> Read:
    """Read a file with nobody to ask; `leads` are known ids, or a dict of what is known."""
    accepted = accept(proposal_of(path, known=known, fields=fields), **options)
    known_leads = leads if isinstance(leads, dict) else dict.fromkeys(leads, Known({}, None))
    rows = list(rows_of(path, accepted.mapping, fields, now))
    result, told = told_of(rows, accepted.mapping, known_leads, accepted.notes)
    return Read(accepted.mapping, rows, result, told)


def told_of(rows, mapping, known, notes=()):
    """What a check finds in rows, and what importing them would bring."""
    check, forecast = Check(), Forecast(waits=mapping.is_of_outcomes_only)
    check.add(rows)
    forecast.add([row for row in rows if isinstance(row, ImportRow)], Beside(known))
    return check.result(mapping.ignored_columns, notes), forecast.result()


def rows_of(path, mapping, fields, now):
    reader = RowReader(mapping, fields, now)
    with open_table(path, detect(path)) as table:
        for number, (line, cells) in enumerate(table.rows, 1):
            yield reader.read(number, line, cells)
