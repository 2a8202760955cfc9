"""Which addresses may be called: no private ones, whatever they are written or resolved as."""

import socket

import pytest

from webapp.services.webhooks import addresses
from webapp.services.webhooks.addresses import AddressRefused

PRIVATE = (
    *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1"),
    *("0.0.0.0", "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1%eth0", "fc00::1"),
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "ff02::1"),
    *("2001:0:7f00:1::", "fec0::1", "192.0.2.1", "198.18.0.1"),
)


@pytest.fixture
def leads_to(monkeypatch):
    """`leads_to(*ips)`: every name has these addresses."""

    def leads_to(*ips):
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, 443)) for ip in ips]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **named: found)

    return leads_to


def resolve(url, internal=""):
    return addresses.resolve(addresses.parse(url, internal))


@pytest.mark.parametrize("ip", PRIVATE)
def test_a_name_that_leads_to_a_private_address_is_refused(ip, leads_to):
    leads_to(ip)
    with pytest.raises(AddressRefused, match="private network"):
        resolve("https://hooks.example.com/")


def test_one_private_address_among_public_ones_is_enough(leads_to):
    leads_to("93.184.216.34", "127.0.0.1")
    with pytest.raises(AddressRefused):
        resolve("https://hooks.example.com/")


@pytest.mark.parametrize("ip", ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"])
def test_a_public_address_is_called(ip, leads_to):
    leads_to(ip)
    assert resolve("https://hooks.example.com/") == ip


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1/", "https://127.1/", "https://0x7f000001/", "https://2130706433/"]
)
def test_forms_of_loopback_are_refused_by_what_they_resolve_to(url):
    with pytest.raises(AddressRefused):
        resolve(url)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("http://hooks.example.com/", "Use https"),
        ("ftp://hooks.example.com/", "such as https"),
        ("https://user:password@hooks.example.com/", "user name"),
        ("https://hooks.example.com:99999/", "cannot be read"),
        ("https:///path", "such as https"),
        ("https://hooks.example.com/a b", "without spaces"),
        ("https://hooks.example.com\\@127.0.0.1/", "without spaces"),
        ("https://münchen.example/", "without spaces"),
        ("", "without spaces"),
    ],
)
def test_an_address_that_cannot_be_one_is_refused(url, sentence):
    with pytest.raises(AddressRefused, match=sentence):
        addresses.parse(url, "")


@pytest.mark.parametrize("named", ["hooks.internal", "other.example, hooks.internal:8080"])
def test_a_host_that_the_settings_name_may_be_private_and_without_tls(named, leads_to):
    leads_to("10.0.0.5")
    assert resolve("http://hooks.internal:8080/a", named) == "10.0.0.5"


def test_a_host_named_with_a_port_is_allowed_on_that_port_only(leads_to):
    leads_to("10.0.0.5")
    with pytest.raises(AddressRefused):
        resolve("https://hooks.internal:8081/a", "hooks.internal:8080")
