"""Logging in: client credentials, JWT bearer, a session id, and user name with token (old orgs)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import jwt
import requests
from simple_salesforce.exceptions import SalesforceAuthenticationFailed
from simple_salesforce.login import SalesforceLogin

from sync.salesforce.errors import HostNotAllowed, LoginRefused
from sync.salesforce.session import Hosts
from webapp.services.crm.credentials import SALESFORCE_DOMAINS, Credentials

TOKEN_PATH = "/services/oauth2/token"  # noqa: S105 - an address
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
JWT_LIFE = timedelta(minutes=3)
# From 65.0 on Salesforce has no login with a password.
SOAP_VERSION = "59.0"


@dataclass(frozen=True)
class Token:
    """What a login gives: a token and the address where it works."""

    address: str
    text: str = field(repr=False)


def log_in(
    session: requests.Session, hosts: Hosts, credentials: Credentials, now: datetime
) -> Token:
    """Get a token, or raise LoginRefused, HostNotAllowed or an exception of the transport."""
    address = hosts.address(credentials.domain)
    return _FLOWS[credentials.method](session, hosts, credentials, _At(address, now))


@dataclass(frozen=True)
class _At:
    address: str
    now: datetime


def _client_credentials(
    session: requests.Session, hosts: Hosts, credentials: Credentials, at: _At
) -> Token:
    form = {"grant_type": "client_credentials"}
    pair = (credentials.consumer_key, credentials.consumer_secret)
    return _token(session.post(at.address + TOKEN_PATH, data=form, auth=pair), hosts)


def _jwt(session: requests.Session, hosts: Hosts, credentials: Credentials, at: _At) -> Token:
    claims = {
        "iss": credentials.consumer_key,
        "sub": credentials.username,
        "aud": _audience(at.address),
        "exp": int((at.now + JWT_LIFE).timestamp()),
    }
    try:
        assertion = jwt.encode(claims, credentials.private_key, algorithm="RS256")
    except (ValueError, TypeError, jwt.PyJWTError):
        # The error's own text may hold parts of the key.
        raise LoginRefused(400, oauth_error("invalid_client", BAD_KEY)) from None
    form = {"grant_type": JWT_BEARER, "assertion": assertion}
    return _token(session.post(at.address + TOKEN_PATH, data=form), hosts)


def _session_id(
    session: requests.Session, hosts: Hosts, credentials: Credentials, at: _At
) -> Token:
    return Token(at.address, credentials.session_id)


def _password(session: requests.Session, hosts: Hosts, credentials: Credentials, at: _At) -> Token:
    try:
        text, host = SalesforceLogin(
            session=session,
            username=credentials.username,
            password=credentials.password,
            security_token=credentials.security_token,
            sf_version=SOAP_VERSION,
            scratch_url=at.address,
        )
    except SalesforceAuthenticationFailed as error:
        if isinstance(error.code, int):
            raise LoginRefused(error.code, error.auth_message) from None
        said = oauth_error(str(error.code), error.auth_message)
        raise LoginRefused(400, said) from None
    return Token(hosts.address(host), text)


def oauth_error(code: str, text: str) -> dict[str, str]:
    """A refusal in the form in which OAuth tells it."""
    return {"error": code, "error_description": text}


BAD_KEY = "the private key is not an RSA key in PEM form"
_Flow = Callable[[requests.Session, Hosts, Credentials, _At], Token]
_FLOWS: dict[str, _Flow] = {
    "client_credentials": _client_credentials,
    "jwt": _jwt,
    "session": _session_id,
    "password": _password,
}


def _token(response: requests.Response, hosts: Hosts) -> Token:
    content = _content(response)
    if response.status_code != 200 or not isinstance(content, dict):
        raise LoginRefused(response.status_code, content)
    text, address = content.get("access_token"), content.get("instance_url")
    if not isinstance(text, str) or not isinstance(address, str):
        raise LoginRefused(response.status_code, "")
    try:
        return Token(hosts.address(address), text)
    except ValueError:  # an address that is none
        raise HostNotAllowed("the instance address cannot be read") from None


def _content(response: requests.Response) -> Any:
    try:
        return response.json()
    except requests.exceptions.JSONDecodeError:
        return response.text


def _audience(address: str) -> str:
    """Who must accept the assertion: production, or the sandboxes' login server."""
    if not address.endswith(SALESFORCE_DOMAINS):
        return address
    is_sandbox = ".sandbox." in address or address == "https://test.salesforce.com"
    return f"https://{'test' if is_sandbox else 'login'}.salesforce.com"
