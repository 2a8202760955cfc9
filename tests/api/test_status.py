"""`/info`, `/health`, `/readyz`, `/metrics`: what is told, and to whom."""

import re

import sqlalchemy as sa

from tests.factories import make_lead
from tests.learned import make_recalibration
from webapp.database import utc_now
from webapp.product import VERSION
from webapp.services.models import lifecycle, registry
from webapp.services.runs import runs


def test_info_tells_what_is_in_use_and_what_is_known(client, headers, write):
    write(lambda s: [make_lead(s, f"L-{n}", actual_outcome=n < 2 or None) for n in range(5)])
    assert client.get("/info", headers=headers).json == {
        "model_version": "1.0",
        "total_leads_scored": 5,
        "feedback_samples_collected": 2,
        "retraining_status": {
            "feedback_count": 2,
            "retraining_threshold": 50,
            "ready_for_retraining": False,
            "new_feedback_count": 2,
            "is_retraining": False,
            "last_run": None,
        },
        "model_metrics": {
            "auc": None,
            "auc_low": None,
            "auc_high": None,
            "log_loss": None,
            "brier": None,
            "n_leads": None,
            "sentence": "This version was not trained on your data, so nothing has been measured.",
        },
        "version": VERSION,
    }


def test_info_of_a_recalibration_does_not_call_the_leads_new_that_set_its_level(
    client, headers, write
):
    write(make_recalibration)
    told = client.get("/info", headers=headers).json["model_metrics"]
    assert told["n_leads"] == 27
    assert told["sentence"] == (
        "Measured on the 27 leads it was recalibrated on, so log loss and Brier score look better"
        " than on new leads; AUC is not affected."
    )


def test_info_follows_a_training(client, headers, write):
    write(lambda s: [make_lead(s, f"L-{n}", actual_outcome=n % 2 == 0) for n in range(20)])
    run = client.post("/retrain", headers=headers).json
    status = client.get("/info", headers=headers).json["retraining_status"]
    assert (status["is_retraining"], status["last_run"]["id"]) == (True, run["id"])
    assert status["last_run"]["state"] == "requested"
    claimed = write(lambda s: runs.claim(s, "training", "a worker", utc_now()))
    write(lambda s: lifecycle.fail(s, claimed, "Too slow", utc_now()))
    status = client.get("/info", headers=headers).json["retraining_status"]
    assert (status["is_retraining"], status["last_run"]["reason"]) == (False, "Too slow")


def test_health_needs_no_database(app, write):
    write(lambda s: s.execute(sa.text("DROP TABLE model_aliases")))
    assert app.test_client().get("/health").json == {"status": "ok"}


def test_ready_says_what_is_missing(app, client, write):
    assert client.get("/readyz").json["status"] == "ready"
    now = utc_now()
    write(lambda s: registry.set_alias(s, registry.CHAMPION, None, now))
    answer = client.get("/readyz")
    missing = [check["name"] for check in answer.json["checks"] if not check["ok"]]
    assert (answer.status_code, missing) == (503, ["champion"])


def test_ready_notices_migrations_that_have_not_run(client, write):
    write(lambda s: s.execute(sa.text("UPDATE alembic_version SET version_num = '0000'")))
    answer = client.get("/readyz")
    missing = [check["name"] for check in answer.json["checks"] if not check["ok"]]
    assert (answer.status_code, missing) == (503, ["migrations"])


def test_figures_count_requests_and_rows_without_personal_data(client, headers, score):
    score("ada@example.com", name="Ada Example")
    client.put("/feedback/ada@example.com?outcome=true", headers=headers)
    body = {"leads": [{"lead_id": "L-2"}, {}]}
    client.post("/score/batch", json=body, headers=headers)
    client.get("/nobody@example.com")
    text = client.get("/metrics").text
    assert "leadloop_webhooks_pending 0.0" in text
    assert 'leadloop_rows_total{kind="score",result="accepted"} 2.0' in text
    assert 'leadloop_rows_total{kind="score",result="refused"} 1.0' in text
    assert 'route="/feedback/<lead:lead_id>",status="200"} 1.0' in text
    assert 'method="GET",route="none",status="404"} 1.0' in text
    assert not re.search(r"@|Ada|L-2", text)
