"""Which leads are one person or one company, and which only look so."""

import pytest
import sqlalchemy as sa

from ml.fields.types import Value
from tests.factories import NOW, make_lead, make_outcome
from webapp.services.models import training_data
from webapp.services.models.lead_groups import Known, groups
from webapp.services.runs import runs
from webapp.tables import Lead

FILLER = [Known({"website_visits": n}, f"x{n}@filler-{n}.com", f"Filler {n}") for n in range(60)]
TELLING: dict[str, Value] = {
    "age": 41,
    "industry": "Retail",
    "website_visits": 17,
    "email_opens": 23,
    "score": 7.25,
}


def are_one(one, other):
    """Whether two leads are taken for one, among others."""
    first, second, *_ = groups([one, other, *FILLER])
    return first == second


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Known({}, "Ann@Acme.com "), Known({}, "ann@acme.com")),
        (Known({}, "ann@gmail.com", "Acme"), Known({}, "ann@gmail.com")),
        (Known({}, "ann@acme.com"), Known({}, "bob@acme.com")),
        (Known({}, "ann@acme.com", "Acme"), Known({}, "bob@gmail.com", " ACME ")),
        (Known({}, records=("003A",)), Known({}, records=(7, "003A"))),
        (Known(TELLING), Known({**TELLING, "location": None})),
    ],
)
def test_two_leads_are_one_by_what_only_one_has(one, other):
    assert are_one(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Known({}, "ann@gmail.com"), Known({}, "bob@gmail.com")),
        (Known({}, None, "n/a"), Known({}, None, "N/A")),
        (Known({}, None, "Self Employed"), Known({}, None, "self employed")),
        (Known({}, "no address", "Acme"), Known({}, "no address", "Beta")),
        (Known({}), Known({})),
        (Known({"website_visits": 3}), Known({"website_visits": 3})),
        (Known(TELLING), Known({**TELLING, "age": 42})),
    ],
)
def test_two_leads_stay_two_by_what_many_have(one, other):
    assert not are_one(one, other)


def test_thousands_of_leads_of_which_nothing_is_known_stay_apart():
    assert len(set(groups([Known({})] * 3_000))) == 3_000


def test_usual_values_that_meet_often_join_nobody():
    leads = [
        Known({"industry": n % 3, "lead_source": n % 5, "age": 30 + n % 20}) for n in range(900)
    ]
    assert len(set(groups(leads))) == 900


def test_a_placeholder_and_a_provider_chain_no_companies_together():
    """A name that goes with many mail domains is no company, nor is a domain with many names."""
    placeholder = [Known({}, f"a@firm-{n}.com", "Pending") for n in range(15)]
    provider = [Known({}, f"a{n}@provider.net", f"Firm {n}") for n in range(15)]
    nobody = [Known({}, "none@none.net", f"Company {n}") for n in range(15)]
    others = [Known({}, f"b@firm-{n}.com", f"Firm {n}") for n in range(15)]
    found = groups([*placeholder, *provider, *nobody, *others, *FILLER])
    assert len(set(found)) == 15 + 15 + 60
    assert found[:15] == found[15:30] == found[45:60]


def test_what_more_than_a_tenth_of_all_share_is_nobodys():
    company = [Known({}, None, "Acme")]
    assert len(set(groups(company * 20 + FILLER))) == 1 + 60
    assert len(set(groups(company * 21 + FILLER))) == 21 + 60


def test_labels_are_read_with_the_number_of_their_group_alone(write, read):
    def labelled(session):
        for n, (email, company) in enumerate(
            [("a@acme.com", None), ("b@acme.com", "Acme"), ("c@gmail.com", "acme"), (None, None)]
        ):
            lead = make_lead(session, f"L-{n}", email=email, company=company, age=20 + n)
            make_outcome(session, lead, n % 2 == 0)
        runs.request(session, "training", trigger="request", requested_by="ada", now=NOW)
        run = runs.claim(session, "training", "worker-1", NOW)
        for lead in session.scalars(sa.select(Lead)):
            lead.counted_by_run = run.key
        return run.key

    run_key = write(labelled)
    found = read(lambda s: training_data.collect(s, run_key, since_run=0))
    assert found.groups == [0, 0, 0, 1]
    assert found.about()["n_groups"] == 2
