"""Leads whose truth is known, with columns of every awkward shape."""

import random

from ml.fields.fields_file import loads
from ml.scorecard.scorecard import Scorecard
from ml.scorecard.terms import CategoryTerm
from ml.training.train import Examples

FIELDS = loads("""
field = [
    {name = "lead_source", type = "category", label = "Lead source"},
    {name = "email_opens", type = "count", label = "Email opens"},
    {name = "balance", type = "number", label = "Balance"},
    {name = "trial", type = "boolean", label = "Trial"},
    {name = "purchases", type = "count", label = "Purchases"},
    {name = "is_eu", type = "count", label = "In the EU"},
    {name = "region", type = "category", label = "Region"},
    {name = "never_known", type = "number", label = "Never known"},
    {name = "never_said", type = "category", label = "Never said"},
    {name = "always_seven", type = "count", label = "Always seven"},
    {name = "always_same", type = "category", label = "Always same"},
    {name = "noted", type = "category", label = "Noted", use = false},
]
""")

SOURCES = ["Referral", "Webinar", "Cold Call", "Organic"]


def make_lead(draw: random.Random):
    """One lead: its true log-odds rise with opens and trial and depend on its source."""
    source = draw.choice(SOURCES)
    opens = None if draw.random() < 0.2 else int(draw.expovariate(0.15))
    trial = draw.random() < 0.3
    record = {
        "lead_source": draw.choice([source, source.upper(), f" {source.lower()}"]),
        "email_opens": opens,
        "balance": None if draw.random() < 0.1 else round(draw.gauss(100, 900), 2),
        "trial": trial,
        "purchases": 0 if draw.random() < 0.85 else draw.randint(1, 9),
        "is_eu": draw.randint(0, 1),
        "region": f"region {int(draw.expovariate(0.05))}",
        "never_known": None,
        "always_seven": 7,
        "always_same": "same",
        "noted": "converted",
    }
    log_odds = -1.2 + 1.2 * trial + 0.08 * (opens or 4) + 0.9 * (source == "Referral")
    return record, draw.random() < 1 / (1 + 2.718281828 ** (-log_odds))


def make_examples(n_leads=400, *, seed=0, n_evidence=None):
    """Leads of which the last `n_evidence` (all by default) were labelled since the champion."""
    draw = random.Random(seed)
    pairs = [make_lead(draw) for _ in range(n_leads)]
    first = 0 if n_evidence is None else n_leads - n_evidence
    return Examples(
        records=[record for record, _ in pairs],
        converted=[converted for _, converted in pairs],
        is_evidence=[place >= first for place in range(n_leads)],
    )


def blind_champion():
    """A champion that sees only whether a lead came by cold call: weak, but of the right level."""
    term = CategoryTerm("lead_source", {"cold call": -0.2}, other=0.0, missing=0.0)
    return Scorecard("test", 0.1, 0.5, 100, (0.6, 0.5, 0.4), (term,))
