"""Requests made from the OpenAPI document, right and wrong ones: each answer keeps its promise.

Of every answer is checked: no error of ours; a documented status, type and shape; a refusal where
the request breaks the document, and none where it does not; nothing without a key.
"""

from collections import Counter
from dataclasses import dataclass, field

import pytest
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import Status, events, from_schema

from tests.factories import make_lead, make_outcome, make_version

# What a document cannot say: plain spellings are read as what they mean ("8", "won", 12345), and
# what surprises is taken with a warning; a batch has its errors in its rows; an Idempotency-Key is
# for one body; two places for an outcome must agree and a time may not lie ahead; an override ends
# within a year, and an owner has an account; a place in the table is one that the table gave; a
# form key has sites and no other scope; an import names a mapping that is there; and a lead may
# have the id "batch", or one that ends in "/notes", which answers to other methods.
TAKEN = {"positive_data_acceptance": {"enabled": False}}
BATCH = {**TAKEN, "negative_data_rejection": {"enabled": False}}
AN_ID_TOO = {
    "allow_header_conformance": {"enabled": False},
    "unsupported_method": {"enabled": False},
}
OF_LEAD = "/api/leads/{lead_id}"
REMARKS = (
    *(f"{method} {OF_LEAD}/notes" for method in ("GET", "POST")),
    f"DELETE {OF_LEAD}/notes/{{key}}",
    *(f"{method} {OF_LEAD}/score-report" for method in ("PUT", "DELETE")),
    f"DELETE {OF_LEAD}/override",
)
UNSAID = {
    "POST /score/batch": BATCH,
    "POST /feedback/batch": {**BATCH, "allow_header_conformance": {"enabled": False}},
    "POST /score": {"negative_data_rejection": {"enabled": False}},
    "PUT /feedback/{lead_id}": TAKEN,
    "POST /feedback/{lead_id}": TAKEN,
    "POST /api/keys": TAKEN,
    "POST /api/imports": TAKEN,
    **dict.fromkeys(REMARKS, AN_ID_TOO),
    "PUT /api/leads/{lead_id}/override": {**TAKEN, **AN_ID_TOO},
    "PUT /api/leads/{lead_id}/owner": {**TAKEN, **AN_ID_TOO},
    "GET /api/leads": TAKEN,
    "GET /api/exports/leads": TAKEN,
}
# Explored last: they end the key that the requests use.
LAST = ["DELETE /api/keys/{key}", "POST /api/keys/{key}/rotate"]


@dataclass
class Findings:
    """What a run has sent and found."""

    statuses: Counter[int] = field(default_factory=Counter)
    unexpected: list[str] = field(default_factory=list)

    def add(self, event):
        if isinstance(event, events.NonFatalError | events.FatalError):
            self.unexpected.append(f"{event}")
        if isinstance(event, events.ScenarioFinished):
            answers = event.recorder.interactions.values()
            self.statuses.update(a.response.status_code if a.response else 0 for a in answers)
            for case_id, checks in event.recorder.checks.items():
                curl = event.recorder.cases[case_id].value.as_curl_command()
                failed = [check for check in checks if check.status == Status.FAILURE]
                self.unexpected += [f"{c.failure_info.failure}\n{curl[:1000]}" for c in failed]


@pytest.fixture(scope="session", params=["postgresql"])
def dialect(request):
    """What differs are values that one database refuses: `test_hostile` sends them to both."""
    return request.param


@pytest.fixture
def settings(settings):
    return settings.model_copy(update={"log_level": "error"})


@pytest.fixture
def explore(waitress_url, headers, write):
    write(some_rows)

    def explore(*, seed, max_examples, stateful=False):
        found = Findings()
        for only in ({"include-name": LAST}, {"exclude-name": LAST}):
            config = SchemathesisConfig.from_dict(
                {
                    "headers": headers,
                    "seed": seed,
                    "continue-on-failure": True,
                    "generation": {"max-examples": max_examples, "database": "none"},
                    "phases": {"stateful": {"enabled": stateful}},
                    "operations": [*checks(), {**only, "enabled": False}],
                }
            )
            schema = schemathesis.openapi.from_url(f"{waitress_url}/openapi.json", config=config)
            for event in from_schema(schema).execute():
                found.add(event)
        return found

    return explore


def checks():
    return [{"include-name": name, "checks": left_out} for name, left_out in UNSAID.items()]


def some_rows(session):
    """What the examples of paths name, so that requests get beyond 404 and 400."""
    for n in range(24):
        make_lead(session, f"L-{n}", email_opens=n)
        make_outcome(session, f"L-{n}", n % 2 == 0)
    make_version(session)


def test_every_answer_keeps_the_promise_of_the_document(explore):
    found = explore(seed=1, max_examples=10)
    assert found.unexpected == []
    assert found.statuses.total() > 1000
    assert {200, 201, 202, 400, 401, 404, 405, 409, 415, 422} <= set(found.statuses)


@pytest.mark.slow
@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"], indirect=True)
@pytest.mark.parametrize("seed", [2, 3, 4])
def test_every_answer_keeps_the_promise_in_a_long_run(explore, seed):
    found = explore(seed=seed, max_examples=200, stateful=True)
    assert found.unexpected == []
