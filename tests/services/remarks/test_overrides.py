"""Scores that people set beside the model's: until when they count, and who may end them."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from tests.factories import FIELDS, NOW, make_lead
from webapp.services.exports import remarks
from webapp.services.leads import leads, removal
from webapp.services.remarks import overrides
from webapp.services.remarks.overrides import InvalidOverride
from webapp.tables import Lead
from webapp.tables.remarks import ScoreOverride

DAY = timedelta(days=1)
RITA, BO = "rita@example.com", "bo@example.com"


@pytest.fixture
def lead(write):
    return write(lambda s: make_lead(s, "L-1"))


def put(session, probability=0.8, until=NOW + 7 * DAY, author=RITA, now=NOW):
    told = {"until": until, "reason": "met their CEO", "author": author, "now": now}
    return overrides.put(session, leads.find(session, "L-1", lock=True), probability, **told)


def counting(read, now):
    found = read(lambda s: overrides.of_leads(s, [leads.find(s, "L-1").key], now))
    assert read(lambda s: overrides.active(s, now)).keys() == found.keys()
    return [(said.author, said.probability) for said in found.values()]


def test_an_override_counts_until_its_moment_and_ends_by_itself(write, read, lead):
    write(put)
    assert counting(read, NOW + 7 * DAY - timedelta(seconds=1)) == [(RITA, 0.8)]
    assert counting(read, NOW + 7 * DAY) == []


def test_a_new_override_takes_the_place_of_the_one_before(write, read, lead):
    first = write(put)
    write(lambda s: put(s, 0.1, author=BO, now=NOW + DAY))
    assert counting(read, NOW + DAY) == [(BO, 0.1)]
    ended = read(lambda s: s.get(ScoreOverride, first.key))
    assert (ended.ended_at, ended.ended_by) == (NOW + DAY, BO)


def test_one_past_its_date_ended_then_whoever_comes_after(write, read, lead):
    first = write(put)
    write(lambda s: put(s, author=BO, until=NOW + 30 * DAY, now=NOW + 20 * DAY))
    ended = read(lambda s: s.get(ScoreOverride, first.key))
    assert (ended.ended_at, ended.ended_by) == (NOW + 7 * DAY, None)


def test_anybody_ends_an_override_by_hand(write, read, lead):
    write(put)
    for _ in range(2):
        write(lambda s: overrides.end(s, leads.find(s, "L-1", lock=True), BO, NOW + DAY))
    assert counting(read, NOW + DAY) == []


def test_what_a_person_enters_is_read_up_to_the_end_of_the_day():
    now = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
    read = overrides.read("80", "2026-03-02", " met their CEO ", now)
    assert read == (0.8, datetime(2026, 3, 3, tzinfo=UTC), "met their CEO")


@pytest.mark.parametrize(
    ("score", "until", "reason", "wrong"),
    [
        ("101", "2026-04-01", "r", {"score"}),
        ("-1", "2026-04-01", "r", {"score"}),
        ("8.5", "2026-04-01", "r", {"score"}),
        ("9" * 5000, "2026-04-01", "r", {"score"}),
        ("80", "2026-03-01", "r", {"until"}),
        ("80", "2027-04-01", "r", {"until"}),
        ("80", "9999-12-31", "r", {"until"}),
        ("80", "tomorrow", "r", {"until"}),
        ("80", "2026-04-01", " ", {"reason"}),
        ("80", "2026-04-01", "x" * 501, {"reason"}),
        ("", "", "\x00", {"score", "until", "reason"}),
    ],
)
def test_all_that_is_wrong_is_named_at_once(score, until, reason, wrong):
    with pytest.raises(InvalidOverride) as refused:
        overrides.read(score, until, reason, datetime(2026, 3, 2, 9, 30, tzinfo=UTC))
    assert refused.value.errors.keys() == wrong


def test_overrides_are_exported_and_erased_with_their_lead(write, read, lead):
    write(put)
    [row], _ = read(lambda s: remarks.overrides().read_block(s, None))
    assert (row["lead_id"], row["override_score"], row["author"]) == ("L-1", 0.8, RITA)
    write(lambda s: removal.erase(s, [lead.key], "ada@example.com", NOW))
    assert read(lambda s: remarks.overrides().read_block(s, None)) == ([], None)


@pytest.fixture
def kept(write, lead):
    """The lead that L-1 is merged into."""
    return write(lambda s: make_lead(s, "L-2"))


def merge(session, kept, now=NOW + DAY):
    removal.remove(session, session.get(Lead, key_of(session)), now, into=session.merge(kept))


def key_of(session):
    return session.scalar(sa.select(Lead.key).where(Lead.lead_id == "L-1"))


def counting_for(read, key, now=NOW + 2 * DAY):
    found = read(lambda s: overrides.of_leads(s, [key], now))
    return [(said.author, said.probability, said.until) for said in found.values()]


def test_an_override_counts_for_the_lead_that_its_own_was_merged_into(write, read, lead, kept):
    write(put)
    for _ in range(2):
        write(lambda s: merge(s, kept))
    assert counting_for(read, kept.key) == [(RITA, 0.8, NOW + 7 * DAY)]
    assert counting_for(read, kept.key, NOW + 7 * DAY) == []


def test_the_lead_that_stays_keeps_an_override_of_its_own(write, read, lead, kept):
    write(put)
    until = NOW + 3 * DAY

    def put_own(session):
        own = {"reason": "no budget", "author": BO}
        overrides.put(session, session.merge(kept), 0.1, until=until, **own, now=NOW)

    write(put_own)
    write(lambda s: merge(s, kept))
    assert counting_for(read, kept.key) == [(BO, 0.1, until)]


def test_an_override_that_is_over_is_not_taken_along(write, read, lead, kept):
    write(put)
    write(lambda s: merge(s, kept, NOW + 7 * DAY))
    assert read(lambda s: s.scalars(sa.select(ScoreOverride.lead_key)).all()) == [lead.key]


def test_a_merge_undone_gives_the_override_back(write, read, lead, kept):
    write(put)
    write(lambda s: merge(s, kept))
    write(lambda s: removal.restore(s, FIELDS, s.get(Lead, lead.key), NOW + 2 * DAY))
    assert counting_for(read, lead.key) == [(RITA, 0.8, NOW + 7 * DAY)]
    assert counting_for(read, kept.key) == []


def test_a_merge_into_another_lead_takes_the_override_there(write, read, lead, kept):
    write(put)
    other = write(lambda s: make_lead(s, "L-3"))
    for into in (kept, other):
        write(lambda s, into=into: merge(s, into))
    assert [counting_for(read, each.key) for each in (kept, other)] == [
        [],
        [(RITA, 0.8, NOW + 7 * DAY)],
    ]
