"""Tables of what came in and has no place in a lead: outcomes whose lead is not known yet."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from webapp.database import Base, Key


class WaitingOutcome(Base):
    """An outcome of a lead that is not known yet: recorded when the lead comes, or expired."""

    __tablename__ = "waiting_outcomes"

    key: Mapped[int] = mapped_column(Key, primary_key=True)
    # In its one form, as a lead would have it.
    lead_id: Mapped[str] = mapped_column(sa.String(100), index=True)
    result: Mapped[str] = mapped_column(sa.String(20))
    source: Mapped[str] = mapped_column(sa.String(20))
    actor: Mapped[str] = mapped_column(sa.String(200))
    # None where no time was given: it is about the moment at which it was recorded.
    happened_at: Mapped[datetime | None]
    recorded_at: Mapped[datetime]
    reason: Mapped[str | None] = mapped_column(sa.String(500))
    idempotency_key: Mapped[str | None] = mapped_column(sa.String(255))
    # Withdrawn before the lead came; the lead's history will tell both.
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by: Mapped[str | None] = mapped_column(sa.String(200))
    expires_at: Mapped[datetime] = mapped_column(index=True)
