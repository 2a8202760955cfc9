"""A lead's timeline: everything in order, page after page, nothing twice and nothing lost."""

import base64
from datetime import timedelta

import pytest

from tests.factories import FIELDS, NOW, make_lead, make_outcome
from webapp.crm_tables import CrmConflict, CrmScoreWrite, CrmUnmatched
from webapp.services.leads import leads
from webapp.services.outcomes.outcomes import Attribution
from webapp.services.remarks import notes, timeline
from webapp.services.remarks.timeline import Place
from webapp.tables.owners import Assignment
from webapp.tables.remarks import ScoreOverride, ScoreReport

HOUR = timedelta(hours=1)
LATER = NOW + 365 * 24 * HOUR
RITA = "rita@example.com"


def whole(read):
    """All pages of the lead's timeline, one after another."""
    found, after = [], None
    while True:
        page = read(lambda s, after=after: one_page(s, after))
        found.append(page.events)
        if page.next is None:
            return found
        after = Place.read(str(page.next))


def one_page(session, after=None):
    lead = leads.find(session, "L-1")
    outcomes = leads.outcome_history(session, lead)
    return timeline.page(session, FIELDS, lead, outcomes=outcomes, now=LATER, after=after)


def done_by_others(lead, outcomes):
    crm, rep = outcomes
    mona = {"resolved_by": "mona@example.com"}
    sides = {"rep_outcome_key": rep.key, "crm_outcome_key": crm.key, "kept": "crm"}
    times = {"opened_at": NOW + 5 * HOUR, "resolved_at": NOW + 6 * HOUR}
    yield CrmConflict(lead_key=lead.key, **sides, **times, **mona)
    state = {"state": "sent", "due_at": NOW, "n_attempts": 0, "detail": ""}
    yield CrmScoreWrite(lead_key=lead.key, **state, sent_at=NOW + 7 * HOUR, sent_score=61.0)
    deal = {"deal_id": "006", "reason": "", "state": "linked", "n_tries": 1, **mona}
    times = {"first_seen_at": NOW, "resolved_at": NOW + 8 * HOUR}
    yield CrmUnmatched(lead_key=lead.key, **deal, **times)
    given = {"owner": RITA, "actor": "mona@example.com", "at": NOW + 9 * HOUR}
    yield Assignment(lead_key=lead.key, batch="one", **given)
    score = {"probability": 0.2, "author": RITA, "lead_key": lead.key}
    times = {"reported_at": NOW + 10 * HOUR, "resolved_at": NOW + 11 * HOUR}
    why = {"reason": "good_fit", "version": "1.0", "grade": "D", **times, **mona}
    yield ScoreReport(**score, **why)
    times = {"made_at": NOW + 12 * HOUR, "until": NOW + 13 * HOUR}
    yield ScoreOverride(**score, reason="met their CEO", **times)
    times = {"made_at": NOW + 14 * HOUR, "until": LATER + HOUR}
    yield ScoreOverride(**score, reason="still", **times, ended_at=LATER + HOUR)


def test_all_that_happened_to_a_lead_stands_newest_first(write, read):
    def happen(session):
        lead = make_lead(session, "L-1", website_visits=1)
        notes.add(session, lead, "Called, no answer", author=RITA, now=NOW + HOUR)
        make_lead(session, "L-1", website_visits=9, now=NOW + 2 * HOUR)
        for hour, source, won in ((3, "rep", False), (4, "salesforce", True)):
            by = Attribution(source, RITA if source == "rep" else source)
            make_outcome(session, "L-1", won, attribution=by, now=NOW + hour * HOUR)
        session.add_all(done_by_others(lead, leads.outcome_history(session, lead)))

    write(happen)
    [events] = whole(read)
    said = ["override", "override_ended", "override", "reviewed", "reported"]
    kinds = [*said, "assigned", "linked", "written", "resolved", "conflict", "outcome", "outcome"]
    assert [e.kind for e in events] == [*kinds, "scoring", "note", "scoring"]
    assert [e.at for e in events] == [NOW + n * HOUR for n in range(14, -1, -1)]
    by_kind = {e.kind: e for e in events}
    assert (by_kind["note"].actor, by_kind["note"].text) == (RITA, "Called, no answer")
    assert by_kind["written"].score == pytest.approx(0.61)
    assert (by_kind["resolved"].actor, by_kind["resolved"].word) == ("mona@example.com", "crm")
    assert by_kind["linked"].text == "006"
    assert (by_kind["assigned"].actor, by_kind["assigned"].text) == ("mona@example.com", RITA)


@pytest.mark.parametrize("step", [HOUR, timedelta()])
def test_pages_follow_each_other_also_where_all_is_of_one_moment(step, write, read):
    def happen(session):
        lead = make_lead(session, "L-1", website_visits=0)
        for n in range(30):
            notes.add(session, lead, f"note {n}", author=RITA, now=NOW + n * step)
            make_lead(session, "L-1", website_visits=n + 1, now=NOW + n * step)

    write(happen)
    pages = whole(read)
    events = [event for page in pages for event in page]
    assert [len(page) for page in pages] == [20, 20, 20, 1]
    assert [e.text for e in events if e.kind == "note"] == [f"note {n}" for n in range(29, -1, -1)]
    assert len({e.place for e in events}) == 61
    assert sorted((e.place for e in events), reverse=True) == [e.place for e in events]


def test_scores_older_than_the_newest_hundred_are_reached(write, read):
    def happen(session):
        for n in range(130):
            make_lead(session, "L-1", website_visits=n, now=NOW + n * HOUR)

    write(happen)
    events = [event for page in whole(read) for event in page]
    assert [e.at for e in events] == [NOW + n * HOUR for n in range(129, -1, -1)]
    assert events[-1].scoring.before is None
    assert all(e.scoring.before is not None for e in events[:-1])


@pytest.mark.parametrize(
    "parts", ["", "x", "[]", "[1,2]", "[1,2,-2000]", '[1,2,"3"]', "[1,99,3]", f"[{10**30},2,3]"]
)
def test_a_damaged_place_is_no_place(parts):
    with pytest.raises(ValueError):
        Place.read(base64.urlsafe_b64encode(parts.encode()).decode())
