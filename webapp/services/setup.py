"""What a new database needs before the first request: version 1.0, an administrator, a key."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.scorecard.starter import starter_scorecard
from webapp.services.accounts import accounts, api_keys
from webapp.services.models import registry
from webapp.tables import ModelVersion, User

FIRST_ADMINISTRATOR = "admin@example.com"


@dataclass(frozen=True)
class FirstAccess:
    """How to get in for the first time; to be shown to the person who set up, and nobody else."""

    email: str
    password: str
    api_key: str


def starter_version(
    session: Session, expected_conversion_percent: float | None, now: datetime
) -> bool:
    """Make the starter scorecard live as 1.0 where there is none yet; say whether it was new."""
    if session.scalar(sa.select(ModelVersion.key).limit(1)) is not None:
        return False
    expected = expected_conversion_percent and expected_conversion_percent / 100
    card = starter_scorecard(expected)
    version = registry.save(
        session,
        card,
        created_at=now,
        fields=[term.field for term in card.terms],
        training={},
        metrics={},
        decision={},
    )
    registry.set_alias(session, registry.CHAMPION, version.key, now)
    return True


def first_access(session: Session, now: datetime) -> FirstAccess | None:
    """Make the first administrator and the first key, or None where people are in already."""
    if session.scalar(sa.select(User.key).limit(1)) is not None:
        return None
    password = accounts.random_password()
    user = accounts.create(session, FIRST_ADMINISTRATOR, password, "admin", now=now)
    _, text = api_keys.create(session, "first key", ["admin"], created_by=user.email, now=now)
    return FirstAccess(user.email, password, text)
