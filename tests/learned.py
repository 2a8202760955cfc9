"""Versions that were really learned, for tests of what pages show of them."""

import math
import random
from functools import cache
from typing import Any

import pytest
from sqlalchemy.orm import Session

from ml.fields.types import Value
from ml.gate.gate import GateRule
from ml.monitoring.performance import ScoredOutcome
from ml.monitoring.recalibration import recalibrate
from ml.scorecard.starter import starter_scorecard
from ml.training import train
from tests.conftest import grow_few_trees
from tests.factories import FIELDS, NOW, make_champion
from webapp.services.models import lifecycle, registry
from webapp.tables import ModelVersion

N_LEADS = 200
INDUSTRIES = ("Software", "Retail", None)


@cache
def challenge(is_telling: bool) -> train.Challenge:
    """An attempt on leads whose industry decides much, or of which nothing does."""
    rng = random.Random(4)
    records: list[dict[str, Value]] = []
    converted = []
    for _ in range(N_LEADS):
        industry = rng.choice(INDUSTRIES)
        records.append({"industry": industry, "website_visits": rng.randrange(9)})
        pull = {"Software": 2.0, "Retail": -2.0, None: 0.0}[industry] if is_telling else 0.0
        converted.append(rng.random() < 1 / (1 + math.exp(1 - pull)))
    examples = train.Examples(records, converted, [True] * N_LEADS)
    with pytest.MonkeyPatch.context() as patch:
        grow_few_trees(patch)
        return train.challenge(examples, FIELDS, starter_scorecard(), GateRule(), seed=1)


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


def make_recalibration(session: Session, learned: ModelVersion | None = None) -> None:
    """A version (else a learned one) with its level set right, as the trainer does it, in use."""
    learned = learned or make_learned_version(session)
    card = registry.scorecard(session, learned)
    records = [{"industry": i, "website_visits": n} for n in range(9) for i in INDUSTRIES]
    outcomes = [
        ScoredOutcome(card.score(record).probability, n % 4 > 0, n)
        for n, record in enumerate(records)
    ]
    made = recalibrate(outcomes, card, {})
    lifecycle.switch(session, learned, "gate", NOW)
    about: dict[str, Any] = {"n_leads": 27, "n_converted": 20, "n_lost": 7}
    about |= {"slope": made.adjustment.slope, "shift": made.adjustment.step}
    when = {"first_outcome_at": NOW.isoformat(), "last_outcome_at": NOW.isoformat()}
    version = registry.save(
        session,
        made.scorecard,
        created_at=NOW,
        parent_key=learned.key,
        learned_key=learned.key,
        fields=learned.fields,
        training={"recalibrated_from": learned.name, "libraries": {}} | about | when,
        metrics=made.metrics,
        decision=made.decision.to_json(),
    )
    lifecycle.switch(session, version, "gate", NOW)
