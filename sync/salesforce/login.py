"""Logging in: client credentials, JWT bearer, a session id, and user name with token (old orgs)."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import jwt
import requests
from simple_salesforce.exceptions import SalesforceAuthenticationFailed
from simple_salesforce.login import SalesforceLogin

from sync.crm.faults import Fault, HostNotAllowed
from sync.crm.http.session import Hosts
from sync.salesforce import cases
from sync.salesforce.errors import LoginRefused
from webapp.services.crm.credentials import Credentials
from webapp.services.crm.kinds.salesforce import ENDINGS, host_problem

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
    """Get a token, or raise LoginRefused, HostNotAllowed or an exception of the transport.

    A `Fault` where the private key cannot sign.
    """
    address = hosts.address(credentials.domain)
    if problem := host_problem(urlsplit(address).hostname or "", credentials.method):
        # It may answer with a page for people, whatever is sent.
        raise HostNotAllowed(problem)
    match credentials.method:
        case "session":
            return Token(address, credentials.value("session_id"))
        case "password":
            return _by_password(session, hosts, credentials, address)
        case "jwt":
            sent: dict[str, Any] = {"data": _jwt_form(credentials, address, now)}
        case _:
            pair = (credentials.value("consumer_key"), credentials.value("consumer_secret"))
            sent = {"data": {"grant_type": "client_credentials"}, "auth": pair}
    return _token(session.post(address + TOKEN_PATH, **sent), hosts)


def _jwt_form(credentials: Credentials, address: str, now: datetime) -> dict[str, str]:
    claims = {
        "iss": credentials.value("consumer_key"),
        "sub": credentials.username,
        "aud": _audience(address),
        "exp": int((now + JWT_LIFE).timestamp()),
    }
    try:
        assertion = jwt.encode(claims, credentials.value("private_key"), algorithm="RS256")
    except (ValueError, TypeError, jwt.PyJWTError):
        # The error's own text may hold parts of the key.
        raise Fault(cases.BROKEN_KEY) from None
    return {"grant_type": JWT_BEARER, "assertion": assertion}


def _by_password(
    session: requests.Session, hosts: Hosts, credentials: Credentials, address: str
) -> Token:
    try:
        text, host = SalesforceLogin(
            session=session,
            username=credentials.username,
            password=credentials.value("password"),
            security_token=credentials.value("security_token"),
            sf_version=SOAP_VERSION,
            scratch_url=address,
        )
    except SalesforceAuthenticationFailed as error:
        if isinstance(error.code, int):
            raise LoginRefused(error.code, error.auth_message) from None
        # In the form in which OAuth refuses.
        content = {"error": str(error.code), "error_description": error.auth_message}
        raise LoginRefused(400, content) from None
    return Token(hosts.address(host), text)


def _token(response: requests.Response, hosts: Hosts) -> Token:
    try:
        content = response.json()
    except requests.exceptions.JSONDecodeError:
        content = response.text
    if response.status_code != 200 or not isinstance(content, dict):
        raise LoginRefused(response.status_code, content)
    text, address = content.get("access_token"), content.get("instance_url")
    if not isinstance(text, str) or not isinstance(address, str):
        raise LoginRefused(response.status_code, "")
    try:
        return Token(hosts.address(address), text)
    except ValueError:  # an address that is none
        raise HostNotAllowed("the instance address cannot be read") from None


def _audience(address: str) -> str:
    """Who must accept the assertion: production, or the sandboxes' login server."""
    if not address.endswith(ENDINGS):
        return address
    is_sandbox = ".sandbox." in address or address == "https://test.salesforce.com"
    return f"https://{'test' if is_sandbox else 'login'}.salesforce.com"
