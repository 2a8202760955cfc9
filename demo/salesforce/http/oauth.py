"""Logging in: client credentials and JWT bearer, tokens that run out, and the old SOAP login.

127.0.0.1 is the org's My Domain; localhost is login.salesforce.com, which knows no client
credentials.
"""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, NoReturn
from xml.etree import ElementTree

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.types import Options

from demo.salesforce.http import faults
from demo.salesforce.http.messages import Answer, Refusal, Request, json_answer
from demo.salesforce.org.clock import Clock

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
MAX_ASSERTION_SECONDS = 300
SALESFORCE = ("https://login.salesforce.com", "https://test.salesforce.com")
SOAP_ANSWER = (
    '<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope '
    'xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
    'xmlns="urn:partner.soap.sforce.com"><soapenv:Body><loginResponse><result>'
    "<serverUrl>{url}</serverUrl><sessionId>{token}</sessionId>"
    "</result></loginResponse></soapenv:Body></soapenv:Envelope>"
)


@cache
def key_pair() -> tuple[str, str]:
    """A private and a public key in PEM form, made once in a process."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    secret = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return secret.decode(), public.decode()


@dataclass
class ClientApp:
    """The External Client App of the org."""

    consumer_key: str = "3MVG9fakeConsumerKey"
    consumer_secret: str = "fake-consumer-secret"
    username: str = "leadloop@example.com"
    has_run_as_user: bool = True
    is_preauthorised: bool = True

    @property
    def private_key(self) -> str:
        """What the product signs with; the org knows the public half."""
        return key_pair()[0]


class OAuth:
    """Who may log in, and which tokens work."""

    def __init__(self, clock: Clock, organization: str) -> None:
        self.clock = clock
        self.organization = organization
        self.app = ClientApp()
        self.url = ""
        self.session_hours = 2.0
        # Without it logins still work, and no call does.
        self.has_api_access = True
        self.soap_login_is_on = False
        self.soap_password, self.soap_token = "fake-password", "fakeSecurityToken"
        # Assertions are signed by the clock of whoever signs, not by the one that tests move.
        self.signing_time: Callable[[], float] = time.time
        # When each token ends.
        self._sessions: dict[str, datetime] = {}

    # Tokens

    def open_session(self) -> str:
        token = f"{self.organization[:15]}!{secrets.token_urlsafe(48)}"
        self._sessions[token] = self._end()
        return token

    def expire_tokens(self) -> None:
        """Every session ends, as at a time-out or when an administrator ends them."""
        self._sessions.clear()

    def check(self, request: Request) -> None:
        """Refuse a call whose token does not work here."""
        token = request.bearer or ""
        ends_at = self._sessions.get(token)
        if ends_at is None or ends_at <= self.clock.now or is_login_server(request):
            raise Refusal(faults.answer("session expired"))
        if not self.has_api_access:
            raise Refusal(faults.answer("session refused"))
        self._sessions[token] = self._end()

    def _end(self) -> datetime:
        return self.clock.now + timedelta(hours=self.session_hours)

    # Logging in

    def answer(self, request: Request) -> Answer:
        """The answer to a POST to the token endpoint."""
        grant = request.form.get("grant_type")
        if grant == "client_credentials":
            self._check_client(request)
        elif grant == JWT_BEARER:
            self._check_assertion(request.form.get("assertion", ""))
        elif grant == "password":
            raise Refusal(faults.answer("wrong password"))
        else:
            refuse("unsupported_grant_type", "grant type not supported")
        return json_answer(self._granted())

    def _granted(self) -> dict[str, Any]:
        return {
            "access_token": self.open_session(),
            "scope": "api",
            "instance_url": self.url,
            "id": f"https://login.salesforce.com/id/{self.organization}",
            "token_type": "Bearer",
            "issued_at": str(int(self.clock.now.timestamp() * 1000)),
        }

    def _check_client(self, request: Request) -> None:
        if is_login_server(request):
            raise Refusal(faults.answer("wrong domain"))
        form = request.form
        pair = request.basic or (form.get("client_id", ""), form.get("client_secret", ""))
        if pair[0] != self.app.consumer_key:
            raise Refusal(faults.answer("wrong consumer key"))
        if pair[1] != self.app.consumer_secret:
            raise Refusal(faults.answer("wrong consumer secret"))
        if not self.app.has_run_as_user:
            raise Refusal(faults.answer("no run-as user"))

    def _check_assertion(self, assertion: str) -> None:
        claims = self._verified(assertion)
        audience = claims.get("aud")
        if audience not in {*SALESFORCE, self.url, self.url.replace("http://", "https://")}:
            refuse("invalid_grant", "audience is invalid")
        lives_seconds = float(claims.get("exp", 0)) - self.signing_time()
        if not 0 < lives_seconds <= MAX_ASSERTION_SECONDS:
            refuse("invalid_grant", "invalid assertion")
        if claims.get("sub") != self.app.username or not self.app.is_preauthorised:
            raise Refusal(faults.answer("user not approved"))

    def _verified(self, assertion: str) -> dict[str, Any]:
        """The claims of an assertion that the app has signed; times are judged by the caller."""
        unchecked: Options = {"verify_aud": False, "verify_exp": False, "verify_iat": False}
        try:
            issuer = jwt.decode(assertion, options={"verify_signature": False}).get("iss")
            if issuer != self.app.consumer_key:
                raise Refusal(faults.answer("wrong consumer key"))
            return dict(jwt.decode(assertion, key_pair()[1], ["RS256"], options=unchecked))
        except jwt.PyJWTError:
            refuse("invalid_grant", "invalid assertion")

    def revoke(self, request: Request) -> Answer:
        """The answer to a POST to the revoke endpoint."""
        token = request.form.get("token", "")
        if self._sessions.pop(token, None) is None:
            refuse("unsupported_token_type", "this token type is not supported")
        return Answer(200)

    def soap_answer(self, request: Request) -> Answer:
        """The answer to a SOAP login: off, as in new orgs, unless it is switched on."""
        if not self.soap_login_is_on:
            raise Refusal(faults.answer("SOAP login off"))
        given = {
            e.tag.rpartition("}")[2]: e.text for e in ElementTree.fromstring(request.body).iter()
        }
        if (given.get("username"), given.get("password")) != (
            self.app.username,
            self.soap_password + self.soap_token,
        ):
            text = "INVALID_LOGIN: Invalid username, password, security token; or user locked out."
            raise Refusal(faults.soap_answer("INVALID_LOGIN", text.partition(": ")[2]))
        place = f"{self.url}{request.path}/{self.organization}"
        text = SOAP_ANSWER.format(url=place, token=self.open_session())
        return Answer(200, text.encode(), {"Content-Type": "text/xml;charset=UTF-8"})


def is_login_server(request: Request) -> bool:
    return request.headers.get("Host", "").partition(":")[0] == "localhost"


def refuse(error: str, description: str) -> NoReturn:
    raise Refusal(json_answer({"error": error, "error_description": description}, 400))
