"""Leads of a world: what they are, what is sent of them, and what becomes of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from bench.worlds.world import World
from ml.fields.fields_file import loads
from ml.fields.types import Value
from ml.training.encode import Floats

TYPES = {
    "lead_source": "category",
    "industry": "category",
    "role": "category",
    "website_visits": "count",
    "email_opens": "count",
    "content_downloads": "count",
    "seconds_on_site": "number",
    "seats": "number",
    "amount": "number",
}
FIELDS_FILE = "\n".join(
    f'[[field]]\nname = "{name}"\ntype = "{kind}"\nlabel = "{name}"\n'
    for name, kind in TYPES.items()
)
FIELDS = loads(FIELDS_FILE)
ENGAGEMENT = ("website_visits", "email_opens", "content_downloads", "seconds_on_site")
OF_COMPANY = ("lead_source", "industry", "seats")

# Effects in log-odds.
SOURCES = {"Referral": 1.0, "Webinar": 0.5, "Organic": 0.1, "Email": -0.2, "Ad": -0.6, "Cold": -1.1}
ROLES = {"Owner": 0.9, "Buyer": 0.5, "Manager": 0.1, "Engineer": -0.4, "Student": -1.2}
INDUSTRIES = {"Software": 0.3, "Health": 0.1, "Retail": 0.0, "Media": -0.1, "Public": -0.3}
LEVEL, FALL = -0.75, -1.0  # a third converts; from some day on a sixth
SHARE_UNKNOWN = 0.1
SHARE_OF_OLD, SHARE_OF_NEW = 0.05, 0.03  # with an amount: of old converted, and of new leads
MILLI = 1_000
MIN_DAYS = 1.0  # to an outcome: all contacts of a company have come by then

Objects = NDArray[np.object_]


class Drawn(NamedTuple):
    """Leads created on some days: true values by field, chances to convert, and companies."""

    values: dict[str, Objects]
    chance: Floats
    company: NDArray[np.int64]  # the place of the company's first contact


@dataclass
class Lead:
    """A lead with its fate; `arrived` and `decided` are days."""

    lead_id: str
    person: dict[str, str]
    values: dict[str, Value]
    arrived: float
    decided: float
    converted: bool
    is_worked: bool = True

    @property
    def was_closed(self) -> bool:
        """Whether its outcome was known at the first load."""
        return self.decided < 0


def draw(world: World, days: Floats, rng: np.random.Generator) -> Drawn:
    """Draw a lead for each day; those of a company follow each other."""
    n = len(days)
    company = np.arange(n) // world.contacts * world.contacts
    seats, seconds = rng.lognormal(3, 1, n).round(), rng.lognormal(4, 1, n).round(1)
    values: dict[str, Any] = {
        **{name: rng.choice(list(levels), n) for name, levels in LEVELS.items()},
        "website_visits": rng.geometric(0.2, n) - 1,
        "email_opens": rng.geometric(0.25, n) - 1,
        "content_downloads": rng.poisson(0.7, n),
        "seconds_on_site": seconds,
        "seats": seats + 1,
    }
    values |= {name: values[name][company] for name in OF_COMPANY}
    alone = _log_odds(values, world.drifted(days))
    together = (np.bincount(company, alone, n) / np.bincount(company, minlength=n).clip(1))[company]
    level = LEVEL + FALL * (days >= world.falls_on if world.falls_on is not None else 0)
    return Drawn(values, expit(level + world.signal * together), company)


LEVELS = {"lead_source": SOURCES, "role": ROLES, "industry": INDUSTRIES}


def _log_odds(values: dict[str, Any], drifted: Floats) -> Floats:
    """What the fields say together; a drift turns the order of sources and of roles round."""
    total = np.zeros(len(drifted))
    for name, effects in LEVELS.items():
        turned = dict(zip(effects, reversed(effects.values()), strict=True))
        now = np.array([effects[level] for level in values[name]])
        then = np.array([turned[level] for level in values[name]])
        total += now + (0 if name == "industry" else drifted) * (then - now)
    total += 0.5 * (np.log1p(values["website_visits"]) - 1.4)
    total += 0.2 * (np.log1p(values["email_opens"]) - 1.2)
    total += 0.4 * (np.log1p(values["content_downloads"]) - 0.45)
    total += 0.5 * (np.log(values["seconds_on_site"]) - 4)
    total += 0.3 * (np.log(values["seats"]) - 3)
    return total


def records(drawn: Drawn, rng: np.random.Generator) -> Iterator[dict[str, Value]]:
    """What is known of each lead, whenever it is sent; a tenth of three fields is unknown."""
    columns = {name: column.tolist() for name, column in drawn.values.items()}
    for name in ("role", "website_visits", "seats"):
        unknown = rng.random(len(drawn.chance)) < SHARE_UNKNOWN
        columns[name] = [None if u else v for u, v in zip(unknown, columns[name], strict=True)]
    for row in zip(*columns.values(), strict=True):
        yield dict(zip(columns, row, strict=True))


def sent(world: World, known: Mapping[str, Value], *, day: float, age: float) -> dict[str, Value]:
    """What is sent of a lead on a day, so many days after it was created."""
    values = dict(known)
    if world.grows and isinstance(visits := values.get("website_visits"), int):
        values["website_visits"] = round(visits + world.grows * age)
    if world.varies_on is not None and day < world.varies_on:
        values["seats"] = 1
    is_milli = world.milliseconds_on is not None and day >= world.milliseconds_on
    if is_milli and isinstance(seconds := values.get("seconds_on_site"), float):
        values["seconds_on_site"] = MILLI * seconds
    return values


def arrivals(world: World, rng: np.random.Generator) -> list[Lead]:
    """All leads of an org in the order in which they come."""
    n = round(world.leads_per_day * (world.history_days + world.days))
    days = np.sort(rng.uniform(-world.history_days, world.days, n))
    drawn = draw(world, days, rng)
    known = list(records(drawn, rng))
    converted = (rng.random(n)[drawn.company] < drawn.chance).tolist()
    means = np.where(converted, world.won_days, world.lost_days)
    waits = np.maximum(MIN_DAYS, rng.gamma(2, 0.5, n)[drawn.company] * means)
    decided = days[drawn.company] + waits
    found = [
        _lead(place, known[place], day, end, company=company, converted=is_won)
        for place, (day, end, company, is_won) in enumerate(
            zip(days.tolist(), decided.tolist(), drawn.company.tolist(), converted, strict=True)
        )
    ]
    if world.has_tiny_field:
        _add_amounts(found, rng)
    if world.is_withheld:
        for lead in (lead for lead in found if lead.was_closed):
            lead.values = {k: v for k, v in lead.values.items() if k not in ENGAGEMENT}
    return sorted(found + _copies(found, world.twice, rng), key=lambda lead: lead.arrived)


def _lead(
    place: int,
    values: dict[str, Value],
    arrived: float,
    decided: float,
    *,
    company: int,
    converted: bool,
) -> Lead:
    person = {
        "name": f"Person {place}",
        "company": f"Company {company}",
        "email": f"person{place}@company{company}.example",
    }
    return Lead(f"lead-{place}", person, values, arrived, decided, converted)


def _copies(leads: list[Lead], share: float, rng: np.random.Generator) -> list[Lead]:
    """The same person and values once more under another id, a day later at most."""
    chosen = [lead for lead in leads if rng.random() < share]
    return [
        Lead(
            f"{lead.lead_id}-again",
            lead.person,
            lead.values,
            min(lead.arrived + 1, lead.decided - 0.1),
            lead.decided,
            lead.converted,
        )
        for lead in chosen
    ]


def _add_amounts(leads: list[Lead], rng: np.random.Generator) -> None:
    """Give some leads an amount, which says nothing; of those closed before, only converted."""
    for lead in leads:
        share = SHARE_OF_OLD * lead.converted if lead.was_closed else SHARE_OF_NEW
        if rng.random() < share:
            lead.values["amount"] = round(float(rng.lognormal(8, 1)))
