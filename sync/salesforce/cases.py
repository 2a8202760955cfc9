"""Everything Salesforce and the network can refuse with: its kind, and what to tell people."""

from sync.crm.faults import OWN_BUDGET, QUOTA_RESERVE, RECORDS_LOST, Case, Kind
from webapp.services.crm.kinds.exchange import WRONG_QUERY

_AGAIN = "Nothing to do: Leadloop tries again by itself."
_SAVE = "save the connection again"

SESSION_EXPIRED = Case(
    "session expired",
    Kind.AUTH_EXPIRED,
    "The Salesforce session ended. Nothing to do: Leadloop logs in again.",
)
SESSION_REFUSED = Case(
    "session refused",
    Kind.BUSY,
    "Salesforce refuses a session that it has just opened. Leadloop tries again by itself. If it"
    " stays so, check that the integration user is active and has the permission API Enabled.",
)
SESSION_ENDED = Case(
    "session id ended",
    Kind.AUTH_BROKEN,
    "The session id has run out, or Salesforce refuses it. Enter a new one, or let the connection"
    " use client credentials, which do not run out.",
)
LOGIN_LATER = Case(
    "login to be repeated",
    Kind.BUSY,
    f"Salesforce had no time for the login. {_AGAIN}",
)
LOGIN_RATE = Case(
    "too many logins",
    Kind.LATER,
    "The integration user has logged in too often within an hour. Leadloop tries again by itself."
    " If it stays so, find out which other program uses the same user.",
)
WRONG_LOGIN = Case(
    "wrong user, password or token",
    Kind.AUTH_BROKEN,
    "Salesforce does not accept the login. Check user, password, security token and the user's"
    f" login history; then {_SAVE}.",
)
NO_RUN_AS_USER = Case(
    "no run-as user",
    Kind.AUTH_BROKEN,
    "The External Client App has no user to run as. In Salesforce Setup open the app's policies,"
    f" enable Client Credentials Flow and choose the integration user as Run As; then {_SAVE}.",
)
WRONG_DOMAIN = Case(
    "wrong login domain",
    Kind.AUTH_BROKEN,
    "This way of logging in does not work at login.salesforce.com or test.salesforce.com. Enter"
    " your My Domain, such as acme.my.salesforce.com (Setup, My Domain).",
)
WRONG_KEY = Case(
    "wrong consumer key or secret",
    Kind.AUTH_BROKEN,
    "Salesforce does not know the consumer key, or the secret does not belong to it. Copy both"
    f" again from the External Client App (Settings, OAuth); then {_SAVE}.",
)
BROKEN_KEY = Case(
    "private key unreadable",
    Kind.AUTH_BROKEN,
    "The private key is not an RSA key in PEM form without a passphrase, so no login was sent."
    f" Enter the key that belongs to the app's certificate; then {_SAVE}.",
)
NOT_APPROVED = Case(
    "app not approved",
    Kind.AUTH_BROKEN,
    "The integration user is not approved for the External Client App. In the app's policies set"
    " Permitted Users to pre-authorised and add the permission set Lead Scoring Integration;"
    f" then {_SAVE}.",
)
ADDRESS_REFUSED = Case(
    "IP address refused",
    Kind.AUTH_BROKEN,
    "Salesforce lets the integration user in only from certain IP addresses, and this server's is"
    " not one of them. List it among the Login IP Ranges of the user's profile, or set IP"
    f" Relaxation in the app's policies to Relax IP restrictions; then {_SAVE}.",
)
OLD_LOGIN_OFF = Case(
    "SOAP login switched off",
    Kind.AUTH_BROKEN,
    "This org no longer allows logging in with user name and token. Switch the connection to"
    " client credentials or JWT bearer.",
)
LOGIN_REFUSED = Case(
    "login refused",
    Kind.AUTH_BROKEN,
    f"Salesforce refuses the login. Read its answer below, correct the connection, and {_SAVE}.",
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
    " stopped. See System Overview in Setup for who uses them.",
)
TOO_MANY_LONG = Case(
    "too many long requests",
    Kind.BUSY,
    f"Too many long requests run in the org at this moment. {_AGAIN}",
)
MAINTENANCE = Case(
    "maintenance",
    Kind.BUSY,
    f"Salesforce is down for maintenance or overloaded. {_AGAIN}",
)
READ_ONLY = Case(
    "read-only window",
    Kind.BUSY,
    "Salesforce is being upgraded and can only be read. Nothing to do: scores wait and are"
    " written afterwards.",
)
TOO_FAST = Case(
    "too many requests",
    Kind.BUSY,
    f"The service asks for fewer requests. {_AGAIN}",
)
POLICY = Case(
    "transaction security policy",
    Kind.BUSY,
    "A transaction security policy of the org stopped the call. Leadloop tries again by itself. If"
    " it stays so, exempt the integration user from the policy (Setup, Transaction Security).",
)
PROXY = Case(
    "proxy asks for a login",
    Kind.BUSY,
    "A proxy on the way to Salesforce asks for a login. Leadloop tries again by itself. If it stays"
    " so, put the proxy's user name and password into HTTPS_PROXY.",
)
REDIRECTED = Case(
    "redirected elsewhere",
    Kind.BUSY,
    "An answer points to an address that is not Salesforce's, as the login page of a guest network"
    " does; nothing was sent there. Leadloop tries again by itself. If it stays so, check the"
    " network and the proxy.",
)
CERTIFICATE = Case(
    "certificate not trusted",
    Kind.BUSY,
    "The certificate that the server shows is not trusted, so nothing was sent. Leadloop tries"
    " again by itself. If it stays so, check this machine's date; a proxy that opens TLS needs its"
    " certificate authority in REQUESTS_CA_BUNDLE.",
)
ANSWER_SLOW = Case(
    "answer too slow",
    Kind.SLOW,
    "An answer was not complete after a minute. Leadloop asks for less, and tries again by itself."
    " If it stays so, check the network and the proxy.",
)
EDGE = Case(
    "bad gateway",
    Kind.BUSY,
    f"A server on the way to Salesforce failed. {_AGAIN}",
)
UNREACHABLE = Case(
    "network failure",
    Kind.BUSY,
    "Salesforce could not be reached, or the connection broke. Leadloop tries again by itself. If"
    " it stays so, check name resolution, proxy and firewall.",
)
NOT_SALESFORCE = Case(
    "not an answer of Salesforce",
    Kind.BUSY,
    "What came back is not an answer of the API but a page or a broken text. Leadloop tries again"
    " by itself. If it stays so, check the proxy and the domain.",
)
WRONG_SHAPE = Case(
    "answer of another shape",
    Kind.BUG,
    "The answer does not have the form that Salesforce documents. Nothing was marked as written."
    " Send the text below with a report.",
)
QUERY_SLOW = Case(
    "query too slow",
    Kind.SLOW,
    "Salesforce stopped a query because it took too long. Nothing to do: Leadloop asks for a"
    " shorter time at once.",
)
QUERY_TOO_LARGE = Case(
    "query too large",
    Kind.SLOW,
    "A query was too much for Salesforce at once. Leadloop asks for fewer records at once. If it"
    " stays so, map fewer formula fields.",
)
ADDRESS_TOO_LONG = Case(
    "address too long",
    Kind.SLOW,
    "A query was too long for an address. Nothing to do: Leadloop asks for fewer records at once.",
)
TOO_MANY_IDS = Case(
    "too many ids",
    Kind.SLOW,
    "More records were deleted than Salesforce lists at once. Nothing to do: Leadloop asks for a"
    " shorter time at once.",
)
LOCATOR = Case(
    "locator expired",
    Kind.BUSY,
    "Salesforce forgot a query half-way. Nothing to do: Leadloop starts again where it stood.",
)
FIELD_MISSING = Case(
    "field missing or hidden",
    Kind.CONFIG,
    "A field does not exist in Salesforce or the integration user may not see it. Deploy it,"
    " assign the permission set Lead Scoring Integration, or choose another field on the mapping"
    " page.",
)
OBJECT_MISSING = Case(
    "object not visible",
    Kind.CONFIG,
    "The integration user cannot see an object. Assign the permission set Lead Scoring"
    " Integration to the integration user.",
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
    "The integration user may not do this. Assign the permission set Lead Scoring Integration to"
    " the integration user.",
)
WRONG_PATH = Case(
    "path not found",
    Kind.CONFIG,
    "Salesforce does not have what was asked for at this address. Check the domain and the API"
    " version of the connection.",
)
FIELD_READ_ONLY = Case(
    "field read-only",
    Kind.CONFIG,
    "The integration user may not write a score field. Assign the permission set Lead Scoring"
    " Integration, which makes the field editable.",
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
    "A picklist in Salesforce is restricted and lacks a value that Leadloop writes. Add the value"
    " to the picklist or make it unrestricted.",
)
NOTHING_SENT = Case(
    "empty batch",
    Kind.BUG,
    "A write without records was sent. Send the text below with a report.",
)
CONVERTED = Case(
    "lead is converted",
    Kind.ROW_GONE,
    "The lead has been converted and takes no scores. Nothing to do: Leadloop reads it again and"
    " stops scoring it.",
)
RECORD_MISSING = Case(
    "record does not exist",
    Kind.ROW_GONE,
    "Salesforce has no lead with this id. Nothing to do: Leadloop stops writing to it.",
)
RECORD_DELETED = Case(
    "record is deleted",
    Kind.ROW_GONE,
    "The lead has been deleted in Salesforce. Nothing to do: Leadloop stops writing to it and"
    " withdraws its outcome.",
)
ROW_LOCKED = Case(
    "record locked",
    Kind.ROW_TRANSIENT,
    "Someone else was changing the lead at that moment. Nothing to do: Leadloop writes it again.",
)
ROW_BUSY = Case(
    "record not saved in time",
    Kind.ROW_TRANSIENT,
    "Salesforce had no time for this lead. Nothing to do: Leadloop writes it again.",
)
ROLLED_BACK = Case(
    "rolled back with its batch",
    Kind.ROW_TRANSIENT,
    "The lead was not saved because another one in its batch failed. Nothing to do: Leadloop"
    " writes it again.",
)
VALIDATION_RULE = Case(
    "validation rule",
    Kind.ROW_REJECTED,
    "A validation rule of the org refuses the score. Let the rule pass for the integration user,"
    " or correct the lead.",
)
DUPLICATE_RULE = Case(
    "duplicate rule",
    Kind.ROW_REJECTED,
    "A duplicate rule of the org refuses the score. Let the rule report instead of block for"
    " edits, or bypass it for the integration user.",
)
NOT_UNIQUE = Case(
    "external id not unique",
    Kind.ROW_REJECTED,
    "More than one lead has this external id. Make the external id unique in Salesforce.",
)
TRIGGER = Case(
    "trigger or flow failed",
    Kind.ROW_REJECTED,
    "A trigger or flow of the org failed while the score was saved. Show the text below to"
    " whoever maintains the trigger.",
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
    "The lead breaks a rule of the org, so nothing on it can be saved. Correct the lead in"
    " Salesforce.",
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
    " in Salesforce, or make the field not unique.",
)
UNKNOWN_ROW = Case(
    "row refused for an unknown reason",
    Kind.ROW_TRANSIENT,
    "Salesforce refuses the score for a reason that Leadloop does not know. It is tried again a few"
    " times; the text below says more.",
)
UNKNOWN = Case(
    "unknown fault",
    Kind.BUG,
    "Something went wrong that Leadloop does not know. Send the text below with a report. Nothing"
    " is lost; the next run continues from here.",
)

_OWN = [c for c in vars().values() if isinstance(c, Case)]
CASES = {case.name: case for case in (*_OWN, OWN_BUDGET, QUOTA_RESERVE, RECORDS_LOST)}
