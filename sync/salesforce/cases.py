"""Everything Salesforce and the network can refuse with: its kind, and what to tell people."""

from sync.crm.faults import OWN_BUDGET, QUOTA_RESERVE, RECORDS_LOST, Case, Kind
from webapp.services.crm.kinds.exchange import WRONG_QUERY

_ASSIGN = "Assign the permission set Lead Scoring Integration"
_REPORT = "Send the text below with a report."


def _retried(name: str, what: str, remedy: str = "", kind: Kind = Kind.BUSY) -> Case:
    """What passes by itself as a rule, with a remedy in case it does not."""
    persists = f" If this persists, {remedy}." if remedy else ""
    return Case(name, kind, f"{what} Leadloop retries.{persists}")


def _login(name: str, what: str, remedy: str) -> Case:
    """A login that a person has to correct."""
    return Case(name, Kind.AUTH_BROKEN, f"{what} {remedy}; then save the connection again.")


SESSION_EXPIRED = Case(
    "session expired",
    Kind.AUTH_EXPIRED,
    "The Salesforce session expired. Leadloop logs in again.",
)
SESSION_REFUSED = _retried(
    "session refused",
    "Salesforce rejects a session that it has just opened.",
    "check that the integration user is active and has the permission API Enabled",
)
SESSION_ENDED = Case(
    "session id ended",
    Kind.AUTH_BROKEN,
    "The session ID has expired, or Salesforce rejects it. Enter a new one, or switch the"
    " connection to client credentials, which do not expire.",
)
LOGIN_LATER = _retried("login to be repeated", "Salesforce was too busy for the login.")
LOGIN_RATE = _retried(
    "too many logins",
    "The integration user has logged in too often within an hour.",
    "find out which other program uses the same user",
    Kind.LATER,
)
WRONG_LOGIN = _login(
    "wrong user, password or token",
    "Salesforce does not accept the login.",
    "Check the user, password, security token and the user's login history",
)
NO_RUN_AS_USER = _login(
    "no run-as user",
    "The External Client App has no user to run as.",
    "In Salesforce Setup, open the app's policies, enable Client Credentials Flow and choose the"
    " integration user as Run As",
)
WRONG_DOMAIN = Case(
    "wrong login domain",
    Kind.AUTH_BROKEN,
    "This way of logging in does not work at login.salesforce.com or test.salesforce.com. Enter"
    " your My Domain, such as acme.my.salesforce.com (Setup, My Domain).",
)
WRONG_KEY = _login(
    "wrong consumer key or secret",
    "Salesforce does not know the consumer key, or the secret does not belong to it.",
    "Copy both again from the External Client App (Settings, OAuth)",
)
BROKEN_KEY = _login(
    "private key unreadable",
    "The private key is not an RSA key in PEM form without a passphrase, so no login was sent.",
    "Enter the key that belongs to the app's certificate",
)
NOT_APPROVED = _login(
    "app not approved",
    "The integration user is not approved for the External Client App.",
    "In the app's policies, set Permitted Users to pre-authorised and add the permission set Lead"
    " Scoring Integration",
)
ADDRESS_REFUSED = _login(
    "IP address refused",
    "Salesforce lets the integration user in only from certain IP addresses, and this server's is"
    " not one of them.",
    "Add it to the Login IP Ranges of the user's profile, or set IP Relaxation in the app's"
    " policies to Relax IP restrictions",
)
OLD_LOGIN_OFF = Case(
    "SOAP login switched off",
    Kind.AUTH_BROKEN,
    "This org no longer allows logging in with user name and token. Switch the connection to"
    " client credentials or JWT bearer.",
)
LOGIN_REFUSED = _login(
    "login refused",
    "Salesforce rejects the login.",
    "Read its answer below and correct the values",
)
HOST_NOT_ALLOWED = Case(
    "host not allowed",
    Kind.AUTH_BROKEN,
    "Leadloop does not call this address, so nothing was sent to it. Enter your My Domain, such as"
    " acme.my.salesforce.com (Setup, My Domain).",
)
DAY_QUOTA = Case(
    "day quota used",
    Kind.QUOTA,
    "The org has used its API calls of the last 24 hours. Leadloop waits and continues where it"
    " stopped. System Overview in Setup shows who uses them.",
)
TOO_MANY_LONG = _retried("too many long requests", "Too many long requests are running in the org.")
MAINTENANCE = _retried("maintenance", "Salesforce is down for maintenance or overloaded.")
READ_ONLY = Case(
    "read-only window",
    Kind.BUSY,
    "Salesforce is being upgraded and is read-only. Scores wait and are written afterwards.",
)
TOO_FAST = _retried("too many requests", "The service asks for fewer requests.")
POLICY = _retried(
    "transaction security policy",
    "A transaction security policy of the org stopped the call.",
    "exempt the integration user from the policy (Setup, Transaction Security)",
)
PROXY = _retried(
    "proxy asks for a login",
    "A proxy on the way to Salesforce asks for a login.",
    "put the proxy's user name and password into HTTPS_PROXY",
)
REDIRECTED = _retried(
    "redirected elsewhere",
    "An answer points to an address that is not Salesforce's, as the login page of a guest network"
    " does; nothing was sent there.",
    "check the network and the proxy",
)
CERTIFICATE = _retried(
    "certificate not trusted",
    "The server's certificate is not trusted, so nothing was sent.",
    "check this machine's date; a proxy that opens TLS needs its certificate authority in"
    " REQUESTS_CA_BUNDLE",
)
ANSWER_SLOW = _retried(
    "answer too slow",
    "An answer was not complete after a minute, so Leadloop asks for less.",
    "check the network and the proxy",
    Kind.SLOW,
)
EDGE = _retried("bad gateway", "A server on the way to Salesforce failed.")
UNREACHABLE = _retried(
    "network failure",
    "Salesforce could not be reached, or the connection broke.",
    "check name resolution, proxy and firewall",
)
NOT_SALESFORCE = _retried(
    "not an answer of Salesforce",
    "The answer is not one of the API but a web page or a broken text.",
    "check the proxy and the domain",
)
WRONG_SHAPE = Case(
    "answer of another shape",
    Kind.BUG,
    "The answer does not have the form that Salesforce documents. Nothing was marked as written."
    f" {_REPORT}",
)
QUERY_SLOW = Case(
    "query too slow",
    Kind.SLOW,
    "Salesforce stopped a query that took too long. Leadloop asks for a shorter period.",
)
QUERY_TOO_LARGE = _retried(
    "query too large",
    "A query was too large for Salesforce, so Leadloop asks for fewer records.",
    "map fewer formula fields",
    Kind.SLOW,
)
ADDRESS_TOO_LONG = Case(
    "address too long",
    Kind.SLOW,
    "A query was too long for a web address. Leadloop asks for fewer records.",
)
TOO_MANY_IDS = Case(
    "too many ids",
    Kind.SLOW,
    "More records were deleted than Salesforce lists at once. Leadloop asks for a shorter period.",
)
LOCATOR = _retried("locator expired", "Salesforce forgot a query half-way.")
FIELD_MISSING = Case(
    "field missing or hidden",
    Kind.CONFIG,
    "A field does not exist in Salesforce, or the integration user cannot see it. Deploy it,"
    " assign the permission set Lead Scoring Integration, or choose another field on the mapping"
    " page.",
)
OBJECT_MISSING = Case(
    "object not visible",
    Kind.CONFIG,
    f"The integration user cannot see an object. {_ASSIGN} to the integration user.",
)
BAD_QUERY = Case(
    WRONG_QUERY,
    Kind.CONFIG,
    "Salesforce does not understand a query. Check the field mapping and the filter; if they are"
    " right, send the text below with a report.",
)
VERSION_RETIRED = Case(
    "API version retired",
    Kind.CONFIG,
    "Salesforce has switched off the API version that the connection uses. Raise"
    " LEADLOOP_SALESFORCE_API_VERSION.",
)
API_OFF = Case(
    "API off",
    Kind.CONFIG,
    "The API is off for this org or for the integration user. Use an edition with API access and"
    " give the user the permission API Enabled.",
)
NO_ACCESS = Case(
    "no access",
    Kind.CONFIG,
    f"The integration user may not do this. {_ASSIGN} to the integration user.",
)
WRONG_PATH = Case(
    "path not found",
    Kind.CONFIG,
    "Salesforce has nothing at this address. Check the domain and the API version of the"
    " connection.",
)
FIELD_READ_ONLY = Case(
    "field read-only",
    Kind.CONFIG,
    f"The integration user may not write a score field. {_ASSIGN}, which makes it editable.",
)
WRONG_TYPE = Case(
    "field of the wrong type",
    Kind.CONFIG,
    "A score field has another type than the one shipped. Deploy the fields from the folder"
    " salesforce/ again.",
)
PICKLIST = Case(
    "value not in the picklist",
    Kind.CONFIG,
    "A restricted picklist in Salesforce lacks a value that Leadloop writes. Add the value to the"
    " picklist or make it unrestricted.",
)
NOTHING_SENT = Case("empty batch", Kind.BUG, f"A write without records was sent. {_REPORT}")
CONVERTED = Case(
    "lead is converted",
    Kind.ROW_GONE,
    "The lead has been converted and takes no scores. Leadloop reads it again and no longer scores"
    " it.",
)
RECORD_MISSING = Case(
    "record does not exist",
    Kind.ROW_GONE,
    "Salesforce has no lead with this ID. Leadloop stops writing to it.",
)
RECORD_DELETED = Case(
    "record is deleted",
    Kind.ROW_GONE,
    "The lead has been deleted in Salesforce. Leadloop stops writing to it and withdraws its"
    " outcome.",
)
ROW_LOCKED = _retried(
    "record locked", "Someone else was changing the lead at that moment.", kind=Kind.ROW_TRANSIENT
)
ROW_BUSY = _retried(
    "record not saved in time", "Salesforce was too busy for this lead.", kind=Kind.ROW_TRANSIENT
)
ROLLED_BACK = _retried(
    "rolled back with its batch",
    "The lead was not saved because another one in its batch failed.",
    kind=Kind.ROW_TRANSIENT,
)
VALIDATION_RULE = Case(
    "validation rule",
    Kind.ROW_REJECTED,
    "A validation rule of the org rejects the score. Exempt the integration user from the rule, or"
    " correct the lead.",
)
DUPLICATE_RULE = Case(
    "duplicate rule",
    Kind.ROW_REJECTED,
    "A duplicate rule of the org rejects the score. Let the rule report edits instead of blocking"
    " them, or bypass it for the integration user.",
)
NOT_UNIQUE = Case(
    "external id not unique",
    Kind.ROW_REJECTED,
    "More than one lead has this external ID. Make the external ID unique in Salesforce.",
)
TRIGGER = Case(
    "trigger or flow failed",
    Kind.ROW_REJECTED,
    "A trigger or flow of the org failed while the score was saved. Show the text below to whoever"
    " maintains it.",
)
NO_RECORD_ACCESS = Case(
    "no access to the record",
    Kind.ROW_REJECTED,
    "The integration user may not edit this lead. Give the user View All and Edit on leads"
    " (permission set Lead Scoring Integration).",
)
RECORD_RULE = Case(
    "record breaks a rule",
    Kind.ROW_REJECTED,
    "The lead breaks a rule of the org, so nothing on it can be saved. Correct it in Salesforce.",
)
INACTIVE_OWNER = Case(
    "owner is inactive",
    Kind.ROW_REJECTED,
    "The lead belongs to an inactive user, so nothing on it can be saved. Give it another owner in"
    " Salesforce.",
)
OUT_OF_RANGE = Case(
    "score does not fit its field",
    Kind.ROW_REJECTED,
    "A score field takes smaller numbers than the one shipped. Deploy the fields from the folder"
    " salesforce/ again.",
)
VALUE_NOT_UNIQUE = Case(
    "value not unique",
    Kind.ROW_REJECTED,
    "A field that must be unique has the same value on another lead. Correct one of the two leads"
    " in Salesforce, or let the field repeat values.",
)
UNKNOWN_ROW = Case(
    "row refused for an unknown reason",
    Kind.ROW_TRANSIENT,
    "Salesforce rejects the score for a reason that Leadloop does not know. Leadloop retries a few"
    " times; the text below says more.",
)
UNKNOWN = Case(
    "unknown fault",
    Kind.BUG,
    f"Something unexpected went wrong. {_REPORT} Nothing is lost; the next run continues from"
    " here.",
)

_OWN = [c for c in vars().values() if isinstance(c, Case)]
CASES = {case.name: case for case in (*_OWN, OWN_BUDGET, QUOTA_RESERVE, RECORDS_LOST)}
