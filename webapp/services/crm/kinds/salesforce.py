"""Salesforce, as far as it is not its adapter's alone."""

import re
from functools import partial

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from ml.sentences import gettext
from webapp.services.crm.kinds.kind import CrmKind, IdFilter, Login, LoginField, LoginMethod
from webapp.services.crm.kinds.salesforce_ids import full_id, is_full_id

# What stays as it was when a lead is converted: nobody moves it to the contact or goes on with it.
# Only such fields may be inputs of a lead that we first see together with its outcome.
STABLE = frozenset(
    {
        *("LeadSource", "Industry", "Street", "City", "State", "StateCode", "PostalCode"),
        *("Country", "CountryCode", "AnnualRevenue", "NumberOfEmployees", "Company", "Title"),
    }
)
# Our own answers.
WRITTEN = (
    "Conversion_Score__c",
    "Conversion_Band__c",
    "Score_Reasons__c",
    "Score_Updated_At__c",
    "Score_Model_Version__c",
)
# What says or follows from what became of a lead, and what our own writes or reads move.
MOVES_BY_ITSELF = frozenset(
    {
        *("Id", "IsConverted", "ConvertedDate", "ConvertedAccountId", "ConvertedContactId"),
        *("ConvertedOpportunityId", "Status", "IsDeleted", "MasterRecordId", "IsUnreadByOwner"),
        *("SystemModstamp", "LastModifiedDate", "LastModifiedById", "LastViewedDate"),
        "LastReferencedDate",
    }
)

ENDINGS = (".salesforce.com", ".force.com")
# Where people are when they copy an address; pages of a package have its prefix, mostly c.
ADDRESS_OF_PAGES = re.compile(
    r"([a-z0-9-]+?)(?:--c)?((?:\.[a-z]+)?)"
    r"\.(?:[a-z]+\.force|my\.salesforce-setup|my\.salesforce-sites|my\.site)\.com"
)
MY_DOMAIN = ".my.salesforce.com"
PAGES_RULE = gettext(
    "This address is for people with a browser. Enter {}, the address for programs."
)
# Beside My Domain: where users of all orgs log in, and single instances.
ITS_HOST = re.compile(r"[a-z0-9.-]+\.(?:salesforce|force)\.com")
INSTANCE = re.compile(r"[a-z]{2,4}[0-9]+\.salesforce\.com")
LOGIN_HOSTS = ("login.salesforce.com", "test.salesforce.com")
LOGIN_HOST_RULE = gettext(
    "Client credentials do not work at {}. Enter your My Domain, such as acme.my.salesforce.com."
)
OTHER_RULE = gettext(
    "No org answers API calls at this address. Enter your My Domain, such "
    "as acme.my.salesforce.com."
)


def is_private_key(text: str) -> bool:
    """Whether a text is an RSA private key in PEM form that no passphrase protects."""
    try:
        return isinstance(load_pem_private_key(text.encode(), password=None), RSAPrivateKey)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return False


DOMAIN = LoginField(
    "domain",
    gettext("My Domain"),
    gettext("Such as acme.my.salesforce.com. Salesforce shows it under Setup, My Domain."),
    max_length=255,
)
USERNAME = LoginField(
    "username",
    gettext("User name"),
    gettext("The integration user's, such as leadloop@acme.com."),
    max_length=200,
)
CONSUMER_KEY = LoginField("consumer_key", gettext("Consumer key"))
PRIVATE_KEY = LoginField(
    "private_key",
    gettext("Private key"),
    gettext("In PEM form, from BEGIN to END."),
    max_length=20_000,
    is_of_lines=True,
    rule=gettext(
        "must be an RSA private key in PEM form without a passphrase, and not the certificate"
    ),
    is_valid=is_private_key,
)


def my_domain_of(host: str) -> str | None:
    """The org's host for programs, where this one serves pages to people; else None."""
    org = ADDRESS_OF_PAGES.fullmatch(host)
    return f"{org[1]}{org[2]}{MY_DOMAIN}" if org else None


def host_problem(host: str, method: str) -> str | None:
    """Why no org answers programs at a host of Salesforce by this way to log in; else None."""
    name = host.partition(":")[0].rstrip(".")
    if proposed := my_domain_of(name):
        return PAGES_RULE.format(proposed)
    if name in LOGIN_HOSTS:
        return LOGIN_HOST_RULE.format(name) if method == "client_credentials" else None
    is_api = name.endswith(MY_DOMAIN) or INSTANCE.fullmatch(name)
    return OTHER_RULE if ITS_HOST.fullmatch(name) and not is_api else None


LOGIN = Login(
    methods={
        "client_credentials": LoginMethod(
            gettext("Client credentials"),
            gettext(
                "The usual way. In Salesforce Setup make an External Client App, "
                "enable Client Credentials Flow, choose an integration user as Run As, "
                "and copy key and secret from its settings."
            ),
            (DOMAIN, CONSUMER_KEY, LoginField("consumer_secret", gettext("Consumer secret"))),
        ),
        "jwt": LoginMethod(
            gettext("JWT bearer"),
            gettext(
                "If no secret may be shared: the External Client App has a "
                "certificate, and you enter its private key here."
            ),
            (DOMAIN, USERNAME, CONSUMER_KEY, PRIVATE_KEY),
        ),
        "session": LoginMethod(
            gettext("Session ID"),
            gettext("For a quick try: it stops working when the session ends."),
            (DOMAIN, LoginField("session_id", gettext("Session ID"))),
        ),
        "password": LoginMethod(
            gettext("User name and token"),
            gettext("For older orgs only: Salesforce retires this login in 2027."),
            (
                DOMAIN,
                USERNAME,
                LoginField("password", "Password", is_verbatim=True),
                LoginField("security_token", gettext("Security token")),
            ),
        ),
    },
    endings=ENDINGS,
    host_rule=gettext("Must be your My Domain, such as acme.my.salesforce.com, without a port."),
    host_problem=host_problem,
    guide="crm/connection/salesforce_guide.html",
)

ID_RULE = "must be ids of 15 or 18 letters and digits that start {}"

SALESFORCE = CrmKind(
    key="salesforce",
    name="Salesforce",
    login=LOGIN,
    lead=gettext("lead"),
    leads=gettext("leads"),
    deal=gettext("opportunity"),
    deals=gettext("opportunities"),
    a_deal=gettext("an opportunity"),
    see_deals=gettext(
        "Grant the user View All on opportunities (permission set Lead Scoring Integration)."
    ),
    converts_leads=True,
    lead_address="{org}/{id}",
    deal_address="{org}/{id}",
    filters={
        "owner_ids": IdFilter(
            gettext("Only leads of these owners"),
            gettext(
                "IDs of users (005…) or queues (00G…), one per line. Leave empty for "
                "all. Leads already read stay."
            ),
            ID_RULE.format("005 or 00G"),
            full_id,
            partial(is_full_id, starts=("005", "00G")),
        ),
        "record_type_ids": IdFilter(
            gettext("Only leads of these record types"),
            gettext(
                "IDs (012…), one per line, from the record type's address in Setup. "
                "Leave empty for all."
            ),
            ID_RULE.format("012"),
            full_id,
            partial(is_full_id, starts=("012",)),
        ),
    },
    status_field="Status",
    lost_status="Closed - Not Converted",
    written=WRITTEN,
    stable=STABLE,
    no_inputs=MOVES_BY_ITSELF.union(WRITTEN),
)
