"""What the worker (or the command line) does with an import, until a person is asked.

Each step is a transaction of its own that also says how far the import is, so that it goes on there
when its worker dies.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from itertools import islice
from typing import TypeAlias

from sqlalchemy.orm import Session

from webapp import field_lists
from webapp.database import read, utc_now, write
from webapp.intake_tables import Import
from webapp.product import product
from webapp.services.imports import imports, intake, new_fields, quality, undo
from webapp.services.imports.check import MAX_ERRORS_KEPT, Check
from webapp.services.imports.files.errors import ImportFileError
from webapp.services.imports.files.table import Cells, detect, open_table
from webapp.services.imports.forecast import Forecast, known_leads
from webapp.services.imports.imports import KeptFile
from webapp.services.imports.intake import Origin
from webapp.services.imports.matching import profile, questions, remembered
from webapp.services.imports.matching.mapping import Mapping
from webapp.services.imports.matching.proposal import propose
from webapp.services.imports.matching.questions import MappingRefused
from webapp.services.imports.matching.synonyms import rivals
from webapp.services.imports.quality import Gathered
from webapp.services.imports.rejected import RejectedRows
from webapp.services.imports.rows import ImportRow, RowReader, WrongRow
from webapp.services.runs import runs
from webapp.services.runs.runs import Explained
from webapp.stored import ImportResult, RowError
from webapp.tables import Run

Row: TypeAlias = ImportRow | WrongRow

# Live requests wait no longer than one step takes.
ROWS_A_STEP = 200
ROWS_A_CHECK = 2_000
# Of an import that asks nobody: from which share of its run to which a state takes.
SHARES = {
    "reading": (0.0, 0.1),
    "checking": (0.1, 0.25),
    "importing": (0.25, 1.0),
    "undoing": (0.0, 1.0),
}
FILE_MISSING = "The uploaded file is not here: web and worker must share one data folder."
FIELDS_CHANGED = (
    "A field got another type or unit while this import was running, so it stopped after {:,} rows."
    " What it took in stays: import the file again, or undo it."
)
STOPPED = "The import was stopped; it can be repeated."


class ImportRefused(Explained, ValueError):
    """Nothing of a file was taken in; `result` says what was found, with the first errors."""

    def __init__(self, message: str, result: ImportResult) -> None:
        super().__init__(message)
        self.result = result


@dataclass(frozen=True)
class Step:
    """How far an import is: what is done, and the share of the run that is."""

    stage: str
    share: float


OnStep = Callable[[Step], None]


def import_now(
    kept: KeptFile,
    *,
    decided: Mapping,
    uses_remembered: bool,
    skip_bad_rows: bool,
    requested_by: str,
    on_step: OnStep,
    sheet: str | None = None,
) -> Import:
    """Import a kept file in this process, asking nobody; where it dies, a worker goes on.

    `ImportRefused` where nothing was taken in, `AlreadyRunning` while another import is at work.
    """

    def start(session: Session) -> Run:
        found = imports.start(
            session,
            kept,
            requested_by=requested_by,
            now=utc_now(),
            is_automatic=True,
            decided=decided,
            uses_remembered=uses_remembered,
            skip_bad_rows=skip_bad_rows,
            sheet=sheet,
        )
        run = imports.claim(session, f"{requested_by}:{os.getpid()}", utc_now(), found.key)
        assert run is not None  # this import has work to do
        return run

    run = write(start)
    try:
        carry_out(run, clock=utc_now, on_step=on_step)
    except BaseException as failure:
        sentence = str(failure) if isinstance(failure, Explained) else STOPPED
        write(lambda s: fail(s, run, sentence, utc_now()))
        raise
    return read(lambda s: imports.by_key(s, run.task["import"]))


def carry_out(run: Run, *, clock: Callable[[], datetime], on_step: OnStep) -> None:
    """Do a claimed import from where it stands until it is over or a person is asked.

    `on_step` may raise to stop for now; `ImportRefused` means that nothing was taken in.
    """
    work = _Work(run, clock, on_step)
    steps = {
        "reading": work.read,
        "checking": work.check,
        "importing": work.take_in,
        "undoing": work.undo,
    }
    try:
        while step := steps.get(work.found.state):
            step()
            work.reload()
    except FileNotFoundError:
        raise ImportRefused(FILE_MISSING, ImportResult()) from None
    except ImportFileError as error:
        raise work.refused(f"We could not read the file: {error}.", error.errors) from None
    except MappingRefused as error:
        raise work.refused(str(error), error.errors) from None
    if work.found.state not in imports.FILE_STATES:
        work.path.unlink(missing_ok=True)
    write(lambda s: runs.finish(s, run, clock()))


def fail(session: Session, run: Run, failure: str, now: datetime) -> None:
    """Close a run whose work failed, and its import with the sentence; what it took in stays."""
    runs.finish(session, run, now, error=failure)
    imports.fail(session, run.task["import"], failure, now)
    found = imports.by_key(session, run.task["import"])
    imports.discard(product().settings.data_dir, found.path)


class _Work:
    """A claimed import at work; `found` is how it stands."""

    def __init__(self, run: Run, clock: Callable[[], datetime], on_step: OnStep) -> None:
        self.run, self.clock, self.on_step = run, clock, on_step
        self.surprises = Gathered()
        # Before the fields: what changes between the two is found at the confirmation.
        self.fields_version = read(field_lists.current).version
        self.fields, folder = product().fields, product().settings.data_dir
        self.reload()
        self.path = imports.file_path(folder, self.found.path)
        self.rejected_path = imports.file_path(folder, imports.rejected_name(self.found.path))

    def reload(self) -> None:
        self.found = read(lambda s: imports.by_key(s, self.run.task["import"]))

    def read(self) -> None:
        format_ = detect(self.path, *map(self.found.file_format.get, ("sheet", "codec")))
        on_block = partial(self._tell, "Reading the file")
        pairs = partial(rivals, fields=self.fields)
        found = profile.profile_file(self.path, format_, pairs, on_block)
        next_state = "checking" if self.found.is_automatic else "matching"
        facts = {
            "file_format": format_.model_dump(),
            "profile": profile.to_store(found).model_dump(),
        }

        def done(session: Session) -> None:
            known = remembered.known(session, self.found, found.header)
            self._change(session, state=next_state, **facts, mapping=known.to_store())

        write(done)

    def check(self) -> None:
        self.fields = new_fields.applied(self.fields, Mapping.model_validate(self.found.mapping))
        accepted = self._accepted()
        mapping, check = accepted.mapping, Check()
        checked_at = self.clock()
        forecast = Forecast(waits=mapping.is_of_outcomes_only)
        reader = RowReader(mapping, self.fields, checked_at)
        with RejectedRows(self.rejected_path, [c.name for c in mapping.columns]) as rejected:
            for rows, share in self._groups(reader, ROWS_A_CHECK):
                check.add([row for _, row in rows])
                rejected.add_wrong(rows)
                if not self.found.is_automatic:
                    right = [row for _, row in rows if isinstance(row, ImportRow)]
                    forecast.add(right, read(partial(known_leads, rows=right, now=checked_at)))
                self._tell("Checking the rows", share)
        result = check.result(mapping.ignored_columns, accepted.notes)
        facts = {
            "mapping": mapping.to_store(),
            "checked_at": checked_at,
            "result": result.model_dump(),
            "preview": forecast.result().model_dump(mode="json")
            | {"fields_version": self.fields_version},
        }
        refusal = _refusal(result, self.found)
        state = "importing" if self.found.is_automatic else "preview"
        write(lambda s: self._change(s, state=self.found.state if refusal else state, **facts))
        if refusal is not None:
            raise refusal

    def take_in(self) -> None:
        """Take in the rows behind those that earlier attempts took in, and close the import."""
        mapping = Mapping.model_validate(self.found.mapping)
        # The same moment as at the check: a row that was right stays right.
        reader = RowReader(mapping, self.fields, self.found.checked_at or self.clock())
        keep_days = product().settings.waiting_outcome_days
        origin = read(lambda s: intake.origin(s, self.found, keep_days))
        result = self.found.found
        for rows, _ in self._groups(reader, ROWS_A_STEP, behind=result.n_done):
            result = write(partial(self._step, rows=rows, origin=origin, before=result))
            if self._count_surprises(rows):
                self._store_surprises()
            self.on_step(Step("Importing", self._share(result.n_done / result.n_rows)))
        self._store_surprises()
        write(partial(self._finish, result=result))

    def _finish(self, session: Session, result: ImportResult) -> None:
        n_waited_for = intake.n_leads_waited_for(session, self.found.key)
        n_told = result.n_new_leads + result.n_changed + n_waited_for
        unchanged = result.model_copy(update={"n_unchanged": max(result.n_leads - n_told, 0)})
        self._change(session, result=unchanged.model_dump())
        imports.finish(session, self.found, self.clock())

    def undo(self) -> None:
        row: int | None = 0
        while row is not None:
            row = write(partial(undo.take_waiting_back, found=self.found, after_row=row))
            self._tell("Undoing the import", 0.0)
        n_all = max(read(lambda s: undo.n_left(s, self.found.key)), 1)
        n_done = 0
        while n_now := write(lambda s: undo.step(s, self.found, self.clock())):
            n_done += n_now
            self._tell("Undoing the import", n_done / n_all)
        write(lambda s: imports.finish_undo(s, self.found, self.clock()))

    def refused(self, sentence: str, errors: Sequence[RowError]) -> ImportRefused:
        result = ImportResult(errors=list(errors)[:MAX_ERRORS_KEPT])
        write(lambda s: self._change(s, result=result.model_dump()))
        return ImportRefused(sentence, result)

    def _accepted(self) -> questions.Accepted:
        known = Mapping.model_validate(self.found.mapping)
        return questions.accept(
            propose(profile.from_store(self.found.profiled), self.fields, known)
        )

    def _step(
        self,
        session: Session,
        rows: Sequence[tuple[Cells, Row]],
        origin: Origin,
        before: ImportResult,
    ) -> ImportResult:
        """Take in some rows and say so in the import: both or neither."""
        now = self.clock()
        newest_change = field_lists.current(session).meanings.newest_change
        if self.fields.version is not None and self.fields.version < newest_change:
            raise Explained(FIELDS_CHANGED.format(before.n_done))
        right = [row for _, row in rows if isinstance(row, ImportRow)]
        taken = asdict(intake.take_in(session, right, origin, now=now))
        counts = {name: getattr(before, name) + n for name, n in taken.items()}
        result = before.model_copy(update={**counts, "n_done": before.n_done + len(rows)})
        self._change(session, result=result.model_dump())
        share, stage = self._share(result.n_done / result.n_rows), "Importing"
        done = {"n_done": result.n_done}
        runs.renew(session, self.run, now, progress=share, stage=stage, result=done)
        return result

    def _count_surprises(self, rows: Sequence[tuple[Cells, Row]]) -> bool:
        """Count what was taken with a warning, and say whether it is time to store that."""
        right = (row for _, row in rows if isinstance(row, ImportRow))
        warnings = [warning for row in right for warning in row.warnings]
        return self.surprises.add(quality.seen(self.fields, warnings), f"file:{self.found.name}")

    def _store_surprises(self) -> None:
        self.surprises.flush(lambda found: write(lambda s: quality.store(s, found, self.clock())))

    def _groups(
        self, reader: RowReader, n_together: int, *, behind: int = 0
    ) -> Iterator[tuple[list[tuple[Cells, Row]], float]]:
        with open_table(self.path, self.found.format) as table:
            numbered = islice(enumerate(table.rows, 1), behind, None)
            rows = ((cells, reader.read(n, line, cells)) for n, (line, cells) in numbered)
            while group := list(islice(rows, n_together)):
                yield group, table.share_read

    def _tell(self, stage: str, share: float) -> None:
        share = self._share(share)
        write(lambda s: runs.renew(s, self.run, self.clock(), progress=share, stage=stage))
        self.on_step(Step(stage, share))

    def _share(self, share: float) -> float:
        begin, end = SHARES[self.found.state] if self.found.is_automatic else (0.0, 1.0)
        return begin + (end - begin) * share

    def _change(self, session: Session, **values: object) -> None:
        imports.set_facts(session, self.found.key, **values)


def _refusal(result: ImportResult, found: Import) -> ImportRefused | None:
    n_rows, n_wrong, sentence = result.n_rows, result.n_wrong, None
    if not n_rows:
        sentence = "The file has no rows."
    elif n_wrong == n_rows and found.is_automatic:
        sentence = "Every row is wrong, so nothing was imported."
    elif n_wrong and found.is_automatic and not found.skip_bad_rows:
        sentence = (
            f"{n_wrong:,} of {n_rows:,} rows have errors, so nothing was imported. Fix them, or"
            " import the file again and skip them."
        )
    return ImportRefused(sentence, result) if sentence else None
