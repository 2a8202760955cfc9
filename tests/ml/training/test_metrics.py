import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score, roc_curve

from ml.scorecard.scorecard import Scorecard
from ml.training.metrics import (
    calibration_curve,
    claim,
    conversion_by_grade,
    gains,
    grade_bounds,
    histogram_by_outcome,
    lift,
    model_metrics,
    roc_points,
)

DRAW = np.random.default_rng(7)
PROBABILITIES = DRAW.beta(2, 4, size=4000)
CONVERTED = DRAW.random(4000) < PROBABILITIES  # perfectly calibrated by construction
GRADES = grade_bounds(PROBABILITIES)

leads = st.lists(
    st.tuples(st.booleans(), st.sampled_from([0.1, 0.2, 0.25, 0.5, 0.9])), min_size=4, max_size=80
).filter(lambda rows: 2 <= sum(row[0] for row in rows) <= len(rows) - 2)


def columns(rows):
    return np.array([row[0] for row in rows]), np.array([row[1] for row in rows])


def test_figures_of_a_calibrated_model_are_those_of_its_making():
    metrics = model_metrics(CONVERTED, PROBABILITIES, fields=["a"], grades=GRADES)
    assert metrics["ece"] < 0.03
    assert metrics["auc"] == pytest.approx(roc_auc_score(CONVERTED, PROBABILITIES))
    assert metrics["auc_low"] < metrics["auc"] < metrics["auc_high"]
    assert metrics["log_loss"] < metrics["log_loss_base"]
    assert metrics["lift_10"] > metrics["lift_20"] > 1
    assert (metrics["n"], metrics["fields"]) == (4000, ["a"])


@given(rows=leads)
def test_metrics_are_plain_json_that_adds_up_whatever_the_scores(rows):
    converted, probabilities = columns(rows)
    metrics = model_metrics(converted, probabilities, fields=[], grades=GRADES)
    json.dumps(metrics, allow_nan=False)
    for table in (metrics["calibration"], metrics["grades"]):
        assert sum(row["n"] for row in table) == len(rows)
        assert sum(row["n_converted"] for row in table) == converted.sum()
    assert sum(metrics["histogram"]["converted"]) == converted.sum()
    assert sum(metrics["histogram"]["lost"]) == (~converted).sum()
    assert 0 <= metrics["ece"] <= 1


@given(rows=leads)
def test_roc_points_lie_on_the_curve_and_rise_from_corner_to_corner(rows):
    converted, scores = columns(rows)
    points = np.array(roc_points(converted, scores))
    assert points[0].tolist() == [0, 0]
    assert points[-1].tolist() == [1, 1]
    assert (np.diff(points, axis=0) >= 0).all()
    area = np.trapezoid(points[:, 1], points[:, 0])
    assert area == pytest.approx(roc_auc_score(converted, scores))


def test_roc_of_many_leads_keeps_to_fifty_points_of_the_full_curve():
    points = np.array(roc_points(CONVERTED, PROBABILITIES))
    assert len(points) == 50
    fpr, tpr, _ = roc_curve(CONVERTED, PROBABILITIES, drop_intermediate=False)
    on_curve = {(round(x, 9), round(y, 9)) for x, y in zip(fpr, tpr, strict=True)}
    assert {(round(x, 9), round(y, 9)) for x, y in points} <= on_curve
    assert np.diff(points.sum(axis=1)).max() < 0.1


def test_lift_of_a_perfect_and_of_a_blind_model():
    converted = np.arange(100) < 10
    assert lift(converted, -np.arange(100.0), 0.1) == 10.0
    assert lift(converted, np.zeros(100), 0.1) == pytest.approx(1.0)


@given(rows=leads, share=st.sampled_from([0.1, 0.2, 0.5, 1.0]))
def test_lift_does_not_depend_on_the_order_of_leads(rows, share):
    converted, scores = columns(rows)
    backwards = lift(converted[::-1], scores[::-1], share)
    assert lift(converted, scores, share) == pytest.approx(backwards)
    assert backwards <= 1 / share + 1e-9


def test_calibration_bins_hold_about_equally_many_leads_from_low_to_high():
    rows = calibration_curve(CONVERTED, PROBABILITIES)
    assert [row["n"] for row in rows] == [400] * 10
    predicted = [row["predicted"] for row in rows]
    assert predicted == sorted(predicted)


def test_one_score_for_all_is_one_bin():
    (row,) = calibration_curve(np.array([True, False, False]), np.full(3, 0.3))
    assert (row["n"], row["observed"]) == (3, pytest.approx(1 / 3))


def test_grades_of_the_page_are_those_the_scorecard_gives():
    card = Scorecard("test", 0.0, 0.3, 1, grade_bounds(PROBABILITIES), ())
    given_out: list[str] = [card.grade(probability) for probability in PROBABILITIES]
    rows = conversion_by_grade(CONVERTED, PROBABILITIES, card.grades)
    assert [row["n"] for row in rows] == [given_out.count(grade) for grade in "ABCD"]
    assert [row["n"] for row in rows] == [400, 800, 1200, 1600]
    rates = [row["rate"] for row in rows]
    assert rates == sorted(rates, reverse=True)


def test_histogram_has_a_place_for_the_extremes():
    counts = histogram_by_outcome(np.array([True, False]), np.array([1.0, 0.0]))
    assert (counts["converted"][-1], counts["lost"][0]) == (1, 1)
    assert len(counts["edges"]) == len(counts["lost"]) + 1


@given(rows=leads)
def test_gains_rise_to_all_conversions_and_agree_with_lift(rows):
    converted, scores = columns(rows)
    found = gains(converted, scores)
    assert np.diff([row["found"] for row in found]).min() > -1e-12
    assert found[-1]["share"] == 1
    assert found[-1]["found"] == pytest.approx(1)
    assert found[3]["lift"] == lift(converted, scores, 0.2)


def test_scores_that_say_nothing_find_conversions_as_any_order_does():
    converted = np.array([True, False, False, True])
    for row in gains(converted, np.full(4, 0.5)):
        assert row["found"] == pytest.approx(row["share"])


def test_a_claim_rests_on_leads_that_were_seen_open_where_these_are_enough():
    rng = np.random.default_rng(2)
    converted = rng.random(400) < 0.4
    open_ones = np.arange(400) < 300
    # The others' inputs came with the outcome and tell it.
    scores = np.where(open_ones, rng.random(400), np.where(converted, 0.9, 0.1))
    found = claim(converted, scores, GRADES, seen_open=open_ones.tolist())
    assert found == claim(converted[open_ones], scores[open_ones], GRADES)
    assert found.auc.value < 0.6 < claim(converted, scores, GRADES).auc.value
    few = (np.arange(400) < 12).tolist()
    assert claim(converted, scores, GRADES, seen_open=few) == claim(converted, scores, GRADES)
