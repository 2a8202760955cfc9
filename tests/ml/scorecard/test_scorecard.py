import copy
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.scorecard.scorecard import Scorecard, ScorecardError
from ml.scorecard.starter import starter_scorecard
from ml.scorecard.terms import Bin, CategoryTerm, Counts, CurveTerm

SOURCE = CategoryTerm(
    "lead_source",
    {"referral": 0.7, "cold call": -0.9},
    other=0.1,
    missing=-0.2,
    level_counts={"referral": Counts(88, 56), "cold call": Counts(120, 12)},
    other_counts=Counts(9, 3),
    missing_counts=Counts(40, 8),
)
VISITS = CurveTerm(
    "visits",
    knots=(0.0, 1.0, 2.0),
    pieces=((-0.5, 0.25), (-0.5, 0.5, 0.25), (0.25, -0.5), (-0.25, 0.125)),
    missing=0.3,
    bins=(Bin(2.0, Counts(50, 5)), Bin(None, Counts(60, 30))),
    missing_counts=Counts(0, 0),
    known_range=(0.0, 12.0),
)
CARD = Scorecard("spline logistic", -1.25, 0.27, 257, (0.6, 0.4, 0.2), (SOURCE, VISITS))

# Every type a value may have, also ones that a field no longer allows.
stored = st.none() | st.booleans() | st.integers() | st.floats() | st.text()


def broken(*path, value):
    content = copy.deepcopy(CARD.to_json())
    place = content
    for key in path[:-1]:
        place = place[key]
    if value is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return content


@pytest.mark.parametrize(
    ("value", "effect"),
    [
        ("Referral", 0.7),
        (" cold  CALL", -0.9),
        ("Fax", 0.1),
        (None, -0.2),
        ("", -0.2),
        (7, -0.2),
    ],
)
def test_category_effect_ignores_case_and_space_and_knows_other_and_missing(value, effect):
    assert SOURCE.effect(value) == effect


@pytest.mark.parametrize(
    ("u", "effect"),
    [
        (-1.0, -0.75),  # left tail, straight
        (0.0, -0.5),
        (0.5, -0.5 + 0.25 + 0.0625),
        (1.0, 0.25),
        (1.5, 0.0),
        (2.0, -0.25),
        (4.0, 0.0),  # right tail, straight
    ],
)
def test_curve_is_evaluated_from_the_knot_at_its_left(u, effect):
    assert VISITS.effect(math.copysign(math.expm1(abs(u)), u)) == pytest.approx(effect)


@pytest.mark.parametrize("value", [None, "12", True, math.nan, math.inf, 10**400])
def test_value_of_a_wrong_type_is_unknown_to_a_curve(value):
    assert VISITS.effect(value) == 0.3


@given(source=stored, visits=stored)
def test_effects_and_intercept_sum_to_the_log_odds_for_any_value(source, visits):
    score = CARD.score({"lead_source": source, "visits": visits})
    assert [field for field, _ in score.effects] == ["lead_source", "visits"]
    assert math.fsum([CARD.intercept, *(effect for _, effect in score.effects)]) == score.log_odds
    assert 0 <= score.probability <= 1
    assert score.probability == pytest.approx(1 / (1 + math.exp(-score.log_odds)))


def test_far_log_odds_overflow_nothing():
    for intercept in (-1e40, 1e40):
        card = Scorecard("x", intercept, 0.5, 0, (0.6, 0.4, 0.2), ())
        assert card.score({}).probability == (intercept > 0)


def test_field_left_out_was_not_collected_and_takes_no_part():
    assert CARD.score({}).log_odds == CARD.intercept
    assert CARD.score({"lead_source": None, "visits": None}).log_odds != CARD.intercept


@pytest.mark.parametrize(
    ("probability", "grade"), [(1, "A"), (0.6, "A"), (0.59, "B"), (0.4, "B"), (0.2, "C"), (0, "D")]
)
def test_grade_holds_from_its_lower_bound_on(probability, grade):
    assert CARD.grade(probability) == grade


@pytest.mark.parametrize("card", [CARD, starter_scorecard(), starter_scorecard(1 / 3)])
def test_json_round_trip_loses_nothing(card):
    again = Scorecard.from_json(json.loads(json.dumps(card.to_json())))
    assert again == card
    assert again.to_json() == card.to_json()
    assert again.digest == card.digest


def test_digest_ignores_the_order_of_keys_and_the_sign_of_zero():
    content = CARD.to_json()
    content = dict(reversed(content.items()))
    content["terms"][0]["levels"] = dict(reversed(content["terms"][0]["levels"].items()))
    content["terms"][1]["knots"][0] = -0.0
    assert Scorecard.from_json(content).digest == CARD.digest


def test_digest_sees_the_last_bit():
    content = broken("intercept", value=math.nextafter(-1.25, 0))
    assert Scorecard.from_json(content).digest != CARD.digest


def test_a_version_of_before_ranges_were_kept_is_read():
    content = broken("terms", 1, "counts", "range", value=...)
    assert Scorecard.from_json(content).terms[1].known_range is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "scorecard must be an object"),
        ([], "scorecard must be an object"),
        (broken("format", value=2), "scorecard.format is not 1"),
        (broken("format", value=True), "scorecard.format must be a whole number"),
        (broken("family", value=""), "scorecard.family must be a text"),
        (broken("intercept", value=math.nan), "scorecard.intercept must be a finite number"),
        (broken("intercept", value="1"), "scorecard.intercept must be a finite number"),
        (broken("intercept", value=10**400), "scorecard.intercept must be a finite number"),
        (broken("base_rate", value=1.5), "scorecard.base_rate must be from 0 to 1"),
        (broken("n_leads", value=-1), "scorecard.n_leads must be a whole number"),
        (broken("grades", value=[0.2, 0.4, 0.6]), "three probabilities, falling"),
        (broken("grades", value=[0.6, 0.4]), "three probabilities, falling"),
        (broken("terms", value={}), "scorecard.terms must be a list"),
        (broken("terms", value=[None] * 1001), "scorecard.terms must be a list of at most 1000"),
        (broken("surprise", value=1), "scorecard has the unknown key 'surprise'"),
        (broken("terms", 0, "kind", value="tree"), "kind must be one of category, curve"),
        (broken("terms", 0, "field", value=...), r"scorecard.terms\[0\].field is missing"),
        (broken("terms", 0, "field", value="visits"), "hold a field twice"),
        (broken("terms", 0, "levels", "referral", value=math.inf), "referral must be a finite"),
        (broken("terms", 0, "levels", value=[]), "levels must be an object"),
        (broken("terms", 0, "other", value=None), "other must be a finite number"),
        (broken("terms", 0, "extra", value=0), "unknown key 'extra'"),
        (broken("terms", 0, "counts", "levels", "referral", value=[1, 2]), "must hold counts"),
        (broken("terms", 0, "counts", "missing", value=[1.0, 0]), "must hold counts"),
        (broken("terms", 1, "knots", value=[]), "knots must rise"),
        (broken("terms", 1, "knots", value=[0, 0, 1]), "knots must rise"),
        (broken("terms", 1, "knots", value=[0, math.nan, 1]), "must be a finite number"),
        (broken("terms", 1, "knots", value=[0, 1]), "pieces must be one more than knots"),
        (broken("terms", 1, "pieces", 0, value=[1, 1, 1]), "ends straight"),
        (broken("terms", 1, "pieces", 1, value=[1] * 7), "at most 6 values"),
        (broken("terms", 1, "pieces", 1, value=[True]), "must be a finite number"),
        (broken("terms", 1, "counts", "bins", 0, value=["a", 1, 1]), "must be a finite number"),
        (broken("terms", 1, "counts", "bins", 0, value=[1, 1]), "must hold 3 values"),
        (broken("terms", 1, "counts", "bins", value=[]), "last bin open"),
        (broken("terms", 1, "counts", "bins", 1, 0, value=9.0), "last bin open"),
        (broken("terms", 1, "counts", "bins", 0, 0, value=None), "last bin open"),
        (broken("terms", 1, "counts", "range", value=[2, 1]), "range must rise"),
        (broken("terms", 1, "counts", "range", value=[1]), "must hold 2 values"),
        (broken("terms", 1, "counts", "range", value=[0, "a"]), "must be a finite number"),
        (broken("terms", 1, "counts", "more", value=0), "unknown key 'more'"),
    ],
)
def test_wrong_scorecard_is_refused_with_its_place(content, message):
    with pytest.raises(ScorecardError, match=message):
        Scorecard.from_json(content)
