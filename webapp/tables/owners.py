"""Tables of who owns leads: each change that was made here, for the lead's history and for undo."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from webapp.database import Base, Key


class Assignment(Base):
    """A lead given to another owner by a person; rows are added, never changed.

    Leads assigned at once share a `batch`. An owner is None where the lead has none.
    """

    __tablename__ = "assignments"
    __table_args__ = (
        sa.Index("ix_assignments_lead_key_at", "lead_key", "at"),
        # What a person gave away lately.
        sa.Index("ix_assignments_actor_at", "actor", "at"),
    )

    key: Mapped[int] = mapped_column(Key, primary_key=True)
    lead_key: Mapped[int] = mapped_column(sa.ForeignKey("leads.key", ondelete="CASCADE"))
    batch: Mapped[str] = mapped_column(sa.String(32), index=True)
    owner_before: Mapped[str | None] = mapped_column(sa.String(200))
    owner: Mapped[str | None] = mapped_column(sa.String(200))
    actor: Mapped[str] = mapped_column(sa.String(200))
    at: Mapped[datetime]
