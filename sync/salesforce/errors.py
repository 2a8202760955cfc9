"""Faults recognised: one table from status, code and text to a case, for calls and for rows."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import requests
from simple_salesforce.exceptions import SalesforceError
from urllib3.exceptions import NameResolutionError

from sync.crm.faults import (
    AnswerTooSlow,
    Case,
    Fault,
    ForeignRedirect,
    HostNotAllowed,
    UntrustedCertificate,
    WrongShape,
)
from sync.salesforce import cases

MAX_DETAIL_LENGTH = 500
LABEL = "Salesforce said"
# What must never be kept of an answer: session ids, bearer tokens, signed assertions, long keys.
SECRETS = re.compile(
    r"00D\w{12,15}![\w.]+|bearer\s+\S+|basic\s+\S+|eyJ[\w-]+\.[\w-]+\.[\w-]*|\b3MVG[\w.]+"
    r"|-----BEGIN[^-]+-----.*?(-----END[^-]+-----|$)",
    re.IGNORECASE | re.DOTALL,
)
FIELD_NAMES = re.compile(r"No such column '([^']+)'|fields?: (\w+__c)|sObject type '(\w+)'")


class LoginRefused(Exception):
    """The login was answered with something else than a token."""

    def __init__(self, status: int, content: Any) -> None:
        super().__init__(f"login answered {status}")
        self.status = status
        self.content = content


@dataclass(frozen=True)
class _Sign:
    """How a case is recognised; what is not given matches anything."""

    case: Case
    statuses: Collection[int] = ()
    codes: str = ""
    text: str = ""

    def fits(self, status: int, code: str, text: str) -> bool:
        return (
            (not self.statuses or status in self.statuses)
            and re.fullmatch(self.codes or ".*", code, re.IGNORECASE) is not None
            and re.search(self.text, text, re.IGNORECASE) is not None
        )


# What passes by itself, whatever was asked for.
PASSING = (
    _Sign(cases.POLICY, codes="TXN_SECURITY.*"),
    _Sign(cases.TOO_FAST, (429,)),
    _Sign(cases.PROXY, (407,)),
    _Sign(cases.MAINTENANCE, (503,)),
    _Sign(cases.MAINTENANCE, codes="SERVER_UNAVAILABLE"),
    _Sign(cases.EDGE, (408, 420, 423, 425, 477, *range(500, 600))),
    _Sign(cases.EDGE, codes="UNKNOWN_EXCEPTION"),
    _Sign(cases.REDIRECTED, range(301, 400)),
    _Sign(cases.NOT_SALESFORCE, text="^<html$"),
)
# Read from the top: the first sign that fits decides.
LOGIN_SIGNS = (
    _Sign(cases.OLD_LOGIN_OFF, codes="INVALID_OPERATION"),
    _Sign(cases.LOGIN_RATE, codes="LOGIN_RATE_EXCEEDED|rate_limit_exceeded"),
    _Sign(cases.LOGIN_RATE, text="login rate exceeded"),
    _Sign(cases.LOGIN_LATER, codes="unknown_error|server_error|temporarily_unavailable"),
    _Sign(cases.LOGIN_LATER, text="retry|try again|already being processed"),
    _Sign(cases.TOO_FAST, codes="REQUEST_LIMIT_EXCEEDED"),
    _Sign(cases.NO_RUN_AS_USER, text="no client credentials user"),
    _Sign(cases.WRONG_DOMAIN, text="not supported on this domain"),
    _Sign(cases.ADDRESS_REFUSED, text="ip restricted"),
    _Sign(cases.NOT_APPROVED, codes="invalid_app_access"),
    _Sign(cases.NOT_APPROVED, text="hasn't approved|not admin approved"),
    _Sign(cases.WRONG_KEY, codes="invalid_client|invalid_client_id|invalid_client_credentials"),
    _Sign(cases.WRONG_LOGIN, codes="invalid_grant|INVALID_LOGIN"),
    *PASSING,
    _Sign(cases.NOT_SALESFORCE, (200,)),
    _Sign(cases.LOGIN_REFUSED),
)
CALL_SIGNS = (
    _Sign(cases.SESSION_EXPIRED, (401,)),
    _Sign(cases.TOO_MANY_LONG, (403,), "REQUEST_LIMIT_EXCEEDED", "Concurrent"),
    _Sign(cases.DAY_QUOTA, codes="REQUEST_LIMIT_EXCEEDED"),
    _Sign(cases.DAY_QUOTA, (429,), text="daily"),
    _Sign(cases.API_OFF, codes="API_DISABLED_FOR_ORG|API_CURRENTLY_DISABLED"),
    _Sign(cases.READ_ONLY, codes="INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE"),
    _Sign(cases.QUERY_TOO_LARGE, codes="QUERY_TOO_COMPLICATED|OPERATION_TOO_LARGE"),
    _Sign(cases.LOCATOR, codes="INVALID_QUERY_LOCATOR"),
    _Sign(cases.QUERY_SLOW, codes="QUERY_TIMEOUT"),
    _Sign(cases.TOO_MANY_IDS, codes="EXCEEDED_ID_LIMIT"),
    _Sign(cases.ADDRESS_TOO_LONG, (414, 431)),
    _Sign(cases.VERSION_RETIRED, (410,)),
    _Sign(cases.FIELD_READ_ONLY, codes="INVALID_FIELD_FOR_INSERT_UPDATE"),
    _Sign(cases.FIELD_MISSING, codes="INVALID_FIELD"),
    _Sign(cases.OBJECT_MISSING, codes="INVALID_TYPE"),
    _Sign(cases.BAD_QUERY, codes="MALFORMED_QUERY|INVALID_QUERY_FILTER_OPERATOR"),
    _Sign(cases.NOTHING_SENT, codes="REQUIRED_FIELD_MISSING", text="At least 1 record"),
    _Sign(cases.RECORD_DELETED, codes="ENTITY_IS_DELETED"),
    _Sign(cases.WRONG_PATH, (404,)),
    _Sign(cases.NOT_UNIQUE, (300,)),
    _Sign(cases.NO_ACCESS, (403,), "INSUFFICIENT_ACCESS.*|FUNCTIONALITY_NOT_ENABLED"),
    *PASSING,
    _Sign(cases.UNKNOWN),
)
ROW_SIGNS = (
    _Sign(cases.ROW_LOCKED, codes="UNABLE_TO_LOCK_ROW"),
    _Sign(cases.ROW_BUSY, codes="SERVER_UNAVAILABLE|REQUEST_LIMIT_EXCEEDED"),
    _Sign(cases.READ_ONLY, codes="INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE"),
    _Sign(cases.POLICY, codes="TXN_SECURITY.*"),
    _Sign(cases.ROLLED_BACK, codes="ALL_OR_NONE_OPERATION_ROLLED_BACK"),
    _Sign(cases.CONVERTED, codes="CANNOT_UPDATE_CONVERTED_LEAD"),
    _Sign(cases.RECORD_DELETED, codes="ENTITY_IS_DELETED"),
    _Sign(cases.RECORD_MISSING, codes="INVALID_CROSS_REFERENCE_KEY|NOT_FOUND"),
    _Sign(cases.FIELD_READ_ONLY, codes="INVALID_FIELD_FOR_INSERT_UPDATE"),
    _Sign(cases.FIELD_MISSING, codes="INVALID_FIELD"),
    _Sign(cases.WRONG_TYPE, codes="JSON_PARSER_ERROR"),
    _Sign(cases.PICKLIST, codes="INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
    _Sign(cases.NO_RECORD_ACCESS, codes="INSUFFICIENT_ACCESS.*"),
    _Sign(cases.VALIDATION_RULE, codes="FIELD_CUSTOM_VALIDATION_EXCEPTION"),
    _Sign(cases.DUPLICATE_RULE, codes="DUPLICATES_DETECTED"),
    _Sign(cases.VALUE_NOT_UNIQUE, codes="DUPLICATE_VALUE"),
    _Sign(
        cases.TRIGGER,
        codes="CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY|CANNOT_EXECUTE_FLOW_TRIGGER|FLOW_EXCEPTION"
        "|LIMIT_EXCEEDED",
    ),
    _Sign(cases.INACTIVE_OWNER, codes="INACTIVE_OWNER_OR_USER"),
    _Sign(cases.OUT_OF_RANGE, codes="NUMBER_OUTSIDE_VALID_RANGE"),
    _Sign(
        cases.RECORD_RULE,
        codes="REQUIRED_FIELD_MISSING|INVALID_EMAIL_ADDRESS|ENTITY_IS_LOCKED|STRING_TOO_LONG"
        "|FIELD_INTEGRITY_EXCEPTION|FIELD_FILTER_VALIDATION_EXCEPTION",
    ),
    _Sign(cases.UNKNOWN_ROW),
)


TRANSPORT: tuple[tuple[type[Exception], Case], ...] = (
    (HostNotAllowed, cases.HOST_NOT_ALLOWED),
    (ForeignRedirect, cases.REDIRECTED),
    (requests.TooManyRedirects, cases.REDIRECTED),
    (UntrustedCertificate, cases.CERTIFICATE),
    (AnswerTooSlow, cases.ANSWER_SLOW),
    (requests.exceptions.JSONDecodeError, cases.NOT_SALESFORCE),
    (requests.RequestException, cases.UNREACHABLE),
    (WrongShape, cases.WRONG_SHAPE),
)
# The causes of failures of the network, in plain words; the first that fits any link of the chain.
CAUSES: tuple[tuple[tuple[type[BaseException], ...], str], ...] = (
    ((NameResolutionError,), "no host has this name"),
    ((requests.exceptions.ProxyError,), "the proxy did not let the call through"),
    ((requests.exceptions.SSLError,), "the encrypted connection (TLS) failed"),
    ((ConnectionRefusedError,), "the host refused the connection"),
    ((requests.Timeout, TimeoutError), "the host did not answer in time"),
    ((requests.TooManyRedirects,), "the host redirects without end"),
    ((requests.exceptions.JSONDecodeError,), "the answer is not JSON"),
)
OURS = (HostNotAllowed, ForeignRedirect, UntrustedCertificate, AnswerTooSlow, WrongShape)


def classify(error: Exception) -> Fault:
    """Say which case an exception of a call or a login is."""
    if isinstance(error, Fault):
        return error
    if isinstance(error, LoginRefused):
        return _recognise(LOGIN_SIGNS, error.status, error.content)
    if isinstance(error, SalesforceError):
        return _recognise(CALL_SIGNS, error.status, error.content)
    case = next((case for kinds, case in TRANSPORT if isinstance(error, kinds)), cases.UNKNOWN)
    # The texts of other libraries hold addresses, which may hold anything.
    if isinstance(error, OURS):
        detail = str(error)
    elif case is cases.UNKNOWN:
        detail = ": ".join(filter(None, (type(error).__name__, str(error))))
    else:
        detail = cause(error)
    label = "No call was made" if case is cases.HOST_NOT_ALLOWED else "What went wrong"
    return Fault(case, cleaned(detail), label=label)


def cause(error: BaseException) -> str:
    """Why a call to a host failed, in plain words and without its address."""
    chain = list(_chain(error))
    found = (text for kinds, text in CAUSES if any(isinstance(e, kinds) for e in chain))
    return next(found, "the connection broke")


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and those that it comes from, innermost last; urllib3 keeps some as reasons."""
    found: BaseException | None = error
    seen: set[int] = set()
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        yield found
        inner = next((each for each in found.args if isinstance(each, BaseException)), None)
        reason = getattr(found, "reason", None)
        found = reason if isinstance(reason, BaseException) else inner or found.__context__


def classify_row(errors: Iterable[Mapping[str, Any]]) -> Fault:
    """Say which case the errors of one row of a write are; the first that is known decides."""
    first = next(iter(errors), {})
    code, text = str(first.get("statusCode", "")), str(first.get("message", ""))
    named = first.get("fields")
    fields = ", ".join(map(str, named)) if isinstance(named, list) else ""
    case = _case(ROW_SIGNS, 200, code, text)
    return Fault(case, cleaned(_named(text, fields)), label=LABEL)


def _recognise(signs: Iterable[_Sign], status: int, content: Any) -> Fault:
    code, text = _code_and_text(content)
    return Fault(_case(signs, status, code, text), cleaned(_named(text)), label=LABEL)


def _case(signs: Iterable[_Sign], status: int, code: str, text: str) -> Case:
    return next(sign.case for sign in signs if sign.fits(status, code, text))


def _code_and_text(content: Any) -> tuple[str, str]:
    """Code and text of an answer: a list of errors, an OAuth object, or plain text."""
    if isinstance(content, list) and content and isinstance(content[0], Mapping):
        content = content[0]
    if isinstance(content, Mapping):
        code = content.get("errorCode") or content.get("error") or ""
        text = content.get("message") or content.get("error_description") or ""
        return str(code), f"{text} {content.get('policyName', '')}".strip()
    text = content.decode("utf-8", "replace") if isinstance(content, bytes) else str(content)
    code = re.match(r"\s*(?:sf:)?([A-Z_]{5,}):", text)
    return (code[1] if code else ""), ("<html" if "<html" in text.lower() else text)


def _named(text: str, fields: str = "") -> str:
    """Put the name of the field or object in front of a long text, which often hides it."""
    found = FIELD_NAMES.search(text)
    name = fields or (next(g for g in found.groups() if g) if found else "")
    return f"{name}: {text}" if name and not text.startswith(name) else text


def cleaned(text: str) -> str:
    """A text of Salesforce fit to be kept: no secrets, one line, not long."""
    text = "(a page)" if "<html" in text.lower() else SECRETS.sub("(removed)", text)
    return " ".join(text.split())[:MAX_DETAIL_LENGTH]
