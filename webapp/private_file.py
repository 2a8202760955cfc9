"""Files of the data folder that only their owner reads: secrets made here, and the database."""

import os
import secrets
from contextlib import suppress
from pathlib import Path


def kept_secret(path: Path) -> str:
    """The secret in this file; made at the first call."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        _write_once(path, secrets.token_urlsafe(48))
    return path.read_text()


def keep_database_private(path: Path) -> None:
    """Let only the owner read a SQLite file: made here before SQLite does, or tightened.

    The files beside it get its mode when SQLite makes them. One of somebody else stays as it is.
    """
    with suppress(OSError):
        path.touch(mode=0o600)
    for ending in ("", "-wal", "-shm"):
        with suppress(OSError):
            path.with_name(path.name + ending).chmod(0o600)


def _write_once(path: Path, text: str) -> None:
    """Write a private file whole or not at all; of two processes at once, the first wins."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(text)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
