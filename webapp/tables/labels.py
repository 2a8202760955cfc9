"""How many leads have an outcome, kept by the database so that nobody counts all leads."""

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from webapp.database import Base, Key


class LabelCount(Base):
    """What is to be added up; triggers of `leads` write it in the transaction of the change.

    SQLite keeps one row. PostgreSQL adds a row a change, as nobody then waits for another's; the
    worker adds them up (`label_counts.add_up`).
    """

    __tablename__ = "label_counts"

    key: Mapped[int] = mapped_column(Key, primary_key=True)
    n_converted: Mapped[int] = mapped_column(sa.BigInteger)
    n_lost: Mapped[int] = mapped_column(sa.BigInteger)
