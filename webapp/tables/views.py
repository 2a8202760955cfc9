"""What people set in the lead table: views that they save, and the columns that they see."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from webapp.database import Base, Key


class SavedView(Base):
    """Filters and sort of the lead table under a name; a shared one is shown to everybody."""

    __tablename__ = "saved_views"
    __table_args__ = (sa.UniqueConstraint("author", "name"),)

    key: Mapped[int] = mapped_column(Key, primary_key=True)
    author: Mapped[str] = mapped_column(sa.String(200))
    name: Mapped[str] = mapped_column(sa.String(60))
    # Parameters of the table's address, by name.
    asked: Mapped[dict[str, Any]]
    is_shared: Mapped[bool]
    saved_at: Mapped[datetime]


class TableSettings(Base):
    """The columns that a person sees, and the view that opens after sign-in."""

    __tablename__ = "table_settings"

    email: Mapped[str] = mapped_column(sa.String(200), primary_key=True)
    # None: those that hold something.
    columns: Mapped[list[Any] | None] = mapped_column(sa.JSON)
    start_view: Mapped[int | None] = mapped_column(
        sa.ForeignKey("saved_views.key", ondelete="SET NULL")
    )
