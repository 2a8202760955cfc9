"""Hosts that are no CRM's: neither the form nor the adapter takes them."""

import pytest

from sync.crm.faults import HostNotAllowed
from sync.crm.http.session import Hosts
from webapp.services.crm.credentials import may_connect
from webapp.services.crm.kinds.salesforce import ENDINGS


@pytest.mark.parametrize(
    "host",
    [
        r"evil.com\.salesforce.com",
        "evil.com\t.salesforce.com",
        "evil.com\n.salesforce.com",
        "evil.com #.salesforce.com",
        "evil.com%2f.salesforce.com",
        "evil.com%00.my.salesforce.com",
        "evil.com;.salesforce.com",
        "evil.com&.force.com",
        "evil.com\uff0f.salesforce.com",
        "evil.com@acme.my.salesforce.com",
        "acme.my.salesforce.com@evil.com",
        "acme.my.salesforce.com.evil.com",
        "acme.my.salesforce.com:8443",
        "evilsalesforce.com",
        "-.salesforce.com",
        "a..salesforce.com",
        ".salesforce.com",
        "127.0.0.1",
        "[::1]",
    ],
)
def test_form_and_adapter_refuse_the_same_hosts(host):
    assert not may_connect(host, ENDINGS, None)
    with pytest.raises((HostNotAllowed, ValueError)):
        Hosts.named(None, ENDINGS).address(host)
