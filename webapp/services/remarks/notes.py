"""Notes on a lead: written by anyone, changed and deleted only by their author."""

import re
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.sentences import Figure, gettext
from webapp.database import change
from webapp.tables import Lead
from webapp.tables.remarks import Note

MAX_LENGTH = 5_000
MAX_LISTED = 500
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


class InvalidNote(ValueError):
    """The text of a note cannot be kept."""


class NoteNotFound(LookupError):
    """No note has this number."""

    def __init__(self, key: int) -> None:
        super().__init__(gettext("Note %(key)s not found", key=str(key)))


class NotYourNote(PermissionError):
    """Somebody else wrote the note."""

    def __init__(self) -> None:
        super().__init__(gettext("Only its author can change a note"))


def clean(text: str) -> str:
    """Trim a text of up to `MAX_LENGTH` characters, line ends as \\n; else `InvalidNote`."""
    cleaned = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    if not cleaned:
        raise InvalidNote(gettext("Write something first."))
    if len(cleaned) > MAX_LENGTH:
        raise InvalidNote(
            gettext(
                "A note has up to %(MAX_LENGTH)s characters; this one %(n)s.",
                MAX_LENGTH=Figure(f"{MAX_LENGTH:,}"),
                n=Figure(f"{len(cleaned):,}"),
            )
        )
    if CONTROL.search(cleaned):
        raise InvalidNote(gettext("The text holds characters that cannot be shown."))
    return cleaned


def add(session: Session, lead: Lead, text: str, *, author: str, now: datetime) -> Note:
    """Write a note on a lead; else `InvalidNote`."""
    note = Note(lead_key=lead.key, author=author, text=clean(text), written_at=now)
    session.add(note)
    session.flush()
    return note


def of_lead(session: Session, lead: Lead) -> list[Note]:
    """The notes on a lead, the newest first, at most `MAX_LISTED`."""
    query = sa.select(Note).where(Note.lead_key == lead.key)
    newest = query.order_by(Note.written_at.desc(), Note.key.desc())
    return list(session.scalars(newest.limit(MAX_LISTED)))


def edit(session: Session, key: int, text: str, *, author: str, now: datetime) -> Note:
    """Change the author's own note; else `InvalidNote`, `NoteNotFound` or `NotYourNote`."""
    note = _own(session, key, author)
    if (cleaned := clean(text)) != note.text:
        note.text, note.edited_at = cleaned, now
    return note


def delete(session: Session, key: int, author: str) -> Note:
    """Delete the author's own note for good; else `NoteNotFound` or `NotYourNote`."""
    note = _own(session, key, author)
    session.delete(note)
    return note


def move(session: Session, lead: Lead, into: Lead) -> None:
    """Let the notes of a merged lead go on with its survivor."""
    of_lead = sa.update(Note).where(Note.lead_key == lead.key)
    change(session, of_lead.values(lead_key=into.key))


def _own(session: Session, key: int, author: str) -> Note:
    note = session.get(Note, key, with_for_update=True)
    if note is None:
        raise NoteNotFound(key)
    if note.author != author:
        raise NotYourNote
    return note
