"""Why leads are lost: the list that administrators keep."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from webapp.database import Base, Key


class LostReason(Base):
    """A reason that people choose from; a retired one is offered no more and stays in outcomes."""

    __tablename__ = "lost_reasons"

    key: Mapped[int] = mapped_column(Key, primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(100), unique=True)
    retired_at: Mapped[datetime | None]


class FormerReason(Base):
    """What a reason was called before it was renamed; outcomes that were sent so still hold it."""

    __tablename__ = "former_lost_reasons"

    name: Mapped[str] = mapped_column(sa.String(100), primary_key=True)
    reason_key: Mapped[int] = mapped_column(sa.ForeignKey("lost_reasons.key"), index=True)
