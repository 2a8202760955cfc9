"""Tables of webhooks: who wants to hear of what, what is to be sent, and how each try went."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from webapp.database import Base, Key, one_of

ENDPOINT_KINDS = ("webhook", "slack", "teams")
DELIVERY_STATES = ("pending", "delivered", "failed")


class WebhookEndpoint(Base):
    """An address that is told of events; the address and its secret are encrypted."""

    __tablename__ = "webhook_endpoints"
    __table_args__ = (one_of("kind", ENDPOINT_KINDS),)

    key: Mapped[int] = mapped_column(Key, primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(100))
    kind: Mapped[str] = mapped_column(sa.String(20))
    # What people may see of the address: the path of many is a secret itself.
    shown_url: Mapped[str] = mapped_column(sa.String(200))
    sealed: Mapped[str] = mapped_column(sa.Text)
    events: Mapped[list[Any]]
    # By how many points a score has to change to be told.
    min_points: Mapped[int]
    created_by: Mapped[str] = mapped_column(sa.String(200))
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]
    # Why, where no person did it.
    disabled_reason: Mapped[str | None] = mapped_column(sa.String(300))
    # Since its last success: how many tries failed, since when, and until when none is made.
    n_failures: Mapped[int] = mapped_column(server_default="0")
    failing_since: Mapped[datetime | None]
    paused_until: Mapped[datetime | None]
    # The worker that sends to it now, and until when nobody else does.
    claimed_by: Mapped[str | None] = mapped_column(sa.String(100))
    claimed_until: Mapped[datetime | None]


class WebhookEvent(Base):
    """Something that happened, written with it; kept for a while after it was sent."""

    __tablename__ = "webhook_events"

    # The same in each try: by it receivers know what they have had.
    id: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    type: Mapped[str] = mapped_column(sa.String(40))
    occurred_at: Mapped[datetime] = mapped_column(index=True)
    lead_key: Mapped[int | None] = mapped_column(
        sa.ForeignKey("leads.key", ondelete="CASCADE"), index=True
    )
    data: Mapped[dict[str, Any]]


class WebhookDelivery(Base):
    """An event on its way to one endpoint."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        sa.UniqueConstraint("event_id", "endpoint_key"),
        # The queue of an endpoint.
        sa.Index(
            "ix_webhook_deliveries_pending",
            "endpoint_key",
            "next_try_at",
            "key",
            sqlite_where=sa.text("state = 'pending'"),
            postgresql_where=sa.text("state = 'pending'"),
        ),
        # Its log.
        sa.Index("ix_webhook_deliveries_endpoint_key_key", "endpoint_key", "key"),
        one_of("state", DELIVERY_STATES),
    )

    key: Mapped[int] = mapped_column(Key, primary_key=True)
    event_id: Mapped[str] = mapped_column(sa.ForeignKey("webhook_events.id", ondelete="CASCADE"))
    endpoint_key: Mapped[int] = mapped_column(
        sa.ForeignKey("webhook_endpoints.key", ondelete="CASCADE")
    )
    state: Mapped[str] = mapped_column(sa.String(20))
    # Since when it is in the queue, where a replay puts it anew, and the tries since then.
    queued_at: Mapped[datetime]
    n_tries: Mapped[int]
    next_try_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


class WebhookTry(Base):
    """One call: when, how long it took, and the answer's status or why there was none."""

    __tablename__ = "webhook_tries"

    key: Mapped[int] = mapped_column(Key, primary_key=True)
    delivery_key: Mapped[int] = mapped_column(
        sa.ForeignKey("webhook_deliveries.key", ondelete="CASCADE"), index=True
    )
    at: Mapped[datetime]
    milliseconds: Mapped[int]
    status: Mapped[int | None]
    error: Mapped[str | None] = mapped_column(sa.String(200))
