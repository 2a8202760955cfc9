"""A lead's scorings: each with what changed since the one before."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.factories import FIELDS, NOW, make_champion, make_lead, make_version
from webapp.services.leads import lead_history, leads
from webapp.services.models import lifecycle, registry, rescoring

DAY = timedelta(days=1)


def history(read, **told):
    return read(lambda s: lead_history.scorings(s, FIELDS, leads.find(s, "L-1"), **told))


def put_in_use(session, at=NOW + DAY):
    version = make_version(session)
    rescoring.begin(session, version, at)
    rescoring.fill(session, version, 0)
    lifecycle.switch(session, version, "gate", at)


def test_a_change_is_split_into_model_and_inputs(write, read):
    write(lambda s: make_lead(s, "L-1", website_visits=1))
    write(put_in_use)
    write(lambda s: make_lead(s, "L-1", website_visits=9, now=NOW + DAY / 2))  # from a file
    newest, first = history(read)
    assert (newest.scored.version, first.scored.version) == ("1.1", "1.0")
    assert newest.by_model > 0
    assert newest.by_inputs > 0
    change = newest.probability - first.probability
    assert newest.by_model + newest.by_inputs == pytest.approx(change)
    assert [(c.label, c.before, c.after) for c in newest.changes] == [("Website visits", 1, 9)]


def test_the_lead_changes_first_and_then_the_model(write, read):
    write(lambda s: make_lead(s, "L-1", website_visits=1))
    write(put_in_use)
    write(lambda s: make_lead(s, "L-1", website_visits=9, now=NOW + DAY / 2))  # from a file
    newest, first = history(read)
    between = first.scored.card.score(newest.scored.inputs).probability
    assert newest.by_inputs == between - first.probability
    found = newest.explained()
    assert (found.before, found.between, found.after) == pytest.approx(
        (first.probability, between, newest.probability)
    )
    assert first.explained() is None


def test_the_first_scoring_has_nothing_before_it(write, read):
    write(lambda s: make_lead(s, "L-1"))
    [first] = history(read)
    assert (first.by_inputs, first.by_model, first.changes) == (None, None, ())


def test_a_version_that_takes_over_is_a_scoring_of_its_own(write, read):
    write(lambda s: make_lead(s, "L-1"))
    write(put_in_use)
    newest, first = history(read)
    assert (newest.source, newest.scored.version, newest.at) == (None, "1.1", NOW + DAY)
    assert newest.by_model == pytest.approx(newest.probability - first.probability)


def switch(session, name, days):
    version = registry.version(session, name)
    rescoring.begin(session, version, NOW + days * DAY)
    rescoring.fill(session, version, 0)
    lifecycle.switch(session, version, "ada", NOW + days * DAY)


def test_each_switch_of_versions_is_told_also_one_that_was_rolled_back(write, read):
    write(lambda s: make_lead(s, "L-1"))
    write(put_in_use)
    write(lambda s: switch(s, "1.0", 2))
    back, up, first = history(read)
    assert [s.scored.version for s in (back, up, first)] == ["1.0", "1.1", "1.0"]
    assert (back.at, back.probability) == (NOW + 2 * DAY, first.probability)
    assert up.probability > first.probability
    assert back.by_model == pytest.approx(-up.by_model)
    assert up.has_moved
    assert len({(s.key, s.switch) for s in (back, up, first)}) == 3


@pytest.mark.parametrize(("move", "has_moved"), [(0.004, False), (-0.004, False), (0.006, True)])
def test_a_score_has_moved_where_that_shows_in_whole_points(move, has_moved, write, read):
    write(lambda s: make_lead(s, "L-1"))
    [scoring] = history(read)
    assert replace(scoring, by_inputs=move).has_moved is has_moved
    assert replace(scoring, by_inputs=0.0, by_model=move).has_moved is has_moved


def test_the_newest_score_told_is_the_present_one(write, read):
    write(lambda s: make_lead(s, "L-1", email_opens=3))
    write(put_in_use)
    present = read(lambda s: leads.current_probability(s, leads.find(s, "L-1")))
    assert history(read)[0].probability == present


def test_a_switch_from_before_the_lead_came_with_inputs_of_old_is_not_told(write, read):
    write(make_champion)
    write(put_in_use)
    write(lambda s: make_lead(s, "L-1", now=NOW + 2 * DAY))

    def date_back(session):
        leads.snapshots(session, leads.find(session, "L-1"))[0].taken_at = NOW - DAY

    write(date_back)
    [only] = history(read)
    assert only.scored.version == "1.1"


def test_a_long_history_ends_at_its_limit(write, read):
    for number in range(5):
        write(lambda s, n=number: make_lead(s, "L-1", age=20 + n, now=NOW + n * DAY))
    found = history(read, limit=3)
    assert [s.at for s in found] == [NOW + n * DAY for n in (4, 3, 2)]
    assert all(s.by_model is not None for s in found)


def test_an_input_that_became_unknown_is_a_change(write, read):
    write(lambda s: make_lead(s, "L-1", industry="Retail"))
    write(lambda s: make_lead(s, "L-1", industry=None, now=NOW + DAY))
    [change] = history(read)[0].changes
    assert (change.before, change.after) == ("Retail", None)
