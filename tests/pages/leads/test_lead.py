"""The page of one lead: what is known, why it scores what it does, and what was said of it."""

import dataclasses
import re
from datetime import timedelta

import pytest

from ml.fields.fields_file import loads
from ml.scorecard.terms import CurveTerm
from tests.factories import (
    FIELDS,
    NOW,
    make_champion,
    make_lead,
    make_leads,
    make_outcome,
    make_version,
)
from tests.learned import make_learned_version
from webapp.database import utc_now
from webapp.services.leads import leads, removal
from webapp.services.models import lifecycle, registry, rescoring
from webapp.services.outcomes.outcomes import Attribution
from webapp.tables import Lead

DAY = timedelta(days=1)


@pytest.fixture
def rep(rita, sign_in):
    return sign_in(rita)


def show(rep, lead):
    """The page's text, white space folded."""
    return re.sub(r"\s+", " ", rep.get(f"/leads/{lead.key}").text)


def test_unknown_inputs_are_named_and_are_not_zero(rep, write):
    lead = write(lambda s: make_lead(s, "L-1", email_opens=0, age=44))
    page = show(rep, lead)
    assert re.search(r"Email opens</dt> <dd > 0 </dd>", page)
    assert re.search(r"Age</dt> <dd > 44 years </dd>", page)
    assert re.search(r'Website visits</dt> <dd class="muted"> unknown </dd>', page)


def test_days_since_contact_are_those_of_today_while_the_lead_is_open(rep, write):
    nine_days_ago = utc_now() - 9 * DAY
    lead = write(lambda s: make_lead(s, "L-1", days_since_contact=3, now=nine_days_ago))
    assert re.search(r"Days since contact</dt> <dd > 12 </dd>", show(rep, lead))
    write(lambda s: make_outcome(s, "L-1", False))
    assert re.search(r"Days since contact</dt> <dd > 3 </dd>", show(rep, lead))


def test_the_reasons_are_sentences(rep, write):
    lead = write(lambda s: make_lead(s, "L-1", lead_source="Cold Call"))
    page = show(rep, lead)
    assert "Rule of thumb: Cold Call leads tend to convert less often." in page
    assert "Lowers the score:" in page


def test_the_strongest_reasons_for_and_against_come_first_and_the_others_on_demand(rep, write):
    lead = write(
        lambda s: make_lead(
            s,
            "L-1",
            lead_source="Referral",
            email_opens=30,
            website_visits=40,
            content_downloads=9,
            days_since_contact=400,
        )
    )
    main, others = show(rep, lead).split("weaker reason", 1)
    assert main.count("Raises the score:") == 3
    assert others.count("Raises the score:") == 1
    assert re.search(r"<b>Days since contact: 400 days</b>|<b>400 days since contact</b>", main)


def test_reasons_explain_the_score_beside_them_after_a_field_is_no_longer_declared(rep, write):
    own = loads('[[field]]\nname = "seats"\ntype = "count"\nlabel = "Seats"')
    seats = CurveTerm("seats", (0.0,), ((-2.0,), (1.0,)), missing=0.5)

    def use(session):
        starter = registry.scorecard(session, make_champion(session))
        about = {"fields": ["seats"], "training": {}, "metrics": {}, "decision": {}}
        card = dataclasses.replace(starter, intercept=0.0, terms=(seats,))
        version = registry.save(session, card, created_at=NOW, **about)
        registry.set_alias(session, registry.CHAMPION, version.key, NOW)
        return make_lead(session, "L-1", fields=own, seats=3)

    lead = write(use)
    page = show(rep, lead)
    assert "Leads with seats of 3 tend to convert more often." in page
    assert re.search(r"seats</dt> <dd > 3 </dd>", page)
    assert "+23 points" in page  # From 50 to 73, the logistic of 1.
    assert re.search(r'class="why">[^<]*\bseats\b[^<]*\b3\b', rep.get("/leads").text)


def test_a_changed_input_is_told_with_its_part_in_the_change(rep, write):
    write(lambda s: make_lead(s, "L-1", website_visits=0))
    lead = write(lambda s: make_lead(s, "L-1", website_visits=9, now=NOW + DAY))
    page = show(rep, lead)
    told = r'<span class="chip"[^>]+>\+\d+ from new data</span> .*Website visits 0 → 9'
    assert re.search(told, page)
    assert "First score" in page


def test_a_change_by_a_new_model_is_told_as_one(rep, write):
    lead = write(lambda s: make_lead(s, "L-1"))
    write(put_in_use)
    page = show(rep, lead)
    assert re.search(r"\+\d+ from the new model", page)
    assert "Model 1.1" in page
    assert "new model" in page


def test_the_last_change_is_told_field_by_field(rep, write):
    write(lambda s: make_lead(s, "L-1", website_visits=0))
    lead = write(lambda s: make_lead(s, "L-1", website_visits=9, now=NOW + DAY))
    page = show(rep, lead)
    assert "Why the score changed" in page
    told = re.search(r"From <strong>(\d+)</strong> to <strong>(\d+)</strong>, (\+[\d.]+)", page)
    assert int(told[2]) > int(told[1])
    line = r"Website visits <span class=\"muted\">0 → 9</span></th> <td[^>]+>(\+[\d.]+)</td>"
    assert re.search(line, page)[1] == told[3]
    assert "What changed in the model" not in page


def test_an_earlier_change_is_told_on_demand(rep, write, read):
    for day, visits in enumerate((0, 9)):
        known = {"website_visits": visits, "now": NOW + day * DAY}
        write(lambda s, known=known: make_lead(s, "L-1", **known))
    lead = write(lambda s: make_lead(s, "L-1", website_visits=3, now=NOW + 2 * DAY))
    newest, middle, first = (s.key for s in read(lambda s: leads.snapshots(s, lead)))
    page = rep.get(f"/leads/{lead.key}").text
    assert f'href="/leads/{lead.key}?change={middle}#change"' in page
    assert f'hx-get="/leads/{lead.key}/change?change={middle}"' in page
    fragment = rep.get(f"/leads/{lead.key}/change?change={middle}").text
    assert "0 → 9" in fragment
    whole = rep.get(f"/leads/{lead.key}?change={middle}").text
    assert fragment.strip() in whole
    assert "9 → 3" in rep.get(f"/leads/{lead.key}/change?change={newest}").text
    assert "nothing to compare it with" in rep.get(f"/leads/{lead.key}/change?change={first}").text


def test_the_change_of_another_lead_is_not_told(rep, write, read):
    lead, other = (write(lambda s, n=name: make_lead(s, n)) for name in ("L-1", "L-2"))
    [theirs] = read(lambda s: leads.snapshots(s, other))
    assert rep.get(f"/leads/{lead.key}/change?change={theirs.key}").status_code == 404
    assert rep.get(f"/leads/{lead.key}?change={theirs.key}").status_code == 404
    assert rep.get(f"/leads/{lead.key}?change=x").status_code == 400


def test_a_score_that_never_moved_has_nothing_to_explain(rep, write):
    write(lambda s: make_lead(s, "L-1", website_visits=2))
    lead = write(lambda s: make_lead(s, "L-1", website_visits=2, now=NOW + DAY))
    assert "Why the score changed" not in show(rep, lead)


def test_a_change_by_the_model_is_told_by_what_the_lead_has(rep, write):
    lead = write(lambda s: make_lead(s, "L-1", industry="Software", website_visits=3))
    write(learned_in_use)
    page = show(rep, lead)
    assert "What changed in the model, 1.0 → 1.1" in page
    assert 'Industry <span class="muted">Software</span>' in page
    assert 'Baseline <span class="muted">where every lead starts</span>' in page


def test_how_sure_a_score_is_rests_on_leads_that_scored_the_same(rep, write):
    lead = write(lambda s: make_lead(s, "L-1", industry="Software", website_visits=3))
    assert "this starter model hasn't met your results yet" in show(rep, lead)
    write(make_learned_version)
    assert "it ranked a converted lead above a lost one in" in show(rep, lead)
    write(learned_in_use)
    page = show(rep, lead)
    assert re.search(
        r"When the model was tested, \d+ of \d+ leads with a score of \d0 to \d+ conv", page
    )
    assert re.search(r"Each reason rests on at least \d\d leads", page)


def test_few_leads_like_this_one_are_told(rep, write):
    lead = write(lambda s: make_lead(s, "L-1", industry="Mining", website_visits=3))
    write(learned_in_use)
    page = show(rep, lead)
    assert "Few leads like this one:</strong> one reason rests on only 0 leads with" in page


def learned_in_use(session):
    version = make_learned_version(session)
    rescoring.begin(session, version, NOW + DAY)
    rescoring.fill(session, version, 0)
    lifecycle.switch(session, version, "gate", NOW + DAY)


def put_in_use(session):
    version = make_version(session)
    rescoring.begin(session, version, NOW + DAY)
    rescoring.fill(session, version, 0)
    lifecycle.switch(session, version, "gate", NOW + DAY)


def test_all_that_was_said_is_listed_with_who_when_and_from_where(rep, write):
    lead = write(lambda s: make_lead(s, "L-1", actual_outcome=True))
    crm = Attribution("salesforce", "worker", reason="Opportunity closed")
    write(lambda s: make_outcome(s, "L-1", False, attribution=crm, now=NOW + DAY))
    page = show(rep, lead)
    assert re.search(r"<b>Lost</b>\s*<br><span[^>]+>Opportunity closed</span>", page)
    assert 'worker <span class="muted">Salesforce</span>' in page
    assert "Two outcomes on record:" in page
    assert 'a program <span class="muted">API</span> says Converted' in page


def test_salesforce_is_named_once_and_an_address_may_go_on_in_the_next_line(rep, write):
    lead = write(lambda s: make_lead(s, "L-1"))
    write(
        lambda s: make_outcome(s, "L-1", False, attribution=Attribution("salesforce", "salesforce"))
    )
    attribution = Attribution("rep", "rita@example.com")
    write(lambda s: make_outcome(s, "L-1", True, attribution=attribution, now=NOW + DAY))
    page = show(rep, lead)
    assert '<p class="muted small"> <span class="muted">Salesforce</span> <span' in page
    assert 'rita<wbr>@example.com <span class="muted">by hand</span>' in page
    assert (
        '</strong> <span class="muted">Salesforce</span> says Lost, rita<wbr>@example.com' in page
    )


def test_who_agrees_is_no_other_opinion(rep, write):
    lead = write(lambda s: make_lead(s, "L-1", actual_outcome=True))
    write(
        lambda s: make_outcome(
            s, "L-1", True, attribution=Attribution("rep", "rita"), now=NOW + DAY
        )
    )
    assert "Two outcomes on record" not in show(rep, lead)


def test_an_outcome_is_said_with_its_reason(rep, write, read):
    lead = write(lambda s: make_lead(s, "L-1"))
    answer = rep.post(f"/leads/{lead.key}/outcome", data={"outcome": "lost", "reason": " price "})
    assert answer.location == f"/leads/{lead.key}"
    recorded = read(lambda s: leads.outcome_history(s, lead))[0]
    assert (recorded.result, recorded.reason) == ("lost", "price")


def test_a_reason_that_cannot_be_kept_does_not_lose_the_outcome(rep, write, read):
    lead = write(lambda s: make_lead(s, "L-1"))
    rep.post(f"/leads/{lead.key}/outcome", data={"outcome": "lost", "reason": "x" * 501})
    assert read(lambda s: leads.find(s, "L-1")).outcome is False
    assert "The outcome was saved without your reason" in show(rep, lead)


def test_a_merged_lead_leads_to_the_other_one(rep, write):
    kept = write(lambda s: make_lead(s, "L-1"))
    gone = write(lambda s: make_lead(s, "L-2"))
    write(lambda s: setattr(s.get(Lead, gone.key), "merged_into_key", kept.key))
    assert rep.get(f"/leads/{gone.key}").location == f"/leads/{kept.key}"


def test_what_is_said_of_a_merged_lead_is_said_of_the_other_one(rep, write, read):
    kept = write(lambda s: make_lead(s, "L-1"))
    gone = write(lambda s: make_lead(s, "L-2"))
    write(lambda s: removal.remove(s, s.get(Lead, gone.key), NOW, into=kept))
    answer = rep.post(f"/leads/{gone.key}/outcome", data={"outcome": "lost"})
    assert answer.location == f"/leads/{kept.key}"
    fragment = rep.post(f"/leads/{gone.key}/row", data={"outcome": "converted"})
    assert f'id="lead-{kept.key}"' in fragment.text
    assert read(lambda s: [s.get(Lead, k).outcome for k in (kept.key, gone.key)]) == [True, None]


def test_a_removed_lead_is_shown_without_a_score(rep, write):
    lead = write(lambda s: make_lead(s, "L-1", website_visits=9))
    write(put_in_use)
    write(lambda s: removal.remove(s, s.get(Lead, lead.key), NOW))
    page = show(rep, lead)
    assert "This lead is no longer in Salesforce" in page
    assert "Website visits" in page
    assert "probability" not in page
    answer = rep.post(f"/leads/{lead.key}/row", data={"outcome": "lost"})
    assert (answer.status_code, answer.text) == (200, "")


@pytest.mark.parametrize("key", ["4711", "0", "-1", "99999999999999999999", "x"])
def test_an_address_without_a_lead_is_a_page_of_ours(key, rep):
    answer = rep.get(f"/leads/{key}")
    assert answer.status_code == 404
    assert "Error 404" in answer.text


def test_a_field_that_models_must_not_use_is_marked(rep, write, app):
    lead = write(lambda s: make_lead(s, "L-1", age=44))
    assert FIELDS["age"].use
    assert "not used" not in show(rep, lead)


def test_the_score_is_the_one_in_use(rep, write, read):
    lead = write(lambda s: make_lead(s, "L-1", lead_source="Referral"))
    probability = read(lambda s: leads.current_probability(s, lead))
    grade = read(lambda s: registry.serving(s)[1].grade(probability))
    page = show(rep, lead)
    assert f"</span>{round(probability * 100)}</p>" in page
    assert f'class="grade grade-{grade.lower()}"' in page


def test_a_person_withdraws_what_the_page_shows_whoever_reported_it(rep, write, read):
    def tell(session):
        lead = make_lead(session, "L-1", actual_outcome=True)
        file = Attribution("csv", "ada@example.com")
        return make_outcome(session, lead, False, attribution=file, happened_at=NOW - DAY)

    lead = write(tell)
    for outcome in (False, None):
        rep.post(f"/leads/{lead.key}/outcome", data={"outcome": "withdrawn"})
        assert read(lambda s: leads.find(s, "L-1").outcome) is outcome
    page = show(rep, lead)
    assert page.count("(withdrawn)") == 2
    assert "No outcome yet" not in page


def test_an_undone_click_lets_the_other_source_count_without_a_notice(rep, write, read):
    lead = write(lambda s: make_lead(s, "L-1", actual_outcome=True, now=NOW - DAY))
    rep.post(f"/leads/{lead.key}/outcome", data={"outcome": "lost"})
    assert "Two outcomes on record" in show(rep, lead)
    rep.post(f"/leads/{lead.key}/outcome", data={"outcome": "withdrawn"})
    assert read(lambda s: leads.find(s, "L-1").outcome) is True
    assert "Two outcomes on record" not in show(rep, lead)


def test_an_open_lead_says_what_a_rep_could_do_for_its_score(rep, write):
    told = {"lead_source": "Cold Call", "days_since_contact": 40, "website_visits": 0, "age": 20}
    (lead,) = write(lambda s: make_leads(s, [{"lead_id": "L-1", **told}]))
    raised = re.search(r"What would raise it</h2>(.*?)</ul>", show(rep, lead))[1]
    assert re.findall(r"<b>(.*?)</b> <span[^>]*>(.*?)</span>", raised) == [
        ("Contact today", "+6 points")
    ]
    write(lambda s: make_outcome(s, "L-1", False))
    assert "What would raise it" not in show(rep, lead)


def test_nothing_is_said_where_no_field_that_a_rep_can_influence_helps(rep, write):
    lead = write(lambda s: make_lead(s, "L-1", website_visits=0, lead_source="Cold Call"))
    assert "What would raise it" not in show(rep, lead)
