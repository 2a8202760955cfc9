import dataclasses
import math

import pytest

from ml.fields.fields_file import loads
from ml.fields.types import Value
from ml.scorecard.reasons import explain
from ml.scorecard.scorecard import Scorecard
from ml.scorecard.starter import starter_scorecard
from ml.scorecard.terms import Bin, CategoryTerm, Counts, CurveTerm

FIELDS = loads("""
field = [
    {name = "lead_source", type = "category", label = "Lead source"},
    {name = "website_visits", type = "count", label = "Website visits"},
    {name = "email_opens", type = "count", label = "Email opens"},
    {name = "days_since_contact", type = "count", label = "Days since contact"},
    {name = "age", type = "count", label = "Age", unit = "years"},
    {name = "balance", type = "number", label = "Balance", unit = "EUR"},
    {name = "opted_out", type = "boolean", label = "Opted out"},
]
""")


def category(field, effect, **counts):
    levels = dict.fromkeys(counts, effect)
    missing = counts.pop("missing", (0, 0))
    other = counts.pop("other", (0, 0))
    return CategoryTerm(
        field,
        {level: effect for level in levels if level in counts},
        other=effect,
        missing=effect,
        level_counts={level: Counts(*pair) for level, pair in counts.items()},
        other_counts=Counts(*other),
        missing_counts=Counts(*missing),
    )


def curve(field, effect, *bins, missing=(0, 0)):
    counted = tuple(Bin(upper, Counts(n, k)) for upper, n, k in bins)
    return CurveTerm(field, (0.0,), ((effect,), (effect,)), effect, counted, Counts(*missing))


def sentence(term, value):
    card = Scorecard("test", 0.0, 0.31, 1000, (0.6, 0.4, 0.2), (term,))
    (reason,) = explain(card, FIELDS, {term.field: value})
    return reason.sentence


VISITS = curve("website_visits", 0.5, (0, 50, 20), (1, 60, 30), (5, 70, 40), (None, 80, 60))
AGE = curve("age", -0.4, (29, 100, 10), (39, 100, 20), (None, 100, 30))
BALANCE = curve("balance", 0.2, (0.5, 20, 9), (2500.0, 20, 9), (None, 20, 9), missing=(30, 0))


@pytest.mark.parametrize(
    ("term", "value", "expected"),
    [
        (
            category("lead_source", 0.9, referral=(88, 56)),
            "Referral",
            "Referral leads convert more often: 64 %, against 31 % overall.",
        ),
        (
            category("lead_source", -0.9, other=(41, 9)),
            "Fax",
            "Lead source Fax is rare. Leads with a rare lead source convert less often: 22 %,"
            " against 31 % overall.",
        ),
        (
            category("lead_source", -0.9, referral=(88, 56)),
            "Fax",
            "The model has not seen lead source Fax before.",
        ),
        (
            category("lead_source", -0.9, missing=(300, 0)),
            None,
            "Leads with unknown lead source convert less often: 0 %, against 31 % overall.",
        ),
        (
            category("lead_source", -0.9, referral=(88, 56)),
            None,
            "Lead source is missing here; the model has only seen leads that have it.",
        ),
        (
            category("opted_out", -0.8, true=(300, 1)),
            True,
            "Leads where opted out is yes convert less often: under 1 %, against 31 % overall.",
        ),
        (
            category("opted_out", 0.8, false=(4, 3)),
            False,
            "3 of 4 leads where opted out is no converted, against 31 % overall.",
        ),
        (VISITS, 0, "Leads with 0 website visits convert more often: 40 %, against 31 % overall."),
        (
            VISITS,
            1,
            "Leads with website visits of 1 convert more often: 50 %, against 31 % overall.",
        ),
        (
            VISITS,
            4,
            "Leads with 2 to 5 website visits convert more often: 57 %, against 31 % overall.",
        ),
        (
            VISITS,
            90,
            "Leads with 6 or more website visits convert more often: 75 %, against 31 % overall.",
        ),
        (AGE, 20, "Leads with age up to 29 years convert less often: 10 %, against 31 % overall."),
        (
            AGE,
            33,
            "Leads with age of 30 to 39 years convert less often: 20 %, against 31 % overall.",
        ),
        (
            AGE,
            70,
            "Age of 40 or more years lowers this score.",
        ),
        (
            BALANCE,
            -5.0,
            "Leads with balance up to 0.5 EUR convert more often: 45 %, against 31 % overall.",
        ),
        (
            BALANCE,
            1200.5,
            "Leads with balance above 0.5 up to 2,500 EUR convert more often: 45 %, against 31 % "
            "overall.",
        ),
        (
            BALANCE,
            9000.0,
            "Leads with balance above 2,500 EUR convert more often: 45 %, against 31 % overall.",
        ),
        (
            BALANCE,
            None,
            "Unknown balance raises this score slightly.",
        ),
        (
            curve("balance", 0.2, (None, 50, 25)),
            3.0,
            "Leads with known balance convert more often: 50 %, against 31 % overall.",
        ),
    ],
)
def test_sentence_gives_the_evidence_in_words(term, value, expected):
    assert sentence(term, value) == expected[0].upper() + expected[1:]


@pytest.mark.parametrize(
    ("n_converted", "rates"),
    [
        (0, "Referral leads convert less often: 0 %, against 2.8 % overall."),
        (
            1,
            "Referral leads convert less often: under 0.1 %, against 2.8 % overall.",
        ),
        (
            80,
            "Referral leads convert less often: 2.0 %, against 2.8 % overall.",
        ),
    ],
)
def test_small_rates_have_a_digit_after_the_point(n_converted, rates):
    term = category("lead_source", -0.3, referral=(4000, n_converted))
    card = Scorecard("test", 0.0, 0.028, 9000, (0.6, 0.4, 0.2), (term,))
    (reason,) = explain(card, FIELDS, {"lead_source": "Referral"})
    assert reason.sentence == rates


@pytest.mark.parametrize(
    ("term", "value", "expected"),
    [
        (
            category("lead_source", -0.3, referral=(88, 56)),
            "Referral",
            "Lead source Referral lowers this score slightly.",
        ),
        (
            category("lead_source", -0.9, referral=(88, 56)),
            "Referral",
            "Lead source Referral lowers this score.",
        ),
        (
            category("lead_source", -0.3, referral=(100, 31)),
            "Referral",
            "Lead source Referral lowers this score slightly.",
        ),
        (curve("email_opens", -0.3, (0, 50, 40)), 0, "0 email opens lower this score slightly."),
        (curve("age", 0.3, (29, 100, 31)), 9, "Age up to 29 years raises this score slightly."),
        (
            category("opted_out", 0.9, true=(90, 1)),
            True,
            "Yes for opted out raises this score.",
        ),
    ],
)
def test_where_a_rate_does_not_explain_the_effect_the_sentence_says_what_it_does(
    term, value, expected
):
    assert sentence(term, value) == expected


def test_a_value_that_would_be_misread_before_leads_is_named_with_its_field():
    term = category("lead_source", 0.9, other=(6, 4), missing=(3, 1))
    term = dataclasses.replace(term, levels={"other": 0.9}, level_counts={"other": Counts(90, 60)})
    assert sentence(term, "Other") == (
        "Leads with lead source Other convert more often: 67 %, against 31 % overall."
    )


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"lead_source": "Referral"}, "Rule of thumb: Referral leads tend to convert more often."),
        (
            {"lead_source": "cold call"},
            "Rule of thumb: cold call leads tend to convert less often.",
        ),
        (
            {"email_opens": 1200},
            "Rule of thumb: Leads with 1,200 email opens tend to convert more often.",
        ),
        (
            {"days_since_contact": 60},
            "Rule of thumb: Leads with 60 days since contact tend to convert less often.",
        ),
    ],
)
def test_starter_speaks_in_rules_of_thumb_without_rates(values, expected):
    (reason,) = explain(starter_scorecard(), FIELDS, values)
    assert reason.sentence == expected


def test_strongest_effect_comes_first_whatever_its_sign():
    lead: dict[str, Value] = {
        "lead_source": "Cold Call",
        "email_opens": 30,
        "days_since_contact": 10,
    }
    reasons = explain(starter_scorecard(), FIELDS, lead)
    assert [reason.field for reason in reasons] == [
        "lead_source",
        "email_opens",
        "days_since_contact",
    ]
    assert [math.copysign(1, reason.effect) for reason in reasons] == [-1, 1, 1]
    assert len(explain(starter_scorecard(), FIELDS, lead, limit=2)) == 2


def test_reason_holds_field_label_value_and_exact_effect():
    (reason,) = explain(starter_scorecard(), FIELDS, {"lead_source": "Referral"})
    assert dataclasses.astuple(reason)[:4] == ("lead_source", "Lead source", "Referral", 0.55)


@pytest.mark.parametrize(
    ("term", "value", "group", "n_leads"),
    [
        (category("lead_source", 0.9, other=(6, 4)), "Fax", "with a rare lead source", 6),
        (category("lead_source", 0.9, referral=(88, 56)), "Fax", "with lead source Fax", 0),
        (category("opted_out", 0.8, false=(4, 3)), False, "where opted out is no", 4),
        (VISITS, 4, "with 2 to 5 website visits", 70),
        (VISITS, None, "with unknown website visits", 0),
    ],
)
def test_reason_names_the_leads_that_it_rests_on(term, value, group, n_leads):
    card = Scorecard("test", 0.0, 0.31, 1000, (0.6, 0.4, 0.2), (term,))
    (reason,) = explain(card, FIELDS, {term.field: value})
    assert (reason.group, reason.n_leads) == (group, n_leads)


def test_effects_that_show_as_zero_are_no_reasons():
    assert explain(starter_scorecard(), FIELDS, {"lead_source": "Organic", "email_opens": 5}) == []


def test_field_that_is_no_longer_declared_is_called_by_its_name():
    term = category("shoe_size", -0.5, large=(20, 9))
    assert sentence(term, "Large") == "Shoe size Large lowers this score."
