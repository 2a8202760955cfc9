"""What the product has to know of a CRM beside its adapter: its login, words, addresses."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ml.sentences import gettext

# The values of a login that are stored and shown as they are; all others are secrets.
PUBLIC_VALUES = ("domain", "username")
LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class LoginField:
    """One value of the form to log in by; all but the address and the user name are secrets.

    One of several lines, such as a key, has each line's end as \\n in the server's settings. What
    is verbatim keeps the blanks at its ends. `rule` says what `is_valid` asks of a value.
    """

    name: str
    label: str
    hint: str = ""
    max_length: int = 2000
    is_of_lines: bool = False
    is_verbatim: bool = False
    rule: str = ""
    is_valid: Callable[[str], bool] = bool

    @property
    def is_secret(self) -> bool:
        return self.name not in PUBLIC_VALUES


@dataclass(frozen=True)
class LoginMethod:
    """One way to log in, for people, and all that it needs, the address first."""

    label: str
    about: str
    fields: tuple[LoginField, ...]


@dataclass(frozen=True)
class Login:
    """How people connect a CRM.

    Only hosts that end in one of `endings` are called; `host_rule` says so. `host_problem` gives
    the sentence for one that is the CRM's and not for programs that log in by this method. `guide`
    is the template that says how the CRM is set up before.
    """

    methods: Mapping[str, LoginMethod]
    endings: tuple[str, ...]
    host_rule: str
    host_problem: Callable[[str, str], str | None]
    guide: str | None = None


@dataclass(frozen=True)
class IdFilter:
    """A list of ids that lets leads in: how the form asks for it, and what an id there is.

    `one_form` turns an id as people copy it into that of the API; `rule` says what `is_id` asks.
    """

    label: str
    hint: str
    rule: str = gettext("must be ids")
    one_form: Callable[[str], str] = str
    is_id: Callable[[str], bool] = bool


@dataclass(frozen=True)
class CrmKind:
    """One CRM: how people there call things, and where they find a record.

    `key` is the kind of the connection and the source of its outcomes; the addresses are made of
    that of the `org` and the record's `id`.
    """

    key: str
    name: str
    login: Login
    lead: str
    leads: str
    deal: str
    deals: str
    a_deal: str
    # What to do where deals cannot be read.
    see_deals: str
    # Leads become something else there: an event, without which a deal is all that tells.
    converts_leads: bool
    lead_address: str
    deal_address: str
    # Which leads are read at all, by the rule's name.
    filters: Mapping[str, IdFilter]
    # The field that has a lead's status, and the status that mostly means lost.
    status_field: str
    lost_status: str
    # The fields that our scores are written to.
    written: tuple[str, ...]
    # Those that stay as they were when a lead becomes something else, and those that must not be
    # inputs: what we write, and what says or follows from what became of a lead.
    stable: frozenset[str]
    no_inputs: frozenset[str]

    def lead_at(self, domain: str, record_id: str) -> str:
        """Where people find a lead."""
        return self.lead_address.format(org=_org_address(domain), id=record_id)

    def deal_at(self, domain: str, record_id: str) -> str:
        """Where people find a deal."""
        return self.deal_address.format(org=_org_address(domain), id=record_id)

    def setting(self, settings: object, name: str) -> Any:
        """What the server's settings say for this CRM, where each begins with its key, or None."""
        return getattr(settings, f"{self.key}_{name}", None)


def _org_address(domain: str) -> str:
    # A made-up org on this machine speaks no TLS.
    host = domain.rpartition("://")[2]
    is_local = urlsplit(f"//{host}").hostname in LOOPBACK
    return f"{'http' if is_local else 'https'}://{host}"
