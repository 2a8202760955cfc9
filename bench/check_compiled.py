"""Compare scorecards with the fitted models they were compiled from, on real leads.

`python -m bench.check_compiled FOLDER...` fits each folder's leads (`fields.toml`,
`leads.csv.gz`) whole by every family, scores every row both ways and fails where they differ.
"""

import csv
import gzip
import json
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.special import expit

from ml import families
from ml.encoding import columns_of, frame_of
from ml.fields import Fields, load
from ml.scorecard import Scorecard
from ml.values import Value

LARGEST_ERROR = 1e-9  # in probability


class RealLeads(NamedTuple):
    """The labelled leads of one folder, in the order of its file."""

    fields: Fields
    lead_ids: list[str]
    records: list[dict[str, Value]]
    converted: list[bool]


def real_leads(folder: Path) -> RealLeads:
    """Read a folder in the product's import format; rows without an outcome are left out."""
    fields = load(folder / "fields.toml")
    leads = RealLeads(fields, [], [], [])
    with gzip.open(folder / "leads.csv.gz", "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["actual_outcome"]:
                values = {f.name: f.parse(row[f.name], text=True) for f in fields.declared}
                leads.lead_ids.append(row["lead_id"])
                leads.records.append(values)
                leads.converted.append(row["actual_outcome"] == "true")
    return leads


def largest_error(leads: RealLeads, weight: float) -> float:
    """Give the largest distance of the two probabilities over all leads."""
    columns = columns_of(leads.records, leads.fields.model)
    frame, converted = frame_of(leads.records, columns), np.array(leads.converted)
    members = families.fit(frame, converted, columns, seed=0)
    card = members.scorecard(weight, leads.records, leads.converted, grades=(1.0, 1.0, 1.0))
    served = Scorecard.from_json(json.loads(json.dumps(card.to_json())))
    scores = np.array([served.score(record).probability for record in leads.records])
    fitted = expit(families.blended(members.log_odds(frame), weight))
    return float(np.abs(fitted - scores).max())


def main(folders: list[str]) -> int:
    """Check each folder; return 1 where one differs, or none was named."""
    agreed = [False] * len(folders)
    for place, folder in enumerate(map(Path, folders)):
        leads = real_leads(folder)
        error = max(largest_error(leads, weight) for weight in (0.0, 0.5, 1.0))
        print(f"{folder.name}: {len(leads.converted):,} leads, largest error {error:.1e}")
        agreed[place] = error <= LARGEST_ERROR
    return int(not folders or not all(agreed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
