"""What the worker asks every few seconds costs the same however many leads there are."""

import pytest

from tests.factories import NOW, make_leads, make_outcomes, make_version
from webapp.services.models import lifecycle, registry, rescoring
from webapp.services.models.lifecycle import Trigger


@pytest.fixture(scope="session")
def dialect():
    """Plans are SQLite's own to tell."""
    return "sqlite"


def some(session):
    return make_leads(session, [{"lead_id": f"L-{n}"} for n in range(3)])


def test_labels_not_counted_yet_are_found_by_their_own_index(write, read, explained, champion):
    write(lambda s: make_outcomes(s, some(s), [True, False, True]))
    explained.clear()
    assert read(lifecycle.n_uncounted) == 3
    read(lambda s: lifecycle.is_idle(s, Trigger(n_new_outcomes=50, every_hours=24), NOW))
    of_leads = [plan for plan in explained if "leads" in plan]
    assert of_leads, of_leads
    assert [plan for plan in of_leads if "ix_leads_uncounted" not in plan] == []


def test_scores_of_old_versions_are_deleted_along_the_primary_key(
    write, read, explained, champion, monkeypatch
):
    monkeypatch.setattr(rescoring, "CHUNK", 2)
    write(some)
    write(lambda s: registry.set_alias(s, registry.CHAMPION, make_version(s).key, NOW))
    explained.clear()
    assert [write(rescoring.forget_others) for _ in range(3)] == [2, 1, 0]
    of_scores = [plan for plan in explained if "scores" in plan]
    assert of_scores
    assert all("(version_key=?)" in plan for plan in of_scores)
