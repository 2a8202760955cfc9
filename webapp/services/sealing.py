"""Secrets of others: encrypted in the database, the key outside of it."""

import base64
import hmac
import json
from collections.abc import Mapping

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from webapp.config import Settings
from webapp.private_file import kept_secret


class UnreadableSecret(RuntimeError):
    """What is stored cannot be decrypted with the present key."""

    def __init__(self) -> None:
        super().__init__(
            "The stored credentials cannot be read with the present key."
            " Restore the key (LEADLOOP_CRM_SECRET_KEY or the file crm_key in the data folder),"
            " or enter the credentials again."
        )


def secret_key(settings: Settings) -> str:
    """What secrets are encrypted with: from the settings, else made in the data folder."""
    if settings.crm_secret_key is not None:
        return settings.crm_secret_key.get_secret_value()
    return kept_secret(settings.data_dir / "crm_key")


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


def signature(text: str, key: str) -> str:
    """HMAC-SHA256 of a text in hexadecimal, which nobody can make without the key."""
    return hmac.new(_derived(key, b"leadloop models"), text.encode(), "sha256").hexdigest()


def _box(key: str) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(_derived(key, b"leadloop crm")))


def _derived(key: str, purpose: bytes) -> bytes:
    return HKDF(SHA256(), length=32, salt=None, info=purpose).derive(key.encode())
