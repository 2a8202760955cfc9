import json
from dataclasses import asdict

import numpy as np
import pytest

from bench import learning
from bench.learning import (
    Row,
    View,
    curves,
    figures,
    main,
    random_splits,
    rolling_splits,
    together,
    views,
)
from bench.learning_tables import tables
from bench.real_leads import real_leads
from tests.bench.folders import folder_of_leads

CONVERTED = np.random.default_rng(0).random(2_000) < 0.2


def test_sample_and_unseen_leads_are_strangers():
    for _, (train, test) in random_splits(CONVERTED, 50, 10):
        assert len(train) == 50
        assert len(test) == 600
        assert not set(train) & set(test)


def test_each_repeat_draws_anew():
    repeats = dict(random_splits(CONVERTED, 50, 2))
    assert set(repeats[0][0]) != set(repeats[1][0])
    assert set(repeats[0][1]) != set(repeats[1][1])


def test_rare_outcome_is_drawn_again_until_it_is_there_often_enough():
    rare = np.arange(2_000) % 40 == 0
    counts = [rare[train].sum() for _, (train, _) in random_splits(rare, 50, 10)]
    assert len(counts) == 10
    assert min(counts) >= 5


@pytest.mark.parametrize("n", [1_401, 5_000])
def test_too_few_leads_give_no_sample(n):
    assert list(random_splits(CONVERTED, n, 3)) == []
    assert list(rolling_splits(CONVERTED, n, 3)) == []


def test_rolling_samples_end_where_unseen_leads_begin():
    found = list(rolling_splits(CONVERTED, 100, 10))
    assert [repeat for repeat, _ in found] == [0, 1, 2, 3, 4]
    for _, (train, test) in found:
        assert (len(train), len(test)) == (100, 1_500)
        assert train[-1] + 1 == test[0]
    assert found[-1][1][1][-1] == 1_999


def test_figures_of_a_perfect_ranking():
    converted = np.arange(100) < 20
    auc, loss, error, lift = figures(converted, np.where(converted, 0.9, 0.2))
    assert (auc, lift) == (1.0, 5.0)
    assert loss == pytest.approx(-0.2 * np.log(0.9) - 0.8 * np.log(0.8), abs=1e-5)
    assert error == pytest.approx(0.2 * 0.1 + 0.8 * 0.2, abs=1e-5)


def test_all_methods_get_the_same_leads(tmp_path):
    leads, seen = real_leads(folder_of_leads(tmp_path, 400)), []

    def spy(sample):
        seen.append((sample.records, sample.converted.tolist()))

        def predict(records):
            seen.append(records)
            return np.linspace(0, 1, len(records))

        return predict

    view = View("made_up", "own", "random")
    rows = list(curves(leads, view, {"a": spy, "b": spy}, sizes=[50], n_repeats=2))
    assert [(row.method, row.repeat) for row in rows] == [("a", 0), ("b", 0), ("a", 1), ("b", 1)]
    assert seen[0] == seen[2]
    assert seen[1] == seen[3]
    assert rows[0].auc == rows[1].auc


def test_view_of_builtin_fields_needs_one(tmp_path):
    folder = folder_of_leads(tmp_path)
    found = [view for view, _ in views(folder, ["own", "builtin"], ["random"])]
    assert [view.fields for view in found] == ["own", "builtin"]
    own_only = folder.joinpath("fields.toml")
    own_only.write_text(own_only.read_text().partition('[[field]]\nname = "email_opens"')[0])
    assert [view.fields for view, _ in views(folder, ["own", "builtin"], ["random"])] == ["own"]


def test_rows_are_written_and_tables_printed(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(learning, "RESULTS", tmp_path / "results" / "learning.json")
    arguments = [str(folder_of_leads(tmp_path, 300)), "--sizes", "50", "100", "--repeats", "2"]
    arguments += ["--methods", "spline_logistic", "odoo_naive_bayes", "--fields", "own", "builtin"]
    assert main(arguments) == 0
    rows = json.loads((tmp_path / "results" / "learning.json").read_text())
    assert len(rows) == 2 * 2 * 2 * 2
    assert set(rows[0]) == {
        *("dataset", "fields", "split", "n", "method", "repeat", "auc", "log_loss", "ece", "lift")
    }
    assert {row["dataset"] for row in rows} == {tmp_path.name}
    assert "| spline_logistic | 0." in capsys.readouterr().out


def row(dataset, method, auc, loss):
    common = {"fields": "own", "split": "random", "n": 50, "repeat": 0, "ece": 0.1, "lift": 2.0}
    return common | {"dataset": dataset, "method": method, "auc": auc, "log_loss": loss}


def test_product_is_told_by_how_much_it_leads_the_best_single_peer():
    one = [("leadloop", 0.80, 0.4), ("x", 0.78, 0.5), ("y", 0.7, 0.6)]
    two = [("leadloop", 0.70, 0.4), ("x", 0.71, 0.3), ("y", 0.7, 0.6)]
    rows = [*(row("one", *each) for each in one), *(row("two", *each) for each in two)]
    assert "| 50 | +0.0050 | +0.0000 | two -0.0100 (x) |" in tables(rows)


def test_nothing_measured_is_said():
    assert tables([]) == "No data set has enough leads."


def test_rows_of_earlier_runs_stay_but_for_those_measured_anew():
    def row(method, n, auc):
        return Row("leads", "own", "random", n, method, 0, auc, 0.5, 0.1, 2.0)

    earlier = [asdict(row("ebm", 50, 0.7)), asdict(row("leadloop", 50, 0.6))]
    found = together(earlier, [row("leadloop", 50, 0.8), row("leadloop", 100, 0.9)])
    assert [(each["method"], each["n"], each["auc"]) for each in found] == [
        ("leadloop", 50, 0.8),
        ("leadloop", 100, 0.9),
        ("ebm", 50, 0.7),
    ]
