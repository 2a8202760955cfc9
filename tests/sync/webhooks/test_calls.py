"""Calls over TLS: to the address that was checked, with the certificate of the name."""

import http.server
import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sync.webhooks import calls
from webapp.database import utc_now
from webapp.services.webhooks import addresses

HOST = "hooks.internal"


@pytest.fixture(scope="session")
def dialect():
    return "sqlite"


def certificate(folder, name):
    """A certificate of this name and its key, which is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    day = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(day - timedelta(days=1))
        .not_valid_after(day + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    file = folder / f"{name}.pem"
    file.write_bytes(
        pem
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return file


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.server.hosts.append(self.headers["Host"])  # type: ignore[attr-defined]
        self.send_response(200)
        self.end_headers()

    def log_message(self, *arguments):
        pass


@pytest.fixture
def serve(tmp_path, monkeypatch):
    """`serve(name)` answers over TLS with a certificate of this name, which is trusted."""
    servers = []

    def serve(name):
        file = certificate(tmp_path, name)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.hosts = []  # type: ignore[attr-defined]
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        trusting = ssl.create_default_context(cafile=str(file))
        monkeypatch.setattr(calls, "_trust", lambda: trusting)
        servers.append(server)
        return server

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def lookups(monkeypatch):
    """Every name leads to loopback; counts how often one was asked for."""
    asked = []

    def look_up(host, port, *args, **named):
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(addresses.socket, "getaddrinfo", look_up)
    return asked


def post(port):
    target = addresses.parse(f"https://{HOST}:{port}/hooks", HOST)
    return calls.post(target, "{}", {}, utc_now)


def test_the_name_is_resolved_once_and_is_the_one_of_the_certificate(serve, lookups):
    server = serve(HOST)
    answer = post(server.server_port)
    assert (answer.status, answer.error) == (200, None)
    assert server.hosts == [f"{HOST}:{server.server_port}"]
    assert [host for host in lookups if host == HOST] == [HOST]


def test_a_certificate_of_another_name_is_not_trusted(serve, lookups):
    answer = post(serve("other.internal").server_port)
    assert answer.status is None
    assert answer.error.startswith("The certificate is not trusted")


def test_a_port_that_nobody_listens_on_says_so(lookups, free_port):
    assert post(free_port).error == "The connection was refused"
