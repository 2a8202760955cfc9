"""What every request and job of this product shares: its settings and its fields."""

from dataclasses import dataclass

from flask import current_app, g, has_request_context

from ml.fields.fields_file import Fields
from webapp import field_lists
from webapp.config import Settings
from webapp.database import Session, read

VERSION = "0.2.0"


@dataclass(frozen=True)
class Product:
    """The settings, and the fields of `LEADLOOP_FIELDS_FILE` if it is set, read once at start."""

    settings: Settings
    file_fields: Fields | None = None

    @property
    def fields(self) -> Fields:
        """The fields as declared now; within one request they stay the same."""
        if self.file_fields is not None:
            return self.file_fields
        if not has_request_context():
            return read(field_lists.current).fields
        if "fields" not in g:
            read(self.note_fields)
        found: Fields = g.fields
        return found

    def note_fields(self, session: Session) -> None:
        """Read the fields for the rest of this request, where a session is at hand anyway."""
        if self.file_fields is None:
            g.fields = field_lists.current(session).fields


def product() -> Product:
    """The product that the current application serves."""
    found: Product = current_app.extensions["leadloop"]
    return found
