"""Every fault of the table in the reference, by number and by name, with its exact answer.

What has a natural cause in the fake (a wrong secret, a converted lead, a hidden field) comes from
here as well, so that a fault by name and the same fault by cause cannot differ.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from demo.salesforce.http import row_errors
from demo.salesforce.http.messages import (
    Answer,
    Hangup,
    Request,
    html_answer,
    json_answer,
    rest_answer,
)
from demo.salesforce.http.row_errors import RowError

Target = Literal["login", "soap", "query", "write", "api", "any"]


@dataclass(frozen=True)
class Fault:
    """One way to fail: a whole answer, one row's result, or what the socket does.

    With `is_done_first` the request is carried out, and only then the answer is lost.
    """

    number: int
    name: str
    target: Target
    canned: Answer | None = None
    row: RowError | None = None
    hangup: Hangup | None = None
    is_done_first: bool = False

    def can_hit(self, request: Request) -> bool:
        if self.row is not None:
            return request.is_write
        return {
            "login": request.is_login,
            "soap": request.path.startswith("/services/Soap/"),
            "query": request.is_query,
            "write": request.is_write,
            "api": request.is_api_call,
            "any": request.is_login or request.is_api_call,
        }[self.target]

    @property
    def answer(self) -> Answer:
        """A copy that may be changed."""
        assert self.canned is not None, f"{self.name} is not a whole answer"
        return replace(self.canned, headers=dict(self.canned.headers))

    def row_result(self, record_id: str = "") -> dict[str, Any]:
        """The place of the failed row in the answer to a write to many."""
        assert self.row is not None, f"{self.name} does not fail one row"
        return self.row.result(record_id)


def rest(number: int, name: str, target: Target, error: tuple[int, str, str]) -> Fault:
    return Fault(number, name, target, rest_answer(*error))


def oauth(number: int, name: str, error: str, description: str) -> Fault:
    body = {"error": error, "error_description": description}
    return Fault(number, name, "login", json_answer(body, 400))


def row(number: int, name: str, error: RowError) -> Fault:
    return Fault(number, name, "write", row=error)


def page(number: int, name: str, target: Target, *, status: int, title: str) -> Fault:
    return Fault(number, name, target, html_answer(status, title))


NO_COLUMN = (
    "\nSELECT Id, X__c FROM Lead\n           ^\nERROR at Row:1:Column:12\nNo such column 'X__c' on "
    "entity 'Lead'. If you are attempting to use a custom field, be sure to append the '__c' after "
    "the custom field name. Please reference your WSDL or the describe call for the appropriate "
    "names."
)
NO_OBJECT = (
    "\nselect count() from XYZZY\n                    ^\nERROR at Row:1:Column:21\nsObject type "
    "'XYZZY' is not supported. If you are attempting to use a custom object, be sure to append the "
    "'__c' after the entity name. Please reference your WSDL or the describe call for the "
    "appropriate names."
)
BROKEN_SOQL = (
    "\nSELECT Id FROM Lead WHERE Id IN ()\n                                 ^\n"
    "ERROR at Row:1:Column:34\nunexpected token: ')'"
)
SOAP_FAULT = (
    '<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope '
    'xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
    'xmlns:sf="urn:fault.partner.soap.sforce.com"><soapenv:Body><soapenv:Fault>'
    "<faultcode>sf:{code}</faultcode><faultstring>{code}: {message}</faultstring><detail>"
    "<sf:LoginFault><sf:exceptionCode>{code}</sf:exceptionCode>"
    "<sf:exceptionMessage>{message}</sf:exceptionMessage></sf:LoginFault></detail>"
    "</soapenv:Fault></soapenv:Body></soapenv:Envelope>"
)


def soap_answer(code: str, message: str) -> Answer:
    text = SOAP_FAULT.format(code=code, message=message)
    return Answer(500, text.encode(), {"Content-Type": "text/xml;charset=UTF-8"})


def logins() -> Iterator[Fault]:
    invalid = "INVALID_SESSION_ID"
    yield rest(1, "session expired", "api", (401, invalid, "Session expired or invalid"))
    not_valid = "This session is not valid for use with the REST API"
    yield rest(2, "session refused", "api", (401, invalid, not_valid))
    yield Fault(3, "401 with a dict", "api", json_answer({"message": "Session expired"}, 401))
    yield page(3, "401 with a page", "api", status=401, title="Session expired")
    yield oauth(4, "wrong password", "invalid_grant", "authentication failure")
    yield oauth(5, "no run-as user", "invalid_grant", "no client credentials user enabled")
    yield oauth(6, "wrong domain", "invalid_grant", "request not supported on this domain")
    yield oauth(7, "wrong consumer key", "invalid_client_id", "client identifier invalid")
    yield oauth(7, "wrong consumer secret", "invalid_client", "invalid client credentials")
    yield oauth(8, "user not approved", "invalid_grant", "user hasn't approved this consumer")
    not_approved = "user is not admin approved to access this app"
    yield oauth(8, "app not approved", "invalid_app_access", not_approved)
    yield oauth(55, "IP address refused", "invalid_grant", "ip restricted")
    off = "SOAP API login() is disabled by default in this org. Contact the org administrator to "
    answer = soap_answer("INVALID_OPERATION", off + "enable SOAP API login().")
    yield Fault(9, "SOAP login off", "soap", answer)


def limits_and_network() -> Iterator[Fault]:
    limit = "REQUEST_LIMIT_EXCEEDED"
    yield rest(10, "day quota used", "api", (403, limit, "TotalRequests Limit exceeded."))
    long = "ConcurrentPerOrgLongTxn Limit exceeded."
    yield rest(11, "too many long requests", "api", (403, limit, long))
    maintenance = "Server down for maintenance"
    yield rest(12, "maintenance", "any", (503, "SERVER_UNAVAILABLE", maintenance))
    yield page(12, "maintenance page", "any", status=503, title="Down for maintenance")
    later = rest_answer(503, "SERVER_UNAVAILABLE", maintenance)
    later.headers["Retry-After"] = "1"
    yield Fault(12, "maintenance for a second", "any", later)
    yield page(13, "bad gateway", "any", status=502, title="Bad Gateway")
    edge = Answer(420, b"Enhance your calm", {"Content-Type": "text/plain"})
    yield Fault(13, "edge", "any", edge)
    yield Fault(14, "timeout", "any", hangup="hang")
    yield Fault(14, "reset", "any", hangup="reset")
    yield Fault(14, "truncated body", "any", hangup="truncate", is_done_first=True)
    yield Fault(14, "answer lost", "any", hangup="reset", is_done_first=True)
    yield page(15, "login page", "api", status=200, title="Login | Salesforce")


def queries() -> Iterator[Fault]:
    locator = (400, "INVALID_QUERY_LOCATOR", "invalid query locator")
    yield rest(16, "locator expired", "query", locator)
    slow = "Your query request was running for too long."
    yield rest(17, "query too slow", "query", (400, "QUERY_TIMEOUT", slow))
    yield rest(18, "field missing", "query", (400, "INVALID_FIELD", NO_COLUMN))
    yield rest(19, "object not visible", "query", (400, "INVALID_TYPE", NO_OBJECT))
    yield rest(20, "broken query", "query", (400, "MALFORMED_QUERY", BROKEN_SOQL))
    yield page(21, "address too long", "query", status=414, title="URI Too Long")
    yield page(21, "headers too long", "query", status=431, title="Header Fields Too Large")
    gone = (410, "GONE", "This API version has been retired.")
    yield rest(22, "version retired", "api", gone)
    off = "The REST API is not enabled for this Organization."
    yield rest(23, "API off for the org", "api", (403, "API_DISABLED_FOR_ORG", off))
    user_off = (403, "API_CURRENTLY_DISABLED", "API is disabled for this user")
    yield rest(23, "API off for the user", "api", user_off)


def writes() -> Iterator[Fault]:
    yield row(24, "lead converted", row_errors.CONVERTED)
    yield row(25, "row lock", row_errors.LOCKED)
    yield row(26, "id of nothing", row_errors.ID_OF_NOTHING)
    yield row(27, "lead deleted", row_errors.DELETED)
    yield row(28, "field read-only", row_errors.read_only("Conversion_Score__c"))
    yield row(29, "field not deployed", row_errors.no_such_field("Conversion_Score__c", "Lead"))
    rule = row_errors.validation_rule("Rating is needed before a score", "Rating")
    yield row(30, "validation rule", rule)
    yield row(31, "duplicate rule", row_errors.DUPLICATES)
    yield row(32, "rolled back", row_errors.ROLLED_BACK)
    empty = rest_answer(400, "REQUIRED_FIELD_MISSING", "At least 1 record is required", [])
    yield Fault(33, "empty batch", "write", empty)
    yield rest(34, "not found", "api", (404, "NOT_FOUND", "The requested resource does not exist"))
    place = "/services/data/v66.0/sobjects/Lead/00Q5e000000000"
    several = json_answer([f"{place}1EAA", f"{place}2EAA"], 300)
    yield Fault(35, "external id not unique", "api", several)
    caused = row_errors.trigger("LeadTrigger: execution of BeforeUpdate caused by: Apex failed")
    yield row(36, "trigger fails", caused)
    maintenance = "INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE"
    read_only = (503, maintenance, "The org can only be read while it is upgraded.")
    yield rest(37, "read-only window", "write", read_only)
    yield row(38, "no access", row_errors.NO_ACCESS)
    yield row(39, "wrong type", row_errors.wrong_type("datetime", "yesterday"))
    choice = row_errors.not_in_picklist("picklist field", "Other", "picklist_field__c")
    yield row(40, "not in the picklist", choice)


def passing() -> Iterator[Fault]:
    """What ends by itself, beyond maintenance and the network."""
    yield oauth(43, "login retry", "unknown_error", "retry your request")
    processed = "token request is already being processed"
    yield oauth(43, "login under way", "invalid_grant", processed)
    yield oauth(44, "login rate", "invalid_grant", "login rate exceeded")
    yield page(45, "proxy login", "any", status=407, title="Proxy Authentication Required")
    portal = Answer(302, b"", {"Location": "https://portal.example/login?to=x"})
    yield Fault(46, "captive portal", "any", portal)
    yield page(47, "request timeout", "any", status=408, title="Request Timeout")
    yield page(47, "too early", "any", status=425, title="Too Early")
    yield rest(47, "server error", "any", (500, "INTERNAL_ERROR", "An unexpected error occurred."))
    yield page(47, "origin down", "any", status=521, title="Web server is down")
    yield page(41, "too many requests", "any", status=429, title="Too Many Requests")
    yield page(47, "origin slow", "any", status=524, title="A timeout occurred")
    yield page(48, "edge refuses", "any", status=403, title="Access Denied")
    filters = "Query is either selecting too many fields or the filter conditions are too complex."
    yield rest(49, "query too complicated", "query", (400, "QUERY_TOO_COMPLICATED", filters))
    ids = "exceeded 100000 distinct ids"
    yield rest(50, "operation too large", "query", (400, "OPERATION_TOO_LARGE", ids))
    metering = "An error occurred while the policy was evaluated."
    yield rest(51, "security policy", "api", (403, "TXN_SECURITY_METERING_ERROR", metering))
    yield Fault(53, "slow body", "api", hangup="trickle", is_done_first=True)
    yield Fault(53, "slow headers", "api", hangup="trickle all", is_done_first=True)


ALL = (*logins(), *limits_and_network(), *queries(), *writes(), *passing())
BY_NAME = {fault.name: fault for fault in ALL}


def named(name: str) -> Fault:
    """The fault of this name; a KeyError names those that there are."""
    if name not in BY_NAME:
        raise KeyError(f"no fault {name!r}; there are {', '.join(BY_NAME)}")
    return BY_NAME[name]


def answer(name: str) -> Answer:
    """The whole answer of a fault."""
    return named(name).answer
