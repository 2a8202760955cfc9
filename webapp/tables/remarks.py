"""Tables of what people say about a lead beside its outcome. No model ever learns from them."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from webapp.database import Base, Key


class Note(Base):
    """A text that a person wrote on a lead."""

    __tablename__ = "notes"
    __table_args__ = (sa.Index("ix_notes_lead_key_written_at", "lead_key", "written_at"),)

    key: Mapped[int] = mapped_column(Key, primary_key=True)
    lead_key: Mapped[int] = mapped_column(sa.ForeignKey("leads.key"))
    author: Mapped[str] = mapped_column(sa.String(200))
    text: Mapped[str] = mapped_column(sa.Text)
    written_at: Mapped[datetime]
    edited_at: Mapped[datetime | None]


# All of them: erased with their lead, and a reason to keep a lead whose import is undone.
REMARKS = (Note,)
