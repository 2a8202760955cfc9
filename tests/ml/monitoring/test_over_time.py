"""Batches of outcomes: each can be judged, all leads are in one, and there are not too many."""

import itertools
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from ml.monitoring.over_time import batches
from ml.monitoring.performance import ScoredOutcome

START = datetime(2026, 3, 2, tzinfo=UTC)


def ended(n, *, share=1 / 3, siblings=1, seed=0):
    """Leads that end an hour apart, some of one company; scores tell half the truth."""
    rng = np.random.default_rng(seed)
    converted = rng.random(n) < share
    scores = 0.5 * rng.random(n) + 0.5 * converted
    return [
        (START + timedelta(hours=place), ScoredOutcome(score, bool(kind), place // siblings))
        for place, (score, kind) in enumerate(zip(scores, converted, strict=True))
    ]


@pytest.mark.parametrize("n", [35, 80, 300, 4_000])
def test_every_lead_is_in_one_batch_that_can_be_judged(n):
    leads = ended(n)
    found = batches(leads)
    assert 1 <= len(found) <= 12
    assert all(batch.live.is_enough for batch in found)
    assert sum(batch.live.n_converted + batch.live.n_lost for batch in found) == n
    assert (found[0].since, found[-1].until) == (leads[0][0], leads[-1][0])
    assert all(one.until < other.since for one, other in itertools.pairwise(found))


def test_too_few_of_a_kind_or_of_companies_make_no_batch():
    assert batches(ended(400, share=0.01)) == []
    assert batches(ended(60, siblings=20)) == []
    assert batches([]) == []


def test_a_batch_after_a_change_of_the_world_shows_it():
    leads = ended(300)
    changed = [
        (at, lead._replace(converted=not lead.converted)) if place >= 150 else (at, lead)
        for place, (at, lead) in enumerate(leads)
    ]
    aucs = [batch.live.auc for batch in batches(changed) if batch.live.auc is not None]
    assert aucs[0] > 0.9
    assert aucs[-1] < 0.1
