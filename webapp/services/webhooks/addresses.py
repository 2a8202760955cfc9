"""Where messages may go: public addresses over https, and hosts that the settings name."""

import ipaddress
import re
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import urlsplit

from ml.sentences import gettext

HOST = re.compile(r"[a-z0-9](?:[a-z0-9_.-]{0,251}[a-z0-9])?|[0-9a-f:.]*:[0-9a-f:.]+", re.ASCII)
PORTS = {"https": 443, "http": 80}
VISIBLE = re.compile(r"[\x21-\x7e]{1,2000}")
# Addresses of IPv6 that stand for one of IPv4, in their last four bytes.
NAT64 = ipaddress.ip_network("64:ff9b::/96")


class AddressRefused(ValueError):
    """A message may not go there; the text is a sentence for administrators."""


@dataclass(frozen=True)
class Target:
    """The parts of an address; `is_internal` where the settings name its host."""

    scheme: str
    host: str
    port: int
    path: str
    is_internal: bool

    @property
    def authority(self) -> str:
        """Host and port, as an address has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == self.usual_port else f"{host}:{self.port}"

    @property
    def usual_port(self) -> int:
        return PORTS[self.scheme]


def parse(url: str, internal_hosts: str) -> Target:
    """Read an address, else `AddressRefused`; `internal_hosts` as the setting has them."""
    if not VISIBLE.fullmatch(url) or "\\" in url:
        raise AddressRefused(
            gettext("Enter an address of at most 2,000 characters without spaces.")
        )
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        raise AddressRefused(gettext("This address cannot be read. Copy it again.")) from None
    if parts.scheme not in PORTS or not HOST.fullmatch(host):
        raise AddressRefused(gettext("Enter an address such as https://hooks.example.com/leads."))
    if parts.username is not None or parts.password is not None:
        raise AddressRefused(gettext("Leave user name and password out of the address."))
    port = port or PORTS[parts.scheme]
    named = {name.strip().lower() for name in internal_hosts.split(",")}
    is_internal = bool(named & {host, f"{host}:{port}"})
    if parts.scheme == "http" and not is_internal:
        raise AddressRefused(
            gettext("Use https: over http anybody on the way could read the messages.")
        )
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, port, path, is_internal)


def resolve(target: Target) -> str:
    """Ask for the host's IP address, once: the call goes to this very one. `AddressRefused` if not.

    A name that leads to a private address is refused, whatever other addresses it has.
    """
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise AddressRefused(gettext("No host has the name %(host)s.", host=target.host)) from None
    addresses = [str(each[4][0]) for each in found]
    if not target.is_internal and not all(_is_public(address) for address in addresses):
        raise AddressRefused(
            gettext(
                "%(host)s is an address of a private network. To allow it, name the "
                "host in LEADLOOP_WEBHOOK_HOSTS.",
                host=target.host,
            )
        )
    return addresses[0]


def _is_public(address: str) -> bool:
    found: IPv4Address | IPv6Address = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address):
        if found.teredo is not None or found.is_site_local:
            return False
        in_it = IPv4Address(found.packed[-4:]) if found in NAT64 else None
        found = found.ipv4_mapped or found.sixtofour or in_it or found
    return found.is_global and not found.is_multicast and not found.is_reserved
