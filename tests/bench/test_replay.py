"""The replay: what it feeds, when it measures, what it reports."""

import csv
import gzip
import json
import subprocess
import sys

import numpy as np
import pytest

from bench import replay
from bench.check_compiled import RealLeads
from bench.replay import Champion, Due, Line, main, measured, summary
from bench.store import Store, StoreFailed
from ml.fields.types import Value
from ml.scorecard.starter import starter_scorecard
from tests.factories import FIELDS
from tests.sync.processes import is_running
from webapp.config import ROOT, Settings

STARTER = Champion("1.0", starter_scorecard())
RUN = {"result": {"promoted": True, "reason": "It won.", "version": "1.1"}}
FIELDS_FILE = '[[field]]\nname = "email_opens"\ntype = "count"\nlabel = "Email opens"\n'


def leads_of(converted):
    """Leads of which the e-mails opened are fewer the likelier they convert."""
    opens: list[dict[str, Value]] = [{"email_opens": 0 if c else 30} for c in converted]
    ids = [f"L/{i}" for i in range(len(converted))]
    return RealLeads(FIELDS, ids, opens, list(converted))


def line(*, promoted=False, auc=0.8, auc_naive_bayes=0.7):
    return Line(50, "1.1", promoted, "because", auc=auc, auc_naive_bayes=auc_naive_bayes)


def test_a_training_is_due_where_the_product_starts_one():
    due = Due(threshold=50)
    told = [due.add(converted=place % 10 == 0) for place in range(250)]
    # The tenth converted lead is the 91st; from there each fifty new ones.
    assert [place + 1 for place, is_due in enumerate(told) if is_due] == [91, 141, 191, 241]


def test_the_models_are_measured_on_the_next_leads_alone():
    leads = leads_of([True, False] * 1_000)
    told = measured(leads, 900, STARTER, STARTER, run=RUN)
    assert (told.outcomes, told.version, told.promoted) == (900, "1.0", True)
    assert (told.auc, told.auc_starter, told.auc_naive_bayes) == (0, 0, 1)
    assert told.log_loss == told.log_loss_starter
    assert (told.log_loss_naive_bayes or 9) < (told.log_loss or 0)


@pytest.mark.parametrize("unseen", [[True, False] * 49, [True] * 500, [False] * 499 + [True]])
def test_nothing_is_measured_on_too_few_leads_or_on_one_kind(unseen):
    told = measured(leads_of([True, False] * 50 + unseen), 100, STARTER, STARTER, run=RUN)
    figures = [value for name, value in vars(told).items() if "auc" in name or "loss" in name]
    assert figures == [None] * 6
    assert "-" in str(told)


def test_the_summary_counts_from_the_first_promotion():
    lines = [
        line(auc=0.5),
        line(promoted=True),
        line(auc=0.6),
        line(auc=0.9),
        line(auc=None, auc_naive_bayes=None),
    ]
    told = summary(lines, seconds=90)
    assert "5 attempts, 1 promotions, 1.5 minutes" in told
    assert "since the first promotion: 2 of 3" in told
    assert "AUC 0.900 with version 1.1" in told
    assert "measure on: 1" in told


def test_a_store_whose_processes_end_says_why(tmp_path, free_port):
    with (tmp_path / "web.log").open("w") as log:
        web = subprocess.Popen(["sh", "-c", "echo no memory >&2; exit 3"], stderr=log)
    web.wait()
    store = Store(Settings(data_dir=tmp_path, port=free_port), {"web": web})
    with pytest.raises(StoreFailed, match=r"the web process ended \(3\):\nno memory"):
        store.wait_for_attempt(0)


def test_leads_are_replayed_through_the_running_product(tmp_path, monkeypatch, capsys):
    folder = tmp_path / "made up"
    folder.mkdir()
    (folder / "fields.toml").write_text(FIELDS_FILE)
    rng = np.random.default_rng(1)
    with gzip.open(folder / "leads.csv.gz", "wt", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["lead_id", "email_opens", "actual_outcome"])
        for i in range(300):
            converted = bool(rng.random() < 0.5)
            opens = rng.integers(0, 10) + (0 if converted else 5)
            writer.writerow([f"L/{i} ä", opens, str(converted).lower()])
    monkeypatch.setattr(replay, "RESULTS", tmp_path)
    monkeypatch.setattr(replay, "ROOT", tmp_path)
    assert main([str(folder), "--limit", "60"]) == 0
    [row] = json.loads((tmp_path / "replay-made up.json").read_text())
    assert (row["outcomes"], row["version"], row["promoted"]) == (50, "1.1", True)
    assert row["auc"] > 0.8 > 0.2 > row["auc_starter"]
    assert "1 attempts, 1 promotions" in capsys.readouterr().out


def test_a_replay_that_is_ended_ends_its_processes(tmp_path):
    (tmp_path / "fields.toml").write_text(FIELDS_FILE)
    program = (
        "import os, signal, sys\n"
        "from bench import replay\n"
        "def feed(store, leads, limit):\n"
        "    print(*(p.pid for p in store.processes.values()), flush=True)\n"
        "    signal.pause()\n"
        "replay.replay, replay.real_leads = feed, lambda folder: None\n"
        "sys.exit(replay.main([sys.argv[1]]))\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    replaying = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    replaying.stdout.readline()
    processes = [int(number) for number in replaying.stdout.readline().split()]
    assert all(map(is_running, processes))
    replaying.terminate()
    replaying.communicate()
    assert not any(map(is_running, processes))
