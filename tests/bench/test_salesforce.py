"""The bench reads a whole history and tells what it took."""

import json
import sys

from bench import salesforce


def test_everything_is_read_once_and_a_poll_without_changes_costs_four_calls(tmp_path, monkeypatch):
    monkeypatch.setattr(salesforce, "RESULTS", tmp_path / "results" / "salesforce.json")
    monkeypatch.setattr(sys, "argv", ["salesforce", "--leads", "60"])
    salesforce.main()
    found = json.loads(salesforce.RESULTS.read_text())
    assert found["records"] == 120
    assert found["quiet_calls"] == 4
    assert found["scores_written"] == 30
    assert found["history_worker_processor_seconds"] > 0
