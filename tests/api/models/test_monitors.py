"""`/api/monitors` and the gauges: what the last check found, for programs."""

import re

from tests.factories import FIELDS, NOW, make_champion
from tests.pages.models.test_monitors import check_done
from webapp.services.models import monitoring
from webapp.services.runs import runs


def test_before_the_first_check_all_is_null(client, headers):
    answer = client.get("/api/monitors", headers=headers)
    assert answer.json == {
        "checked_at": None,
        "model_version": None,
        "is_current": False,
        "verdict": None,
        "findings": [],
    }
    assert "leadloop_model_" not in client.get("/metrics").text


def test_the_last_check_is_told_with_its_figures(client, headers, write):
    write(lambda s: check_done(s, calibration="act", live_auc="unknown"))
    told = client.get("/api/monitors", headers=headers).json
    assert (told["model_version"], told["is_current"], told["verdict"]) == ("1.0", True, "act")
    level = told["findings"][0]
    assert (level["name"], level["verdict"], level["figures"]["z"]) == ("calibration", "act", 6.3)


def test_a_check_can_be_asked_for_once(client, headers, read):
    answer = client.post("/api/monitors", headers=headers)
    assert (answer.status_code, answer.json["kind"]) == (202, "monitoring")
    assert client.post("/api/monitors", headers=headers).status_code == 409
    assert read(lambda s: runs.unfinished(s, monitoring.KIND)).trigger == "request"


def test_what_was_not_measured_is_null_and_no_gauge(client, headers, write, read):
    def check(session):
        make_champion(session)
        run = runs.request(session, monitoring.KIND, trigger="request", requested_by="a", now=NOW)
        runs.claim(session, monitoring.KIND, "worker-1", NOW)
        trigger = monitoring.Trigger(50)
        found = monitoring.check(session, FIELDS, trigger, NOW, may_recalibrate=False)
        runs.finish(session, run, NOW, found.result)

    write(check)
    told = client.get("/api/monitors", headers=headers).json
    figures = {f["name"]: f["figures"] for f in told["findings"]}
    assert (figures["calibration"]["n"], figures["calibration"]["z"]) == (0, None)
    assert figures["selection"]["psi"] is None
    text = client.get("/metrics").text
    gauges = set(re.findall(r"^leadloop_model_(\w+) ", text, re.MULTILINE))
    assert gauges == {"checked_timestamp_seconds", "verdict"}


def test_prometheus_gets_what_could_be_measured(client, write):
    write(lambda s: check_done(s, calibration="act"))
    text = client.get("/metrics").text
    found = dict(re.findall(r"^leadloop_model_(\w+) (\S+)$", text, re.MULTILINE))
    assert float(found.pop("checked_timestamp_seconds")) > 1.7e9
    assert {name: float(value) for name, value in found.items()} == {
        "verdict": 3,
        "calibration_z": 6.3,
        "live_auc": 0.71,
        "live_auc_low": 0.61,
        "live_auc_high": 0.81,
        "score_psi": 0.31,
        "field_psi": 0.05,
    }


def test_a_check_from_before_a_monitor_existed_is_still_told(client, write):
    def check(session):
        make_champion(session)
        run = runs.request(session, monitoring.KIND, trigger="request", requested_by="a", now=NOW)
        runs.claim(session, monitoring.KIND, "worker-1", NOW)
        trigger = monitoring.Trigger(50)
        found = monitoring.check(session, FIELDS, trigger, NOW, may_recalibrate=False).result
        runs.finish(session, run, NOW, found | {"findings": found["findings"][1:]})

    write(check)
    assert "leadloop_model_verdict" in client.get("/metrics").text
