import numpy as np
import pytest

from ml.training import recency
from ml.training.encode import columns_of, frame_of
from ml.training.recency import HalfLife, blocks, chosen, half_lives, predicted, sample_weight
from tests.ml.leads import FIELDS, make_examples


def framed(examples):
    columns = columns_of(examples.records, FIELDS.model)
    return frame_of(examples.records, columns), np.array(examples.converted), columns


def turned(n_leads, n_before):
    """Leads whose outcomes before a moment mean the opposite of those behind it."""
    frame, converted, columns = framed(make_examples(n_leads))
    converted[:n_before] = ~converted[:n_before]
    return frame, converted, columns


def test_a_label_counts_half_of_one_that_came_a_half_life_later():
    weights = sample_weight(1_000, 250)
    assert weights[-1] == 1
    assert weights[400] / weights[650] == pytest.approx(0.5)
    assert sample_weight(1_000, None) is None


def ends(converted):
    """The first label and the one behind the last of each block of labels of leads alone."""
    found = blocks(converted, np.arange(len(converted)))
    assert all(n_before == places[0] for n_before, places in found)
    assert all(len(places) == places[-1] - places[0] + 1 for _, places in found)
    return [(places[0], places[-1] + 1) for _, places in found]


def test_blocks_are_the_newest_two_fifths_behind_each_other():
    expected = [(600, 700), (700, 800), (800, 900), (900, 1_000)]
    assert ends(np.arange(1_000) % 3 == 0) == expected


def test_blocks_are_larger_where_outcomes_of_a_kind_are_few():
    assert ends(np.arange(1_000) % 10 == 0) == [(600, 800), (800, 1_000)]
    assert ends(np.arange(1_000) % 20 == 0) == [(600, 1_000)]
    assert ends(np.arange(1_000) % 40 == 0) == []


def test_blocks_leave_out_leads_of_a_group_that_came_before():
    converted, groups = np.arange(1_000) % 3 == 0, np.arange(1_000)
    groups[600:610] = np.arange(10)
    groups[700:710] = np.arange(610, 620)
    first, second, *_ = blocks(converted, groups)
    assert (first.n_before, first.places.tolist()) == (600, [*range(610, 700)])
    assert (second.n_before, second.places.tolist()) == (700, [*range(710, 800)])


def test_blocks_are_predicted_from_what_was_labelled_before_them_alone():
    frame, converted, _ = framed(make_examples(600))
    seen = []

    def fit(known, outcomes, weights):
        seen.append((known.index.tolist(), outcomes.tolist(), weights))
        return lambda unseen: unseen.index.to_numpy(dtype=float)

    alone = np.arange(600)
    scores = [*predicted(fit, frame, converted, alone, half_life=None)]
    cuts = [block.n_before for block in blocks(converted, alone)]
    assert [known for known, _, _ in seen] == [[*range(cut)] for cut in cuts]
    assert [outcomes for _, outcomes, _ in seen] == [converted[:cut].tolist() for cut in cuts]
    assert np.concatenate(scores).tolist() == list(range(360, 600))


def test_old_labels_that_mislead_count_less():
    compared = half_lives(*turned(2_000, 1_000))
    assert chosen(compared) == 250
    assert [each.labels for each in compared] == [None, 1_000, 250]
    assert compared[2].log_loss < compared[1].log_loss < compared[0].log_loss


@pytest.mark.parametrize("seed", range(4))
def test_all_labels_count_alike_where_nothing_changed(seed):
    assert chosen(half_lives(*framed(make_examples(1_000, seed=seed)))) is None


def test_a_half_life_that_ranks_worse_is_not_chosen():
    told = [
        HalfLife(None, 0.50, saved=0.0, standard_error=0.0, auc=0.80),
        HalfLife(1_000, 0.48, saved=0.02, standard_error=0.002, auc=0.80),
        HalfLife(250, 0.45, saved=0.05, standard_error=0.002, auc=0.75),
    ]
    assert chosen(recency._marked(told)) == 1_000


def test_of_many_labels_some_are_compared_on_evenly_in_time(monkeypatch):
    monkeypatch.setattr(recency, "MAX_COMPARED_ON", 1_500)
    compared = half_lives(*turned(3_000, 2_200))
    assert [each.labels for each in compared] == [None, 1_500, 375]
    assert chosen(compared) == 375


def test_few_labels_leave_nothing_to_choose():
    assert half_lives(*turned(450, 200)) == []
    assert chosen([]) is None
