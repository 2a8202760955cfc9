"""Rows for tests, made through the services where these have a rule to keep."""

import dataclasses
import itertools
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import argon2
from sqlalchemy.orm import Session

from ml.fields import fields_file
from ml.fields.fields_file import Fields
from webapp.intake_tables import Import
from webapp.services import setup
from webapp.services.accounts import api_keys
from webapp.services.imports import imports
from webapp.services.imports.imports import KeptFile
from webapp.services.leads import leads, records, scoring
from webapp.services.models import registry
from webapp.services.outcomes import outcomes
from webapp.services.outcomes.outcomes import Attribution, OutcomeEvent
from webapp.tables import Lead, Meaning, ModelVersion, User

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
FIELDS = fields_file.load(Path(__file__).parents[1] / "fields.toml")
PASSWORD = "correct horse battery staple"
PROGRAM = Attribution(source="api", actor="a program")
# As cheap as argon2 gets: tests sign in often and guard nothing.
QUICK_HASHER = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
_PASSWORD_HASH = QUICK_HASHER.hash(PASSWORD)
_numbers = itertools.count(1)


def make_champion(session: Session) -> ModelVersion:
    """Version 1.0 in use, as after set-up; the one that is, where there is one."""
    setup.starter_version(session, None, NOW)
    return registry.champion(session)


def make_version(session: Session) -> ModelVersion:
    """A version that is not in use; it scores every lead higher than the champion."""
    card = registry.scorecard(session, make_champion(session))
    higher = dataclasses.replace(card, intercept=card.intercept + 1)
    details: dict[str, Any] = {"fields": [], "training": {}, "metrics": {}, "decision": {}}
    return registry.save(session, higher, created_at=NOW, **details)


def make_lead(
    session: Session,
    lead_id: str | None = None,
    *,
    fields: Fields = FIELDS,
    attribution: Attribution = PROGRAM,
    now: datetime = NOW,
    **values: object,
) -> Lead:
    """A scored lead; `values` are any keys of `POST /score`."""
    make_champion(session)
    record = records.clean(fields, {"lead_id": lead_id or f"lead-{next(_numbers)}", **values})
    return scoring.score_lead(session, fields, record, attribution, now=now).lead


def make_leads(
    session: Session, rows: Iterable[Mapping[str, object]], *, now: datetime = NOW
) -> list[Lead]:
    """Scored leads, each from the keys of `POST /score`: quicker than one by one."""
    make_champion(session)
    cleaned = [records.clean(FIELDS, row) for row in rows]
    return [each.lead for each in scoring.score_leads(session, FIELDS, cleaned, PROGRAM, now=now)]


def make_outcomes(
    session: Session, leads: Iterable[Lead], converted: Iterable[Meaning], *, now: datetime = NOW
) -> None:
    """What became of each of these leads, which were just made."""
    pairs = zip(leads, converted, strict=True)
    outcomes.record_many(session, [OutcomeEvent(*pair, PROGRAM) for pair in pairs], now=now)


def make_outcome(
    session: Session,
    lead: Lead | str,
    converted: Meaning,
    *,
    attribution: Attribution = PROGRAM,
    now: datetime = NOW,
    happened_at: datetime | None = None,
) -> Lead:
    """What became of a lead; None withdraws it."""
    lead_id = lead if isinstance(lead, str) else lead.lead_id
    found = leads.find(session, lead_id, lock=True)
    outcomes.record(session, found, converted, attribution, now=now, happened_at=happened_at)
    return found


def make_import(session: Session, name: str = "leads.csv", **values: Any) -> Import:
    """An import that has read nothing yet."""
    kept = KeptFile(f"file {next(_numbers)}", name, f"digest {next(_numbers)}")
    return imports.start(session, kept, requested_by="ana@example.com", now=NOW, **values)


def make_user(session: Session, email: str | None = None, *, role: str = "rep") -> User:
    """An account with `PASSWORD`."""
    user = User(
        email=email or f"person-{next(_numbers)}@example.com",
        password_hash=_PASSWORD_HASH,
        role=role,
        is_active=True,
        must_change_password=False,
        former_hashes=[],
        created_at=NOW,
    )
    session.add(user)
    session.flush()
    return user


def make_key(
    session: Session, *scopes: str, name: str = "a program", origins: Sequence[str] = ()
) -> str:
    """The text of a new API key; without scopes it may do everything."""
    wanted = scopes or api_keys.SCOPES
    made = api_keys.create(session, name, wanted, origins=origins, created_by="tests", now=NOW)
    return made[1]
