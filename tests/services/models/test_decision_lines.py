"""Each decision in one line that says what was done with which version, when, and why."""

from datetime import timedelta

import pytest

from tests.factories import NOW
from webapp.services.models import model_story
from webapp.services.models.registry import Parent
from webapp.tables import ModelVersion

PARENTS = {7: Parent("1.2", is_recalibrated=False)}
NAMES = ("evidence", "gain", "confidence", "log_loss")


def line(*failed, now=NOW, **decision):
    checks = [{"name": name, "passed": name not in failed, "sentence": "x"} for name in NAMES]
    made = ModelVersion(
        name="1.3",
        created_at=NOW,
        parent_key=7,
        decision={
            "promote": not failed,
            "checks": checks,
            "n_evidence": 61,
            "n_converted": 21,
            "n_lost": 40,
            "gain": 0.03,
        }
        | decision,
    )
    return model_story.line_of_version(made, PARENTS, now)


@pytest.mark.parametrize(
    ("failed", "decision", "why"),
    [
        ((), {}, "promoted on 2 Mar: on 61 new leads it ranked better than 1.2."),
        ((), {"gain": None}, "promoted on 2 Mar: it passed all checks on 61 new leads."),
        (
            NAMES,
            {"n_evidence": 0, "gain": None},
            "refused on 2 Mar: no outcomes had come in since 1.2 was trained.",
        ),
        (
            ("evidence",),
            {"n_converted": 3},
            "refused on 2 Mar: there were too few new leads to compare it with 1.2 (3 converted,"
            " 40 lost).",
        ),
        (
            ("gain", "confidence"),
            {"gain": -0.01},
            "refused on 2 Mar: on 61 new leads it ranked no better than 1.2.",
        ),
        (
            ("gain",),
            {"gain": 0.01},
            "refused on 2 Mar: on 61 new leads it ranked hardly better than 1.2.",
        ),
        (
            ("confidence", "log_loss"),
            {},
            "refused on 2 Mar: on 61 new leads it ranked better than 1.2, but that may be chance.",
        ),
        (
            ("log_loss",),
            {},
            "refused on 2 Mar: on 61 new leads it ranked better than 1.2, but its percentages were"
            " not surely closer to the truth.",
        ),
    ],
)
def test_the_first_check_that_failed_says_why(failed, decision, why):
    assert line(*failed, **decision) == f"Version 1.3 {why}"


def test_a_decision_of_an_older_release_says_how_many_checks_failed():
    checks = [{"passed": False, "sentence": "x"}, {"passed": True, "sentence": "y"}]
    told = line(promote=False, checks=checks)
    assert told == "Version 1.3 refused on 2 Mar: it failed 1 of 2 checks."


def test_a_decision_of_another_year_names_it():
    assert "on 2 Mar 2026:" in line(now=NOW + timedelta(days=365))
