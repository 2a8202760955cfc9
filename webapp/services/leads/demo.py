"""Demo leads: invented people and companies to look at before the first real lead arrives."""

import random
from datetime import datetime, timedelta
from typing import assert_never

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.fields.fields_file import Field, Fields, Value
from webapp.database import BACKFILL, change, hold
from webapp.services.leads import records, scoring
from webapp.services.leads.leads import DEMO_SOURCE
from webapp.services.outcomes.outcomes import Attribution
from webapp.tables import Lead, Outcome, Score, Snapshot
from webapp.tables.remarks import REMARKS

N_LEADS = 60

FIRST_NAMES = ("Amara", "Bruno", "Chidi", "Dana", "Elif", "Farid", "Greta", "Hugo", "Ines", "Noor")
LAST_NAMES = ("Abebe", "Berg", "Castro", "Dubois", "Eriksen", "Gupta", "Ito", "Kowalski", "Moreau")
COMPANY_STEMS = ("Alder", "Birch", "Cobalt", "Ember", "Fjord", "Granite", "Harbor", "Juniper")
COMPANY_KINDS = ("Logistics", "Software", "Foods", "Clinics", "Tools", "Media", "Energy", "Bank")
OWNERS = ("Rita Solberg", "Omar Haddad", "Mei Tanaka")
PLACES = {
    "location": ("Berlin", "Chicago", "Lagos", "Lyon", "Osaka", "São Paulo", "Toronto"),
    "industry": ("Finance", "Healthcare", "Logistics", "Manufacturing", "Retail", "Software"),
}
TYPICAL_COUNTS = {
    "email_opens": 6,
    "website_visits": 5,
    "content_downloads": 1.5,
    "days_since_contact": 20,
}
UNKNOWN_SHARE = 0.12


def load(session: Session, fields: Fields, now: datetime) -> int:
    """Score the demo leads into an empty database; return how many, 0 where there are leads."""
    if session.scalar(sa.select(Lead.key).limit(1)) is not None:
        return 0
    rng = random.Random(1)  # noqa: S311 - invented leads, the same at every start
    for number in range(1, N_LEADS + 1):
        record = records.clean(fields, _invented(fields, number, rng))
        at = now - timedelta(minutes=rng.randint(1, 4 * 24 * 60))
        scoring.score_lead(session, fields, record, Attribution(DEMO_SOURCE, "demo"), now=at)
    return N_LEADS


def remove(session: Session) -> int:
    """Delete demo leads that nobody else has sent, with all of theirs; return how many."""
    hold(session, BACKFILL)
    ids = [_lead_id(number) for number in range(1, N_LEADS + 1)]
    sent_by_others = sa.select(Snapshot.lead_key).where(Snapshot.source != DEMO_SOURCE)
    demo = sa.select(Lead.key).where(Lead.lead_id.in_(ids), Lead.key.not_in(sent_by_others))
    for table in (*REMARKS, Snapshot, Outcome, Score):
        change(session, sa.delete(table).where(table.lead_key.in_(demo)))
    return change(session, sa.delete(Lead).where(Lead.key.in_(demo)))


def _invented(fields: Fields, number: int, rng: random.Random) -> dict[str, Value]:
    company = f"{rng.choice(COMPANY_STEMS)} {rng.choice(COMPANY_KINDS)}"
    first, last = rng.choice(FIRST_NAMES), rng.choice(LAST_NAMES)
    person: dict[str, Value] = {
        "lead_id": _lead_id(number),
        "name": f"{first} {last}",
        "company": company,
        "email": f"{first}.{last}@{company.replace(' ', '').lower()}.example".lower(),
        "owner": rng.choice(OWNERS),
    }
    return person | {f.name: _value(f, rng) for f in fields.declared}


def _lead_id(number: int) -> str:
    return f"DEMO-{number:03}"


def _value(field: Field, rng: random.Random) -> Value:
    if rng.random() < UNKNOWN_SHARE:
        return None
    match field.type:
        case "boolean":
            return rng.random() < 0.5
        case "category":
            choices = field.choices or PLACES.get(field.name, ())
            return rng.choice(choices) if choices else None
        case "count" | "number":
            return _amount(field, rng)
        case _:
            assert_never(field.type)


def _amount(field: Field, rng: random.Random) -> Value:
    if field.name == "age":
        return min(max(round(rng.gauss(42, 11)), 19), 75)
    amount = rng.expovariate(1 / TYPICAL_COUNTS.get(field.name, 10))
    low = field.minimum if field.minimum is not None else 0
    high = field.maximum if field.maximum is not None else low + 1000
    return min(max(round(amount), int(low) + (low > int(low))), int(high))
