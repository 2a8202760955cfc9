"""What a new database needs before the first request: version 1.0, an administrator, a key."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.scorecard.scorecard import Scorecard
from ml.scorecard.starter import starter_scorecard
from ml.sentences import Figure, gettext
from webapp.database import hold
from webapp.services.accounts import accounts, api_keys, audit, passwords
from webapp.services.models import lifecycle, registry
from webapp.services.models.lifecycle import VERSION_LOCK
from webapp.tables import ModelVersion, User

FIRST_ADMINISTRATOR = "admin@example.com"


class RateIsLearned(RuntimeError):
    """The live model has learned the conversion rate, so nobody needs to tell it."""

    def __init__(self) -> None:
        super().__init__(
            gettext("The live model has learned your conversion rate from your outcomes")
        )


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
    version = _save(session, starter_scorecard(expected), now)
    registry.set_alias(session, registry.CHAMPION, version.key, now)
    return True


def expect_conversion(session: Session, percent: float, actor: str, now: datetime) -> ModelVersion:
    """Make a starter model that expects so many of 100 leads to convert, above 0 and below 100.

    It is promoted once all leads have their scores, where a starter model is live; where one of the
    demo is, once the demo data is removed. `RateIsLearned` where the live model knows the rate from
    the team's own outcomes, `AlreadyRunning` during a training or a promotion.
    """
    hold(session, VERSION_LOCK)
    live = registry.champion(session)
    if live.learned_from is not None and not live.learned_from.is_demo:
        raise RateIsLearned
    told = gettext(
        "%(percent)s of 100 leads are expected to convert.", percent=Figure(f"{percent:g}")
    )
    version = _save(session, starter_scorecard(percent / 100), now, reason=told)
    audit.record(session, actor, "told the conversion rate", f"{percent:g} %", now=now)
    if live.learned_from is None:
        lifecycle.request_promotion(session, version.name, actor, now, reason=told)
    return version


def _save(session: Session, card: Scorecard, now: datetime, *, reason: str = "") -> ModelVersion:
    return registry.save(
        session,
        card,
        created_at=now,
        fields=[term.field for term in card.terms],
        training={},
        metrics={},
        decision={"reason": reason} if reason else {},
    )


def first_access(session: Session, now: datetime) -> FirstAccess | None:
    """Make the first administrator and the first key, or None where people are in already."""
    if session.scalar(sa.select(User.key).limit(1)) is not None:
        return None
    password = passwords.random_password()
    hashed = passwords.hashed(password, FIRST_ADMINISTRATOR)
    user = accounts.create(session, FIRST_ADMINISTRATOR, hashed, "admin", now=now, must_change=True)
    _, text = api_keys.create(
        session,
        "first key",
        ["score", "feedback"],
        created_by=user.email,
        owner=user.key,
        now=now,
    )
    return FirstAccess(user.email, password, text)
