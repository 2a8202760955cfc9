"""Saved views: whose they are, what they count, and what a person sees first."""

from datetime import timedelta

import pytest

from tests.factories import FIELDS, NOW, make_lead, make_outcome
from webapp.database import utc_now
from webapp.services.leads import lead_query, lead_table, leads, view_counts, views
from webapp.services.leads.views import InvalidView, ViewNotFound
from webapp.services.remarks import overrides

RITA, OMAR = "rita@example.com", "omar@example.com"


def override(session, lead_id, probability):
    lead, now = leads.find(session, lead_id, lock=True), utc_now()
    until = now + timedelta(days=1)
    overrides.put(session, lead, probability, until=until, reason="r", author=RITA, now=now)


@pytest.fixture
def save(write, champion):
    def save(name="Hot", asked=None, by=RITA, is_shared=False):
        given = {"asked": asked or {"grade": "A,B"}, "is_shared": is_shared}
        return write(lambda s: views.save(s, name, by=by, now=NOW, **given).key)

    return save


def names(read, email):
    return read(lambda s: [view.name for view in views.visible(s, email)])


def test_with_all_views_taken_one_is_still_replaced(save, monkeypatch):
    monkeypatch.setattr(views, "MAX_VIEWS", 1)
    assert save("Hot", {"grade": "A"}) == save("Hot", {"grade": "B"})
    with pytest.raises(InvalidView):
        save("Cold")


def test_a_view_is_the_persons_own_unless_it_is_shared(save, read):
    save("Hot")
    save("Alpha", by=OMAR)
    save("Cold", by=OMAR, is_shared=True)
    assert names(read, RITA) == ["Hot", "Cold"]
    assert names(read, OMAR) == ["Alpha", "Cold"]


def test_a_view_saved_again_under_its_name_is_replaced(save, read):
    first, again = save("Hot"), save(" Hot ", {"grade": "C"})
    assert first == again
    assert read(lambda s: [view.asked for view in views.visible(s, RITA)]) == [{"grade": "C"}]


def test_only_its_author_changes_or_deletes_a_view(save, read, write):
    key, _ = save("Hot", is_shared=True), save("Cold")
    for change in (
        lambda s: views.change(s, key, "Mine", is_shared=True, by=OMAR),
        lambda s: views.delete(s, key, by=OMAR),
    ):
        with pytest.raises(ViewNotFound):
            write(change)
    with pytest.raises(InvalidView, match="Another view of yours"):
        write(lambda s: views.change(s, key, "Cold", is_shared=True, by=RITA))
    write(lambda s: views.change(s, key, "Warm", is_shared=False, by=RITA))
    assert (names(read, RITA), names(read, OMAR)) == (["Cold", "Warm"], [])
    write(lambda s: views.delete(s, key, by=RITA))
    assert names(read, RITA) == ["Cold"]


@pytest.mark.parametrize("name", [None, " ", "x" * 61, "a\0b"])
def test_a_view_needs_a_name(name, save):
    with pytest.raises(InvalidView):
        save(name)


def test_a_view_opens_first_until_it_is_gone_or_hidden(save, read, write):
    key = save("Cold", by=OMAR, is_shared=True)
    private = save("Alpha", by=OMAR)
    with pytest.raises(ViewNotFound):
        write(lambda s: views.start_with(s, RITA, private))
    write(lambda s: views.start_with(s, RITA, key))
    assert read(lambda s: views.start(s, RITA)).name == "Cold"
    write(lambda s: views.change(s, key, "Cold", is_shared=False, by=OMAR))
    assert read(lambda s: views.start(s, RITA)) is None
    write(lambda s: views.delete(s, key, by=OMAR))
    assert read(lambda s: views.settings(s, RITA)) == (None, None)


def test_columns_are_kept_for_each_person(read, write, champion):
    write(lambda s: views.choose_columns(s, RITA, ["owner", "field.age"]))
    write(lambda s: views.choose_columns(s, OMAR, ["owner"]))
    write(lambda s: views.choose_columns(s, OMAR, None))
    assert read(lambda s: views.settings(s, RITA)).columns == ["owner", "field.age"]
    assert read(lambda s: views.settings(s, OMAR)).columns is None


ASKED = [{}, {"status": "lost"}, {"grade": "A,C"}, {"status": "all", "not_contacted_for": "7"}]


def test_views_count_what_their_tables_show(read, write):
    write(lambda s: [make_lead(s, f"L-{n}", email_opens=9 * n) for n in range(6)])
    write(lambda s: make_outcome(s, "L-3", False))
    # Who is in A by a person's word is in the view of A, as in its table.
    write(lambda s: override(s, "L-0", 0.99))
    queries = {n: lead_query.read(asked, FIELDS, now=NOW) for n, asked in enumerate(ASKED)}
    counted = read(lambda s: view_counts.counts(s, queries, explore_percent=0))
    for n, query in queries.items():
        shown = read(lambda s, q=query: lead_table.page(s, FIELDS, q))
        assert counted[n] == shown.n_leads
    assert counted[0] == 5


def test_a_view_with_a_search_is_not_counted(read, write, champion):
    queries = {1: lead_query.read({"q": "ada"})}
    assert read(lambda s: view_counts.counts(s, queries, explore_percent=0)) == {}
