"""Made-up leads of eleven fields, to measure what learning costs, not how well it goes."""

from pathlib import Path
from typing import Any

import numpy as np

from bench.real_leads import RealLeads, real_leads
from ml.fields.fields_file import loads

TYPES = {
    "source": "category",
    "industry": "category",
    "country": "category",
    "role": "category",
    "trial": "boolean",
    "opens": "count",
    "visits": "count",
    "downloads": "count",
    "days_quiet": "count",
    "seats": "number",
    "budget": "number",
}
N_LEVELS = {"source": 8, "industry": 12, "country": 40, "role": 6}
SHARE_UNKNOWN = 0.1


def fields_file() -> str:
    return "\n".join(
        f'[[field]]\nname = "{name}"\ntype = "{kind}"\nlabel = "{name}"\n'
        for name, kind in TYPES.items()
    )


def made_up(n_leads: int) -> RealLeads:
    """Leads whose outcomes depend on a source, on opens, and on role and seats together."""
    draw = np.random.default_rng(0)
    values: dict[str, Any] = {
        name: np.array([f"{name} {i}" for i in draw.zipf(1.5, n_leads) % n_levels])
        for name, n_levels in N_LEVELS.items()
    }
    values["trial"] = draw.random(n_leads) < 0.3
    for name in ("opens", "visits", "downloads", "days_quiet"):
        values[name] = draw.geometric(0.1, n_leads) - 1
    values["seats"] = draw.lognormal(3, 1, n_leads).round(1)
    values["budget"] = draw.lognormal(8, 2, n_leads).round(2)
    is_user = values["role"] == "role 1"
    together = np.where(is_user, 1, -1) * (np.log(values["seats"]) - 3)
    log_odds = together + 0.05 * values["opens"] + (values["source"] == "source 2") - 1.5
    converted = draw.random(n_leads) < 1 / (1 + np.exp(-log_odds))
    known = {name: draw.random(n_leads) >= SHARE_UNKNOWN for name in TYPES}
    columns = [
        [v if k else None for v, k in zip(values[name].tolist(), known[name].tolist(), strict=True)]
        for name in TYPES
    ]
    records = [dict(zip(TYPES, row, strict=True)) for row in zip(*columns, strict=True)]
    lead_ids = [f"lead-{i}" for i in range(n_leads)]
    return RealLeads(loads(fields_file()), lead_ids, records, converted.tolist())


def resampled(folder: Path, n_leads: int) -> RealLeads:
    leads = real_leads(folder)
    places = np.random.default_rng(0).integers(len(leads.records), size=n_leads).tolist()
    return leads._replace(
        lead_ids=[f"lead-{i}" for i in range(n_leads)],
        records=[leads.records[place] for place in places],
        converted=[leads.converted[place] for place in places],
    )
