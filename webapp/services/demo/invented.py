"""Half a year of an invented sales team: its leads, what they did, and how each ended.

The same at every start. What makes a lead convert here is known, and the starter model has it
partly wrong, as it would have at any real team.
"""

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import assert_never

from ml.fields.fields_file import Field, Fields, Value
from webapp.services.demo.ids import ORDER

N_DAYS = 182

FIRST_NAMES = (
    *("Amara", "Bruno", "Chidi", "Dana", "Elif", "Farid", "Greta", "Hugo", "Ines", "Jonas"),
    *("Kenji", "Leila", "Marta", "Noor", "Oscar", "Priya", "Quentin", "Rosa", "Sven", "Tariq"),
)
LAST_NAMES = (
    *("Abebe", "Berg", "Castro", "Dubois", "Eriksen", "Fischer", "Gupta", "Haddad", "Ito"),
    *("Jansen", "Kowalski", "Lindqvist", "Moreau", "Nakamura", "Okafor", "Petrov", "Rossi"),
)
COMPANY_STEMS = (
    *("Alder", "Birch", "Cobalt", "Delta", "Ember", "Fjord", "Granite", "Harbor", "Indigo"),
    *("Juniper", "Kestrel", "Lumen", "Meridian", "Nimbus", "Orchard", "Pioneer", "Quartz"),
    *("Redwood", "Summit", "Tidewater", "Umbra", "Vertex", "Willow", "Zephyr"),
)
COMPANY_KINDS = (
    *("Logistics", "Software", "Foods", "Clinics", "Tools", "Media", "Energy", "Bank"),
    *("Labs", "Systems", "Motors", "Textiles", "Pharma", "Travel", "Print", "Robotics"),
)
# The first works as the person who set Leadloop up.
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

# Log-odds: this team wins at trade shows and in three industries, and webinars bring onlookers.
INTERCEPT = -1.2
SOURCE_EFFECTS = {
    "Trade Show": 1.9,
    "Referral": 1.2,
    "Cold Call": 0.4,
    "Organic": 0.0,
    "Email Campaign": -0.9,
    "Webinar": -1.5,
    "Advertisement": -1.2,
}
INDUSTRY_EFFECTS = {
    "Manufacturing": 1.7,
    "Logistics": 1.1,
    "Healthcare": 0.3,
    "Finance": -0.7,
    "Software": -1.3,
    "Retail": -1.7,
}
# Field: effect of each doubling.
COUNT_EFFECTS = {"website_visits": 0.5, "content_downloads": 0.5, "days_since_contact": -0.3}
LUCK = 0.3
GROWING = ("email_opens", "website_visits", "content_downloads")
# Mean days until an outcome is known: a loss shows sooner than a win.
DAYS_UNTIL = {True: 38, False: 24}
NEVER_CLOSED_SHARE = 0.08


@dataclass(frozen=True)
class Message:
    """What came to be known of a lead on a day of the half year."""

    day: int
    inputs: Mapping[str, Value]


@dataclass(frozen=True)
class Life:
    """An invented lead: for people, its messages by day, and its outcome with the day of it.

    The day may lie behind the half year: then the lead is open today.
    """

    lead_id: str
    people: Mapping[str, str]
    messages: tuple[Message, ...]
    converted: bool
    outcome_day: int


@cache
def lives(fields: Fields) -> tuple[Life, ...]:
    """All invented leads in the order in which they came."""
    rng = random.Random(7)  # noqa: S311 - invented leads, the same at every start
    days = sorted(rng.randrange(N_DAYS) for _ in ORDER)
    return tuple(_life(lead_id, day, fields, rng) for lead_id, day in zip(ORDER, days, strict=True))


def _life(lead_id: str, day: int, fields: Fields, rng: random.Random) -> Life:
    inputs = {field.name: _value(field, rng) for field in fields.declared}
    converted = rng.random() < 1 / (1 + math.exp(-_log_odds(inputs) - rng.gauss(0, LUCK)))
    is_closed = rng.random() >= NEVER_CLOSED_SHARE
    wait = round(3 + rng.expovariate(1 / DAYS_UNTIL[converted]))
    outcome_day = day + wait if is_closed else N_DAYS
    messages = [Message(day, inputs)]
    for later in range(day + rng.randint(5, 14), min(outcome_day, N_DAYS), 12):
        messages.append(Message(later, _since(messages[-1].inputs, rng)))
    return Life(lead_id, _person(rng), tuple(messages), converted, outcome_day)


def _since(before: Mapping[str, Value], rng: random.Random) -> dict[str, Value]:
    """What has changed since a message: counts have grown, and somebody has been in touch."""
    now: dict[str, Value] = {
        name: value + rng.randrange(3)
        for name in GROWING
        if isinstance(value := before.get(name), int)
    }
    if before.get("days_since_contact") is not None:
        now["days_since_contact"] = round(rng.expovariate(1 / TYPICAL_COUNTS["days_since_contact"]))
    return now


def _log_odds(inputs: Mapping[str, Value]) -> float:
    counts = sum(
        effect * math.log2((1 + float(inputs[name] or 0)) / (1 + TYPICAL_COUNTS[name]))
        for name, effect in COUNT_EFFECTS.items()
        if inputs.get(name) is not None
    )
    source = SOURCE_EFFECTS.get(str(inputs.get("lead_source")), 0.0)
    industry = INDUSTRY_EFFECTS.get(str(inputs.get("industry")), 0.0)
    return INTERCEPT + source + industry + counts


def _person(rng: random.Random) -> dict[str, str]:
    company = f"{rng.choice(COMPANY_STEMS)} {rng.choice(COMPANY_KINDS)}"
    first, last = rng.choice(FIRST_NAMES), rng.choice(LAST_NAMES)
    return {
        "name": f"{first} {last}",
        "company": company,
        "email": f"{first}.{last}@{company.replace(' ', '')}.example".lower(),
        "phone": f"+1 555 01{rng.randrange(100):02}",
        "owner": rng.choice(OWNERS),
    }


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
