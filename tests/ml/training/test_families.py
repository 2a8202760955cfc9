"""What holds of every family: alone, as a blend, and served as data."""

import json
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier

from ml.fields.fields_file import loads
from ml.scorecard.reasons import explain
from ml.scorecard.scorecard import Scorecard
from ml.training import blending
from ml.training.calibration_slope import FLATTEST, STEEPEST, stretched
from ml.training.encode import columns_of, frame_of
from ml.training.families import random_forest
from ml.training.families.growth import Growth, grow
from tests.ml.leads import FIELDS, make_examples

pytestmark = pytest.mark.usefixtures("small_forests")

X = loads('[[field]]\nname = "x"\ntype = "number"\nlabel = "X"\n')
KIND = loads('[[field]]\nname = "x"\ntype = "category"\nlabel = "X"\n')
GRADES = (0.6, 0.4, 0.2)
EQUAL = (0.5, 0.5)

WEIGHTS = {
    "spline logistic": (1.0, 0.0, 0.0),
    "random forest": (0.0, 1.0, 0.0),
    "boosted trees": (0.0, 0.0, 1.0),
    "blend": (0.4, 0.3, 0.3),
}
every_family = pytest.mark.parametrize("weights", WEIGHTS.values(), ids=WEIGHTS)


def fitted(records, converted, fields):
    columns = columns_of(records, fields.model)
    return blending.fit(frame_of(records, columns), np.array(converted), columns, seed=0)


def served(weights, examples):
    members = fitted(examples.records, examples.converted, FIELDS)
    return members.scorecard(weights, examples.records, examples.converted, grades=GRADES)


def largest_error(records, converted, fields, unseen=(), slope=1.0):
    """Distance of fitted and served models in probability, on the leads and on unseen ones."""
    members, leads = fitted(records, converted, fields), [*records, *unseen]
    return max(
        error(members, weights, records, converted, leads, slope) for weights in WEIGHTS.values()
    )


def error(members, weights, records, converted, leads, slope):
    card = members.scorecard(weights, records, converted, grades=GRADES, slope=slope)
    card = Scorecard.from_json(json.loads(json.dumps(card.to_json())))
    log_odds = members.log_odds(frame_of(leads, members.columns))
    scores = np.array([card.score(lead).probability for lead in leads])
    blend = stretched(blending.blended(log_odds, weights), slope, np.mean(converted))
    return float(np.abs(expit(blend) - scores).max())


@pytest.mark.parametrize(("n_leads", "slope"), [(30, FLATTEST), (300, 1.0), (1500, STEEPEST)])
def test_scorecard_equals_the_fitted_model_on_leads_of_every_shape(n_leads, slope):
    known = make_examples(n_leads)
    unseen = make_examples(500, seed=9).records
    strange = [record | {"region": None, "trial": None, "email_opens": 10**6} for record in unseen]
    unseen += [*strange, {}]
    error = largest_error(known.records, known.converted, FIELDS, unseen, slope)
    assert error <= 1e-9


@pytest.mark.parametrize(
    "column",
    [
        [0] * 55 + [1, 2, 3, 4, 900],
        [0, 1] * 30,
        [5] * 60,
        [None] * 60,
        [None] * 59 + [3],
        [None, 7] * 30,
        [-1e15, 1e15] * 30,
        [0.0, 1e-12, 2e-12] * 20,
        [*range(-30, 30)],
        [1e9 + i / 1000 for i in range(60)],
        ["seven"] * 30 + [True] * 30,
    ],
    ids=lambda column: str(column)[:40],
)
def test_numbers_of_any_shape_are_served_exactly(column):
    draw = random.Random(4)
    converted = [draw.random() < 0.4 for _ in column]
    unseen = [{"x": x} for x in (None, 0, -7, 3.5, 1e14, -1e15, 1e-12, 5, 6.999, 10**15)]
    assert largest_error([{"x": x} for x in column], converted, X, unseen) <= 1e-9


@pytest.mark.parametrize(
    "column",
    [
        ["a", "b", "c"] * 20,
        ["same"] * 60,
        [None] * 60,
        [None] * 2 + ["a"] * 58,
        [f"level {i}" for i in range(60)],
        ["a"] * 50 + [f"rare {i}" for i in range(10)],
        ["Straße", "STRASSE", "x  y", " X Y "] * 15,
        [7, True, "7"] * 20,
    ],
    ids=lambda column: str(column)[:40],
)
def test_categories_of_any_shape_are_served_exactly(column):
    draw = random.Random(5)
    converted = [draw.random() < 0.4 for _ in column]
    unseen = [{"x": x} for x in (None, "a", "never seen", "rare 3", "strasse", 7, False)]
    assert largest_error([{"x": x} for x in column], converted, KIND, unseen) <= 1e-9


value = st.none() | st.integers(-(10**15), 10**15) | st.floats(-1e15, 1e15) | st.integers(0, 5)


@settings(max_examples=25)
@given(column=st.lists(value, min_size=12, max_size=60), seed=st.integers(0, 9))
def test_any_column_of_numbers_is_served_exactly(column, seed):
    draw = random.Random(seed)
    converted = [draw.random() < 0.5 for _ in column]
    converted[:2] = [True, False]
    assert largest_error([{"x": x} for x in column], converted, X, [{"x": 0.5}, {}]) <= 1e-9


@every_family
def test_effects_and_intercept_sum_to_the_log_odds(weights):
    card = served(weights, make_examples(200))
    for record in make_examples(100, seed=3).records:
        score = card.score(record)
        effects = [effect for _, effect in score.effects]
        assert score.log_odds == pytest.approx(card.intercept + sum(effects), abs=1e-12)
        assert score.probability == pytest.approx(1 / (1 + np.exp(-score.log_odds)))


@every_family
def test_effects_are_centred_on_the_leads_learned_from(weights):
    examples = make_examples(200)
    card = served(weights, examples)
    effects = [[e for _, e in card.score(record).effects] for record in examples.records]
    assert np.abs(np.mean(effects, axis=0)).max() < 1e-12


def test_rows_are_scored_alike_alone_and_together():
    examples = make_examples(100)
    members = fitted(examples.records, examples.converted, FIELDS)
    frame = frame_of(examples.records, members.columns)
    alone = [members.log_odds(frame.iloc[[i]])[0] for i in range(20)]
    assert np.abs(np.array(alone) - members.log_odds(frame)[:20]).max() <= 1e-9


@every_family
def test_same_leads_and_seed_give_the_same_data(weights):
    cards = [served(weights, make_examples(80)) for _ in range(2)]
    assert cards[0] == cards[1]


@every_family
def test_unknown_is_a_value_of_its_own_and_not_zero(weights):
    values = [None, 0, 5] * 60
    records = [{"x": value} for value in values]
    converted = [value is None for value in values]
    card = fitted(records, converted, X).scorecard(weights, records, converted, grades=GRADES)
    assert card.score({"x": None}).probability > 0.8
    assert card.score({"x": 0}).probability < 0.2


@every_family
def test_a_value_not_collected_takes_no_part(weights):
    draw = random.Random(2)
    asked = [(value, draw.random() < (0.8 if value else 0.2)) for value in [0, 5, None] * 60]
    others = [draw.random() < 0.9 for _ in range(120)]
    records = [*({"x": value} for value, _ in asked), *({} for _ in others)]
    converted = [*(won for _, won in asked), *others]
    card = fitted(records, converted, X).scorecard(weights, records, converted, grades=GRADES)
    low, high, without = (card.score(each).log_odds for each in ({"x": 0}, {"x": 5}, {}))
    assert low + 0.3 < without < high - 0.3
    assert explain(card, X, {}) == []
    assert largest_error(records, converted, X, [{}, {"x": None}, {"x": 3}]) <= 1e-9


@every_family
def test_unseen_level_is_scored_like_the_rare_ones(weights):
    values = ["a"] * 40 + ["b"] * 40 + [f"rare {i}" for i in range(20)]
    records = [{"x": value} for value in values]
    converted = [value.startswith("rare") or i % 4 == 0 for i, value in enumerate(values)]
    card = fitted(records, converted, KIND).scorecard(weights, records, converted, grades=GRADES)
    unseen, rare = (card.score({"x": x}).probability for x in ("never seen", "rare 3"))
    assert unseen == rare > 0.6


def exclusive_or(n_leads):
    draw = random.Random(1)
    pairs = [(draw.random() < 0.5, draw.random() < 0.5) for _ in range(n_leads)]
    converted = [(a != b) == (draw.random() < 0.9) for a, b in pairs]
    return [{"a": a, "b": b} for a, b in pairs], converted


def test_forest_finds_what_two_fields_mean_only_together():
    names = "".join(f'[[field]]\nname = "{x}"\ntype = "boolean"\nlabel = "{x}"\n' for x in "ab")
    records, converted = exclusive_or(400)
    members = fitted(records, converted, loads(names))
    log_odds = members.log_odds(frame_of([{"a": True, "b": False}], members.columns))[0]
    assert abs(log_odds[0]) < 0.5
    assert log_odds[1] > 1.5


def test_forest_usually_counts_the_more_the_more_fields_can_mean_something_together():
    weights = [random_forest.usual_weight(n_fields, 10**9) for n_fields in range(1, 200)]
    assert weights[0] == pytest.approx(0, abs=1e-6)
    assert weights == sorted(weights)
    assert weights[-1] < random_forest.MAX_USUAL_WEIGHT


@pytest.mark.parametrize("n_fields", [1, 2, 11, 100])
def test_forest_usually_counts_the_more_the_fewer_leads_there_are(n_fields):
    weights = [random_forest.usual_weight(n_fields, n_leads) for n_leads in range(1, 2_000)]
    assert weights == sorted(weights, reverse=True)
    assert weights[0] == 1


def test_few_leads_leave_the_blend_near_the_usual_weight():
    right = np.linspace(-3, 3, 20)
    weights = blending.choose_weights(np.column_stack([right, -right]), right > 0, EQUAL)
    assert 0.1 < weights[1] < 0.5


@pytest.mark.parametrize("better", [0, 1])
def test_many_leads_leave_the_better_member_alone(better):
    right = np.linspace(-3, 3, 2000)
    log_odds = np.column_stack([right, -right] if better == 0 else [-right, right])
    alone = [(1.0, 0.0), (0.0, 1.0)]
    assert blending.choose_weights(log_odds, right > 0, EQUAL) == alone[better]


def test_members_equally_good_and_different_are_blended():
    draw = np.random.default_rng(0)
    truth = draw.normal(size=2000)
    log_odds = truth[:, np.newaxis] + draw.normal(size=(2000, 2))
    weights = blending.choose_weights(log_odds, draw.random(2000) < expit(truth), EQUAL)
    assert 0.35 < weights[1] < 0.65
    assert blending.name_of((*weights, 0.0)) == "blend of spline logistic and random forest"


@every_family
def test_leads_that_count_less_are_followed_less(weights):
    """The first half says that referrals convert, the second half that they do not."""
    records = [{"x": "referral"}, {"x": "other"}] * 100
    converted = np.array([True, False] * 50 + [False, True] * 50)
    columns = columns_of(records, KIND.model)
    frame = frame_of(records, columns)
    learned = (
        blending.fit(frame, converted, columns, 0, sample_weight=np.repeat(counts, 100))
        for counts in ([1.0, 0.01], [0.01, 1.0])
    )
    first, second = (blending.blended(each.log_odds(frame[:2]), weights) for each in learned)
    assert first[0] > 1 > -1 > first[1]
    assert second[1] > 1 > -1 > second[0]


def test_scores_of_leads_that_count_less_choose_less():
    right, wrong = np.array([[2.0, -2.0]] * 50), np.array([[-2.0, 2.0]] * 50)
    log_odds, converted = np.concatenate([right, wrong]), np.ones(100, dtype=bool)
    first_half, second_half = np.repeat([1.0, 0.01], 50), np.repeat([0.01, 1.0], 50)
    assert blending.choose_weights(log_odds, converted, EQUAL, first_half) == (1.0, 0.0)
    assert blending.choose_weights(log_odds, converted, EQUAL, second_half) == (0.0, 1.0)


def test_forest_of_weighted_leads_is_served_exactly():
    examples = make_examples(300)
    columns = columns_of(examples.records, FIELDS.model)
    frame = frame_of(examples.records, columns)
    counts = np.linspace(0.1, 1.0, 300)
    members = blending.fit(frame, np.array(examples.converted), columns, 0, sample_weight=counts)
    card = members.scorecard(WEIGHTS["blend"], examples.records, examples.converted, grades=GRADES)
    served_scores = [card.score(record).log_odds for record in examples.records]
    fitted_scores = blending.blended(members.log_odds(frame), WEIGHTS["blend"])
    assert np.abs(fitted_scores - served_scores).max() <= 1e-9


N_GROWN_ON, MAX_LEAVES, SHARE = 120, 24, 0.45
COUNTS = np.linspace(0.1, 1.0, N_GROWN_ON)


@pytest.fixture(scope="module")
def leads():
    draw = np.random.default_rng(0)
    matrix = draw.normal(size=(N_GROWN_ON, 7)).astype(np.float32)
    matrix[:, 3:] = matrix[:, 3:] > 0.4
    converted = draw.random(N_GROWN_ON) < 1 / (1 + np.exp(-2 * matrix[:, 0]))
    matrix[draw.random(N_GROWN_ON) < 0.2, 0] = np.nan
    return matrix, converted


@pytest.mark.parametrize("counts", [None, COUNTS], ids=["all alike", "weighed"])
@pytest.mark.parametrize(
    ("growth", "peer"),
    [
        (
            Growth(SHARE, MAX_LEAVES, min_in_a_leaf=3, n_drawn=80),
            RandomForestClassifier(min_samples_leaf=3, max_samples=80),
        ),
        (Growth(SHARE, MAX_LEAVES, at_random=True), ExtraTreesClassifier()),
        (
            Growth(SHARE, MAX_LEAVES, n_drawn=80, at_random=True),
            ExtraTreesClassifier(bootstrap=True, max_samples=80),
        ),
    ],
    ids=["random forest", "extremely randomised", "of some leads"],
)
def test_trees_are_those_of_scikit_learn(leads, growth, peer, counts):
    settings = {"max_features": SHARE, "max_leaf_nodes": MAX_LEAVES, "random_state": 4}
    peer.set_params(n_estimators=5, **settings).fit(*leads, sample_weight=counts)
    grown = [*grow(growth, 5, *leads, seed=4, sample_weight=counts)]
    for own, other in zip(grown, (each.tree_ for each in peer.estimators_), strict=True):
        assert own.node_count == other.node_count > 5
        assert (own.feature == other.feature).all()
        assert (own.threshold == other.threshold).all()
        assert (own.value == other.value).all()
        assert (own.missing_go_to_left == other.missing_go_to_left).all()
