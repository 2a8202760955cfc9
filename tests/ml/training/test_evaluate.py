import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.training.evaluate import added_value, delong, log_loss, paired_evidence

few_scores = st.integers(0, 4)  # few distinct scores: many ties


def by_definition(converted, scores):
    """AUCs and covariance from the pairs, as DeLong et al. define them."""
    kernel = np.array(
        [
            [
                [1.0 if a > b else 0.5 if a == b else 0.0 for b in row[~converted]]
                for a in row[converted]
            ]
            for row in scores
        ]
    )
    of_converted, of_lost = kernel.mean(axis=2), kernel.mean(axis=1)
    covariance = np.cov(of_converted) / converted.sum() + np.cov(of_lost) / (~converted).sum()
    return kernel.mean(axis=(1, 2)), np.atleast_2d(covariance)


@given(
    rows=st.lists(st.tuples(st.booleans(), few_scores, few_scores), min_size=4, max_size=40).filter(
        lambda rows: 2 <= sum(row[0] for row in rows) <= len(rows) - 2
    )
)
def test_delong_equals_its_definition_also_with_ties(rows):
    converted = np.array([row[0] for row in rows])
    scores = np.array([row[1:] for row in rows], dtype=float).T
    for ours, theirs in zip(
        delong(converted, scores), by_definition(converted, scores), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, atol=1e-12)


def test_delong_interval_covers_the_truth_about_as_often_as_it_says():
    draw = np.random.default_rng(1)
    truth = 0.7602  # of two normals one standard deviation apart
    covered = 0
    for _ in range(500):
        converted = np.arange(150) < 50
        aucs, covariance = delong(converted, draw.normal(size=150) + converted)
        covered += abs(aucs[0] - truth) < 1.96 * np.sqrt(covariance[0, 0])
    assert 0.90 <= covered / 500 <= 0.98


@pytest.mark.parametrize("converted", [[True], [True, True, False], [False] * 4])
def test_delong_needs_two_leads_of_each_outcome(converted):
    with pytest.raises(ValueError, match="at least two"):
        delong(converted, np.arange(len(converted)))


def test_delong_refuses_scores_that_are_not_finite():
    with pytest.raises(ValueError, match="finite"):
        delong([True, True, False, False], [0.1, np.nan, 0.2, 0.3])


def test_log_loss_of_a_sure_mistake_is_bounded():
    assert log_loss(np.array([True]), np.array([0.0])) == pytest.approx(9.2103, abs=1e-4)
    assert log_loss(np.array([False]), np.array([0.0])) == pytest.approx(0.0001, abs=1e-5)


def test_evidence_of_one_outcome_has_log_losses_but_no_gain():
    evidence = paired_evidence(np.array([True, True]), np.array([0.5, 0.5]), np.array([0.9, 0.9]))
    assert evidence.gain is None
    assert evidence.log_loss_challenger is not None
    assert evidence.log_loss_challenger < 0.2


def test_perfect_challenger_has_a_gain_without_uncertainty():
    converted = np.array([True, False] * 30)
    evidence = paired_evidence(converted, np.full(60, 0.5), np.where(converted, 0.9, 0.1))
    assert (evidence.gain, evidence.standard_error) == (0.5, 0.0)


def test_a_score_adds_nothing_to_itself_and_much_to_a_guess():
    draw = np.random.default_rng(2)
    log_odds = draw.normal(size=300)
    converted = draw.random(300) < 1 / (1 + np.exp(-log_odds))
    knows, guess = 1 / (1 + np.exp(-log_odds)), draw.random(300)
    assert added_value(converted, guess, knows) > 4
    assert abs(added_value(converted, knows, guess)) < 2
    assert abs(added_value(converted, knows, knows)) < 1


def test_what_adds_nothing_seems_to_as_often_as_chance_would_have_it():
    draw = np.random.default_rng(4)
    seemed = 0
    for _ in range(400):
        log_odds = draw.normal(size=150)
        converted = draw.random(150) < 1 / (1 + np.exp(-log_odds))
        champion, noise = 1 / (1 + np.exp(-log_odds)), draw.random(150)
        seemed += added_value(converted, champion, noise) > 1.96
    assert 2 <= seemed <= 20  # of 400, 2.5 %


def out_of_fold(inputs, converted, n_folds=5):
    """Scores of a ridge regression fitted without the leads it scores."""
    scores = np.empty(len(inputs))
    for fold in range(n_folds):
        is_test = np.arange(len(inputs)) % n_folds == fold
        known, told = inputs[~is_test], converted[~is_test] - converted[~is_test].mean()
        weights = np.linalg.solve(known.T @ known + 20 * np.eye(known.shape[1]), known.T @ told)
        scores[is_test] = inputs[is_test] @ weights
    return 1 / (1 + np.exp(-2 * scores))


def test_scores_out_of_fold_vouch_for_each_other():
    """Where there is nothing to learn the statistic would vary by the root of two."""
    draw = np.random.default_rng(5)
    found = []
    for _ in range(150):
        inputs, converted = draw.normal(size=(120, 20)), draw.random(120) < 0.4
        scores, champion = out_of_fold(inputs, converted), draw.random(120)
        found.append(added_value(converted, champion, scores, n_learned=120))
    assert np.std(found) == pytest.approx(1, abs=0.12)


def test_scores_of_many_other_leads_vouch_less_for_each_other():
    draw = np.random.default_rng(6)
    converted, champion, challenger = draw.random(90) < 0.4, draw.random(90), draw.random(90)
    assert added_value(converted, champion, challenger, n_learned=360) == pytest.approx(
        added_value(converted, champion, challenger) / 1.25**0.5
    )
