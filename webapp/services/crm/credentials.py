"""Credentials of Salesforce: encrypted in the database, the key outside of it, for few hosts."""

import base64
import json
import re
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

SALESFORCE_DOMAINS = (".salesforce.com", ".force.com")
HOST_NAME = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")
# Where people are when they copy an address; pages of a package have its prefix, mostly c.
ADDRESS_OF_PAGES = re.compile(
    r"([a-z0-9-]+?)(?:--c)?((?:\.[a-z]+)?)"
    r"\.(?:lightning\.force|vf\.force|my\.salesforce-setup|my\.salesforce-sites|my\.site)\.com"
)
MY_DOMAIN = ".my.salesforce.com"
METHODS = ("client_credentials", "jwt", "session", "password")


class UnreadableSecret(RuntimeError):
    """What is stored cannot be decrypted with the present key."""

    def __init__(self) -> None:
        super().__init__(
            "The stored credentials of the CRM cannot be read with the present key."
            " Restore the key (LEADLOOP_CRM_SECRET_KEY or the file crm_key in the data folder),"
            " or enter the credentials again."
        )


@dataclass(frozen=True)
class Credentials:
    """How to log in; which of the values are needed depends on the method."""

    method: str
    domain: str
    username: str = ""
    consumer_key: str = field(default="", repr=False)
    consumer_secret: str = field(default="", repr=False)
    private_key: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    security_token: str = field(default="", repr=False)
    session_id: str = field(default="", repr=False)

    @property
    def secrets(self) -> dict[str, str]:
        return {name: text for name in SECRET_VALUES if (text := getattr(self, name))}

    def missing(self) -> list[str]:
        return [n for n in ("domain", *NEEDED[self.method]) if not getattr(self, n)]


SECRET_VALUES = (
    "consumer_key",
    "consumer_secret",
    "private_key",
    "password",
    "security_token",
    "session_id",
)
NEEDED = {
    "client_credentials": ("consumer_key", "consumer_secret"),
    "jwt": ("username", "consumer_key", "private_key"),
    "session": ("session_id",),
    "password": ("username", "password", "security_token"),
}


def sealed(secrets: dict[str, str], key: str) -> str:
    """Encrypt secrets for the database."""
    return _box(key).encrypt(json.dumps(secrets).encode()).decode()


def opened(text: str, key: str) -> dict[str, str]:
    """Decrypt what `sealed` made; else `UnreadableSecret`."""
    try:
        found: dict[str, str] = json.loads(_box(key).decrypt(text.encode()))
    except InvalidToken:
        raise UnreadableSecret from None
    return found


def is_allowed(parts: SplitResult, extra: SplitResult | None) -> bool:
    """Whether an address is one of Salesforce's, or the extra one; never one with a user name.

    A port that is no number raises `ValueError`.
    """
    name = (parts.hostname or "").lower()
    is_extra = extra is not None and parts.netloc.lower() == extra.netloc.lower()
    is_name = HOST_NAME.fullmatch(name) is not None
    is_salesforce = is_name and name.endswith(SALESFORCE_DOMAINS) and parts.port in {None, 443}
    return parts.username is None and (is_extra or is_salesforce)


def may_connect(host: str, extra_url: str | None) -> bool:
    """Whether a host as it was entered may be called; False also where it cannot be read."""
    try:
        return is_allowed(urlsplit(f"https://{host}"), urlsplit(extra_url) if extra_url else None)
    except ValueError:
        return False


def host_of(address: str) -> str:
    """The host of an address as people copy it: from a browser, with its path."""
    host = address.strip().partition("://")[2] or address.strip()
    return host.partition("/")[0].lower()


def my_domain_of(host: str) -> str | None:
    """The org's host for programs, where this one serves pages to people; else None."""
    org = ADDRESS_OF_PAGES.fullmatch(host)
    return f"{org[1]}{org[2]}{MY_DOMAIN}" if org else None


def _box(key: str) -> Fernet:
    derived = HKDF(SHA256(), length=32, salt=None, info=b"leadloop crm").derive(key.encode())
    return Fernet(base64.urlsafe_b64encode(derived))
