"""Asking for an import: the file is kept for the worker, and a run says what to do with it.

How a file is read stands in `import_file` and `import_rows`, what its rows bring in `intake`, and
how the whole goes, step by step, in `webapp.importing`.
"""

import hashlib
import os
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.services.runs import runs
from webapp.tables import Run

FOLDER = "imports"
PIECE_BYTES = 1_000_000
# An upload that is just being stored has no run yet.
ORPHAN_AGE = timedelta(hours=1)


class FileTooLarge(ValueError):
    """The file is larger than the settings allow."""

    def __init__(self, max_bytes: int) -> None:
        super().__init__(f"The file is larger than {max_bytes / 2**20:,.0f} MB")


@dataclass(frozen=True)
class KeptFile:
    """A file kept for an import: where in the imports folder, what it was called, its digest."""

    path: str
    name: str
    digest: str


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
    return data_dir / FOLDER / Path(path).name


def discard(data_dir: Path, path: str) -> None:
    """Delete a kept file, if it is still there."""
    file_path(data_dir, path).unlink(missing_ok=True)


def request(
    session: Session, kept: KeptFile, *, skip_wrong_rows: bool, requested_by: str, now: datetime
) -> Run:
    """Ask the worker for an import; `AlreadyRunning` while another one is not done."""
    return runs.request(
        session,
        "import",
        trigger="upload",
        requested_by=requested_by,
        now=now,
        task={
            "path": kept.path,
            "name": kept.name,
            "digest": kept.digest,
            "skip_wrong_rows": skip_wrong_rows,
        },
    )


def n_rows_before(session: Session, run: Run) -> int:
    """How many rows of the same file earlier imports took in, from its first row on.

    Imports that left out wrong rows do not count: what was wrong then may be right now.
    """
    query = sa.select(Run.result).where(
        Run.kind == "import",
        Run.key < run.key,
        Run.task["digest"].as_string() == run.task["digest"],
    )
    results = session.scalars(query).all()
    return max((r.get("n_done", 0) for r in results if not r.get("n_wrong")), default=0)


def remove_orphans(session: Session, data_dir: Path, now: datetime) -> int:
    """Delete kept files that no unfinished import needs; return how many."""
    wanted = runs.unfinished(session, "import")
    names = {wanted.task["path"]} if wanted else set()
    oldest_seconds = (now - ORPHAN_AGE).timestamp()
    orphans = [
        path
        for path in (data_dir / FOLDER).glob("*")
        if path.name not in names and path.stat().st_mtime < oldest_seconds
    ]
    for path in orphans:
        path.unlink(missing_ok=True)
    return len(orphans)


def _plain_name(name: str) -> str:
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(c for c in last if c.isprintable())[:100] or "file"
