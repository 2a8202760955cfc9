import math

import pytest

from ml.fields.fields_file import loads
from ml.scorecard.raising import raising
from ml.scorecard.scorecard import Scorecard
from ml.scorecard.starter import starter_scorecard
from ml.scorecard.terms import Bin, CategoryTerm, Counts, CurveTerm

FIELDS = loads("""
field = [
    {name = "age", type = "count", label = "Age", unit = "years"},
    {name = "lead_source", type = "category", label = "Lead source", choices = ["Referral", "Fax"]},
    {name = "website_visits", type = "count", label = "Website visits"},
    {name = "content_downloads", type = "count", label = "Content downloads", max = 3},
    {name = "days_since_contact", type = "count", label = "Days since contact"},
    {name = "demo_held", type = "boolean", label = "Demo held", influenced = true},
    {name = "offer", type = "category", label = "Offer", influenced = true, choices = ["Trial", "Pilot", "None"]},
    {name = "discount", type = "number", label = "Discount", influenced = true, unit = "%"},
    {name = "answered_after", type = "number", label = "Answered after", influenced = true, unit = "hours"},
]
""")  # noqa: E501


def starter_raises(**values):
    return {each.field.name: each for each in raising(starter_scorecard(), FIELDS, values)}


def card_of(term, intercept=0.0):
    return Scorecard("test", intercept, 0.5, 100, (0.6, 0.4, 0.2), (term,))


def offers(**counts):
    counted = {level: Counts(n, n // 2) for level, n in counts.items()}
    return CategoryTerm("offer", {"trial": 1.0, "pilot": 2.0, "none": -1.0}, 0, 0, counted)


def slope(field, by, *bins, known=None):
    counted = tuple(Bin(upper, Counts(n, n // 2)) for upper, n in bins) or None
    return CurveTerm(field, (0.0,), ((0.0,), (0.0, by)), 0.0, counted, None, known)


def test_only_fields_that_a_rep_can_influence_are_named():
    told = starter_raises(
        age=20,
        website_visits=0,
        lead_source="Cold Call",
        days_since_contact=40,
        content_downloads=0,
    )
    assert set(told) == {"days_since_contact", "content_downloads"}


def test_the_gain_is_that_of_the_scorecard():
    values = {"days_since_contact": 40, "website_visits": 3}
    card = starter_scorecard()
    (told,) = raising(card, FIELDS, values)
    before, after = card.score(values), card.score(values | {"days_since_contact": 0})
    assert told.probability == after.probability
    assert told.effect == pytest.approx(0.30 * math.log(41))
    assert after.log_odds - before.log_odds == told.effect


def test_nothing_is_named_that_does_not_help_by_a_point():
    assert not starter_raises(days_since_contact=0)
    assert not starter_raises(content_downloads=3)
    assert not raising(card_of(slope("content_downloads", -1.0)), FIELDS, {"content_downloads": 0})
    assert not raising(card_of(offers(), intercept=9.0), FIELDS, {"offer": "Trial"})


def test_what_was_not_collected_stays_so_and_an_unknown_count_is_none_to_count_from():
    assert not starter_raises()
    assert not starter_raises(content_downloads=None)
    assert starter_raises(days_since_contact=None)


def test_a_count_goes_up_by_the_smallest_step_that_helps():
    told = starter_raises(content_downloads=1)["content_downloads"]
    assert (told.short, told.now) == ("2 content downloads", 1)


def test_a_value_that_few_leads_had_is_not_suggested():
    (told,) = raising(card_of(offers(trial=40, pilot=9, none=80)), FIELDS, {"offer": "None"})
    assert told.short == "Trial"
    (told,) = raising(card_of(offers(trial=40, pilot=10, none=80)), FIELDS, {"offer": "None"})
    assert told.short == "Pilot"


def test_no_value_beyond_those_learned_from_is_suggested():
    downloads = slope("content_downloads", 2.0, (1, 50), (None, 50), known=(0, 2))
    assert raising(card_of(downloads), FIELDS, {"content_downloads": 1})
    assert not raising(card_of(downloads), FIELDS, {"content_downloads": 2})


def test_what_has_happened_is_not_undone():
    held = {"true": Counts(50, 5), "false": Counts(50, 25)}
    term = CategoryTerm("demo_held", {"true": -1.0, "false": 1.0}, 0, 0, held)
    assert not raising(card_of(term), FIELDS, {"demo_held": True})
    better = CategoryTerm("demo_held", {"true": 1.0, "false": -1.0}, 0, 0, held)
    assert [each.short for each in raising(card_of(better), FIELDS, {"demo_held": False})] == [
        "Demo held: yes"
    ]


def test_a_number_moves_to_the_nearest_common_value_and_a_duration_begins_anew():
    discount = slope("discount", 0.5, (5.0, 40), (10.0, 40), (20.0, 40), (None, 40))
    (told,) = raising(card_of(discount), FIELDS, {"discount": 5.0})
    assert told.short == "Discount: 10 %"
    late = slope("answered_after", -0.5, (5.0, 40), (None, 40), known=(0, 90))
    (told,) = raising(card_of(late), FIELDS, {"answered_after": 48.0})
    assert told.short == "Answered after: 0 hours"
