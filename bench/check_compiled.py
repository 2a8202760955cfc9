"""Compare scorecards with the fitted models they were compiled from, on real leads.

`python -m bench.check_compiled FOLDER...` fails where a row is scored differently.
"""

import json
import sys
from itertools import product
from pathlib import Path

import numpy as np
from scipy.special import expit

from bench.real_leads import RealLeads, real_leads
from ml.scorecard.scorecard import Scorecard
from ml.training import blending
from ml.training.calibration_slope import stretched
from ml.training.encode import columns_of, frame_of
from ml.training.families import table

MAX_ERROR = 1e-9  # in probability
SLOPES = (1.0, 2.0, 0.5)


def largest_error(leads: RealLeads, weights: blending.Weights, slope: float) -> float:
    """Give the largest distance of the two probabilities over all leads."""
    columns = columns_of(leads.records, leads.fields.model)
    frame, converted = frame_of(leads.records, columns), np.array(leads.converted)
    members = blending.fit(frame, converted, columns, seed=0)
    card = members.scorecard(
        weights, leads.records, leads.converted, grades=(1.0, 1.0, 1.0), slope=slope
    )
    served = Scorecard.from_json(json.loads(json.dumps(card.to_json())))
    scores = np.array([served.score(record).probability for record in leads.records])
    blend = blending.blended(members.log_odds(frame), weights)
    fitted = expit(stretched(blend, slope, float(converted.mean())))
    return float(np.abs(fitted - scores).max())


def blends() -> list[blending.Weights]:
    n = len(table.FAMILIES)
    return [*(tuple(row) for row in np.eye(n).tolist()), (1 / n,) * n]


def main(folders: list[str]) -> int:
    """Check each folder; return 1 where one differs, or none was named."""
    agreed = [False] * len(folders)
    for place, folder in enumerate(map(Path, folders)):
        leads = real_leads(folder)
        error = max(largest_error(leads, *each) for each in product(blends(), SLOPES))
        print(f"{folder.name}: {len(leads.converted):,} leads, largest error {error:.1e}")
        agreed[place] = error <= MAX_ERROR
    return int(not folders or not all(agreed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
