"""The published figures of Odoo's own tests of its lead scoring."""

from dataclasses import replace

import pytest

from bench.naive_bayes import Lead, LeadScoring, fit

UNCHECKED = {"email": "False", "phone": "False"}  # empty counts as a value of its own
WON = 3  # the last of four stages


def lead(team, country, state, source, stage):
    places = {"country": f"c{country}", "state": f"s{state}", "source": f"src{source}"}
    return Lead(places | UNCHECKED, stage, team)


OF_TEAMS_1_AND_2 = [
    (lead("1", 0, 0, 0, 0), False),
    (lead("1", 1, 1, 1, 1), False),
    (lead("1", 2, 2, 2, WON), True),
    (lead("2", 0, 1, 1, 2), False),
    (lead("2", 0, 1, 2, 1), False),
    (lead("2", 0, 2, 2, WON), True),
]
OF_TEAM_3 = [
    (lead("3", 1, 1, 1, WON), True),
    (lead("3", 0, 1, 0, 0), False),
    (lead("3", 1, 2, 2, 0), False),
]


def learned(closed):
    scoring = LeadScoring(n_stages=4)
    for each, won in closed:
        scoring.learn(each, won=won)
    return scoring


@pytest.fixture
def without_team_3():
    """The leads of team 3 have no team now."""
    return learned(OF_TEAMS_1_AND_2 + [(replace(each, team=None), won) for each, won in OF_TEAM_3])


@pytest.mark.parametrize(("team", "percent"), [("1", 33.49), ("2", 7.74), ("3", 35.09)])
def test_each_team_scores_by_its_own_leads(team, percent):
    scoring = learned(OF_TEAMS_1_AND_2 + OF_TEAM_3)
    assert scoring.percent(lead(team, 0, 1, 2, 1)) == percent


def test_lead_without_team_is_scored_by_the_leads_of_all(without_team_3):
    assert without_team_3.percent(lead(None, 0, 1, 2, 1)) == 35.19
    assert without_team_3.percent(lead("unknown team", 0, 1, 2, 1)) == 35.19


def test_counts_move_with_every_lead_won_lost_and_restored(without_team_3):
    without_team_3.learn(lead("2", 1, 0, 1, 1), won=True)
    restored = lead("1", 1, 1, 1, 0)
    without_team_3.learn(restored, won=False)
    without_team_3.forget(restored, won=False)
    assert without_team_3.percent(lead("1", 0, 1, 2, 0)) == 20.87
    assert without_team_3.percent(lead("2", 0, 1, 2, 0)) == 2.43
    assert without_team_3.percent(lead("2", 1, 1, 2, 0)) == 34.38


@pytest.mark.parametrize(
    ("tags", "percent"), [(("a",), 33.69), (("b",), 23.51), (("a", "b"), 28.05), ((), 28.60)]
)
def test_each_tag_is_a_factor(tags, percent):
    scoring = LeadScoring()
    for own, n_lost, n_won in ((("a",), 30, 19), (("b",), 40, 9), (("a", "b"), 35, 14)):
        for place in range(n_lost + n_won):
            scoring.learn(Lead({}, tags=own), won=place >= n_lost)
    assert scoring.percent(Lead({}, tags=tags)) == percent


def test_tag_of_few_leads_does_not_count():
    scoring = LeadScoring()
    for place in range(49):
        scoring.learn(Lead({}, tags=("rare",)), won=place < 40)
        scoring.learn(Lead({}), won=place < 9)
    assert scoring.percent(Lead({}, tags=("rare",))) == scoring.percent(Lead({}))


def test_factors_explain_a_lead():
    closed = [
        ({"source": "b", "country": "x", "phone": "ok", "state": "s"}, True, WON),
        ({"country": "y", "phone": "ok", "state": "s"}, True, WON),
        ({"source": "a", "country": "x", "phone": "ok", "state": "t"}, False, 1),
        ({"source": "a", "phone": "bad"}, False, 0),
        ({"phone": "bad"}, False, 0),
    ]
    scoring = learned(
        (Lead(values | {"email": "False"}, stage), won) for values, won, stage in closed
    )
    values = {"source": "a", "country": "x", "phone": "ok", "state": "s", "email": "False"}
    assert scoring.percent(Lead(values, stage=1)) == 74.30
    assert {name: round(share, 3) for name, share in scoring.explain(Lead(values, 1)).items()} == {
        "source": 0.080,
        "country": 0.353,
        "email": 0.500,
        "stage": 0.645,
        "phone": 0.735,
        "state": 0.920,
    }


def test_first_won_lead_makes_the_next_one_likely():
    scoring = learned([(Lead(UNCHECKED, WON), True)])
    assert scoring.percent(Lead(UNCHECKED)) == 91.67


def test_without_any_closed_lead_there_is_no_score():
    assert LeadScoring(n_stages=4).percent(Lead({})) is None


def test_many_factors_stay_within_the_bounds():
    values = {f"field {i}": "same" for i in range(500)}
    scoring = learned([(Lead(values), True)] * 30 + [(Lead({}), False)] * 30)
    assert scoring.percent(Lead(values)) is not None
    predict = fit([values, dict.fromkeys(values, "other")] * 20, [True, False] * 20)
    scores = predict([values, dict.fromkeys(values, "other")])
    assert scores == pytest.approx([0.9999, 0.0001])


def test_numbers_are_cut_into_quartiles_and_booleans_are_values():
    records = [{"visits": n, "trial": n % 2 == 0} for n in range(100)]
    predict = fit(records, [n >= 75 for n in range(100)])
    low, high, beyond, unknown = predict(
        [
            {"visits": 3},
            {"visits": 90},
            {"visits": 10**9},
            {"visits": None, "trial": None, "new": "x"},
        ]
    )
    assert low < 0.05 < 0.9 < high == beyond
    assert unknown == pytest.approx(0.25, abs=0.01)


def test_nothing_to_learn_from_is_refused():
    with pytest.raises(ValueError, match="no closed lead"):
        fit([], [])
