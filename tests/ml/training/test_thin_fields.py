"""A field known for few leads moves a score a little, or not at all."""

import numpy as np
import pytest

from ml.fields.fields_file import Value, loads
from ml.training import blending
from ml.training.encode import columns_of, frame_of
from ml.training.families import spline_logistic
from ml.training.thin_fields import weighed
from ml.training.train import learn

FIELDS = loads("""
field = [
    {name = "industry", type = "category", label = "Industry"},
    {name = "email_opens", type = "count", label = "Email opens"},
    {name = "amount", type = "number", label = "Amount"},
    {name = "tier", type = "category", label = "Tier"},
]
""")
DRAW = np.random.default_rng(8)
OUTCOMES = np.arange(400) % 3 == 0


def records(n_won, n_lost):
    """400 leads, of which so many who converted and were lost have an amount and a tier."""
    places = {*np.flatnonzero(OUTCOMES)[:n_won], *np.flatnonzero(~OUTCOMES)[:n_lost]}
    return [
        {
            "industry": str(DRAW.choice(["Tech", "Health", "Retail"])),
            "email_opens": int(DRAW.integers(0, 20)),
            "amount": 1_000.0 + 10 * place if place in places else None,
            "tier": "gold" if place in places else None,
        }
        for place in range(400)
    ]


def laid_out(n_won, n_lost, groups=None):
    leads = records(n_won, n_lost)
    columns = columns_of(leads, FIELDS.model)
    everyone = np.arange(400) if groups is None else groups
    return weighed(frame_of(leads, columns), OUTCOMES, columns, everyone)


@pytest.mark.usefixtures("few_trees")
def test_a_value_that_three_converted_leads_have_does_not_decide():
    leads = records(3, 0)
    told = learn(leads, OUTCOMES.tolist(), FIELDS, seed=1)
    lead: dict[str, Value] = {"industry": "Tech", "email_opens": 4}
    without, with_it = (
        told.scorecard.score(each).probability
        for each in (lead, {**lead, "amount": 1_500.0, "tier": "gold"})
    )
    assert with_it == pytest.approx(without, abs=0.002)
    assert told.metrics["thin_fields"] == {"amount": [3, 0], "tier": [3, 0]}


@pytest.mark.parametrize(("n_won", "n_lost"), [(0, 0), (4, 30), (30, 4)])
def test_a_field_that_hardly_anybody_of_an_outcome_has_is_thin(n_won, n_lost):
    assert laid_out(n_won, n_lost)[2] == {"amount": (n_won, n_lost), "tier": (n_won, n_lost)}


def test_a_field_that_a_tenth_of_all_have_is_not_thin():
    assert laid_out(36, 4)[2] == {}
    assert laid_out(36, 4)[1].trust["amount"] < 0.5


def test_contacts_of_one_company_have_a_field_once():
    companies = np.arange(400)
    companies[np.flatnonzero(OUTCOMES)[:8]] = 0
    assert laid_out(8, 8)[2] == {}
    assert laid_out(8, 8, companies)[2] == {"amount": (1, 8), "tier": (1, 8)}


def test_the_effect_of_a_field_is_the_more_trusted_the_more_have_it():
    trusts = [laid_out(n, n)[1].trust["amount"] for n in (5, 20, 80)]
    assert 0.4 < trusts[0] < trusts[1] < trusts[2] < 1
    assert "industry" not in laid_out(5, 5)[1].trust


def test_what_is_served_shrinks_as_what_is_scored():
    frame, columns, _ = laid_out(9, 6)
    member = spline_logistic.fit(frame, OUTCOMES, columns)
    served = member.served(1.0)
    leads = records(9, 6)
    expected = [
        served.intercept + sum(term.effect(lead[term.field]) for term in served.terms)
        for lead in leads
    ]
    assert member.log_odds(frame_of(leads, columns)) == pytest.approx(np.array(expected), abs=1e-9)


def withheld(n_won):
    """1,962 leads: engagement is known only of those open at a first sync and closed since.

    Losses come sooner, so that most of these are lost; engagement tells nothing.
    """
    draw = np.random.default_rng(3)
    others = [({"industry": "Tech"}, bool(draw.random() < 0.4)) for _ in range(1_899 - n_won)]
    known = [
        ({"industry": "Tech", "email_opens": int(draw.integers(0, 20))}, won)
        for won in [False] * 63 + [True] * n_won
    ]
    pairs = others + known
    order = draw.permutation(len(pairs))
    leads: list[dict[str, Value]] = [pairs[place][0] for place in order]
    return leads, np.array([pairs[place][1] for place in order])


def test_a_field_collected_from_lost_leads_alone_takes_no_part():
    leads, outcomes = withheld(0)
    columns = columns_of(leads, FIELDS.model)
    thin = weighed(frame_of(leads, columns), outcomes, columns, np.arange(len(leads)))[2]
    assert thin["email_opens"] == (0, 63)


@pytest.mark.parametrize("n_won", [0, 12])
@pytest.mark.usefixtures("small_forests")
def test_that_a_field_was_collected_from_leads_that_end_sooner_does_not_count(n_won):
    leads, outcomes = withheld(n_won)
    columns = columns_of(leads, FIELDS.model)
    frame, columns, _ = weighed(frame_of(leads, columns), outcomes, columns, np.arange(len(leads)))
    members = blending.fit(frame, outcomes, columns, seed=0)
    known: list[dict[str, Value]] = [{"industry": "Tech", "email_opens": n} for n in range(20)]
    with_it = members.log_odds(frame_of(known, columns))
    without = members.log_odds(frame_of([{"industry": "Tech"}], columns))
    assert np.abs(with_it.mean(axis=0) - without).max() < 0.15
