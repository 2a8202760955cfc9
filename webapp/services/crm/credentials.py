"""Credentials of a CRM, and the few hosts that they may be sent to."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

from webapp.services.crm.kinds.kind import PUBLIC_VALUES, LoginMethod

LABEL = "[a-z0-9]([a-z0-9-]*[a-z0-9])?"
HOST_NAME = re.compile(rf"{LABEL}(\.{LABEL})+")


@dataclass(frozen=True)
class Credentials:
    """How to log in; which secrets are needed depends on the CRM and the method."""

    method: str
    domain: str
    username: str = ""
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)

    @classmethod
    def of(cls, method: str, values: Mapping[str, str]) -> "Credentials":
        """The credentials of a form or of settings: all values by their names."""
        secrets = {n: value for n, value in values.items() if n not in PUBLIC_VALUES}
        return cls(method, values.get("domain", ""), values.get("username", ""), secrets)

    def missing(self, method: LoginMethod) -> list[str]:
        return [field.name for field in method.fields if not self.value(field.name)]

    def value(self, name: str) -> str:
        """One of the values, empty where it is not there."""
        value: str = getattr(self, name) if name in PUBLIC_VALUES else self.secrets.get(name, "")
        return value


def is_allowed(parts: SplitResult, endings: Sequence[str], extra: SplitResult | None) -> bool:
    """Whether an address is one of the CRM's, or the extra one; never one with a user name.

    A port that is no number raises `ValueError`.
    """
    name = (parts.hostname or "").lower()
    is_extra = extra is not None and parts.netloc.lower() == extra.netloc.lower()
    is_name = HOST_NAME.fullmatch(name) is not None
    is_its_own = is_name and name.endswith(tuple(endings)) and parts.port in {None, 443}
    return parts.username is None and (is_extra or is_its_own)


def is_plain(host: str) -> bool:
    """Whether all readers see the same host: Python's leave out tabs and line ends."""
    return host.isprintable() and " " not in host


def may_connect(host: str, endings: Sequence[str], extra_url: str | None) -> bool:
    """Whether a host as it was entered may be called; False also where it cannot be read."""
    extra = urlsplit(extra_url) if extra_url else None
    try:
        return is_plain(host) and is_allowed(urlsplit(f"https://{host}"), endings, extra)
    except ValueError:
        return False


def host_of(address: str) -> str:
    """The host of an address as people copy it: from a browser, with its path, query or port.

    A port that is not the usual one stays.
    """
    rest = address.strip().partition("://")[2] or address.strip()
    host = re.split("[/?#]", rest, maxsplit=1)[0]
    return host.removesuffix(":443").rstrip(".").lower()
