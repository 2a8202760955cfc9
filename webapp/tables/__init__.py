"""All tables. What they mean and who writes them stands in the services."""

from datetime import datetime
from typing import Any, Literal, TypeAlias, TypeGuard

import sqlalchemy as sa
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, column_property, mapped_column

from webapp import stored
from webapp.database import Base, Key, RecordId, one_of
from webapp.tables.renamed import called_today

OUTCOMES = ("converted", "lost", "never_worked", "withdrawn")
STATUSES = ("open", "in_pipeline", "converted", "lost", "never_worked")
# What is said of a lead: converted, lost, closed without ever being worked; None withdraws it.
Meaning: TypeAlias = bool | Literal["never_worked"] | None
NEVER_WORKED: Literal["never_worked"] = "never_worked"
# Who reports outcomes here; any other source is a CRM, by the kind of its connection.
SOURCES = ("api", "rep", "csv")
RUN_KINDS = ("training", "import", "rescoring", "sync", "monitoring")
RUN_STATES = ("requested", "running", "succeeded", "failed")
FIELD_STATES = ("suspected", "allowed", "left_out")
ROLES = ("rep", "manager", "admin")
COLUMNS_OF_MOVES = ("version_key", "status", "moved", "lead_key", "owner", "moved_at")


class Lead(Base):
    """A person or company we may sell to, as known now."""

    __tablename__ = "leads"
    __table_args__ = (
        # Labels that no training attempt has counted yet: what makes a retraining due.
        sa.Index(
            "ix_leads_uncounted",
            "counted_by_run",
            "key",
            sqlite_where=sa.text("outcome IS NOT NULL AND counted_by_run IS NULL"),
            postgresql_where=sa.text("outcome IS NOT NULL AND counted_by_run IS NULL"),
        ),
        # Without those that none has counted, which SQLite would look through for the few above.
        sa.Index(
            "ix_leads_counted_by_run",
            "counted_by_run",
            sqlite_where=sa.text("counted_by_run IS NOT NULL"),
            postgresql_where=sa.text("counted_by_run IS NOT NULL"),
        ),
        sa.Index("ix_leads_outcome_key", "outcome", "key"),
        # The sorts of the lead table other than by score.
        sa.Index("ix_leads_scored_at_key", "scored_at", "key"),
        sa.Index("ix_leads_sort_name_key", "sort_name", "key"),
        sa.Index("ix_leads_contact_day_key", "contact_day", "key"),
        sa.Index("ix_leads_outcome_day_key", "outcome_day", "key"),
        sa.Index("ix_leads_created_at_key", "created_at", "key"),
    )

    key: Mapped[int] = mapped_column(Key, primary_key=True)
    lead_id: Mapped[str] = mapped_column(sa.String(100), unique=True)
    name: Mapped[str | None] = mapped_column(sa.String(200))
    company: Mapped[str | None] = mapped_column(sa.String(200))
    email: Mapped[str | None] = mapped_column(sa.String(200))
    phone: Mapped[str | None] = mapped_column(sa.String(200))
    owner: Mapped[str | None] = mapped_column(sa.String(200))
    # What the search looks in, as words; the migration says how it is indexed.
    search_text: Mapped[str] = mapped_column(sa.Text)
    sort_name: Mapped[str] = mapped_column(sa.String(200))
    crm_id: Mapped[str | None] = mapped_column(RecordId, unique=True)
    # The CRM no longer has it: since when, and where it says that this is the same lead as
    # another, the one that goes on.
    removed_at: Mapped[datetime | None]
    merged_into_key: Mapped[int | None] = mapped_column(sa.ForeignKey("leads.key"), index=True)

    age: Mapped[float | None]
    location: Mapped[str | None] = mapped_column(sa.String(100))
    industry: Mapped[str | None] = mapped_column(sa.String(100))
    email_opens: Mapped[float | None]
    website_visits: Mapped[float | None]
    content_downloads: Mapped[float | None]
    days_since_contact: Mapped[float | None]
    lead_source: Mapped[str | None] = mapped_column(sa.String(100))
    own_fields: Mapped[dict[str, Any]]
    # Fields that some source has told, empty or not. One without a value that is not among them was
    # not collected, which says nothing; one that is was asked for and is empty.
    asked_fields: Mapped[list[Any]] = mapped_column(server_default="[]")

    # The outcome that counts now, and since when; the history is in `outcomes`.
    outcome: Mapped[bool | None]
    outcome_at: Mapped[datetime | None]
    # Closed without ever being worked: no outcome to learn from, and no longer open.
    is_never_worked: Mapped[bool] = mapped_column(server_default=sa.false())
    # Its outcome waits for a deal in the CRM that is open, or not seen.
    is_in_pipeline: Mapped[bool] = mapped_column(server_default=sa.false())
    # The training that counted the lead as a label, and what it was labelled then.
    counted_by_run: Mapped[int | None] = mapped_column(sa.ForeignKey("runs.key"))
    counted_outcome: Mapped[bool | None]

    # Drawn once by the lead's id: below 100 times the share in percent it is one to explore.
    explore_draw: Mapped[int] = mapped_column(server_default="10000")

    # The list of fields under which it was last written to: what its values mean.
    field_list: Mapped[int] = mapped_column(server_default="0")
    created_at: Mapped[datetime]
    scored_at: Mapped[datetime]
    # Made by the database: when the last contact and the outcome were, in days since 1970; 0 where
    # there was none. They have an order, which null has not.
    contact_day: Mapped[float] = mapped_column(sa.FetchedValue(), nullable=True)
    outcome_day: Mapped[float] = mapped_column(sa.FetchedValue(), nullable=True)

    @property
    def status(self) -> str:
        """What became of the lead: its outcome, or else whether a deal is under way."""
        unsettled = "in_pipeline" if self.is_in_pipeline else "open"
        status = {True: "converted", False: "lost", None: unsettled}[self.outcome]
        return NEVER_WORKED if self.is_never_worked else status


class Snapshot(Base):
    """A lead's inputs at one scoring, never changed: the score history, and what training reads.

    A field that was asked for and is empty is null in `inputs`; one not collected is not in them.
    """

    __tablename__ = "snapshots"
    __table_args__ = (sa.Index("ix_snapshots_lead_key_taken_at", "lead_key", "taken_at"),)

    key: Mapped[int] = mapped_column(Key, primary_key=True)
    lead_key: Mapped[int] = mapped_column(sa.ForeignKey("leads.key"))
    version_key: Mapped[int] = mapped_column(sa.ForeignKey("model_versions.key"))
    taken_at: Mapped[datetime]
    inputs: Mapped[dict[str, Any]]
    probability: Mapped[float]
    source: Mapped[str] = mapped_column(sa.String(20))
    came_with_outcome: Mapped[bool]


# Rules that infer an outcome from time that has passed; nobody has reported it.
NO_DEAL_RULE, INACTIVITY_RULE = ASSUMED_RULES = ("2n", "4s")


def is_assumed(rule: str | None) -> TypeGuard[str]:
    """Whether an outcome by this rule is inferred, not reported."""
    return rule in ASSUMED_RULES


class Outcome(Base):
    """An outcome event: what a source reports of a lead; rows are added, never changed."""

    __tablename__ = "outcomes"
    __table_args__ = (
        sa.Index("ix_outcomes_lead_key_happened_at", "lead_key", "happened_at"),
        sa.UniqueConstraint("lead_key", "idempotency_key"),
        sa.Index("ix_outcomes_actor_happened_at", "actor", "happened_at"),
        # What an import has told, by its rows.
        sa.Index("ix_outcomes_idempotency_key", "idempotency_key"),
        sa.UniqueConstraint("cancels"),
        one_of("result", OUTCOMES),
    )

    key: Mapped[int] = mapped_column(Key, primary_key=True)
    lead_key: Mapped[int] = mapped_column(sa.ForeignKey("leads.key"))
    result: Mapped[str] = mapped_column(sa.String(20))
    source: Mapped[str] = mapped_column(sa.String(20))
    actor: Mapped[str] = mapped_column(sa.String(200))
    happened_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    sent_reason: Mapped[str | None] = mapped_column("reason", sa.String(500))
    reason: Mapped[str | None] = column_property(called_today(sent_reason))
    rule: Mapped[str | None] = mapped_column(sa.String(100))
    idempotency_key: Mapped[str | None] = mapped_column(sa.String(255))
    # Of a withdrawal: the statement that it takes back. It is no statement itself.
    cancels: Mapped[int | None] = mapped_column(sa.ForeignKey("outcomes.key"))

    @hybrid_property
    def is_assumed(self) -> bool:
        """Whether it is inferred, not reported; in SQL too."""
        return is_assumed(self.rule)

    @is_assumed.inplace.expression
    @classmethod
    def _is_assumed(cls) -> sa.ColumnElement[bool]:
        return sa.func.coalesce(cls.rule, "").in_(ASSUMED_RULES)


class ModelVersion(Base):
    """A scorecard as it was trained, with the evidence of the gate; never changed."""

    __tablename__ = "model_versions"

    key: Mapped[int] = mapped_column(Key, primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(20), unique=True)
    created_at: Mapped[datetime]
    run_key: Mapped[int | None] = mapped_column(sa.ForeignKey("runs.key"), unique=True)
    parent_key: Mapped[int | None] = mapped_column(sa.ForeignKey("model_versions.key"))
    # The version that was learned, where this one is the same with another intercept.
    learned_key: Mapped[int | None] = mapped_column(sa.ForeignKey("model_versions.key"))
    # A blend names each of its families. SQLite holds no text to a length.
    family: Mapped[str] = mapped_column(sa.String(200).with_variant(sa.String(50), "sqlite"))
    # Large, so read where it is looked at.
    scorecard: Mapped[dict[str, Any]] = mapped_column(deferred=True)
    digest: Mapped[str] = mapped_column(sa.String(64))
    # A keyed digest of name and scorecard; None in those of before, until `setup` signs them.
    signature: Mapped[str | None] = mapped_column(sa.String(64))
    fields: Mapped[list[Any]]
    # The list under which it learned them (0: none was kept yet).
    field_list: Mapped[int] = mapped_column(server_default="0")
    # What it was trained on: counts, flagged leads, first and last outcome, seed, libraries.
    training: Mapped[dict[str, Any]]
    metrics: Mapped[dict[str, Any]]
    # The gate's numbers, checks and sentence; empty for version 1.0.
    decision: Mapped[dict[str, Any]]

    @property
    def measured(self) -> stored.Metrics | None:
        """The metrics, typed; None where the version was not trained."""
        return stored.Metrics.model_validate(self.metrics) if self.metrics else None

    @property
    def verdict(self) -> stored.Decision:
        return stored.Decision.model_validate(self.decision)

    @property
    def learned_from(self) -> stored.TrainingData | None:
        return stored.TrainingData.model_validate(self.training) if self.training else None


class LeakingField(Base):
    """A field that seems to be filled in after the outcome: left out of training unless allowed."""

    __tablename__ = "guarded_fields"
    __table_args__ = (one_of("state", FIELD_STATES),)

    name: Mapped[str] = mapped_column(sa.String(63), primary_key=True)
    state: Mapped[str] = mapped_column(sa.String(20))
    sign: Mapped[str] = mapped_column(sa.String(30))
    sentence: Mapped[str] = mapped_column(sa.Text)
    evidence: Mapped[dict[str, Any]]
    # The training that the evidence is of: the last one that found it.
    run_key: Mapped[int] = mapped_column(sa.ForeignKey("runs.key"))
    suspected_at: Mapped[datetime]
    decided_by: Mapped[str | None] = mapped_column(sa.String(200))
    decided_at: Mapped[datetime | None]


class ModelAlias(Base):
    """The version an alias names: `champion` scores leads, `incoming` is staged."""

    __tablename__ = "model_aliases"

    name: Mapped[str] = mapped_column(sa.String(20), primary_key=True)
    version_key: Mapped[int] = mapped_column(sa.ForeignKey("model_versions.key"))
    since: Mapped[datetime]


def queue_index(name: str, *facets: str) -> sa.Index:
    """Keep the leads of one status and facet in order of score; it answers two filters alone."""
    first, others = facets[:1], facets[1:]
    return sa.Index(name, "version_key", "status", *first, "probability", "lead_key", *others)


class Score(Base):
    """A lead's current score by one version, with what the lead table filters by.

    Repeats `status`, `lead_source`, `industry` and `owner` ("" where unknown) for its indexes.
    """

    __tablename__ = "scores"
    __table_args__ = (
        queue_index("ix_scores_queue"),
        queue_index("ix_scores_queue_lead_source", "lead_source", "industry", "owner"),
        queue_index("ix_scores_queue_industry", "industry", "lead_source", "owner"),
        queue_index("ix_scores_queue_owner", "owner", "lead_source", "industry"),
        sa.Index("ix_scores_moved", *COLUMNS_OF_MOVES),
        one_of("status", STATUSES),
    )

    version_key: Mapped[int] = mapped_column(
        sa.ForeignKey("model_versions.key"), primary_key=True, autoincrement=False
    )
    lead_key: Mapped[int] = mapped_column(
        sa.ForeignKey("leads.key"), primary_key=True, autoincrement=False, index=True
    )
    probability: Mapped[float]
    # By how many points of 100 the lead's own data moved it, and since when; a week at most.
    moved: Mapped[int] = mapped_column(server_default="0")
    moved_at: Mapped[datetime | None]
    status: Mapped[str] = mapped_column(sa.String(20))
    lead_source: Mapped[str] = mapped_column(sa.String(100))
    industry: Mapped[str] = mapped_column(sa.String(100))
    owner: Mapped[str] = mapped_column(sa.String(200))


class Run(Base):
    """One training, import, re-scoring or sync: its request, its lock and its log."""

    __tablename__ = "runs"
    __table_args__ = (
        # The lock: at most one unfinished run of a kind, whatever the number of processes.
        sa.Index(
            "uq_runs_open_kind",
            "kind",
            unique=True,
            sqlite_where=sa.text("finished_at IS NULL"),
            postgresql_where=sa.text("finished_at IS NULL"),
        ),
        sa.Index("ix_runs_kind_key", "kind", "key"),
        one_of("kind", RUN_KINDS),
        one_of("state", RUN_STATES),
    )

    key: Mapped[int] = mapped_column(Key, primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(20))
    state: Mapped[str] = mapped_column(sa.String(20))
    trigger: Mapped[str] = mapped_column(sa.String(50))
    requested_by: Mapped[str] = mapped_column(sa.String(200))
    requested_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    # The claim lapses at this time unless the worker that holds it renews it.
    lease_until: Mapped[datetime | None]
    claimed_by: Mapped[str | None] = mapped_column(sa.String(100))
    n_attempts: Mapped[int]
    progress: Mapped[float]
    stage: Mapped[str] = mapped_column(sa.String(200))
    # What to do (parameters), and what came of it (counts, row errors, decision).
    task: Mapped[dict[str, Any]]
    result: Mapped[dict[str, Any]]
    error: Mapped[str | None] = mapped_column(sa.Text)

    @property
    def training_result(self) -> stored.TrainingResult:
        return stored.TrainingResult.model_validate(self.result)

    @property
    def rescoring_result(self) -> stored.RescoringResult:
        return stored.RescoringResult.model_validate(self.result)


class User(Base):
    """A person who signs in."""

    __tablename__ = "users"
    __table_args__ = (one_of("role", ROLES),)

    key: Mapped[int] = mapped_column(Key, primary_key=True)
    email: Mapped[str] = mapped_column(sa.String(200), unique=True)
    password_hash: Mapped[str] = mapped_column(sa.String(200))
    role: Mapped[str] = mapped_column(sa.String(20))
    is_active: Mapped[bool]
    # Of earlier passwords, the newest first: none of them may come again.
    former_hashes: Mapped[list[Any]] = mapped_column(server_default="[]")
    # Somebody else chose the password: the person changes it before anything else.
    must_change_password: Mapped[bool] = mapped_column(server_default=sa.false())
    created_at: Mapped[datetime]
    signed_in_at: Mapped[datetime | None]
    # How pages are written for them; without, as the browser asks, and in UTC.
    language: Mapped[str | None] = mapped_column(sa.String(20))
    formats: Mapped[str | None] = mapped_column(sa.String(20))
    time_zone: Mapped[str | None] = mapped_column(sa.String(64))


class ApiKey(Base):
    """A bearer token of a program; only its digest is kept."""

    __tablename__ = "api_keys"

    key: Mapped[int] = mapped_column(Key, primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(100))
    digest: Mapped[str] = mapped_column(sa.String(64), unique=True)
    last_four: Mapped[str] = mapped_column(sa.String(4))
    scopes: Mapped[list[Any]]
    # Of a form key: the sites whose pages may use it, and how often they did in which minute.
    origins: Mapped[list[Any]] = mapped_column(server_default="[]")
    minute: Mapped[datetime | None]
    n_in_minute: Mapped[int] = mapped_column(server_default="0")
    ignores_unknown: Mapped[bool] = mapped_column(server_default=sa.false())
    created_by: Mapped[str] = mapped_column(sa.String(200))
    # Whose account it lives with; None: made on the server.
    owner_key: Mapped[int | None] = mapped_column(sa.ForeignKey("users.key"), index=True)
    # Since when that account is off: the key is dead until somebody takes it over.
    orphaned_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class AuditEntry(Base):
    """Who did what to the product's state, for people to read later."""

    __tablename__ = "audit_entries"

    key: Mapped[int] = mapped_column(Key, primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    actor: Mapped[str] = mapped_column(sa.String(200))
    action: Mapped[str] = mapped_column(sa.String(50))
    subject: Mapped[str] = mapped_column(sa.String(200))
    detail: Mapped[dict[str, Any]]
    # From which address and in which request; None from the server itself and the worker.
    caller: Mapped[str | None] = mapped_column(sa.String(100))
    request_id: Mapped[str | None] = mapped_column(sa.String(64))
