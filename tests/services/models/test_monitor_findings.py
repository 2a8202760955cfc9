"""What the monitors say of fields whose values have changed: which, what happened, what to do."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ml.scorecard.scorecard import Scorecard
from ml.scorecard.terms import CategoryTerm, CurveTerm
from ml.training.term_sums import counted
from tests.factories import FIELDS
from webapp.services.models import monitor_words
from webapp.services.models.monitor_findings import field_drift
from webapp.services.models.monitor_samples import Samples, ScoredLead
from webapp.services.models.monitor_words import State

RNG = np.random.default_rng(0)
FLAT = ((0.0,), (0.0,))
BEFORE = [
    {"website_visits": visits, "email_opens": 1, "lead_source": source}
    for visits, source in zip(
        (RNG.geometric(0.1, 300)).tolist(), ["Referral", "Webinar"] * 150, strict=True
    )
]
TERMS = counted(
    [
        CurveTerm("website_visits", (0.0,), FLAT, 0.0),
        CurveTerm("email_opens", (0.0,), FLAT, 0.0),
        CategoryTerm("lead_source", {"referral": 0.0, "webinar": 0.0}, 0.0, 0.0),
    ],
    BEFORE,
    [False] * 300,
)
CARD = Scorecard("made up", 0.0, 0.3, 300, (0.6, 0.4, 0.2), TERMS)


def found(card=CARD, **changed):
    """The finding where some fields are another now; a function is applied to what they were."""
    now = [
        record | {name: of(record[name]) if callable(of) else of for name, of in changed.items()}
        for record in BEFORE
    ]
    unasked: Any = None  # what this monitor does not look at
    samples = Samples(
        champion=unasked,
        learned=unasked,
        card=card,
        learned_card=unasked,
        since=unasked,
        now=unasked,
        delays=unasked,
        recent=[ScoredLead(record, 0.3) for record in now],
        judged=[],
        labelled_by_score=[],
        scored_by_score=[],
    )
    finding, causes = field_drift(samples, FIELDS)
    advice = monitor_words.advice(State(fields=finding.verdict, causes=causes))
    return finding._replace(advice=advice["field_drift"])


def test_nothing_is_said_where_nothing_has_changed():
    assert found()[2:5] == ("good", "All 3 fields are spread as in the leads it learned from.", "")


@pytest.mark.parametrize(
    ("changed", "sentence", "advice"),
    [
        (
            {"website_visits": lambda v: 1000 * v},
            "Changed since training: Website visits (about 1,000 times larger).",
            "Has the unit of Website visits changed, such as from seconds to milliseconds? Change"
            " it back where it comes from, and train only on one unit.",
        ),
        (
            {"email_opens": 10**9},
            "Changed since training: Email opens (always 1 in training).",
            "Email opens tells the model nothing yet: it had one value in all leads learned from."
            " Train now, so that the model learns from the leads of today.",
        ),
        (
            {"website_visits": "many"},
            "Changed since training: Website visits (100 % values that the model cannot read, such"
            " as many).",
            "Website visits now comes as another type of value. Send it as before; if the new type"
            " is right, declare it as a field of its own, which the model learns beside the old"
            " one.",
        ),
        (
            {"website_visits": None},
            "Changed since training: Website visits (unknown for 100 % of leads, 0 % in training).",
            "Check whether Website visits still arrives: a renamed column, a lost permission or"
            " values that cannot be read (see Data quality) leave it unknown.",
        ),
        (
            {"lead_source": lambda s: "Podcast" if s == "Webinar" else s},
            "Changed since training: Lead source (50 % new or rare values, such as Podcast).",
            "Check whether these are new names for old values of Lead source; if so, use the old"
            " ones or add them as other words for them."
            " Train now, so that the model learns from the leads of today.",
        ),
    ],
)
def test_the_likely_cause_is_named_with_the_field_and_what_to_do(changed, sentence, advice):
    assert found(**changed)[2:5] == ("act", sentence, advice)


def test_nobody_is_told_to_train_while_one_of_the_fields_is_wrong():
    told = found(email_opens=7, website_visits=None)
    assert "Email opens" in told.sentence
    assert told.advice.startswith("Check whether Website visits still arrives")
    assert "Train" not in told.advice
    assert told.figures["fields"]["email_opens"]["cause"] == "constant"
    assert "cause" not in told.figures["fields"]["lead_source"]


def test_a_field_that_hardly_any_lead_had_in_training_may_come_in_without_alarm():
    before = [record | {"email_opens": 1 if n < 9 else None} for n, record in enumerate(BEFORE)]
    terms = counted(CARD.terms, before, [False] * 300)
    told = found(replace(CARD, terms=terms), email_opens=3)
    assert told[2:5] == (
        "good",
        "All 2 fields are spread as in the leads it learned from. Hardly known in training, and"
        " learned as outcomes come in: Email opens.",
        "",
    )
    assert "Email opens" not in found(replace(CARD, terms=terms), email_opens=None).sentence
