"""Sources that each know a part of a lead: whatever the order, the lead ends up whole."""

import itertools
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.factories import FIELDS, NOW, PROGRAM, make_champion, make_import
from webapp.services.imports import intake
from webapp.services.imports.intake import Origin
from webapp.services.imports.rows import ImportRow
from webapp.services.leads import leads, records, scoring

HALVES = (
    {"email_opens": 9, "industry": "Retail", "name": "Ada Example"},
    {"website_visits": 2, "lead_source": "Referral", "owner": "Rita"},
)
INPUTS = {"email_opens": 9, "industry": "Retail", "website_visits": 2, "lead_source": "Referral"}
HOUR = timedelta(hours=1)
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def dialect():
    """What is merged is decided in Python; test_scoring runs the statements on both."""
    return "sqlite"


def from_api(session, record, now):
    scoring.score_lead(session, FIELDS, record, PROGRAM, now=now)


def from_batch(session, record, now):
    scoring.score_leads(session, FIELDS, [record, record], PROGRAM, now=now)


def from_file(session, record, now):
    intake.take_in(session, [row_of(record)], Origin("ana", make_import(session).key), now=now)


def from_old_file(session, record, now):
    """The row says that its values are older than everything else."""
    row = row_of(record, NOW - 9 * HOUR)
    intake.take_in(session, [row], Origin("ana", make_import(session).key), now=now)


def row_of(record, scored_at=None):
    return ImportRow(1, 2, {}, record, scored_at, None, None, [])


WAYS = (from_api, from_batch, from_file, from_old_file)


@pytest.mark.parametrize("halves", [HALVES, HALVES[::-1]])
@pytest.mark.parametrize("ways", itertools.product(WAYS, WAYS))
def test_two_sources_that_each_know_half_end_with_the_whole_lead(halves, ways, write, read):
    write(make_champion)
    for i, (half, way) in enumerate(zip(halves, ways, strict=True)):
        record = records.clean(FIELDS, {"lead_id": "L-1", **half})
        write(lambda s, r=record, w=way, i=i: w(s, r, NOW + i * HOUR))
    lead = read(lambda s: leads.find(s, "L-1"))
    newest = read(lambda s: leads.snapshots(s, lead))[0]
    assert read(lambda s: leads.known_inputs(leads.find(s, "L-1"))) == INPUTS
    assert newest.inputs == INPUTS
    assert newest.probability == read(lambda s: leads.current_probability(s, lead))
    assert (lead.name, lead.owner) == ("Ada Example", "Rita")


VALUES = {
    "email_opens": st.none() | st.integers(0, 3),
    "industry": st.none() | st.sampled_from(["Retail", "Banking"]),
    "website_visits": st.none() | st.integers(0, 3),
    "owner": st.none() | st.sampled_from(["Rita", "Omar"]),
}
RECORDS = st.lists(
    st.tuples(st.sampled_from(WAYS[:3]), st.fixed_dictionaries({}, optional=VALUES)), max_size=6
)


def test_a_file_that_asks_for_more_and_finds_it_empty_scores_the_lead_again(write, read):
    write(make_champion)
    for i, (way, values) in enumerate([(from_api, {}), (from_file, {"email_opens": None})]):
        record = records.clean(FIELDS, {"lead_id": "L-1", **values})
        write(lambda s, r=record, w=way, i=i: w(s, r, NOW + i * HOUR))
    lead = read(lambda s: leads.find(s, "L-1"))
    newest = read(lambda s: leads.snapshots(s, lead))[0]
    assert newest.inputs == leads.collected_inputs(lead) == {"email_opens": None}


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(sent=RECORDS)
def test_what_is_known_is_the_last_that_was_sent_of_each_field(sent, write, read):
    write(make_champion)
    lead_id, expected = f"P-{next(_numbers)}", dict[str, object]()
    for i, (way, values) in enumerate([(from_api, {}), *sent]):
        record = records.clean(FIELDS, {"lead_id": lead_id, **values})
        write(lambda s, r=record, w=way, i=i: w(s, r, NOW + i * HOUR))
        expected |= values
    lead = read(lambda s: leads.find(s, lead_id))
    known = leads.known_inputs(lead) | ({"owner": lead.owner} if lead.owner else {})
    assert known == {name: value for name, value in expected.items() if value is not None}
    newest = read(lambda s: leads.snapshots(s, lead))[0]
    assert newest.inputs == leads.collected_inputs(lead)
    assert newest.probability == read(lambda s: leads.current_probability(s, lead))


def test_first_scorings_of_a_lead_at_once_lose_neither_half(write, read):
    write(make_champion)
    start = Barrier(2)

    def send(half):
        record = records.clean(FIELDS, {"lead_id": "L-1", **half})
        start.wait()
        write(lambda s: from_api(s, record, NOW))

    with ThreadPoolExecutor(2) as clients:
        list(clients.map(send, HALVES))
    lead = read(lambda s: leads.find(s, "L-1"))
    assert leads.known_inputs(lead) == INPUTS
    assert (lead.name, lead.owner) == ("Ada Example", "Rita")
    assert read(lambda s: leads.snapshots(s, lead))[0].inputs == INPUTS


def test_a_late_row_does_not_bring_back_what_was_made_unknown_since(write, read):
    def send(way, now, **values):
        record = records.clean(FIELDS, {"lead_id": "L-1", **values})
        write(lambda s: way(s, record, now))

    write(make_champion)
    send(from_api, NOW - 12 * HOUR, email_opens=9)
    send(from_api, NOW, email_opens=None)
    send(from_old_file, NOW, email_opens=8, website_visits=2)
    assert read(lambda s: leads.known_inputs(leads.find(s, "L-1"))) == {"website_visits": 2}
