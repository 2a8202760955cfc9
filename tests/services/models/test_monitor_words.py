"""Advice for every combination of what the monitors found: none may harm."""

from itertools import product
from typing import get_args

import pytest

from ml.monitoring import claims
from ml.monitoring.causes import Cause
from webapp.services.models import monitor_words
from webapp.services.models.monitor_findings import VERDICTS
from webapp.services.models.monitor_words import OF_THE_BEST, REMEDIES, REVERSED, State

FLAGS = (False, True)
URGENT = {"look", "act"}
CAUSES = {
    "none": (),
    "new values": (("Source", Cause("new values", value="Podcast")),),
    "unit": (("Source", Cause("spread")), ("Time on site", Cause("unit", factor=1000))),
}
RETRAIN = REMEDIES[None]


def every_state():
    """All combinations of verdicts, those not known yet among them."""
    for calibration, claim, scores, fields, causes, is_reversed, is_selected in product(
        VERDICTS, get_args(claims.Verdict), VERDICTS, VERDICTS, CAUSES, FLAGS, FLAGS
    ):
        if (causes == "none") == (fields not in URGENT):
            yield State(
                calibration=calibration,
                claim=claim,
                is_reversed=is_reversed,
                scores=scores,
                fields=fields,
                causes=CAUSES[causes],
                is_selected=is_selected,
            )


STATES = list(every_state())
ADVISED = [(state, monitor_words.advice(state)) for state in STATES]


def test_each_finding_that_warns_has_advice_and_no_other():
    assert len(STATES) == 1920
    for state, told in ADVISED:
        assert {name for name, text in told.items() if text} == {
            name
            for name, warns in {
                "calibration": state.calibration in URGENT,
                "live_auc": state.claim in {"luck", "doubtful", "failed"},
                "score_drift": state.scores in URGENT,
                "field_drift": state.fields in URGENT,
                "selection": state.is_selected,
            }.items()
            if warns
        }


def test_the_ranking_is_praised_only_where_its_claim_holds():
    for state, told in ADVISED:
        text = " ".join(told.values())
        praises = "Trust the ranking" in text or "still holds" in text
        assert praises == (state.claim == "holds" and state.calibration in URGENT)


def test_nobody_is_asked_to_train_on_wrong_values_or_reversed_outcomes():
    for state, told in ADVISED:
        text = " ".join(told.values())
        if state.is_reversed or state.causes == CAUSES["unit"]:
            assert RETRAIN not in text
        if state.claim == "failed" and state.is_selected:
            assert RETRAIN not in told["live_auc"]


def test_an_order_that_is_reversed_is_not_waited_for():
    for state, told in ADVISED:
        is_bad = state.claim in {"luck", "doubtful", "failed"} and state.is_reversed
        assert (told["live_auc"] == REVERSED) == (is_bad and state.causes != CAUSES["unit"])
        if is_bad:
            assert "more outcomes may help" not in told["live_auc"] or state.causes


def test_where_only_the_best_leads_have_outcomes_the_model_is_not_blamed():
    for state, told in ADVISED:
        is_clean = not state.is_reversed and state.causes != CAUSES["unit"]
        blamed_on_selection = told["live_auc"] == OF_THE_BEST
        assert blamed_on_selection == (state.claim == "failed" and state.is_selected and is_clean)


@pytest.mark.parametrize(
    ("found", "name", "text"),
    [
        (
            State(calibration="act", level="low", claim="failed"),
            "calibration",
            "Scores run too low and rank leads badly: rely on neither until another version is"
            " live.",
        ),
        (
            State(calibration="look", level="high", claim="early"),
            "calibration",
            "Scores may be running too high. Watch the next outcomes.",
        ),
        (
            State(scores="act", is_reversed=True, claim="failed"),
            "score_drift",
            "The model is used on leads unlike those it knows. Check first whether outcomes are"
            " recorded the right way round.",
        ),
        (
            State(claim="failed"),
            "live_auc",
            "It ranks leads worse than it claimed. Train now, so that the model learns from the"
            " leads of today. Or go back to an earlier version.",
        ),
    ],
)
def test_advice_is_what_a_person_would_say(found, name, text):
    assert monitor_words.advice(found)[name] == text
