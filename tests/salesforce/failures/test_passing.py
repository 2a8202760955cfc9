"""What passes by itself: numbers 43 to 53 of the failures in docs/salesforce.md."""

import contextlib
import re
import socket
import ssl
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from sync.crm import sync_run
from sync.crm.faults import Fault
from sync.crm.http import quota
from sync.crm.http import session as http
from sync.crm.http.calls import Clocks
from sync.salesforce import cases
from sync.salesforce.client import Client
from tests.salesforce.failures.endings import comes_back, survived
from webapp.services.crm.credentials import Credentials
from webapp.services.runs import runs


@pytest.fixture(scope="session")
def dialect():
    """What is tested here is the wire; statements are tested on both databases elsewhere."""
    return "sqlite"


@pytest.fixture
def server_of_nobody(tmp_path):
    """A port where TLS is spoken with a certificate that nobody has signed, and its name."""
    certificate = self_signed("localhost", tmp_path / "server.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(5)

        def serve():
            for _ in range(5):
                accepted, _ = listening.accept()
                with contextlib.suppress(OSError), accepted:
                    context.wrap_socket(accepted, server_side=True)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listening.getsockname()[1], "localhost"
        thread.join()


def self_signed(name, path):
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    today = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(private + built.public_bytes(Encoding.PEM))
    return path


@pytest.mark.parametrize(
    ("name", "case"),
    [
        pytest.param("login retry", cases.LOGIN_LATER, id="43"),
        pytest.param("login under way", cases.LOGIN_LATER, id="43-under-way"),
        pytest.param("proxy login", cases.PROXY, id="45"),
        pytest.param("captive portal", cases.REDIRECTED, id="46"),
        pytest.param("request timeout", cases.EDGE, id="47-408"),
        pytest.param("too early", cases.EDGE, id="47-425"),
        pytest.param("server error", cases.EDGE, id="47-500"),
        pytest.param("origin down", cases.EDGE, id="47-521"),
        pytest.param("origin slow", cases.EDGE, id="47-524"),
        pytest.param("edge refuses", cases.NOT_SALESFORCE, id="48"),
        pytest.param("security policy", cases.POLICY, id="51"),
    ],
)
def test_43_to_48_and_51_what_passes_by_itself_calls_nobody(fake, salesforce, name, case):
    lead = fake.lead()
    with fake.failing(name):
        comes_back(fake, salesforce, case)
    waits = [w for w in salesforce.stop.waits if w]
    assert len(waits) == 4, "tried five times"
    salesforce.tick()
    assert salesforce.lead(lead).crm_id == lead


def test_44_too_many_logins_are_not_answered_with_more(fake, salesforce):
    lead = fake.lead()
    with fake.failing("login rate"):
        comes_back(fake, salesforce, cases.LOGIN_RATE)
    assert len(fake.logins) == 1
    salesforce.tick()
    assert salesforce.lead(lead).crm_id == lead


def test_43_to_48_and_51_a_short_one_does_not_even_fail_the_run(fake, salesforce):
    for name in ("login retry", "captive portal", "origin down", "security policy"):
        fake.fail_next(name)
    survived(fake, salesforce, fake.lead())


@pytest.mark.parametrize("name", ["query too complicated", "operation too large"])
def test_49_and_50_a_query_that_is_too_much_asks_for_half_the_rows(fake, salesforce, name):
    salesforce.later()
    fake.requests.clear()
    leads = fake.leads(8)
    fake.fail_next(name, times=2)
    survived(fake, salesforce, *leads)
    asked = [q.rpartition(" ")[2] for q in fake.queries if "FROM Lead" in q]
    assert asked[:3] == ["2000", "1000", "500"]


def test_49_and_50_what_is_too_much_at_any_size_is_tried_again_later(fake, salesforce):
    with fake.failing("query too complicated"):
        comes_back(fake, salesforce, cases.QUERY_TOO_LARGE)


def test_52_a_certificate_that_is_not_trusted_is_named(server_of_nobody):
    port, name = server_of_nobody
    values = {"domain": f"https://localhost:{port}", "session_id": "x" * 20}
    credentials = Credentials.of("session", values)
    hosts = http.Hosts.named(credentials.domain)
    client = Client(credentials, hosts, api_version="66.0", clocks=Clocks(sleep=lambda _: None))
    with pytest.raises(Fault) as fault:
        client.describe("Lead")
    assert fault.value.case is cases.CERTIFICATE
    assert fault.value.detail == f"{name}: self-signed certificate"


@pytest.mark.parametrize("name", ["slow body", "slow headers"])
def test_53_an_answer_that_trickles_in_is_cut_off_in_time_and_less_is_asked_for(
    fake, salesforce, monkeypatch, name
):
    monkeypatch.setattr(http, "CALL_SECONDS", 1.0)
    leads = fake.leads(3)
    fake.fail_at(2, name, seconds=120, path="query")
    began = time.monotonic()
    survived(fake, salesforce, *leads)
    assert time.monotonic() - began < 60
    asked = [q.rpartition(" ")[2] for q in fake.queries if "FROM Lead" in q]
    assert asked[:2] == ["2000", "1000"]


def test_53_while_an_answer_is_slow_the_run_says_what_has_arrived(fake, salesforce, monkeypatch):
    monkeypatch.setattr(quota, "SHOWN_AFTER_SECONDS", 0.0)
    monkeypatch.setattr(sync_run, "BEAT_SECONDS", 0.02)
    shown = []
    renew = runs.renew

    def watched(session, run, now, **how):
        shown.append(how.get("stage"))
        renew(session, run, now, **how)

    monkeypatch.setattr(runs, "renew", watched)
    fake.fail_next("slow body", seconds=0.5, path="describe")
    survived(fake, salesforce)
    assert any(re.fullmatch(r"Waiting for an answer: \d+ kB in \d+ s", s or "") for s in shown)
    assert [s for s in shown if s][-1] == "Writing scores", "and afterwards what it does again"


@pytest.mark.parametrize(("mode", "longest"), [("check", 2), ("dry", 30)])
def test_a_run_that_a_person_asked_for_gives_up_soon_and_says_to_try_again(
    fake, salesforce, mode, longest
):
    before = sum(salesforce.stop.waits)
    with fake.failing("reset"):
        run = salesforce.run(mode)
    assert "Try again later." in run.error
    assert "Leadloop retries" not in str([run.error, run.result])
    assert run.error.endswith("What went wrong: the connection broke")
    assert sum(salesforce.stop.waits) - before <= longest
