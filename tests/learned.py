"""Versions that were really learned, for tests of what pages show of them."""

import math
import random
from functools import cache
from typing import Any

from sqlalchemy.orm import Session

from ml import training
from ml.gate import GateRule
from ml.starter import starter_scorecard
from ml.values import Value
from tests.factories import FIELDS, NOW, make_champion
from webapp.models import ModelVersion
from webapp.services import registry

N_LEADS = 200


@cache
def challenge(is_telling: bool) -> training.Challenge:
    """An attempt on leads whose industry decides much, or of which nothing does."""
    rng = random.Random(4)
    records: list[dict[str, Value]] = []
    converted = []
    for _ in range(N_LEADS):
        industry = rng.choice(["Software", "Retail", None])
        records.append({"industry": industry, "website_visits": rng.randrange(9)})
        pull = {"Software": 2.0, "Retail": -2.0, None: 0.0}[industry] if is_telling else 0.0
        converted.append(rng.random() < 1 / (1 + math.exp(1 - pull)))
    examples = training.Examples(records, converted, [True] * N_LEADS)
    return training.challenge(examples, FIELDS, starter_scorecard(), GateRule(), seed=1)


def make_learned_version(session: Session, *, is_telling: bool = True) -> ModelVersion:
    """A version with all its evidence, promoted by the gate or refused; it is not put in use."""
    parent, attempt = make_champion(session), challenge(is_telling)
    learned_from: dict[str, Any] = {
        "n_leads": N_LEADS,
        "n_converted": 80,
        "n_lost": 120,
        "n_came_with_outcome": 3,
        "n_left_out": 2,
        "first_outcome_at": NOW.isoformat(),
        "last_outcome_at": NOW.isoformat(),
        "seed": attempt.seed,
        "libraries": attempt.libraries,
    }
    return registry.save(
        session,
        attempt.scorecard,
        created_at=NOW,
        parent_key=parent.key,
        fields=["industry", "website_visits"],
        training=learned_from,
        metrics=attempt.metrics,
        decision=attempt.decision.to_json(),
    )
