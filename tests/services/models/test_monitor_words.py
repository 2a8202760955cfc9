"""Advice for every combination of what the monitors found: none may harm."""

from itertools import product
from typing import get_args

import pytest

from ml.monitoring import claims
from webapp.services.models import monitor_words
from webapp.services.models.monitor_findings import VERDICTS

FLAGS = (False, True)
URGENT = {"look", "act"}


@pytest.mark.parametrize(("verdict", "ranking"), list(product(VERDICTS, VERDICTS)))
def test_the_ranking_is_trusted_only_where_it_is_good(verdict, ranking):
    told = monitor_words.of_calibration(verdict, ranking, "low")
    assert bool(told) == (verdict in URGENT)
    praises = "Trust the ranking" in told or "still holds" in told
    assert praises == (ranking == "good" and verdict in URGENT)
    assert ("badly" in told) == (ranking == "act" and verdict in URGENT)


@pytest.mark.parametrize(
    ("claim", "is_reversed", "must_correct", "is_selected"),
    list(product(get_args(claims.Verdict), FLAGS, FLAGS, FLAGS)),
)
def test_nobody_trains_on_wrong_fields_reversed_outcomes_or_the_best_leads_alone(
    claim, is_reversed, must_correct, is_selected
):
    told = monitor_words.of_ranking(
        claim, is_reversed=is_reversed, must_correct=must_correct, is_selected=is_selected
    )
    assert bool(told) == (claim in {"luck", "failed"})
    is_safe = claim == "failed" and not (must_correct or is_reversed or is_selected)
    assert (monitor_words.RETRAIN in told) == is_safe
    assert (monitor_words.CORRECT in told) == (claim == "failed" and must_correct)
    is_turned = claim == "failed" and is_reversed and not must_correct
    assert ("wrong way round" in told) == is_turned


@pytest.mark.parametrize(("verdict", "must_correct"), list(product(VERDICTS, FLAGS)))
def test_other_scores_ask_to_train_only_where_fields_are_right(verdict, must_correct):
    told = monitor_words.of_scores(verdict, must_correct=must_correct)
    assert bool(told) == (verdict in URGENT)
    assert (monitor_words.RETRAIN in told) == (verdict == "act" and not must_correct)
