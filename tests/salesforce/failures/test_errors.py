"""Every failure body is recognised as its case, and says what the administrator needs."""

import re
from socket import gaierror

import pytest
import requests
from simple_salesforce.exceptions import SalesforceGeneralError
from urllib3 import HTTPSConnectionPool
from urllib3.connection import HTTPConnection
from urllib3.exceptions import MaxRetryError, NameResolutionError, NewConnectionError

from sync.crm.faults import (
    AnswerTooSlow,
    Fault,
    ForeignRedirect,
    HostNotAllowed,
    Kind,
    UntrustedCertificate,
)
from sync.salesforce import cases, errors
from sync.salesforce.errors import LoginRefused, classify, classify_row
from tests.salesforce.failures.bodies import CALLS, HTML, LOGINS, ROWS, rest, row

BODIES: tuple[object, ...] = (HTML, "", {}, [])


def call(status, content):
    return classify(SalesforceGeneralError("https://x", status, "query", content))


@pytest.mark.parametrize(("number", "status", "content", "name"), LOGINS)
def test_a_refused_login_is_recognised(number, status, content, name):
    assert classify(LoginRefused(status, content)).case.name == name


@pytest.mark.parametrize(("number", "status", "content", "name"), CALLS)
def test_a_refused_call_is_recognised(number, status, content, name):
    assert call(status, content).case.name == name


@pytest.mark.parametrize(("number", "verdict", "name"), ROWS)
def test_a_refused_row_is_recognised(number, verdict, name):
    assert classify_row(verdict["errors"]).case.name == name


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (requests.ConnectionError("secret"), "network failure"),
        (requests.Timeout("secret"), "network failure"),
        (requests.exceptions.ChunkedEncodingError("secret"), "network failure"),
        (requests.exceptions.JSONDecodeError("secret", "", 0), "not an answer of Salesforce"),
        (HostNotAllowed("evil.example is not allowed"), "host not allowed"),
        (ForeignRedirect("an answer points to portal.example"), "redirected elsewhere"),
        (requests.TooManyRedirects("secret"), "redirected elsewhere"),
        (UntrustedCertificate("acme.example: self-signed"), "certificate not trusted"),
        (AnswerTooSlow("not complete after 60 s"), "answer too slow"),
        (KeyError(0), "unknown fault"),
    ],
)
def test_a_failure_of_the_network_is_recognised_and_quotes_no_address(error, name):
    fault = classify(error)
    assert fault.case.name == name
    assert "secret" not in str(fault)


@pytest.mark.parametrize("content", [None, [], [1], [[]], {}, {"errors": 3}, "", b"\xff", 7, [{}]])
@pytest.mark.parametrize("status", [200, 204, 302, 400, 418, 599])
def test_nothing_that_comes_back_breaks_the_reading_of_it(status, content):
    assert isinstance(call(status, content), Fault)
    assert isinstance(classify(LoginRefused(status, content)), Fault)


@pytest.mark.parametrize("errors", [[], [{}], [{"statusCode": 5, "message": None, "fields": 3}]])
def test_a_verdict_without_reasons_is_of_its_row_alone(errors):
    assert classify_row(errors).kind is Kind.ROW_TRANSIENT


def test_only_credentials_rights_and_the_org_itself_call_a_person():
    """A network, a proxy or a server that is down ends by itself, whatever it answers."""
    statuses = (302, 307, 407, 408, 425, 429, *range(500, 512), *range(520, 531))
    for status in statuses:
        for content in BODIES:
            for fault in (call(status, content), classify(LoginRefused(status, content))):
                assert fault.kind is Kind.BUSY, (status, content, fault.case.name)


def test_the_field_that_is_missing_comes_first():
    missing = call(400, rest("INVALID_FIELD", "\nSELECT A\nNo such column 'X__c' on entity 'Lead'"))
    assert missing.detail.startswith("X__c: ")
    unwritable = classify_row(row("INVALID_FIELD_FOR_INSERT_UPDATE", "no", "Score__c")["errors"])
    assert unwritable.detail == "Score__c: no"


def test_what_the_organisation_wrote_in_its_rule_is_shown():
    verdict = row("FIELD_CUSTOM_VALIDATION_EXCEPTION", "Score needs\na region")
    assert str(classify_row(verdict["errors"])).endswith("Salesforce said: Score needs a region")


@pytest.mark.parametrize(
    "secret",
    [
        "00D5g000004abcd!AQEAQPsecret.secret_secret",
        "Bearer abcdef.ghijk",
        "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4In0.c2lnbmF0dXJl",
        "3MVG9secretconsumerkey",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIsecret\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_no_secret_stays_in_what_is_kept_of_an_answer(secret):
    fault = call(400, rest("UNKNOWN_THING", f"token {secret} is bad"))
    assert fault.detail == "token (removed) is bad"


def test_a_page_is_not_quoted():
    assert call(500, HTML).detail == "(a page)"


def test_every_case_has_two_sentences_for_people():
    for case in cases.CASES.values():
        happened, remedy = case.message.split(". ", 1)
        assert happened, case.name
        assert remedy.endswith((".", ").")), case.name
    assert len(cases.CASES) == len([c for c in vars(cases).values() if isinstance(c, cases.Case)])


def test_what_salesforce_did_not_say_is_not_put_in_its_mouth():
    assert str(classify(requests.ConnectionError("x"))).endswith(
        "What went wrong: the connection broke"
    )
    refused = str(classify(HostNotAllowed("evil.example is not allowed")))
    assert refused.endswith("No call was made: evil.example is not allowed")


def caused_by(error):
    """What requests raises where urllib3 gave up for a reason."""
    return requests.ConnectionError(MaxRetryError(HTTPSConnectionPool("x"), "/", error))


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (
            caused_by(NameResolutionError("x", HTTPConnection("x"), gaierror())),
            "no host has this name",
        ),
        (caused_by(NewConnectionError(HTTPConnection("x"), "secret")), "the connection broke"),
        (ConnectionRefusedError("secret"), "the host refused the connection"),
        (requests.ReadTimeout("secret"), "the host did not answer in time"),
        (requests.ConnectTimeout("secret"), "the host did not answer in time"),
        (requests.exceptions.SSLError("secret"), "the encrypted connection (TLS) failed"),
        (requests.exceptions.ProxyError("secret"), "the proxy did not let the call through"),
    ],
)
def test_a_failure_of_the_network_names_its_cause_in_plain_words(error, cause):
    assert errors.cause(error) == cause


def test_a_run_that_a_person_repeats_promises_nothing_that_only_scheduled_runs_do():
    for case in cases.CASES.values():
        told = Fault(case).told(comes_again=False)
        assert not re.search(r"Leadloop retries\.|and continues", told), case.name
    told = Fault(cases.MAINTENANCE).told(comes_again=False)
    assert told == "Salesforce is down for maintenance or overloaded. Try again later."
    told = Fault(cases.QUOTA_RESERVE).told(comes_again=False)
    assert told.endswith("Leadloop leaves the rest. Try again later.")
    assert "Leadloop retries." in Fault(cases.MAINTENANCE).told(comes_again=True)
