"""Tables of signing in: sessions, devices on which people signed in, wrong passwords counted."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from webapp.database import Base, Key


class SignInSession(Base):
    """A browser on which a person is signed in; only the digest of its secret is kept."""

    __tablename__ = "sign_in_sessions"

    key: Mapped[int] = mapped_column(Key, primary_key=True)
    digest: Mapped[str] = mapped_column(sa.String(64), unique=True)
    user_key: Mapped[int] = mapped_column(sa.ForeignKey("users.key"), index=True)
    created_at: Mapped[datetime]
    # To about five minutes.
    seen_at: Mapped[datetime]
    # When the person last proved who they are, by their password.
    confirmed_at: Mapped[datetime]
    ends_at: Mapped[datetime] = mapped_column(index=True)
    agent: Mapped[str] = mapped_column(sa.String(100))
    address: Mapped[str] = mapped_column(sa.String(100))


class KnownDevice(Base):
    """A browser on which a person has signed in before, and wrong passwords entered on it since."""

    __tablename__ = "known_devices"

    digest: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    user_key: Mapped[int] = mapped_column(
        sa.ForeignKey("users.key"), primary_key=True, autoincrement=False, index=True
    )
    used_at: Mapped[datetime] = mapped_column(index=True)
    n_failed: Mapped[int]
    failed_at: Mapped[datetime | None]


class FailureCount(Base):
    """How many wrong passwords one address of a person, or one caller, has had of late.

    `subject` is a digest: addresses that no account has are counted, too, and not kept.
    """

    __tablename__ = "failure_counts"

    subject: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    n_failed: Mapped[int]
    failed_at: Mapped[datetime] = mapped_column(index=True)
