"""Bodies of failures as Salesforce sends them, by number of the table in docs/salesforce.md."""

HTML = "<html><head><title>Salesforce</title></head><body>Sorry</body></html>"


def rest(code, message):
    return [{"message": message, "errorCode": code}]


def oauth(error, description):
    return {"error": error, "error_description": description}


def row(code, message, *fields):
    return {
        "success": False,
        "errors": [{"statusCode": code, "message": message, "fields": list(fields)}],
    }


NO_COLUMN = (
    "\nSELECT Id, X__c FROM Lead\n           ^\nERROR at Row:1:Column:12\nNo such column 'X__c' on"
    " entity 'Lead'. If you are attempting to use a custom field, be sure to append the '__c'"
    " after the custom field name."
)
NO_OBJECT = (
    "\nselect count() from XYZZY\n                    ^\nERROR at Row:1:Column:21\nsObject type"
    " 'XYZZY' is not supported."
)
READ_ONLY_FIELD = (
    "Unable to create/update fields: Conversion_Score__c. Please check the security settings of"
    " this field and verify that it is read/write for your profile or permission set."
)
# number, status, body, name of the case
LOGINS = [
    (4, 400, oauth("invalid_grant", "authentication failure"), "wrong user, password or token"),
    (5, 400, oauth("invalid_grant", "no client credentials user enabled"), "no run-as user"),
    (6, 400, oauth("invalid_grant", "request not supported on this domain"), "wrong login domain"),
    (
        7,
        400,
        oauth("invalid_client_id", "client identifier invalid"),
        "wrong consumer key or secret",
    ),
    (7, 400, oauth("invalid_client", "invalid client credentials"), "wrong consumer key or secret"),
    (8, 400, oauth("invalid_grant", "user hasn't approved this consumer"), "app not approved"),
    (
        8,
        400,
        oauth("invalid_app_access", "user is not admin approved to access this app"),
        "app not approved",
    ),
    (
        9,
        500,
        "INVALID_OPERATION: SOAP API login() is disabled by default in this org. Contact the org"
        " administrator to enable SOAP API login().",
        "SOAP login switched off",
    ),
    (55, 400, oauth("invalid_grant", "ip restricted"), "IP address refused"),
    (12, 503, HTML, "maintenance"),
    (13, 502, HTML, "bad gateway"),
    (43, 400, oauth("unknown_error", "retry your request"), "login to be repeated"),
    (
        43,
        400,
        oauth("invalid_grant", "token request is already being processed"),
        "login to be repeated",
    ),
    (43, 400, oauth("temporarily_unavailable", ""), "login to be repeated"),
    (44, 400, oauth("invalid_grant", "login rate exceeded"), "too many logins"),
    (44, 400, oauth("rate_limit_exceeded", "too many"), "too many logins"),
    (44, 500, "LOGIN_RATE_EXCEEDED: login rate exceeded", "too many logins"),
    (45, 407, HTML, "proxy asks for a login"),
    (47, 408, HTML, "bad gateway"),
    (47, 425, HTML, "bad gateway"),
    (47, 522, HTML, "bad gateway"),
    (48, 403, HTML, "not an answer of Salesforce"),
    (59, 400, oauth("invalid_scope", "the requested scope is not allowed"), "login refused"),
]
CALLS = [
    (
        1,
        401,
        rest("INVALID_SESSION_ID", "Session expired or invalid"),
        "session expired",
    ),
    (3, 401, {"message": "no"}, "session expired"),
    (3, 401, HTML, "session expired"),
    (10, 403, rest("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."), "day quota used"),
    (
        11,
        403,
        rest("REQUEST_LIMIT_EXCEEDED", "ConcurrentPerOrgLongTxn Limit exceeded."),
        "too many long requests",
    ),
    (12, 503, rest("SERVER_UNAVAILABLE", "down"), "maintenance"),
    (12, 503, HTML, "maintenance"),
    (13, 502, HTML, "bad gateway"),
    (13, 420, "enhance your calm", "bad gateway"),
    (16, 400, rest("INVALID_QUERY_LOCATOR", "invalid query locator"), "locator expired"),
    (
        17,
        400,
        rest("QUERY_TIMEOUT", "Your query request was running for too long."),
        "query too slow",
    ),
    (18, 400, rest("INVALID_FIELD", NO_COLUMN), "field missing or hidden"),
    (19, 400, rest("INVALID_TYPE", NO_OBJECT), "object not visible"),
    (20, 400, rest("MALFORMED_QUERY", "unexpected token: ')'"), "query refused"),
    (21, 414, HTML, "address too long"),
    (21, 431, HTML, "address too long"),
    (22, 410, rest("GONE", "This version is retired"), "API version retired"),
    (
        23,
        403,
        rest("API_DISABLED_FOR_ORG", "The REST API is not enabled for this Organization."),
        "API off",
    ),
    (23, 403, rest("API_CURRENTLY_DISABLED", "API is disabled for this user"), "API off"),
    (27, 404, rest("ENTITY_IS_DELETED", "entity is deleted"), "record is deleted"),
    (
        28,
        400,
        rest("INVALID_FIELD_FOR_INSERT_UPDATE", READ_ONLY_FIELD),
        "field read-only",
    ),
    (
        29,
        400,
        rest("INVALID_FIELD", "No such column 'Conversion_Score__c' on sobject of type Lead"),
        "field missing or hidden",
    ),
    (33, 400, rest("REQUIRED_FIELD_MISSING", "At least 1 record is required"), "empty batch"),
    (34, 404, rest("NOT_FOUND", "The requested resource does not exist"), "path not found"),
    (35, 300, ["/services/data/v66.0/sobjects/Lead/00Q1"], "external id not unique"),
    (
        37,
        503,
        rest("INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE", "read-only"),
        "read-only window",
    ),
    (41, 429, HTML, "too many requests"),
    (45, 407, HTML, "proxy asks for a login"),
    (46, 302, "", "redirected elsewhere"),
    (47, 408, HTML, "bad gateway"),
    (47, 425, HTML, "bad gateway"),
    (47, 500, rest("INTERNAL_ERROR", "unexpected"), "bad gateway"),
    (47, 500, rest("UNKNOWN_EXCEPTION", "unexpected"), "bad gateway"),
    (47, 520, HTML, "bad gateway"),
    (47, 524, HTML, "bad gateway"),
    (48, 403, HTML, "not an answer of Salesforce"),
    (49, 400, rest("QUERY_TOO_COMPLICATED", "too many fields"), "query too large"),
    (50, 400, rest("OPERATION_TOO_LARGE", "exceeded 100000 ids"), "query too large"),
    (51, 403, rest("TXN_SECURITY_NO_ACCESS", "policy"), "transaction security policy"),
    (51, 500, rest("TXN_SECURITY_RUNTIME_ERROR", "policy"), "transaction security policy"),
    (61, 400, rest("EXCEEDED_ID_LIMIT", "There are too many records"), "too many ids"),
    (62, 403, rest("INSUFFICIENT_ACCESS", "insufficient rights"), "no access"),
    (62, 403, rest("FUNCTIONALITY_NOT_ENABLED", "not enabled"), "no access"),
    (69, 400, rest("NOBODY_KNOWS_THIS", "strange"), "unknown fault"),
]
ROWS = [
    (
        24,
        row("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead"),
        "lead is converted",
    ),
    (
        25,
        row("UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record or 1 records"),
        "record locked",
    ),
    (
        26,
        row("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id"),
        "record does not exist",
    ),
    (27, row("ENTITY_IS_DELETED", "entity is deleted"), "record is deleted"),
    (
        28,
        row("INVALID_FIELD_FOR_INSERT_UPDATE", READ_ONLY_FIELD, "Conversion_Score__c"),
        "field read-only",
    ),
    (
        29,
        row("INVALID_FIELD", "No such column 'Conversion_Score__c' on sobject of type Lead"),
        "field missing or hidden",
    ),
    (30, row("FIELD_CUSTOM_VALIDATION_EXCEPTION", "Score needs a region"), "validation rule"),
    (31, row("DUPLICATES_DETECTED", "Use one of these records?"), "duplicate rule"),
    (
        32,
        row(
            "ALL_OR_NONE_OPERATION_ROLLED_BACK",
            "Record rolled back because not all records were valid and the request was using"
            " AllOrNone header",
        ),
        "rolled back with its batch",
    ),
    (
        36,
        row(
            "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
            "LeadTrigger: execution of BeforeUpdate caused by: System.NullPointerException",
        ),
        "trigger or flow failed",
    ),
    (
        38,
        row("INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id"),
        "no access to the record",
    ),
    (
        39,
        row(
            "JSON_PARSER_ERROR",
            "Cannot deserialize instance of datetime from VALUE_STRING value yesterday or request"
            " may be missing a required field at [Source: N/A; line: -1, column: -1]",
        ),
        "field of the wrong type",
    ),
    (
        40,
        row(
            "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
            "picklist field: bad value for restricted picklist field: Other",
            "picklist_field__c",
        ),
        "value not in the picklist",
    ),
    (51, row("TXN_SECURITY_METERING_ERROR", "policy"), "transaction security policy"),
    (63, row("SERVER_UNAVAILABLE", "down"), "record not saved in time"),
    (63, row("REQUEST_LIMIT_EXCEEDED", "busy"), "record not saved in time"),
    (64, row("REQUIRED_FIELD_MISSING", "Company"), "record breaks a rule"),
    (64, row("STRING_TOO_LONG", "Company"), "record breaks a rule"),
    (68, row("NOBODY_KNOWS_THIS", "strange"), "row refused for an unknown reason"),
]
