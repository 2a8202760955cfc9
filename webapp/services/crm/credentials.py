"""Credentials of a CRM: encrypted in the database, the key outside of it, for few hosts."""

import base64
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from webapp.services.crm.kinds.kind import PUBLIC_VALUES, LoginMethod

HOST_NAME = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")


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


def sealed(secrets: Mapping[str, str], key: str) -> str:
    """Encrypt secrets for the database."""
    return _box(key).encrypt(json.dumps(dict(secrets)).encode()).decode()


def opened(text: str, key: str) -> dict[str, str]:
    """Decrypt what `sealed` made; else `UnreadableSecret`."""
    try:
        found: dict[str, str] = json.loads(_box(key).decrypt(text.encode()))
    except InvalidToken:
        raise UnreadableSecret from None
    return found


def is_allowed(parts: SplitResult, endings: Sequence[str], extra: SplitResult | None) -> bool:
    """Whether an address is one of the CRM's, or the extra one; never one with a user name.

    A port that is no number raises `ValueError`.
    """
    name = (parts.hostname or "").lower()
    is_extra = extra is not None and parts.netloc.lower() == extra.netloc.lower()
    is_name = HOST_NAME.fullmatch(name) is not None
    is_its_own = is_name and name.endswith(tuple(endings)) and parts.port in {None, 443}
    return parts.username is None and (is_extra or is_its_own)


def may_connect(host: str, endings: Sequence[str], extra_url: str | None) -> bool:
    """Whether a host as it was entered may be called; False also where it cannot be read."""
    extra = urlsplit(extra_url) if extra_url else None
    try:
        return is_allowed(urlsplit(f"https://{host}"), endings, extra)
    except ValueError:
        return False


def host_of(address: str) -> str:
    """The host of an address as people copy it: from a browser, with its path, query or port.

    A port that is not the usual one stays.
    """
    rest = address.strip().partition("://")[2] or address.strip()
    host = re.split("[/?#]", rest, maxsplit=1)[0]
    return host.removesuffix(":443").rstrip(".").lower()


def _box(key: str) -> Fernet:
    derived = HKDF(SHA256(), length=32, salt=None, info=b"leadloop crm").derive(key.encode())
    return Fernet(base64.urlsafe_b64encode(derived))
