"""Scoring a lead: what is kept, what is answered, what is left alone."""

import dataclasses
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from ml.scorecard.scorecard import Bands
from tests.factories import FIELDS, NOW, PROGRAM, make_lead, make_outcome, make_version
from webapp.services.leads import leads, records, removal, scoring
from webapp.services.models import lifecycle, registry, rescoring, training_data
from webapp.services.runs import runs
from webapp.tables import Lead, Outcome, Score, Snapshot

LATER = NOW + timedelta(hours=1)


def score(session, **values):
    record = records.clean(FIELDS, {"lead_id": "L-1", **values})
    return scoring.score_lead(session, FIELDS, record, PROGRAM, now=LATER)


def test_without_a_champion_nothing_is_scored(write):
    with pytest.raises(registry.NoChampion):
        write(score)


def test_rescoring_without_an_outcome_keeps_the_known_one(write, read):
    write(lambda s: make_lead(s, "L-1", actual_outcome=True))
    write(lambda s: score(s, actual_outcome=None))
    write(score)
    assert read(lambda s: leads.find(s, "L-1").outcome) is True
    assert read(lambda s: s.scalar(sa.select(sa.func.count()).select_from(Outcome))) == 1


def test_a_field_that_is_not_sent_is_kept_and_null_makes_it_unknown(write, read):
    write(lambda s: make_lead(s, "L-1", email_opens=9, age=40))
    scored = write(lambda s: score(s, website_visits=2, age=None))
    lead = read(lambda s: leads.find(s, "L-1"))
    assert (lead.email_opens, lead.website_visits, lead.age) == (9, 2, None)
    assert "age" in scored.unknown_fields
    assert not {"email_opens", "website_visits"} & set(scored.unknown_fields)
    [newest, _] = read(lambda s: leads.snapshots(s, lead))
    assert newest.inputs == {"age": None, "email_opens": 9, "website_visits": 2}
    assert newest.probability == scored.probability


def test_null_was_asked_for_and_what_was_never_sent_was_not_collected(write, read):
    write(lambda s: make_lead(s, "L-1", age=None))
    write(lambda s: score(s, email_opens=3))
    lead = read(lambda s: leads.find(s, "L-1"))
    assert leads.collected_inputs(lead) == {"age": None, "email_opens": 3}
    assert leads.known_inputs(lead) == {"email_opens": 3}
    newest, first = read(lambda s: leads.snapshots(s, lead))
    assert (newest.inputs, first.inputs) == ({"age": None, "email_opens": 3}, {"age": None})


def test_null_clears_what_people_read_too(write, read):
    write(lambda s: make_lead(s, "L-1", name="Ada Example", phone="123"))
    write(lambda s: score(s, name=None))
    lead = read(lambda s: leads.find(s, "L-1"))
    assert (lead.name, lead.phone) == (None, "123")
    assert lead.search_text == "l 1"
    assert lead.sort_name == "l-1"


@pytest.mark.parametrize("sent", [{}, {"owner": "Rita"}, {"actual_outcome": True}])
def test_a_record_without_inputs_adds_no_snapshot_and_changes_no_score(sent, write, read):
    before = write(lambda s: make_lead(s, "L-1", email_opens=9))
    shown = read(lambda s: leads.current_probability(s, before))
    scored = write(lambda s: score(s, **sent))
    lead = read(lambda s: leads.find(s, "L-1"))
    assert scored.probability == scored.previous_probability == shown
    assert read(lambda s: leads.current_probability(s, lead)) == shown
    assert len(read(lambda s: leads.snapshots(s, lead))) == 1
    assert lead.scored_at == before.scored_at
    assert (lead.owner, lead.outcome) == (sent.get("owner"), sent.get("actual_outcome"))


def test_a_new_lead_without_inputs_is_scored_once(champion, write, read):
    write(score)
    write(score)
    [snapshot] = read(lambda s: leads.snapshots(s, leads.find(s, "L-1")))
    assert snapshot.inputs == {}


def test_training_learns_from_the_inputs_that_were_known_before_a_bare_outcome(write, read):
    write(lambda s: make_lead(s, "L-1", email_opens=9))
    write(lambda s: score(s, actual_outcome=True))
    run = write(lambda s: runs.request(s, "training", trigger="t", requested_by="t", now=NOW))
    write(lambda s: s.execute(sa.update(Lead).values(counted_by_run=run.key)))
    [lead] = read(lambda s: training_data.collect(s, run.key, since_run=0)).leads
    assert lead.inputs == {"email_opens": 9}
    assert not lead.came_with_outcome


def test_what_people_read_is_kept_where_nothing_new_is_sent(write, read):
    write(lambda s: make_lead(s, "L-1", name="Ada Example", company="Birch Foods"))
    write(lambda s: score(s, company="Alder Tools"))
    lead = read(lambda s: leads.find(s, "L-1"))
    assert (lead.name, lead.company) == ("Ada Example", "Alder Tools")
    assert "ada example" in lead.search_text
    assert "alder tools" in lead.search_text


def test_every_scoring_leaves_a_snapshot_that_reproduces_it(champion, write, read):
    first = write(lambda s: score(s, email_opens=1))
    second = write(lambda s: score(s, email_opens=30))
    rows = read(lambda s: leads.snapshots(s, leads.find(s, "L-1")))
    card = read(lambda s: registry.scorecard(s, registry.champion(s)))
    assert [r.probability for r in rows] == [second.probability, first.probability]
    assert [card.score(r.inputs).probability for r in rows] == [r.probability for r in rows]
    assert second.previous_probability == first.probability


def test_the_score_before_is_that_of_the_version_in_use(champion, write):
    first = write(lambda s: score(s, email_opens=1))

    def put_in_use(session):
        version = make_version(session)
        rescoring.begin(session, version, NOW)
        rescoring.fill(session, version, 0)
        lifecycle.switch(session, version, "gate", NOW)

    write(put_in_use)
    second = write(lambda s: score(s, email_opens=1))
    assert second.previous_probability == second.probability > first.probability


def test_who_had_to_wait_for_a_lead_scores_it_last(champion, write, read):
    first = write(lambda s: score(s, email_opens=30))
    write(lambda s: make_lead(s, "L-1", email_opens=1, now=LATER - timedelta(seconds=1)))
    lead = read(lambda s: leads.find(s, "L-1"))
    newest = read(lambda s: leads.snapshots(s, lead)[0])
    assert newest.probability == read(lambda s: leads.current_probability(s, lead))
    third = write(lambda s: score(s, email_opens=2))
    assert third.previous_probability == newest.probability < first.probability


def test_the_same_lead_keeps_its_row(write, read):
    first = write(lambda s: make_lead(s, "L-1")).key
    write(lambda s: score(s, email_opens=3))
    rows = read(lambda s: s.scalars(sa.select(Lead)).all())
    assert [(r.key, r.created_at) for r in rows] == [(first, NOW)]


def test_inputs_sent_with_an_outcome_are_marked(champion, write, read):
    write(lambda s: score(s, email_opens=1))
    write(lambda s: score(s, email_opens=30, actual_outcome=True))
    marks = sa.select(Snapshot.came_with_outcome).order_by(Snapshot.key)
    assert read(lambda s: s.scalars(marks).all()) == [False, True]


def test_an_incoming_version_is_scored_beside_the_champion(write, read):
    def two_versions(session):
        make_lead(session, "noise")
        card = registry.scorecard(session, registry.champion(session))
        shifted = dataclasses.replace(card, intercept=card.intercept + 1)
        details: dict[str, Any] = {"fields": [], "training": {}, "metrics": {}, "decision": {}}
        version = registry.save(session, shifted, created_at=NOW, **details)
        registry.set_alias(session, registry.STAGED, version.key, NOW)

    write(two_versions)
    scored = write(lambda s: score(s, email_opens=4))
    assert scored.version == "1.0"
    write(lambda s: registry.set_alias(s, registry.CHAMPION, registry.version(s, "1.1").key, NOW))
    shown = read(lambda s: leads.current_probability(s, leads.find(s, "L-1")))
    assert shown > scored.probability


@pytest.mark.parametrize(
    ("probability", "category"),
    [(0.7, "high"), (0.69996, "medium"), (0.4, "medium"), (0.39, "low")],
)
def test_risk_bands_begin_at_their_bounds(probability, category):
    assert Bands(high=0.7, medium=0.4).of(probability) == category


def test_an_outcome_that_came_with_the_score_counts(champion, write, read):
    write(lambda s: score(s, actual_outcome=False))
    write(lambda s: make_outcome(s, "L-1", False))
    assert read(lambda s: leads.find(s, "L-1").outcome) is False


def test_a_merged_lead_is_scored_as_the_one_that_goes_on(write, read):
    for lead_id in ("L-1", "L-2", "L-3"):
        write(lambda s, i=lead_id: make_lead(s, i))
    for gone, kept in (("L-1", "L-2"), ("L-2", "L-3")):
        write(lambda s, g=gone, k=kept: _merge(s, g, k))
    scored = write(lambda s: score(s, email_opens=9))
    assert scored.lead.lead_id == "L-3"
    assert read(lambda s: leads.find(s, "L-3").email_opens) == 9
    assert read(lambda s: s.scalars(sa.select(Score.lead_key)).all()) == [scored.lead.key]


def _merge(session, gone, kept):
    removal.remove(session, leads.find(session, gone), NOW, into=leads.find(session, kept))


def test_leads_merged_in_a_circle_are_found(write, read):
    first, second = (write(lambda s, i=i: make_lead(s, i)) for i in ("L-1", "L-2"))
    for one, other in ((first, second), (second, first)):
        write(lambda s, a=one, b=other: setattr(s.get(Lead, a.key), "merged_into_key", b.key))
    assert read(lambda s: leads.find(s, "L-1").lead_id) == "L-2"
    assert write(lambda s: leads.find(s, "L-1", lock=True).lead_id) == "L-2"


def test_a_removed_lead_gets_no_score_that_lists_show(write, read):
    write(lambda s: make_lead(s, "L-1"))
    write(lambda s: removal.remove(s, leads.find(s, "L-1"), NOW))
    scored = write(lambda s: score(s, email_opens=9))
    assert scored.probability > 0
    assert read(lambda s: s.scalars(sa.select(Score.lead_key)).all()) == []


def test_a_lead_that_stands_twice_in_a_batch_is_scored_twice_in_order(champion, write, read):
    sent = [{"email_opens": 1, "actual_outcome": True}, {}, {"email_opens": 30}]
    ids = ["L-1", "L-2", "L-1"]
    rows = [records.clean(FIELDS, {"lead_id": i, **row}) for i, row in zip(ids, sent, strict=True)]
    first, other, second = write(lambda s: scoring.score_leads(s, FIELDS, rows, PROGRAM, now=LATER))
    assert [s.lead.lead_id for s in (first, other, second)] == ids
    assert (first.previous_probability, other.previous_probability) == (None, None)
    assert second.previous_probability == first.probability
    assert (first.outcome, other.outcome, second.outcome) == (True, None, True)
    assert read(lambda s: leads.find(s, "L-1").email_opens) == 30
