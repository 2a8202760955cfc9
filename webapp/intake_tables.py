"""Tables of what came in and has no place in a lead: files, requests, outcomes that wait."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from webapp import stored
from webapp.database import Base, Key, one_of

# The worker's are reading, checking, importing and undoing; a person's are matching and preview.
IMPORT_STATES = (
    *("reading", "matching", "checking", "preview", "importing"),
    *("done", "failed", "cancelled", "undoing", "undone"),
)


class Import(Base):
    """A file on its way in: what was found in it, what was decided, and what came of it."""

    __tablename__ = "imports"
    __table_args__ = (
        sa.Index("ix_imports_state_key", "state", "key"),
        sa.Index("ix_imports_digest", "digest"),
        one_of("state", IMPORT_STATES),
    )

    key: Mapped[int] = mapped_column(Key, primary_key=True)
    state: Mapped[str] = mapped_column(sa.String(20))
    # Of the kept file: where, what it was called, what is in it.
    path: Mapped[str] = mapped_column(sa.String(40))
    name: Mapped[str] = mapped_column(sa.String(100))
    digest: Mapped[str] = mapped_column(sa.String(64))
    requested_by: Mapped[str] = mapped_column(sa.String(200))
    requested_at: Mapped[datetime]
    # It asks nobody: what is in doubt refuses it.
    is_automatic: Mapped[bool]
    skip_bad_rows: Mapped[bool]
    # Whether what an earlier file with this header was said to mean counts for it.
    uses_remembered: Mapped[bool]
    # The newest run at work on it, and the moment that no time in the file may lie behind.
    run_key: Mapped[int | None] = mapped_column(sa.ForeignKey("runs.key"))
    checked_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    undone_by: Mapped[str | None] = mapped_column(sa.String(200))
    error: Mapped[str | None] = mapped_column(sa.Text)
    # Typed below; empty before they are known. Values of leads are emptied out at the end.
    file_format: Mapped[dict[str, Any]]
    profile: Mapped[dict[str, Any]]
    mapping: Mapped[dict[str, Any]]
    preview: Mapped[dict[str, Any]]
    result: Mapped[dict[str, Any]]

    @property
    def format(self) -> stored.FileFormat:
        return stored.FileFormat.model_validate(self.file_format)

    @property
    def profiled(self) -> stored.ImportProfile:
        return stored.ImportProfile.model_validate(self.profile)

    @property
    def outlook(self) -> stored.ImportPreview:
        return stored.ImportPreview.model_validate(self.preview)

    @property
    def found(self) -> stored.ImportResult:
        return stored.ImportResult.model_validate(self.result)


class ImportChange(Base):
    """What an import changed of a lead, all of a new one; kept as long as it can be undone."""

    __tablename__ = "import_changes"

    import_key: Mapped[int] = mapped_column(
        sa.ForeignKey("imports.key"), primary_key=True, autoincrement=False
    )
    lead_key: Mapped[int] = mapped_column(
        sa.ForeignKey("leads.key"), primary_key=True, autoincrement=False, index=True
    )
    is_new: Mapped[bool]
    before: Mapped[dict[str, Any]]
    after: Mapped[dict[str, Any]]
    # The keys of its snapshots.
    snapshots: Mapped[list[Any]]


class ImportMapping(Base):
    """What the columns of a header were said to mean, for the next file with that header."""

    __tablename__ = "import_mappings"

    key: Mapped[int] = mapped_column(Key, primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(100), unique=True)
    signature: Mapped[str] = mapped_column(sa.String(64), unique=True)
    mapping: Mapped[dict[str, Any]]
    used_at: Mapped[datetime]
    used_by: Mapped[str] = mapped_column(sa.String(200))


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
    idempotency_key: Mapped[str | None] = mapped_column(sa.String(255), index=True)
    # Withdrawn before the lead came; the lead's history will tell both.
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by: Mapped[str | None] = mapped_column(sa.String(200))
    expires_at: Mapped[datetime] = mapped_column(index=True)


class Surprise(Base):
    """A value that was taken with a warning: how often, and when and from whom the last time."""

    __tablename__ = "surprises"
    __table_args__ = (sa.UniqueConstraint("field", "kind", "value"),)

    key: Mapped[int] = mapped_column(Key, primary_key=True)
    field: Mapped[str] = mapped_column(sa.String(100))
    kind: Mapped[str] = mapped_column(sa.String(20))
    # Empty where a person may be meant, and for what comes after the first so many values.
    value: Mapped[str] = mapped_column(sa.String(100))
    n: Mapped[int] = mapped_column(sa.BigInteger())
    last_seen_at: Mapped[datetime]
    last_source: Mapped[str] = mapped_column(sa.String(200))


class IdempotentAnswer(Base):
    """A request with an Idempotency-Key: how far it is, and who is at work on it."""

    __tablename__ = "idempotent_answers"
    __table_args__ = (sa.UniqueConstraint("api_key_key", "path", "idempotency_key"),)

    key: Mapped[int] = mapped_column(Key, primary_key=True)
    api_key_key: Mapped[int] = mapped_column(sa.ForeignKey("api_keys.key"))
    path: Mapped[str] = mapped_column(sa.String(100))
    idempotency_key: Mapped[str] = mapped_column(sa.String(255))
    body_digest: Mapped[str] = mapped_column(sa.String(64))
    started_at: Mapped[datetime] = mapped_column(index=True)
    # The request that works on it, until when it may, and how many rows are done.
    claim: Mapped[str] = mapped_column(sa.String(32))
    lease_until: Mapped[datetime]
    n_rows_done: Mapped[int]
    finished_at: Mapped[datetime | None]


class IdempotentPart(Base):
    """The answer to some rows of such a request, committed together with what they changed."""

    __tablename__ = "idempotent_parts"

    answer_key: Mapped[int] = mapped_column(
        sa.ForeignKey("idempotent_answers.key", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    )
    first_row: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    body: Mapped[str] = mapped_column(sa.Text)
