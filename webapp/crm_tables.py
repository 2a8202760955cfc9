"""The tables of the CRM connection; times that a CRM stamped its rows with are texts."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from webapp.database import Base, Key, RecordId, one_of

TRANSFORMS = ("as_is", "days_since", "boolean", "constant")
WRITE_STATES = ("due", "sent", "dead", "stopped")
UNMATCHED_STATES = ("open", "linked", "ignored", "settled")
SIDES = ("rep", "crm", "newest", "agreement")
# The state of a deal that was never read, for people.
NOT_READABLE = "not readable"
# Who says that a deal is a lead's: the lead's record in the CRM, the deal's record, a role of the
# lead's contact, or a person here.
ORIGINS = ("lead", "deal", "contact", "person")

Stamp = sa.String(40)


class CrmConnection(Base):
    """The CRM we are connected to: how, by which rules, and in which state that is."""

    __tablename__ = "crm_connections"

    key: Mapped[int] = mapped_column(Key, primary_key=True)
    # Which CRM it is: see `webapp.services.crm.kinds`; also the source of its outcomes.
    kind: Mapped[str] = mapped_column(sa.String(20))
    method: Mapped[str] = mapped_column(sa.String(30))
    domain: Mapped[str] = mapped_column(sa.String(255))
    username: Mapped[str] = mapped_column(sa.String(200))
    # Encrypted, with a key that is not in the database.
    sealed_secrets: Mapped[str] = mapped_column(sa.Text, default="")
    is_paused: Mapped[bool]
    # What the administrator chose: outcome rules, filter, conflicts, write-back, history.
    rules: Mapped[dict[str, Any]] = mapped_column(default=dict)
    changed_at: Mapped[datetime]
    changed_by: Mapped[str] = mapped_column(sa.String(200))
    # The fields of a lead as the CRM described them last: many, so read only where asked for.
    described: Mapped[list[Any]] = mapped_column(default=list, deferred=True)
    described_at: Mapped[datetime | None]
    # Where its dates are days, as in America/New_York; empty: it does not say; None: not asked yet.
    time_zone: Mapped[str | None] = mapped_column(sa.String(40))
    # Records that were read before and are no longer visible: see `sync.crm.visibility`.
    lost_records: Mapped[dict[str, Any]] = mapped_column("sight", default=dict)
    # The breaker: open while a case stands here; without a time until a person acts.
    breaker_case: Mapped[str | None] = mapped_column(sa.String(60))
    breaker_detail: Mapped[str] = mapped_column(sa.String(500), default="")
    breaker_until: Mapped[datetime | None]
    n_failures: Mapped[int] = mapped_column(default=0)
    calls_on: Mapped[str] = mapped_column(sa.String(10), default="")
    n_calls: Mapped[int] = mapped_column(default=0)
    n_used: Mapped[int | None]
    n_limit: Mapped[int | None]
    # Somebody said that there is news: the next run is due at once.
    hinted_at: Mapped[datetime | None]
    reconciled_at: Mapped[datetime | None]
    # How far that has got since then: a part of `sync.crm.reconcile`, and the id behind which it
    # goes on.
    reconciling: Mapped[dict[str, Any]] = mapped_column(default=dict)
    # Rules have changed: outcomes are derived again from what is here, behind this lead.
    rederive_after_id: Mapped[str | None] = mapped_column("settle_after_id", RecordId)
    # How far outcomes were compared, and how far scores were looked through for the write-back.
    compared_through_key: Mapped[int] = mapped_column(Key, default=0)
    offered_since: Mapped[datetime | None]
    offered_version_key: Mapped[int | None] = mapped_column(Key)
    offered_through_key: Mapped[int] = mapped_column(Key, default=0)
    # Runs with a higher number are of this org; earlier ones were of another connection or org.
    org_runs_after_key: Mapped[int] = mapped_column(Key, default=0)


class CrmWindow(Base):
    """How far one object has been read; see `sync.crm.reading`."""

    __tablename__ = "crm_windows"

    object: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    done_until: Mapped[str | None] = mapped_column(Stamp)
    start: Mapped[str | None] = mapped_column(Stamp)
    end: Mapped[str | None] = mapped_column(Stamp)
    after_stamp: Mapped[str | None] = mapped_column(Stamp)
    after_id: Mapped[str] = mapped_column(RecordId)
    # All up to here was read at least once; reading some of it again takes nothing back.
    reached: Mapped[str | None] = mapped_column(Stamp)


class CrmLead(Base):
    """A lead as the CRM has it: only what its inputs and its outcome depend on."""

    __tablename__ = "crm_leads"

    id: Mapped[str] = mapped_column(RecordId, primary_key=True)
    lead_key: Mapped[int | None] = mapped_column(sa.ForeignKey("leads.key"), unique=True)
    stamp: Mapped[str] = mapped_column(Stamp)
    digest: Mapped[str] = mapped_column(sa.String(32))
    inputs_digest: Mapped[str] = mapped_column(sa.String(32))
    # Values of the mapped CRM fields, before any transform.
    values: Mapped[dict[str, Any]]
    created_at: Mapped[str] = mapped_column(Stamp)
    active_on: Mapped[str | None] = mapped_column(sa.String(10))
    status: Mapped[str | None] = mapped_column(sa.String(255))
    is_converted: Mapped[bool]
    converted_on: Mapped[str | None] = mapped_column(sa.String(10))
    contact_id: Mapped[str | None] = mapped_column(RecordId, index=True)
    is_deleted: Mapped[bool]
    merged_into: Mapped[str | None] = mapped_column(RecordId, index=True)
    # Of a user who owns it, by which the owner's account here is found; queues have none.
    owner_email: Mapped[str | None] = mapped_column(sa.String(200), index=True)
    # The outcome recorded last from the CRM: converted, lost or withdrawn, by which rule, and when
    # it happened.
    outcome: Mapped[str | None] = mapped_column("said", sa.String(20))
    rule: Mapped[str | None] = mapped_column(sa.String(10))
    source_id: Mapped[str | None] = mapped_column(RecordId)
    outcome_at: Mapped[datetime | None] = mapped_column("said_at")
    # The CRM rejected a score for good; and: read it once more by its id.
    is_unscorable: Mapped[bool]
    is_to_be_read: Mapped[bool] = mapped_column(index=True)


class CrmDeal(Base):
    """What a deal says about outcomes; no amounts."""

    __tablename__ = "crm_deals"

    id: Mapped[str] = mapped_column(RecordId, primary_key=True)
    stamp: Mapped[str] = mapped_column(Stamp)
    created_at: Mapped[str] = mapped_column(Stamp)
    stage_changed_at: Mapped[str | None] = mapped_column(Stamp)
    is_closed: Mapped[bool]
    is_won: Mapped[bool]
    is_deleted: Mapped[bool]
    has_source: Mapped[bool]
    # A lead names it, but the integration user may not read it; what was read before stays.
    is_readable: Mapped[bool]
    # What people know the deal of a lead by, kept while it is open; None: not asked for yet.
    name: Mapped[str | None] = mapped_column(sa.String(200))
    stage: Mapped[str | None] = mapped_column(sa.String(200))

    @property
    def is_known(self) -> bool:
        """Whether it was ever read: what is not shown any more stays as it was last."""
        return bool(self.stamp)

    @property
    def is_under_way(self) -> bool:
        """Whether it may still be won or lost, by what was read last."""
        return not (self.is_closed or self.is_deleted)

    @property
    def is_lost(self) -> bool:
        """Whether it is closed and not won."""
        return self.is_closed and not (self.is_won or self.is_deleted)

    @property
    def state(self) -> str:
        """What is known of it, in a word for people."""
        if not self.is_known:
            return NOT_READABLE
        if self.is_deleted:
            return "deleted"
        return "won" if self.is_won else "lost" if self.is_closed else "open"


class CrmLink(Base):
    """A deal is a lead's, or its contact has a part in it; either may not have been read yet."""

    __tablename__ = "crm_links"
    __table_args__ = (one_of("origin", ORIGINS),)

    crm_lead_id: Mapped[str] = mapped_column(RecordId, primary_key=True)
    deal_id: Mapped[str] = mapped_column(RecordId, primary_key=True, index=True)
    origin: Mapped[str] = mapped_column(sa.String(10), primary_key=True)


class CrmFieldMap(Base):
    """Where one field of a lead comes from."""

    __tablename__ = "crm_field_maps"
    __table_args__ = (one_of("transform", TRANSFORMS),)

    field: Mapped[str] = mapped_column(sa.String(63), primary_key=True)
    crm_field: Mapped[str | None] = mapped_column(sa.String(80))
    transform: Mapped[str] = mapped_column(sa.String(20))
    constant: Mapped[str | None] = mapped_column(sa.String(100))
    # What stands for a value outside of the field's rule; None: unknown.
    fallback: Mapped[str | None] = mapped_column(sa.String(100))
    # The CRM field does not move when a lead is converted.
    is_stable: Mapped[bool]
    # What stands for single values outside of the field's list.
    replacements: Mapped[dict[str, Any]]


class CrmScoreWrite(Base):
    """A lead's score as a pending write to the CRM, and what was written last.

    A dead letter is a rejected write that is not retried before the next day.
    """

    __tablename__ = "crm_outbox"
    __table_args__ = (
        one_of("state", WRITE_STATES),
        sa.Index("ix_crm_outbox_state_due_at", "state", "due_at"),
    )

    lead_key: Mapped[int] = mapped_column(
        sa.ForeignKey("leads.key"), primary_key=True, autoincrement=False
    )
    state: Mapped[str] = mapped_column(sa.String(10))
    due_at: Mapped[datetime]
    n_attempts: Mapped[int]
    case: Mapped[str | None] = mapped_column(sa.String(60))
    detail: Mapped[str] = mapped_column(sa.String(500))
    sent_at: Mapped[datetime | None]
    sent_score: Mapped[float | None]
    sent_band: Mapped[str | None] = mapped_column(sa.String(10))
    sent_version: Mapped[str | None] = mapped_column(sa.String(20))


class CrmUnmatched(Base):
    """A closed deal that should belong to a lead, and no lead is found."""

    __tablename__ = "crm_unmatched"
    __table_args__ = (
        one_of("state", UNMATCHED_STATES),
        sa.Index("ix_crm_unmatched_state_first_seen_at", "state", "first_seen_at"),
    )

    deal_id: Mapped[str] = mapped_column(RecordId, primary_key=True)
    reason: Mapped[str] = mapped_column(sa.String(30))
    state: Mapped[str] = mapped_column(sa.String(10))
    first_seen_at: Mapped[datetime]
    # How often the CRM was asked for its lead; it is listed once that was done.
    n_tries: Mapped[int]
    # For people who look for its lead, and no longer kept than they do: it may name a person. The
    # clue is what they look for first: the address of its contact, or the company.
    name: Mapped[str | None] = mapped_column(sa.String(200))
    stage: Mapped[str | None] = mapped_column(sa.String(200))
    clue: Mapped[str | None] = mapped_column(sa.String(100))
    lead_key: Mapped[int | None] = mapped_column(sa.ForeignKey("leads.key"), index=True)
    resolved_at: Mapped[datetime | None] = mapped_column("settled_at")
    resolved_by: Mapped[str | None] = mapped_column("settled_by", sa.String(200))


class CrmConflict(Base):
    """A rep and the CRM say different things of a lead's outcome."""

    __tablename__ = "crm_conflicts"
    __table_args__ = (
        sa.Index(
            "uq_crm_conflicts_open_lead",
            "lead_key",
            unique=True,
            sqlite_where=sa.text("settled_at IS NULL"),
            postgresql_where=sa.text("settled_at IS NULL"),
        ),
        sa.Index("ix_crm_conflicts_settled_at_key", "settled_at", "key"),
    )

    key: Mapped[int] = mapped_column(Key, primary_key=True)
    lead_key: Mapped[int] = mapped_column(sa.ForeignKey("leads.key"), index=True)
    rep_outcome_key: Mapped[int] = mapped_column(sa.ForeignKey("outcomes.key"), index=True)
    crm_outcome_key: Mapped[int] = mapped_column(sa.ForeignKey("outcomes.key"), index=True)
    opened_at: Mapped[datetime]
    resolved_at: Mapped[datetime | None] = mapped_column("settled_at")
    resolved_by: Mapped[str | None] = mapped_column("settled_by", sa.String(200))
    kept: Mapped[str | None] = mapped_column(sa.String(20))
