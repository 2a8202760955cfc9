"""Tables of what people say about a lead beside its outcome. No model ever learns from them."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from webapp.database import Base, Key, one_of

WRONG_REASONS = ("not_a_fit", "no_interest", "good_fit", "wants_to_buy", "wrong_data", "other")


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


class ScoreReport(Base):
    """A person says that a score is wrong: what it was then, and why; open until resolved."""

    __tablename__ = "score_reports"
    __table_args__ = (
        one_of("reason", WRONG_REASONS),
        sa.Index("ix_score_reports_resolved_at_key", "resolved_at", "key"),
        # One open report of each person on a lead.
        sa.Index(
            "uq_score_reports_open",
            *("lead_key", "author"),
            unique=True,
            sqlite_where=sa.text("resolved_at IS NULL"),
            postgresql_where=sa.text("resolved_at IS NULL"),
        ),
    )

    key: Mapped[int] = mapped_column(Key, primary_key=True)
    lead_key: Mapped[int] = mapped_column(sa.ForeignKey("leads.key"), index=True)
    author: Mapped[str] = mapped_column(sa.String(200))
    reason: Mapped[str] = mapped_column(sa.String(20))
    note: Mapped[str | None] = mapped_column(sa.String(500))
    # The model's score that is said to be wrong.
    version: Mapped[str] = mapped_column(sa.String(20))
    probability: Mapped[float]
    grade: Mapped[str] = mapped_column(sa.String(1))
    reported_at: Mapped[datetime]
    resolved_at: Mapped[datetime | None]
    resolved_by: Mapped[str | None] = mapped_column(sa.String(200))


class ScoreOverride(Base):
    """A person's score of a lead that stands beside the model's until a moment, or an earlier end.

    `ended_at` is None where it has not been ended by hand, also after `until`.
    """

    __tablename__ = "score_overrides"
    __table_args__ = (
        sa.Index(
            "uq_score_overrides_lead_key",
            "lead_key",
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        ),
        sa.Index(
            "ix_score_overrides_until",
            "until",
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        ),
    )

    key: Mapped[int] = mapped_column(Key, primary_key=True)
    lead_key: Mapped[int] = mapped_column(sa.ForeignKey("leads.key"), index=True)
    author: Mapped[str] = mapped_column(sa.String(200))
    reason: Mapped[str] = mapped_column(sa.String(500))
    probability: Mapped[float]
    made_at: Mapped[datetime]
    until: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None] = mapped_column(sa.String(200))


# All of them: erased with their lead, and a reason to keep a lead whose import is undone.
REMARKS = (Note, ScoreReport, ScoreOverride)
