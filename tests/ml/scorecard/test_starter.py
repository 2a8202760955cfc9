import itertools
import math

import pytest

from ml.fields.types import Value
from ml.scorecard.scorecard import Scorecard
from ml.scorecard.starter import starter_scorecard

CARD = starter_scorecard()
REFERENCE: dict[str, Value] = {
    "email_opens": 5,
    "website_visits": 4,
    "content_downloads": 1,
    "days_since_contact": 14,
    "lead_source": "Organic",
}


def log_odds(**values):
    return CARD.score(values).log_odds


def test_reference_lead_and_unknown_lead_have_the_baseline():
    assert CARD.score(REFERENCE).log_odds == pytest.approx(-1.6, abs=1e-12)
    assert CARD.score({}).log_odds == -1.6


@pytest.mark.parametrize(
    ("field", "value", "effect"),
    [
        ("email_opens", 25, 0.30 * (math.log1p(25) - math.log1p(5))),
        ("website_visits", 0, 0.30 * (0 - math.log1p(4))),
        ("content_downloads", 3, 0.40 * (math.log1p(3) - math.log1p(1))),
        ("days_since_contact", 90, -0.30 * (math.log1p(90) - math.log1p(14))),
        ("lead_source", "referral", 0.55),
        ("lead_source", "Cold Call", -1.10),
        ("lead_source", "Carrier pigeon", 0.0),
        ("age", 44, 0.0),
        ("industry", "Technology", 0.0),
    ],
)
def test_effects_are_those_of_the_table(field, value, effect):
    assert log_odds(**{field: value}) == pytest.approx(-1.6 + effect, abs=1e-12)


def test_counts_are_capped_so_that_no_number_runs_away():
    assert log_odds(email_opens=50) == log_odds(email_opens=1_000_000)
    assert log_odds(days_since_contact=365) == log_odds(days_since_contact=100_000)


@pytest.mark.parametrize("field", ["email_opens", "website_visits", "content_downloads"])
def test_more_of_a_good_sign_never_lowers_the_score(field):
    scores = [log_odds(**{field: value}) for value in range(60)]
    assert all(a <= b for a, b in itertools.pairwise(scores))


def test_expected_conversion_becomes_the_probability_of_the_reference_lead():
    card = starter_scorecard(0.05)
    assert card.score(REFERENCE).probability == pytest.approx(0.05)
    assert card.base_rate == pytest.approx(0.05)


@pytest.mark.parametrize("wrong", [0, 1, -0.1, 1.5, math.nan, math.inf])
def test_impossible_expectation_is_refused(wrong):
    with pytest.raises(ValueError, match="between 0 and 1"):
        starter_scorecard(wrong)


@pytest.mark.parametrize("expected", [None, 0.001, 0.3, 0.999])
def test_grades_tell_hot_leads_from_cold_ones_at_any_base_rate(expected):
    card = starter_scorecard(expected)
    hot: dict[str, Value] = {"lead_source": "Referral", "email_opens": 20, "days_since_contact": 2}
    cold: dict[str, Value] = {
        "lead_source": "Cold Call",
        "email_opens": 0,
        "days_since_contact": 90,
    }
    grades = [card.grade(card.score(lead).probability) for lead in (hot, {}, cold)]
    assert grades == ["A", "C", "D"]


def test_starter_has_the_form_of_a_learned_scorecard_and_claims_no_leads():
    assert Scorecard.from_json(CARD.to_json()) == CARD
    assert CARD.n_leads == 0
    assert all("counts" not in term for term in CARD.to_json()["terms"])
