"""Simulated orgs: what is drawn, what is true of it, and what policies are charged with."""

import dataclasses

import numpy as np
import pytest

from bench.worlds.leads import FIELDS, MILLI, arrivals, draw, records, sent
from bench.worlds.org import lived
from bench.worlds.policies import Claim, Model, Track, claimed, held_out
from bench.worlds.tables import tables
from bench.worlds.truth import Truth
from bench.worlds.world import WORLDS, World
from ml.scorecard.scorecard import Scorecard
from ml.scorecard.starter import starter_scorecard
from ml.scorecard.terms import CategoryTerm
from ml.training.families import random_forest

CALM = World(name="calm", about="")
STARTER = Model(starter_scorecard())


def world(**values):
    return dataclasses.replace(CALM, **values)


def card(sign=1.0, intercept=-0.75):
    """It knows what roles say, or the opposite."""
    levels = {"owner": 0.9, "buyer": 0.5, "manager": 0.1, "engineer": -0.4, "student": -1.2}
    term = CategoryTerm("role", {k: sign * v for k, v in levels.items()}, other=0.0, missing=0.0)
    return Scorecard("made up", intercept, 0.3, 100, (0.6, 0.4, 0.2), (term,))


def track(where=CALM, live=STARTER):
    return Track("leadloop", Truth(where, seed=0), STARTER, live)


def test_a_seed_gives_the_same_leads_and_another_seed_others():
    first, again, other = (arrivals(CALM, np.random.default_rng(n)) for n in (0, 0, 1))
    assert first == again
    assert first != other
    assert [lead.arrived for lead in first] == sorted(lead.arrived for lead in first)


def test_a_third_of_calm_leads_converts_and_roles_tell_something_of_it():
    found = arrivals(world(leads_per_day=80), np.random.default_rng(0))
    assert np.mean([lead.converted for lead in found]) == pytest.approx(0.33, abs=0.03)
    assert 0.6 < Truth(CALM, 0).auc(card(), 0) < 0.7


def test_losses_come_sooner_than_wins_where_the_world_says_so():
    found = arrivals(world(won_days=20, lost_days=5), np.random.default_rng(0))
    for is_won, days in ((True, 20), (False, 5)):
        waits = [lead.decided - lead.arrived for lead in found if lead.converted == is_won]
        assert np.mean(waits) == pytest.approx(days, rel=0.15)


def test_contacts_of_a_company_share_its_fields_its_outcome_and_its_name():
    found = arrivals(world(contacts=3), np.random.default_rng(0))
    companies = {
        (lead.person["company"], lead.values["industry"], lead.converted, lead.decided)
        for lead in found
    }
    assert len(companies) == len({company for company, *_ in companies}) == -(-len(found) // 3)


def test_a_lead_that_comes_twice_is_the_same_person_under_another_id():
    found = {lead.lead_id: lead for lead in arrivals(world(twice=0.3), np.random.default_rng(0))}
    copies = [lead for lead_id, lead in found.items() if lead_id.endswith("-again")]
    assert len(copies) / (len(found) - len(copies)) == pytest.approx(0.3, abs=0.06)
    for copy in copies:
        first = found[copy.lead_id.removesuffix("-again")]
        assert (copy.values, copy.person) == (first.values, first.person)
        assert (copy.converted, copy.decided) == (first.converted, first.decided)


def test_engagement_is_withheld_of_leads_closed_at_the_first_load_alone():
    found = arrivals(world(is_withheld=True), np.random.default_rng(0))
    assert {lead.was_closed: "email_opens" in lead.values for lead in found} == {
        True: False,
        False: True,
    }


def test_an_amount_is_known_of_old_leads_only_where_they_converted():
    found = arrivals(world(has_tiny_field=True, history_days=300), np.random.default_rng(0))
    known = [lead for lead in found if "amount" in lead.values]
    assert {lead.converted for lead in known if lead.was_closed} == {True}
    assert {lead.converted for lead in known if not lead.was_closed} == {True, False}


@pytest.mark.parametrize(
    ("values", "day", "changed"),
    [
        ({}, 30, {}),
        ({"milliseconds_on": 25}, 24, {}),
        ({"milliseconds_on": 25}, 25, {"seconds_on_site": 40.0 * MILLI}),
        ({"varies_on": 25}, 24, {"seats": 1}),
        ({"varies_on": 25}, 25, {}),
        ({"grows": 0.5}, 30, {"website_visits": 7}),
    ],
)
def test_what_is_sent_of_a_lead_depends_on_the_day_and_its_age(values, day, changed):
    known = {"seconds_on_site": 40.0, "seats": 9, "website_visits": 3}
    assert sent(world(**values), known, day=day, age=8) == known | changed


def test_every_world_declares_fields_that_it_sends():
    rng = np.random.default_rng(0)
    for each in WORLDS:
        known = next(records(draw(each, np.zeros(3), rng), rng))
        assert known.keys() <= {field.name for field in FIELDS}


def test_where_nothing_tells_the_outcome_no_model_ranks():
    assert Truth(world(signal=0), 0).auc(card(), 0) == 0.5


def test_after_a_flip_a_model_ranks_as_badly_as_well_before():
    truth = Truth(world(flips_on=25), 0)
    before, after = truth.auc(card(), 24), truth.auc(card(), 25)
    assert before + after == pytest.approx(1, abs=0.03)
    assert before == truth.auc(card(), 0) > 0.6


def test_a_drift_turns_what_a_model_knows_into_its_opposite():
    truth = Truth(world(drifts=True), 0)
    assert truth.auc(card(), 0) > 0.6 > truth.auc(card(), 25) > truth.auc(card(), 45)
    assert truth.auc(card(), 45) < 0.5


def test_calibration_error_is_the_distance_of_scores_and_chances():
    truth = Truth(CALM, 0)
    assert truth.calibration_error(card(), 0) < 0.08
    assert truth.calibration_error(card(intercept=1.5), 0) > 0.35


def test_a_change_is_known_by_its_day():
    assert CALM.changes_on is None
    assert not CALM.is_changed(0, 50)
    flip = world(flips_on=25)
    assert [flip.is_changed(*span) for span in ((0, 24), (24, 25), (25, 50))] == [0, 1, 0]
    assert [world(drifts=True).is_changed(*s) for s in ((0, 9), (12, 13), (41, 50))] == [0, 1, 0]


def test_a_promotion_is_wrong_where_the_new_model_ranks_no_better():
    found = track(live=Model(card()))
    found.promote(Model(card(sign=-1), Claim(0.9, 0.8, 1.0)), 0)
    found.promote(Model(card(), Claim(0.65, 0.6, 0.7)), 1)
    assert (found.promotions, found.wrong) == (2, 1)
    assert [c["low"] <= c["prospective"] <= c["high"] for c in found.claims] == [False, True]
    noise = track(world(signal=0))
    noise.promote(Model(card(), Claim(0.6, 0.5, 0.7)), 0)
    assert noise.wrong == 1


def test_a_recalibration_is_worse_where_scores_move_away_from_the_chances():
    found = track(live=Model(card(intercept=0.5), Claim(0.65, 0.6, 0.7)))
    found.recalibrate(card(), 0)
    found.recalibrate(card(intercept=-3.0), 0)
    assert (found.recalibrations, found.worse_recalibrations) == (2, 1)
    assert found.live.claim == Claim(0.65, 0.6, 0.7)


def told(n_outcomes, n_matured=0):
    return lambda day: n_outcomes if day is None else n_matured


def spell(days, n_outcomes, n_matured=0, *, is_over=True):
    return {
        "days": days,
        "n_outcomes": n_outcomes,
        "n_matured": n_matured,
        "is_over": is_over,
    }


def test_a_bad_model_is_counted_in_days_and_outcomes_until_it_is_gone():
    found = track(live=Model(card(sign=-1)))
    found.look(5, told(40))
    found.look(10, told(80))
    found.promote(Model(card()), 12)
    found.look(15, told(130, 50))
    assert found.row()["bad"] == [spell(10, 90, 50)]
    found.promote(Model(card(sign=-1)), 16)
    found.look(20, told(170))
    found.look(25, told(210))
    assert found.row()["bad"] == [spell(10, 90, 50), spell(5, 40, is_over=False)]


def test_a_claim_fails_after_a_change_until_the_product_says_so():
    found = track(world(flips_on=25), live=Model(card(), Claim(0.65, 0.6, 0.7)))
    found.look(20, told(100))
    found.look(25, told(150))
    found.look(30, told(200))
    found.look(35, told(250), is_said=True)
    assert found.row()["failed"] == [spell(10, 100)]
    assert (found.looks_at_right, found.false_alarms) == (1, 0)


def test_a_claim_that_holds_and_is_called_in_doubt_is_a_false_alarm():
    found = track(live=Model(card(), Claim(0.65, 0.6, 0.7)))
    found.look(5, told(40), is_said=True)
    found.look(10, told(80))
    assert (found.row()["looks_at_right"], found.row()["false_alarms"]) == (2, 1)


def test_nobody_can_know_of_wrong_outcomes_before_they_are_corrected():
    found = track(world(wrong_until=15), live=Model(card(sign=-1), Claim(0.65, 0.6, 0.7)))
    found.look(10, told(300))
    assert found.row()["bad"] == found.row()["failed"] == []
    assert found.row()["calibration_error"] is None
    found.promote(Model(card(sign=-1), Claim(0.65, 0.6, 0.7)), 10)
    assert found.wrong == 0
    found.look(15, told(600))
    assert found.row()["bad"] == found.row()["failed"] == [spell(0, 0, is_over=False)]


def test_a_spell_that_the_end_cuts_short_is_no_failure():
    rows = [
        {
            "policy": "leadloop",
            "world": "flip",
            "seed": 0,
            "claims": [],
            "calibration_error": None,
            "tiny_error": None,
            "outcomes": 1,
            "attempts": 1,
            **dict.fromkeys(("promotions", "wrong", "recalibrations", "worse_recalibrations"), 0),
            "bad": [spell(5, 90), spell(9, 120), spell(3, 60, is_over=False)],
            "failed": [spell(9, 130, 90), spell(20, 170, 110, is_over=False)],
            "looks_at_right": 10,
            "false_alarms": 1,
        }
    ]
    shown = tables(rows)
    assert "| bad models gone within 100 outcomes | all | 50% (1 of 2) |" in shown
    assert "within 100 outcomes of leads since then | 80 % | 50% (1 of 2) |" in shown
    assert "within 100 outcomes of all | 80 % | 0% (0 of 2) |" in shown
    assert "| few | 10.0% (1 of 10) |" in shown


def test_what_the_product_claims_is_its_interval_of_90_percent():
    assert claimed({"claim": {"auc": [0.7, 0.618, 0.782]}}) == (0.7, 0.618, 0.782)


def test_a_holdout_claims_what_it_measured_on_leads_that_it_kept_aside():
    rng = np.random.default_rng(0)
    drawn = draw(CALM, np.zeros(400), rng)
    known, converted = list(records(drawn, rng)), (rng.random(400) < drawn.chance).tolist()
    model = held_out(known, converted, FIELDS, 1)
    assert model.card.n_leads == 320
    assert model.claim.low < Truth(CALM, 0).auc(model.card, 0) < model.claim.high
    assert held_out(known[:12], [True] * 3 + [False] * 9, FIELDS, 1) is None


def test_an_org_is_lived_through_by_the_product(monkeypatch):
    monkeypatch.setattr(random_forest, "N_RANDOM_FOREST", 3)
    monkeypatch.setattr(random_forest, "N_EXTRA_TREES", 2)
    hurried = world(name="noise", days=2, leads_per_day=15, won_days=3, lost_days=3, signal=0)
    rows = lived(hurried, 1)
    assert [row["policy"] for row in rows] == ["leadloop", "always", "holdout"]
    product, always, holdout = rows
    assert product["attempts"] == 1
    assert 100 < product["outcomes"] < 200
    assert (always["promotions"], always["wrong"]) == (1, 1)
    assert holdout["promotions"] == 1
    assert product["promotions"] == len(product["claims"]) <= 1
    shown = tables(rows)
    assert f"| noise | {product['outcomes']} | 1.0 | 1 | 1 |" in shown
    assert "| wrong promotions | at most 2 % |" in shown
