"""Advice for every combination of what the monitors found: none may harm."""

from itertools import product

import pytest

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
    ("verdict", "is_reversed", "must_correct"), list(product(VERDICTS, FLAGS, FLAGS))
)
def test_nobody_trains_on_wrong_fields_or_reversed_outcomes(verdict, is_reversed, must_correct):
    told = monitor_words.of_ranking(verdict, is_reversed=is_reversed, must_correct=must_correct)
    assert bool(told) == (verdict == "act")
    is_safe = verdict == "act" and not (must_correct or is_reversed)
    assert (monitor_words.RETRAIN in told) == is_safe
    assert ("wrong way round" in told) == (verdict == "act" and is_reversed and not must_correct)


@pytest.mark.parametrize(("verdict", "must_correct"), list(product(VERDICTS, FLAGS)))
def test_other_scores_ask_to_train_only_where_fields_are_right(verdict, must_correct):
    told = monitor_words.of_scores(verdict, must_correct=must_correct)
    assert bool(told) == (verdict in URGENT)
    assert (monitor_words.RETRAIN in told) == (verdict == "act" and not must_correct)
