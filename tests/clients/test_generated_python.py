"""A client that openapi-python-client makes from the document, against the running product."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from tests.factories import make_key

GENERATE = Path(sys.executable).with_name("openapi-python-client")


@pytest.fixture(scope="session")
def dialect():
    """The client sees no database."""
    return "sqlite"


@pytest.fixture
def generated(server_url, write, tmp_path, monkeypatch):
    """The modules of the client, and the client itself with a key of the product."""
    (tmp_path / "settings.yml").write_text("post_hooks: []\n")
    made = subprocess.run(
        [
            *(GENERATE, "generate", "--url", f"{server_url}/openapi.json", "--meta", "none"),
            *("--output-path", tmp_path / "generated_leadloop"),
            *("--config", tmp_path / "settings.yml", "--fail-on-warning"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stdout + made.stderr
    monkeypatch.syspath_prepend(tmp_path)
    module = importlib.import_module
    key = write(lambda s: make_key(s, "score", "feedback"))
    client = module("generated_leadloop").AuthenticatedClient(base_url=server_url, token=key)
    return lambda name: module(f"generated_leadloop.{name}"), client


def test_it_scores_a_lead_a_batch_and_says_what_became_of_one(generated):
    module, client = generated
    models = module("models")
    lead = models.LeadRecord(lead_id="L-1", email_opens=8, actual_outcome=None)
    answer = module("api.scores.create_score").sync(client=client, body=lead)
    assert isinstance(answer, models.Score), answer
    assert 0 < answer.conversion_score < 1
    form = models.LeadForm(lead_id="L-1", name="Ann")
    assert module("api.scores.create_score").sync(client=client, body=form).lead_id == "L-1"
    parts = models.LeadMultipart(lead_id="L-1", email_opens=9)
    assert module("api.scores.create_score").sync(client=client, body=parts).lead_id == "L-1"

    batch = models.LeadRecords(leads=[lead, models.LeadRecord(lead_id="", actual_outcome=True)])
    first, second = module("api.scores.create_scores").sync(client=client, body=batch).results
    assert isinstance(first, models.Score)
    assert isinstance(second, models.RowError)

    feedback = models.Feedback(outcome="won", reason="Signed")
    record = module("api.outcomes.record_outcome").sync
    assert record("L-1", client=client, body=feedback).outcome is True
    outcomes = models.FeedbackBatch(outcomes=[models.FeedbackRow(lead_id="L-1", outcome=False)])
    [given] = module("api.outcomes.record_outcomes").sync(client=client, body=outcomes).results
    assert given.outcome is False
