"""Tables of people beside their accounts: links by which they get in, and digests they want."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from webapp.database import Base, Key


class Invitation(Base):
    """A link that works once and for some days, by which a person sets a password.

    It makes an account, or belongs to `user_key`'s. Only the digest of its secret part is kept.
    """

    __tablename__ = "invitations"

    key: Mapped[int] = mapped_column(Key, primary_key=True)
    digest: Mapped[str] = mapped_column(sa.String(64), unique=True)
    email: Mapped[str] = mapped_column(sa.String(200))
    role: Mapped[str] = mapped_column(sa.String(20))
    user_key: Mapped[int | None] = mapped_column(sa.ForeignKey("users.key"))
    created_by: Mapped[str] = mapped_column(sa.String(200))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    # It was used, or withdrawn or replaced by another.
    ended_at: Mapped[datetime | None]


class Digest(Base):
    """A person who wants a mail each day, and the day in their time zone of the last one."""

    __tablename__ = "digests"

    user_key: Mapped[int] = mapped_column(
        sa.ForeignKey("users.key"), primary_key=True, autoincrement=False
    )
    hour: Mapped[int]
    time_zone: Mapped[str] = mapped_column(sa.String(64))
    # As a date is written; None before the first.
    sent_on: Mapped[str | None] = mapped_column(sa.String(10))
    next_try_at: Mapped[datetime | None]
