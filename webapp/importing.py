"""A whole import, step by step: check every row first, then take them in, a few at a time.

Each step is a transaction of its own that also says how far the import is, so that it goes on
there when its worker dies. What a row brings is decided in `services.intake`.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias

from sqlalchemy.orm import Session

from webapp.database import read, utc_now, write
from webapp.product import product
from webapp.services.imports import imports, intake
from webapp.services.imports.import_file import ImportFileError
from webapp.services.imports.import_rows import ImportRow, WrongRow, read_rows
from webapp.services.imports.imports import KeptFile
from webapp.services.imports.intake import Origin
from webapp.services.models import lifecycle
from webapp.services.runs import runs
from webapp.services.runs.runs import Explained
from webapp.stored import ImportResult, RowError
from webapp.tables import Run

Row: TypeAlias = ImportRow | WrongRow

# Live requests wait no longer than one step takes.
ROWS_A_STEP = 200
ROWS_A_CHECK = 2_000
MAX_ERRORS_KEPT = 200
# Checking takes about this share of the time that the whole import does.
CHECKING_SHARE = 0.25
FILE_MISSING = "The uploaded file is not here: web and worker must share one data folder."


class ImportRefused(Explained, ValueError):
    """Nothing of a file was taken in; `errors` lists the first things that are wrong in it.

    `is_skippable` says whether other rows are right.
    """

    def __init__(
        self, message: str, errors: Sequence[RowError] = (), *, is_skippable: bool = False
    ) -> None:
        super().__init__(message)
        self.errors = errors
        self.is_skippable = is_skippable


@dataclass(frozen=True)
class Step:
    """How far an import is: what it does, the share done, and rows checked or taken in so far."""

    stage: str
    share: float
    n_rows: int


OnStep = Callable[[Step], None]


def import_now(kept: KeptFile, *, skip_wrong_rows: bool, requested_by: str, on_step: OnStep) -> Run:
    """Import a kept file in this process; where it dies, a worker goes on."""

    def start(session: Session) -> Run | None:
        imports.request(
            session,
            kept,
            skip_wrong_rows=skip_wrong_rows,
            requested_by=requested_by,
            now=utc_now(),
        )
        return runs.claim(session, "import", f"{requested_by}:{os.getpid()}", utc_now())

    run = write(start)
    assert run is not None  # in the transaction that asked for it nobody else can take it
    try:
        carry_out(run, clock=utc_now, on_step=on_step)
    except BaseException as failure:
        is_refused = isinstance(failure, ImportRefused)
        sentence = str(failure) if is_refused else "The import was stopped; it can be repeated."
        write(lambda s: lifecycle.fail(s, run, sentence, utc_now()))
        raise
    return read(lambda s: runs.by_key(s, run.key))


def carry_out(run: Run, *, clock: Callable[[], datetime], on_step: OnStep) -> None:
    """Do a claimed import from where it stands to its end, and delete the file.

    `on_step` hears of each step and may raise to stop; the file then stays, for going on.
    `ImportRefused` means that nothing was taken in.
    """
    path = imports.file_path(product().settings.data_dir, run.task["path"])
    work = Import(run, path, clock, on_step)
    try:
        if not work.result.n_rows:
            work.check()
        work.take_in()
    except FileNotFoundError:
        raise ImportRefused(FILE_MISSING) from None
    except ImportRefused:
        path.unlink(missing_ok=True)
        raise
    path.unlink(missing_ok=True)


class Import:
    """A claimed import at work; `result` is what the run says of it."""

    def __init__(
        self, run: Run, path: Path, clock: Callable[[], datetime], on_step: OnStep
    ) -> None:
        self.run, self.path, self.clock, self.on_step = run, path, clock, on_step
        self.result = run.import_result
        # The same moment at every attempt: a row that was right stays right.
        self.began_at = run.started_at or clock()

    def check(self) -> None:
        """Check every row, keep what is wrong, and refuse the file where that decides it."""
        counts, errors = Counter[str](), list[RowError]()
        try:
            for rows, share in self._groups(ROWS_A_CHECK):
                wrong = [row for row in rows if isinstance(row, WrongRow)]
                counts.update(n_rows=len(rows), n_wrong=len(wrong))
                errors = (errors + [e for row in wrong for e in row.errors])[:MAX_ERRORS_KEPT]
                self._tell(Step("Checking the rows", share * CHECKING_SHARE, counts["n_rows"]))
        except ImportFileError as error:
            self._keep(errors=error.errors[:MAX_ERRORS_KEPT])
            raise ImportRefused(f"We could not read the file: {error}.", error.errors) from None
        n_rows, n_wrong = counts["n_rows"], counts["n_wrong"]
        self._keep(n_rows=n_rows, n_wrong=n_wrong, errors=errors)
        if refusal := self._refusal(n_rows, n_wrong):
            raise ImportRefused(refusal, errors, is_skippable=n_wrong < n_rows)

    def take_in(self) -> None:
        """Take in the rows behind those that earlier attempts took in, and close the run."""
        n_before = read(lambda s: imports.n_rows_before(s, self.run))
        origin = Origin(self.run.requested_by, self.run.task["digest"], n_before)
        for rows, _ in self._groups(ROWS_A_STEP, behind=self.result.n_done):
            self.result = write(partial(self._step, rows=rows, origin=origin))
            n_done = self.result.n_done
            self.on_step(Step("Importing", self._share(n_done), n_done))
        write(lambda s: runs.finish(s, self.run, self.clock()))

    def _step(self, session: Session, rows: Sequence[Row], origin: Origin) -> ImportResult:
        """Take in some rows and say so in the run: both or neither."""
        right = [row for row in rows if isinstance(row, ImportRow)]
        now = self.clock()
        taken = intake.take_in(session, right, origin, now=now)
        changed = {name: getattr(self.result, name) + n for name, n in asdict(taken).items()}
        n_done = self.result.n_done + len(rows)
        result = self.result.model_copy(update={**changed, "n_done": n_done})
        share, stored = self._share(n_done), result.model_dump(exclude_unset=True)
        runs.renew(session, self.run, now, progress=share, stage="Importing", result=stored)
        return result

    def _share(self, n_done: int) -> float:
        return CHECKING_SHARE + (1 - CHECKING_SHARE) * n_done / self.result.n_rows

    def _groups(self, n_together: int, *, behind: int = 0) -> Iterator[tuple[list[Row], float]]:
        """The rows in groups, each with the share of the file read."""
        rows = read_rows(self.path, product().fields, self.began_at, behind=behind)
        while group := list(islice(rows, n_together)):
            yield [row for row, _ in group], group[-1][1]

    def _tell(self, step: Step) -> None:
        write(
            lambda s: runs.renew(s, self.run, self.clock(), progress=step.share, stage=step.stage)
        )
        self.on_step(step)

    def _keep(self, **result: Any) -> None:
        """Say in the run what is known now."""
        self.result = self.result.model_copy(update=result)
        stored = self.result.model_dump(exclude_unset=True)
        write(lambda s: runs.renew(s, self.run, self.clock(), result=stored))

    def _refusal(self, n_rows: int, n_wrong: int) -> str | None:
        if not n_rows:
            return "The file has no rows."
        if n_wrong == n_rows:
            return "Every row is wrong, so nothing was imported."
        if n_wrong and not self.run.task["skip_wrong_rows"]:
            return (
                f"{n_wrong:,} of {n_rows:,} rows have errors, so nothing was imported. Fix them,"
                " or import the file again and skip them."
            )
        return None
