"""The panel of suspected fields on the models pages, and its two buttons."""

import re

import pytest

from tests.factories import FIELDS, NOW, make_version
from tests.services.models.test_leakage import suspect
from webapp.services.models import leakage, registry


def show(visitor, path="/models"):
    return re.sub(r"\s+", " ", visitor.get(path).text)


@pytest.fixture
def admin(ada, sign_in):
    return sign_in(ada)


def allowed(read):
    return read(lambda s: leakage.known(s, FIELDS, registry.champion(s))).allowed


def use_version_that_knows_tags(session):
    suspect(session)
    version = make_version(session)
    version.fields = ["tags"]
    registry.set_alias(session, registry.CHAMPION, version.key, NOW)


def test_nothing_is_said_while_no_field_is_suspected(admin):
    assert 'id="leaking-fields"' not in show(admin)


def test_a_suspected_field_is_told_with_its_evidence_until_it_is_allowed(admin, write, read):
    write(suspect)
    page = show(admin)
    assert "Leaking fields</h2>" in page
    assert "Tags tells too much." in page
    assert "Confirm</button>" in page
    answer = admin.post("/models/fields/tags/allow")
    assert (answer.status_code, answer.location) == (303, "/models")
    assert allowed(read) == {"tags"}
    page = show(admin)
    assert "The next training uses tags." in page
    assert '<span class="chip">allowed</span>' in page
    assert "Exclude</button>" in page
    admin.post("/models/fields/tags/leave-out")
    assert allowed(read) == frozenset()
    assert '<span class="chip">excluded</span>' in show(admin)


def test_a_field_never_suspected_cannot_be_allowed(admin):
    answer = admin.post("/models/fields/industry/allow")
    assert answer.status_code == 404
    assert "No training has flagged a field industry" in answer.text


def test_managers_read_the_panel_but_only_administrators_decide(mona, sign_in, write):
    write(suspect)
    manager = sign_in(mona)
    assert "Tags tells too much." in show(manager)
    assert "/models/fields/" not in show(manager)
    assert manager.post("/models/fields/tags/allow").status_code == 403


def test_a_version_in_use_that_knows_the_field_is_called_out_with_the_way_out(admin, write):
    write(use_version_that_knows_tags)
    page = show(admin)
    assert "Version 1.1 is live and uses tags." in page
    assert "Version 1.0</a>, the starter model, is the newest" in page
    assert "without it. <em>Train now</em> trains one without it." in page
    assert 'action="/models/1.0/promote"' in page

    def learn(session):
        make_version(session).family = "spline logistic"

    write(learn)
    page = show(admin)
    assert "the starter model, is the newest" not in page
    assert 'action="/models/1.2/promote"' in page
    assert "Promote 1.2" in page


def test_a_version_in_use_that_goes_by_what_the_file_takes_from_models_is_called_out(admin, write):
    def use(session):
        version = make_version(session)
        version.family, version.fields = "spline logistic", ["dropped"]
        registry.set_alias(session, registry.CHAMPION, version.key, NOW)

    write(use)
    page = show(admin)
    assert "Version 1.1 is live and uses dropped." in page
    assert "dropped is retired." in page
    assert 'action="/models/1.0/promote"' in page
