"""Imports and their states: the file is kept for the worker, a person says what its columns mean.

The worker does `reading`, `checking`, `importing` and `undoing`; a person answers in `matching` and
confirms in `preview`. It ends as done, failed, cancelled or undone.
"""

import hashlib
import os
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, defer

from ml.sentences import Figure, gettext
from webapp import field_lists
from webapp.database import change
from webapp.intake_tables import Import, ImportChange
from webapp.services.accounts import audit
from webapp.services.fields.declaring import Author
from webapp.services.imports import new_fields
from webapp.services.imports.errors import ImportNotFound, UndoRefused, WrongState
from webapp.services.imports.matching import remembered
from webapp.services.imports.matching.mapping import Mapping
from webapp.services.runs import runs
from webapp.stored import ImportResult
from webapp.tables import Run

FOLDER = "imports"
PIECE_BYTES = 1_000_000
# An upload that is just being stored has no import yet.
UNDECIDED = Mapping()
ORPHAN_AGE = timedelta(hours=1)
WORKING_STATES = ("reading", "checking", "importing", "undoing")
WAITING_STATES = ("matching", "preview")
# The files of other imports are not needed any more.
FILE_STATES = ("reading", "matching", "checking", "preview", "importing")
# Nobody answers any more: the file holds personal data.
ABANDONED_AFTER = timedelta(days=7)
UNDO_WINDOW = timedelta(days=7)
FORGOTTEN_AT_ONCE = 500
# What is emptied out of an import that is over: it holds values of leads.
FORGOTTEN: dict[str, object] = {"profile": {}, "preview": {}}
OLD_ERROR = gettext("It failed; why is kept for 7 days.")
ERASED = gettext(
    "The file named somebody whose data was erased meanwhile, so it was "
    "deleted. Nothing was imported: drop a file without them."
)
MIN_SHARE_TO_ESTIMATE = 0.02


class FileTooLarge(ValueError):
    """The file is larger than the settings allow."""

    def __init__(self, max_bytes: int) -> None:
        megabytes = Figure(f"{max_bytes / 2**20:,.0f}")
        super().__init__(gettext("The file is larger than %(n)s MB", n=megabytes))


@dataclass(frozen=True)
class KeptFile:
    """A file kept for an import: where in the imports folder, what it was called, its digest."""

    path: str
    name: str
    digest: str


@dataclass(frozen=True)
class Progress:
    """How far the worker is: what it does, the share done in [0, 1], seconds left if known."""

    stage: str
    progress: float
    seconds_left: float | None


def keep_file(stream: IO[bytes], name: str, data_dir: Path, *, max_bytes: int) -> KeptFile:
    """Copy a file to where the worker finds it and nobody else reads it; else `FileTooLarge`."""
    folder = data_dir / FOLDER
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path, digest, n_bytes = folder / uuid.uuid4().hex, hashlib.sha256(), 0
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as kept:
        while (piece := stream.read(PIECE_BYTES)) and n_bytes <= max_bytes:
            n_bytes += len(piece)
            digest.update(piece)
            kept.write(piece)
        kept.flush()
        os.fsync(kept.fileno())
    if n_bytes > max_bytes:
        path.unlink()
        raise FileTooLarge(max_bytes)
    return KeptFile(path.name, _plain_name(name), digest.hexdigest())


def file_path(data_dir: Path, path: str) -> Path:
    """Where a kept file lies."""
    return data_dir.absolute() / FOLDER / Path(path).name


def discard(data_dir: Path, path: str) -> None:
    """Delete a kept file, if it is still there."""
    file_path(data_dir, path).unlink(missing_ok=True)


def start(
    session: Session,
    kept: KeptFile,
    *,
    requested_by: str,
    now: datetime,
    is_automatic: bool = False,
    skip_bad_rows: bool = True,
    decided: Mapping = UNDECIDED,
    uses_remembered: bool = True,
    sheet: str | None = None,
) -> Import:
    """Begin an import in the state reading; the worker takes them one after another within seconds.

    An automatic one asks nobody: what is in doubt fails it by name, as do wrong rows unless
    skipped. `decided` says what columns mean, or only holds options; `uses_remembered`: so does the
    mapping of the last file with this header. Of a workbook `sheet` is read, else the first one.
    """
    found = Import(
        state="reading",
        path=kept.path,
        name=kept.name,
        digest=kept.digest,
        requested_by=requested_by,
        requested_at=now,
        is_automatic=is_automatic,
        skip_bad_rows=skip_bad_rows,
        file_format={"sheet": sheet} if sheet else {},
        profile={},
        uses_remembered=uses_remembered,
        mapping=decided.to_store(),
        preview={},
        result={},
    )
    session.add(found)
    session.flush()
    return found


def by_key(session: Session, key: int, *, lock: bool = False) -> Import:
    """Return the import with this number, locked where asked; else `ImportNotFound`."""
    found = session.get(Import, key, with_for_update=lock or None)
    if found is None:
        raise ImportNotFound(key)
    return found


def latest(session: Session, limit: int = 20) -> Sequence[Import]:
    """The newest imports first."""
    query = sa.select(Import).options(defer(Import.profile)).order_by(Import.key.desc())
    return session.scalars(query.limit(limit)).all()


def progress(session: Session, found: Import, now: datetime) -> Progress:
    """How far the worker is with what it does on this import now."""
    run = session.get(Run, found.run_key) if found.run_key else None
    if run is None or run.finished_at is not None:
        return Progress(gettext("Waiting for the worker"), 0.0, None)
    seconds_left = None
    if run.started_at is not None and run.progress >= MIN_SHARE_TO_ESTIMATE:
        seconds = (now - run.started_at).total_seconds()
        seconds_left = seconds / run.progress * (1 - run.progress)
    return Progress(run.stage, run.progress, seconds_left)


def confirm(session: Session, key: int, by: Author) -> bool:
    """Import the good rows of what the preview shows; `WrongState` unless it is in preview.

    Fields and values that the mapping needs are declared now. Where fields have changed since the
    rows were checked, give False: these are checked and shown again first.
    """
    found, fields = by_key(session, key), field_lists.current(session)
    is_current = fields.version == found.outlook.fields_version
    if not is_current:
        _move(session, key, "preview", "checking")
        return False
    mapping = Mapping.model_validate(found.mapping)
    new_fields.declare(session, fields.fields, mapping, by)
    kept = mapping.model_copy(update={"new_fields": (), "new_choices": ()}).to_store()
    _move(session, key, "preview", "importing", mapping=kept)
    return True


def back_to_matching(session: Session, key: int) -> None:
    """Let a person change what the columns mean after all; `WrongState` unless in preview."""
    _move(session, key, "preview", "matching", preview={}, result={})


def cancel(session: Session, key: int, now: datetime) -> None:
    """Give up an import that waits for a person; nothing of it was taken in."""
    found = by_key(session, key, lock=True)
    if found.state not in WAITING_STATES:
        raise WrongState(found.state, "waiting for you")
    _move(session, key, found.state, "cancelled", finished_at=now, **FORGOTTEN)


def with_files(session: Session, now: datetime) -> Sequence[Import]:
    """The imports that wait for a person with their file, and those whose wrong rows are kept."""
    is_kept = sa.or_(Import.state.in_(WAITING_STATES), Import.finished_at > now - UNDO_WINDOW)
    return session.scalars(sa.select(Import).where(is_kept)).all()


def give_up_erased(session: Session, key: int, now: datetime) -> None:
    """Give up an import that waits, since its file names somebody who was erased."""
    waits = sa.update(Import).where(Import.key == key, Import.state.in_(WAITING_STATES))
    change(session, waits.values(state="failed", error=ERASED, finished_at=now, **FORGOTTEN))


def can_be_undone(found: Import, now: datetime) -> bool:
    """Whether an import has changed anything, also a part, and is over for less than seven days."""
    is_recent = found.finished_at is not None and now - found.finished_at < UNDO_WINDOW
    # What an import of before there was a check has changed was not written down.
    is_over = found.state in {"done", "failed"} and found.checked_at is not None
    return is_over and is_recent and found.found.has_changed


def request_undo(session: Session, key: int, actor: str, now: datetime) -> None:
    """Ask the worker to undo a whole import; else `UndoRefused` with the reason.

    Leads that it made are deleted, values restored, unless somebody has changed them since; its
    outcomes are withdrawn.
    """
    found = by_key(session, key)
    if not can_be_undone(found, now):
        raise UndoRefused(
            gettext(
                "Only an import that has changed something can be undone, and only for "
                "7 days. Nothing was changed."
            )
        )
    # A run that failed to undo it before must not close it again.
    _move(session, key, found.state, "undoing", undone_by=actor, run_key=None, error=None)


def claim(session: Session, worker: str, now: datetime, key: int | None = None) -> Run | None:
    """Take up an import: by `key`, what another worker left, or the oldest with work to do.

    `AlreadyRunning` where that of `key` has to wait for another.
    """
    if key is None and (left := runs.claim(session, "import", worker, now)) is not None:
        return left
    if key is None and runs.unfinished(session, "import") is not None:
        return None
    _close_given_up(session, now)
    found = by_key(session, key) if key is not None else _oldest(session)
    if found is None:
        return None
    task = {"import": found.key, "name": found.name, "step": found.state}
    by = found.requested_by
    try:
        run = runs.request(session, "import", trigger="import", requested_by=by, now=now, task=task)
    except runs.AlreadyRunning:
        if key is None:  # another worker came first
            return None
        raise
    session.flush()
    found.run_key = run.key
    return runs.claim(session, "import", worker, now)


def _oldest(session: Session) -> Import | None:
    waiting = sa.select(Import).where(Import.state.in_(WORKING_STATES))
    return session.scalar(waiting.order_by(Import.key).limit(1))


def _close_given_up(session: Session, now: datetime) -> None:
    """Fail imports whose run was given up: one that kills workers is not tried for ever."""
    query = sa.select(Import.key, Run.error).join(Run, Run.key == Import.run_key)
    given_up = query.where(Import.state.in_(WORKING_STATES), Run.state == "failed")
    for key, error in session.execute(given_up).all():
        fail(session, key, error or "", now)


def set_facts(session: Session, key: int, **values: object) -> None:
    """Write down what the worker has found of an import."""
    change(session, sa.update(Import).where(Import.key == key).values(**values))


def finish(session: Session, found: Import, now: datetime) -> None:
    """Close an import whose rows are in, and remember what a person said of its columns."""
    set_facts(session, found.key, state="done", finished_at=now, **FORGOTTEN)
    if not found.is_automatic:
        mapping, actor = Mapping.model_validate(found.mapping), found.requested_by
        remembered.remember(session, mapping, file_name=found.name, actor=actor, now=now)


def finish_undo(session: Session, found: Import, now: datetime) -> None:
    """Close an import that was undone."""
    set_facts(session, found.key, state="undone", finished_at=now)
    actor = found.undone_by or found.requested_by
    audit.record(session, actor, "undid an import", found.name, now=now)


def fail(session: Session, key: int, sentence: str, now: datetime) -> None:
    """Close an import whose work failed; one that was being undone can be undone again."""
    found = by_key(session, key)
    is_undo = found.state == "undoing"
    state = "done" if is_undo and found.found.n_done == found.found.n_rows else "failed"
    ended = {} if is_undo else {"finished_at": now, **FORGOTTEN}
    set_facts(session, key, state=state, error=sentence, **ended)


def summary(result: ImportResult) -> dict[str, Any]:
    """What an import has found and brought, as programs read it; lists hold the first ones."""
    return {
        "read": result.n_rows,
        "new": result.n_new_leads,
        "changed": result.n_changed,
        "unchanged": result.n_unchanged,
        "outcomes": result.n_outcomes,
        "waiting": result.n_waiting,
        "rejected": [
            {"line": e.line, "column": e.field or None, "reason": e.message} for e in result.errors
        ],
        "ignored_columns": result.ignored_columns,
        "warnings": [warning.model_dump() for warning in result.warnings],
    }


def give_up_abandoned(session: Session, now: datetime) -> None:
    """Give up imports that nobody answers any more."""
    left = sa.update(Import).where(
        Import.state.in_(WAITING_STATES), Import.requested_at < now - ABANDONED_AFTER
    )
    change(session, left.values(state="cancelled", finished_at=now, **FORGOTTEN))


def forget_old_changes(session: Session, now: datetime) -> int:
    """Delete some of what can no longer be undone; return how many leads of it, 0 at the end."""
    place = (ImportChange.import_key, ImportChange.lead_key)
    old = sa.select(*place).join(Import, Import.key == ImportChange.import_key)
    old = old.where(
        Import.state.in_(("done", "failed", "undone")), Import.finished_at < now - UNDO_WINDOW
    )
    some = old.limit(FORGOTTEN_AT_ONCE)
    return change(session, sa.delete(ImportChange).where(sa.tuple_(*place).in_(some)))


def forget_old_errors(session: Session, now: datetime) -> int:
    """Forget why imports failed a week ago, which can quote the file; return how many."""
    before = now - UNDO_WINDOW
    is_old = (Import.finished_at < before, Import.error != OLD_ERROR)
    found = session.scalars(sa.select(Import).where(*is_old).limit(FORGOTTEN_AT_ONCE)).all()
    for old in found:
        old.error = OLD_ERROR
        old.result = old.found.model_copy(update={"errors": []}).model_dump()
    of_imports = (Run.kind == "import", Run.finished_at < before, Run.error != OLD_ERROR)
    change(session, sa.update(Run).where(*of_imports).values(error=OLD_ERROR))
    return len(found)


def remove_orphans(session: Session, data_dir: Path, now: datetime) -> int:
    """Delete kept files that no import needs; return how many."""
    wanted = session.scalars(sa.select(Import.path).where(Import.state.in_(FILE_STATES))).all()
    undoable = sa.select(Import.path).where(Import.finished_at > now - UNDO_WINDOW)
    names = {*wanted, *map(rejected_name, (*wanted, *session.scalars(undoable).all()))}
    oldest_seconds = (now - ORPHAN_AGE).timestamp()
    orphans = [
        path
        for path in (data_dir / FOLDER).glob("*")
        if path.name not in names and path.stat().st_mtime < oldest_seconds
    ]
    for path in orphans:
        path.unlink(missing_ok=True)
    return len(orphans)


def rejected_path(data_dir: Path, found: Import) -> Path | None:
    """Where the wrong rows of an import lie as a CSV file with their reasons; None without any."""
    path = file_path(data_dir, rejected_name(found.path))
    return path if path.exists() else None


def rejected_name(path: str) -> str:
    """What the file of the wrong rows of a kept file is called in the imports folder."""
    return f"{path}.rejected.csv"


def _move(session: Session, key: int, old: str, new: str, **values: object) -> None:
    """Bring an import from one state into another; whoever comes second is refused."""
    statement = sa.update(Import).where(Import.key == key, Import.state == old)
    if not change(session, statement.values(state=new, **values)):
        raise WrongState(by_key(session, key).state, old)


def _plain_name(name: str) -> str:
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(c for c in last if c.isprintable())[:100] or "file"
