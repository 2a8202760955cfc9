"""Files of the data folder that only their owner reads: secrets made here, and the database."""

import errno
import os
import secrets
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path


class NotWritable(RuntimeError):
    """A file or folder of the product cannot be used; the message says what to do."""

    def __init__(self, error: OSError) -> None:
        super().__init__(
            f"{error.filename or 'The data folder'} cannot be used ({error.strerror}). Let the"
            " user who runs Leadloop read and write it, or set LEADLOOP_DATA_DIR to another folder."
        )


def kept_secret(path: Path) -> str:
    """The secret in this file, made at the first call; `NotWritable` if that is impossible."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists():
            _write_once(path, secrets.token_urlsafe(48))
        return path.read_text()
    except OSError as error:
        raise NotWritable(error) from None


def replace_private(path: Path, pieces: Iterable[str]) -> None:
    """Write a file for its owner only, whole or not at all, in place of an earlier one."""
    _draft(path, pieces).replace(path)


def keep_database_private(path: Path) -> None:
    """Let only the owner read a SQLite file, made here if need be; else `NotWritable`.

    The files beside it get its mode from SQLite. A file of somebody else keeps its mode.
    """
    with suppress(OSError):
        path.touch(mode=0o600)
    for ending in ("", "-wal", "-shm"):
        with suppress(OSError):
            path.with_name(path.name + ending).chmod(0o600)
    for place in (path.parent, path):
        if os.access(place, os.F_OK) and not os.access(place, os.R_OK | os.W_OK):
            raise NotWritable(OSError(errno.EACCES, os.strerror(errno.EACCES), str(place)))


def _write_once(path: Path, text: str) -> None:
    """Write a private file whole or not at all; of two processes at once, the first wins."""
    draft = _draft(path, text)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _draft(path: Path, pieces: Iterable[str]) -> Path:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    try:
        with draft.open("w", encoding="utf-8", newline="") as stream:
            stream.writelines(pieces)
    except BaseException:
        draft.unlink()
        raise
    return draft
