import json

import numpy as np
import pytest

from bench import gate, streams
from bench.gate import GATES, behind
from bench.gate_tables import tables
from bench.real_leads import RealLeads
from bench.streams import Model, Round
from tests.bench.folders import folder_of_leads
from tests.ml.leads import FIELDS, make_examples

pytestmark = pytest.mark.usefixtures("small_forests")

CONVERTED = np.arange(200) % 2 == 0
GOOD, BAD = np.where(CONVERTED, 0.8, 0.2), np.full(200, 0.5)


def model(auc, scores=BAD, stored=None):
    return Model(scores, auc, log_loss=0.5, stored_auc=auc if stored is None else stored)


def rounds(*aucs, held_out=0.5):
    return [
        Round(50 * place, model(auc), GOOD[: 50 * place], model(auc - 0.1, stored=held_out))
        for place, auc in enumerate(aucs, start=1)
    ]


@pytest.mark.parametrize(
    ("name", "promotions", "wrong", "end"),
    [
        ("never", 0, 0, 0.70),
        ("always", 3, 1, 0.74),
        ("oracle", 1, 0, 0.75),
        ("leadloop", 3, 1, 0.74),
    ],
)
def test_gate_is_charged_with_its_promotions(name, promotions, wrong, end):
    row = behind(name, rounds(0.75, 0.73, 0.74), model(0.70), CONVERTED)
    assert (row["promotions"], row["wrong"], row["auc_at_end"]) == (promotions, wrong, end)
    assert row["attempts"] == 3


def test_product_judges_on_labels_since_its_champion_alone():
    first = model(0.9, scores=GOOD)
    assert behind("leadloop", rounds(0.8, 0.8), first, CONVERTED)["promotions"] == 0


def test_holdout_compares_with_the_stored_figure_and_promotes_what_it_measured():
    row = behind("holdout", rounds(0.75, held_out=0.72), model(0.70), CONVERTED)
    assert (row["promotions"], row["wrong"], row["auc_at_end"]) == (1, 1, 0.65)
    assert behind("holdout", rounds(0.75, held_out=0.71), model(0.70), CONVERTED)["promotions"] == 0


def test_attempts_that_gain_less_than_two_points_are_undeserved():
    row = behind("never", rounds(0.715, 0.73, 0.6), model(0.70), CONVERTED)
    assert row["undeserved"] == 2


def made_up(n_leads):
    examples = make_examples(n_leads)
    return RealLeads(FIELDS, [], examples.records, examples.converted)


def test_stream_unseen_leads_and_first_champion_are_strangers(monkeypatch):
    learned_from = []
    monkeypatch.setattr(
        streams.Stream, "first_champion", lambda stream, places: learned_from.append(set(places))
    )
    (stream, starts), _ = streams.streams(made_up(4_300), 2)
    assert list(starts) == ["weak", "strong"]
    groups = [set(stream.labelled), set(stream.unseen), *learned_from[:2]]
    assert [len(group) for group in groups] == [500, 2_000, 25, 1_500]
    assert len(set.union(*groups)) == sum(len(group) for group in groups)


def test_too_few_leads_give_no_stream():
    assert list(streams.streams(made_up(1_000), 1)) == []


def test_challengers_come_every_fifty_labels_once_there_are_ten_of_each():
    leads = made_up(700)
    few = [place for place in range(100) if not leads.converted[place]][:45]
    rest = [place for place in range(700) if place not in few]
    stream = streams.Stream(leads, [*few, *rest[:55]], rest[55:], seed=0)
    (only,) = stream.rounds()
    assert only.n == 100
    assert len(only.out_of_fold) == len(only.challenger.scores) == 100
    assert only.challenger.auc > 0.6
    assert only.held_out.stored_auc != only.held_out.auc


def test_shuffled_outcomes_are_as_many_but_mean_nothing():
    leads = made_up(2_000)
    told = streams.shuffled(leads)
    assert sum(told.converted) == sum(leads.converted)
    trial = np.array([record["trial"] for record in told.records])
    assert abs(np.corrcoef(trial, told.converted)[0, 1]) < 0.08


def test_streams_are_replayed_and_written(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(gate, "RESULTS", tmp_path / "results" / "gate.json")
    monkeypatch.setattr(streams, "N_LABELS", 50)
    monkeypatch.setattr(streams, "MAX_UNSEEN", 500)
    assert gate.main([str(folder_of_leads(tmp_path, 700)), "--streams", "1"]) == 0
    rows = json.loads((tmp_path / "results" / "gate.json").read_text())
    assert [row["gate"] for row in rows] == [*GATES, *GATES]
    assert {row["outcomes"] for row in rows} == {"real", "shuffled"}
    assert "outcomes shuffled, weak start (1 streams)" in capsys.readouterr().out


def test_tables_sum_up_several_data_sets():
    common = behind("always", rounds(0.75, 0.73), model(0.70), CONVERTED)
    kinds = {"outcomes": "real", "start": "weak", "gate": "always", "stream": 0}
    told = tables([common | kinds | {"dataset": name} for name in ("one", "two")])
    assert "all 2 data sets, outcomes real, weak start (2 streams)" in told
    assert "| always | 2.00 | 2 of 4 | 100.0% of 2 | 0.700 | 0.730 | 0.730 | 0.500 |" in told
