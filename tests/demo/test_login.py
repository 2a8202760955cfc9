"""Logging in, and tokens that stop working."""

import time

import jwt
import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from demo.salesforce.http.oauth import JWT_BEARER

SOAP_LOGIN = (
    '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>'
    '<n:login xmlns:n="urn:partner.soap.sforce.com"><n:username>{}</n:username>'
    "<n:password>{}</n:password></n:login></e:Body></e:Envelope>"
)


def post(url, form, **how):
    return requests.post(f"{url}/services/oauth2/token", form, timeout=5, **how)


def refused(answer):
    return answer.status_code, answer.json()["error"], answer.json()["error_description"]


def client_credentials(fake, *, url=None, key=None, secret=None):
    pair = {
        "client_id": key or fake.app.consumer_key,
        "client_secret": secret or fake.app.consumer_secret,
    }
    return post(url or fake.url, {"grant_type": "client_credentials"} | pair)


def assertion(fake, *, key=None, **claims):
    usual = {
        "iss": fake.app.consumer_key,
        "sub": fake.app.username,
        "aud": "https://login.salesforce.com",
        "exp": int(time.time()) + 180,
    }
    signed = jwt.encode(usual | claims, key or fake.app.private_key, algorithm="RS256")
    return post(fake.url, {"grant_type": JWT_BEARER, "assertion": signed})


def limits(fake, token):
    headers = {"Authorization": f"Bearer {token}"}
    return requests.get(f"{fake.url}/services/data/v66.0/limits", headers=headers, timeout=5)


def test_client_credentials_give_a_token_that_works(fake):
    answer = client_credentials(fake).json()
    assert (answer["token_type"], answer["instance_url"]) == ("Bearer", fake.url)
    assert limits(fake, answer["access_token"]).status_code == 200
    assert limits(fake, answer["access_token"] + "x").status_code == 401


def test_client_credentials_are_checked(fake):
    wrong_key = client_credentials(fake, key="nobody")
    assert refused(wrong_key) == (400, "invalid_client_id", "client identifier invalid")
    wrong_secret = client_credentials(fake, secret="guess")
    assert refused(wrong_secret) == (400, "invalid_client", "invalid client credentials")


def test_client_credentials_need_my_domain_and_a_run_as_user(fake):
    elsewhere = client_credentials(fake, url=fake.login_url)
    assert refused(elsewhere)[1:] == ("invalid_grant", "request not supported on this domain")
    fake.app.has_run_as_user = False
    alone = client_credentials(fake)
    assert refused(alone)[1:] == ("invalid_grant", "no client credentials user enabled")


def test_a_signed_assertion_gives_a_token(fake):
    token = assertion(fake).json()["access_token"]
    assert limits(fake, token).status_code == 200
    assert assertion(fake, aud=fake.url).status_code == 200


@pytest.mark.parametrize(
    ("claims", "error", "description"),
    [
        ({"aud": "https://example.com"}, "invalid_grant", "audience is invalid"),
        ({"exp": 1}, "invalid_grant", "invalid assertion"),
        ({"exp": 4_000_000_000}, "invalid_grant", "invalid assertion"),
        ({"sub": "eve@example.com"}, "invalid_grant", "user hasn't approved this consumer"),
        ({"iss": "nobody"}, "invalid_client_id", "client identifier invalid"),
    ],
)
def test_the_claims_of_an_assertion_are_checked(fake, claims, error, description):
    assert refused(assertion(fake, **claims)) == (400, error, description)


def test_an_assertion_signed_by_someone_else_is_refused(fake):
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    assert refused(assertion(fake, key=other))[2] == "invalid assertion"
    unsigned = jwt.encode({"iss": fake.app.consumer_key}, "", algorithm="none")
    answer = post(fake.url, {"grant_type": JWT_BEARER, "assertion": unsigned})
    assert refused(answer)[2] == "invalid assertion"


def test_an_app_that_is_not_approved_is_refused(fake):
    fake.app.is_preauthorised = False
    assert refused(assertion(fake))[2] == "user hasn't approved this consumer"


def test_other_grants_are_refused(fake):
    assert refused(post(fake.url, {"grant_type": "password"}))[2] == "authentication failure"
    assert refused(post(fake.url, {}))[1] == "unsupported_grant_type"


def test_a_session_ends_when_it_is_not_used(fake, api):
    fake.clock.advance(hours=1, minutes=59)
    assert api.get("limits").status_code == 200
    fake.clock.advance(hours=2)
    answer = api.get("limits")
    assert answer.status_code == 401
    assert answer.json() == [
        {"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}
    ]


def test_tokens_can_be_ended_by_either_side(fake, api):
    fake.oauth.expire_tokens()
    assert api.get("limits").status_code == 401
    token = client_credentials(fake).json()["access_token"]
    url = f"{fake.url}/services/oauth2/revoke"
    assert requests.post(url, {"token": token}, timeout=5).status_code == 200
    assert limits(fake, token).status_code == 401
    assert requests.post(url, {"token": token}, timeout=5).status_code == 400


def test_a_user_without_api_access_logs_in_and_is_refused(fake, api):
    fake.oauth.has_api_access = False
    api.log_in()
    assert api.get("limits").json()[0]["message"].startswith("This session is not valid")
    fake.oauth.has_api_access = True
    assert api.get("limits").status_code == 200


def test_a_session_does_not_work_at_the_login_server(fake, api):
    url = f"{fake.login_url}/services/data/v66.0/limits"
    assert api.session.get(url, timeout=5).status_code == 401


def test_soap_login_is_off_unless_an_old_org_has_it_on(fake):
    url = f"{fake.url}/services/Soap/u/59.0"
    password = fake.oauth.soap_password + fake.oauth.soap_token
    right = SOAP_LOGIN.format(fake.app.username, password)
    off = requests.post(url, right, timeout=5)
    assert off.status_code == 500
    assert "SOAP API login() is disabled by default in this org" in off.text
    fake.oauth.soap_login_is_on = True
    on = requests.post(url, right, timeout=5)
    token = on.text.partition("<sessionId>")[2].partition("<")[0]
    assert limits(fake, token).status_code == 200
    wrong = requests.post(url, SOAP_LOGIN.format(fake.app.username, "guess"), timeout=5)
    assert "INVALID_LOGIN" in wrong.text
