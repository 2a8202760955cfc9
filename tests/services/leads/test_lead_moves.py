"""How far a lead's own data moved its score, as its row tells."""

from datetime import timedelta

import pytest

from tests.factories import FIELDS, NOW, make_lead
from tests.services.leads.test_lead_table import page, put_another_version_in_use
from webapp.database import utc_now
from webapp.services.leads import lead_query, lead_table, scoring
from webapp.tables import Lead


def test_a_row_tells_how_far_the_last_scoring_moved_its_score(write, read):
    before = NOW - timedelta(days=3)
    write(lambda s: make_lead(s, "L-1", email_opens=0, now=before))
    first = read(page).rows[0]
    assert first.moved == 0
    write(lambda s: make_lead(s, "L-1", email_opens=20))
    row = read(page).rows[0]
    assert row.moved == round(100 * row.probability) - round(100 * first.probability) > 0
    assert row.moved_at == NOW
    assert read(lambda s: lead_table.row(s, FIELDS, row.lead.key)).moved == row.moved
    write(lambda s: make_lead(s, "L-1", email_opens=20, now=NOW + timedelta(days=1)))
    assert (read(page).rows[0].moved, read(page).rows[0].moved_at) == (row.moved, NOW)


def test_moves_of_one_week_add_up_and_later_ones_begin_anew(write, read):
    opens = {0: 0, 1: 5, 3: 20, 9: 0}
    points, moves = {}, {}
    for day, n in opens.items():
        at = NOW + timedelta(days=day)
        write(lambda s, n=n, at=at: make_lead(s, "L-1", email_opens=n, now=at))
        [row] = read(page).rows
        points[day], moves[day] = round(100 * row.probability), (row.moved, row.moved_at)
    assert moves[3] == (points[3] - points[0], NOW + timedelta(days=1))
    assert moves[9] == (points[9] - points[3], NOW + timedelta(days=9))


@pytest.mark.parametrize(("moved", "is_told"), [(2, False), (3, True), (-3, True)])
def test_a_move_of_less_than_three_points_is_not_told(moved, is_told):
    yesterday = utc_now() - timedelta(days=1)
    assert lead_table.Row(Lead(), 0.5, "B", [], moved, yesterday, None).has_moved is is_told


def test_a_move_of_long_ago_is_not_told_nor_found(write, read):
    write(lambda s: make_lead(s, "L-1", email_opens=0, now=NOW - timedelta(days=1)))
    write(lambda s: make_lead(s, "L-1", email_opens=20))
    assert not read(page).rows[0].has_moved  # the present is months later

    def found(days):
        query = lead_query.read({"moved": "up"}, now=NOW + timedelta(days=days))
        return len(read(lambda s: lead_table.page(s, FIELDS, query)).rows)

    assert (found(6), found(8)) == (1, 0)


def test_a_rise_of_long_ago_no_longer_leads_those_that_rose(write, read):
    for lead_id, opens, days in (("old", 40, 0), ("new", 20, 8)):
        at = NOW + timedelta(days=days)
        write(lambda s, i=lead_id, at=at: make_lead(s, i, email_opens=0, now=at))
        write(lambda s, i=lead_id, at=at, n=opens: make_lead(s, i, email_opens=n, now=at))
    assert [row.lead.lead_id for row in read(by_rise)] == ["old", "new"]
    at = NOW + timedelta(days=9)
    assert write(lambda s: scoring.forget_moves(s, at)) == 1
    assert write(lambda s: scoring.forget_moves(s, at)) == 0
    assert [(row.lead.lead_id, row.moved > 0) for row in read(by_rise)] == [
        ("new", True),
        ("old", False),
    ]


def by_rise(session):
    return lead_table.page(session, FIELDS, lead_query.read({"sort": "change"})).rows


def test_a_score_of_another_version_is_no_move(write, read):
    write(lambda s: make_lead(s, "L-1", email_opens=0))
    before = read(page).rows[0].probability
    write(put_another_version_in_use)
    assert read(page).rows[0].probability > before
    assert read(page).rows[0].moved == 0
