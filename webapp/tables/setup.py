"""Table of the set-up list."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from webapp.database import Base


class HiddenSetup(Base):
    """An administrator who has hidden the set-up list of My day."""

    __tablename__ = "hidden_setups"

    email: Mapped[str] = mapped_column(sa.String(200), primary_key=True)
    hidden_at: Mapped[datetime]
