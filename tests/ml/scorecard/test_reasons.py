import dataclasses
import math

import pytest

from ml.fields.fields_file import loads
from ml.fields.types import Value
from ml.scorecard.reasons import explain
from ml.scorecard.scorecard import Bin, CategoryTerm, Counts, CurveTerm, Scorecard
from ml.scorecard.starter import starter_scorecard

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
            "64 % of 88 leads with lead source Referral converted; of all learned from 31 %.",
        ),
        (
            category("lead_source", -0.9, other=(41, 9)),
            "Fax",
            "Lead source Fax is rare: 22 % of 41 leads with a rare lead source converted; "
            "of all learned from 31 %.",
        ),
        (
            category("lead_source", -0.9, referral=(88, 56)),
            "Fax",
            "Lead source Fax was not seen among the leads learned from.",
        ),
        (
            category("lead_source", -0.9, missing=(300, 0)),
            None,
            "0 % of 300 leads with unknown lead source converted; of all learned from 31 %.",
        ),
        (
            category("lead_source", -0.9, referral=(88, 56)),
            None,
            "Lead source is unknown here, but was known for every lead learned from.",
        ),
        (
            category("opted_out", -0.8, true=(300, 1)),
            True,
            "under 1 % of 300 leads where opted out is yes converted; of all learned from 31 %.",
        ),
        (
            category("opted_out", 0.8, false=(4, 3)),
            False,
            "3 of 4 leads where opted out is no converted; of all learned from 31 %.",
        ),
        (VISITS, 0, "40 % of 50 leads with 0 website visits converted; of all learned from 31 %."),
        (
            VISITS,
            1,
            "50 % of 60 leads with website visits of 1 converted; of all learned from 31 %.",
        ),
        (
            VISITS,
            4,
            "57 % of 70 leads with 2 to 5 website visits converted; of all learned from 31 %.",
        ),
        (
            VISITS,
            90,
            "75 % of 80 leads with 6 or more website visits converted; of all learned from 31 %.",
        ),
        (AGE, 20, "10 % of 100 leads with age up to 29 years converted; of all learned from 31 %."),
        (
            AGE,
            33,
            "20 % of 100 leads with age of 30 to 39 years converted; of all learned from 31 %.",
        ),
        (
            AGE,
            70,
            "30 % of 100 leads with age of 40 or more years converted; of all learned from 31 %.",
        ),
        (
            BALANCE,
            -5.0,
            "45 % of 20 leads with balance up to 0.5 EUR converted; of all learned from 31 %.",
        ),
        (
            BALANCE,
            1200.5,
            "45 % of 20 leads with balance above 0.5 up to 2,500 EUR converted;"
            " of all learned from 31 %.",
        ),
        (
            BALANCE,
            9000.0,
            "45 % of 20 leads with balance above 2,500 EUR converted; of all learned from 31 %.",
        ),
        (
            BALANCE,
            None,
            "0 % of 30 leads with unknown balance converted; of all learned from 31 %. "
            "Taken with the other fields it speaks for this lead.",
        ),
        (
            curve("balance", 0.2, (None, 50, 25)),
            3.0,
            "50 % of 50 leads with known balance converted; of all learned from 31 %.",
        ),
    ],
)
def test_sentence_gives_the_evidence_in_words(term, value, expected):
    assert sentence(term, value) == expected[0].upper() + expected[1:]


@pytest.mark.parametrize(
    ("n_converted", "rates"),
    [
        (0, "0 % of 4,000 leads with lead source Referral converted; of all learned from 2.8 %."),
        (
            1,
            "Under 0.1 % of 4,000 leads with lead source Referral converted;"
            " of all learned from 2.8 %.",
        ),
        (
            80,
            "2.0 % of 4,000 leads with lead source Referral converted; of all learned from 2.8 %.",
        ),
    ],
)
def test_small_rates_have_a_digit_after_the_point(n_converted, rates):
    term = category("lead_source", -0.3, referral=(4000, n_converted))
    card = Scorecard("test", 0.0, 0.028, 9000, (0.6, 0.4, 0.2), (term,))
    (reason,) = explain(card, FIELDS, {"lead_source": "Referral"})
    assert reason.sentence == rates


def test_sentence_says_when_other_fields_turn_a_group_around():
    assert sentence(category("lead_source", -0.3, referral=(88, 56)), "Referral").endswith(
        "of all learned from 31 %. Taken with the other fields it speaks against this lead."
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
    term = category("shoe_size", 0.5, large=(20, 9))
    assert sentence(term, "Large").startswith("45 % of 20 leads with shoe size Large converted")
