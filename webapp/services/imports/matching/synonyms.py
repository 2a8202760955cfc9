"""What the columns of usual exports are called: of Salesforce, HubSpot, Zoho and others."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from itertools import combinations, islice
from typing import Literal, TypeAlias

from ml.fields.fields_file import Field, Fields
from webapp.services.imports.matching.mapping import (
    FIRST_NAME,
    LAST_NAME,
    LEAD_ID,
    LEAVE_OUT,
    MULTIPLE_TARGETS,
    OUTCOME,
    OUTCOME_AT,
    REASON,
    TARGETS_BESIDE_FIELDS,
    header_key,
)
from webapp.stored import OutcomeWords

Confidence: TypeAlias = Literal["sure", "likely", "ask"]

# The usual ones first: of two columns that may mean the same the first here is taken.
SYNONYMS: dict[str, tuple[str, ...]] = {
    LEAD_ID: (
        *("lead id", "lead - id", "record id", "record id - contact", "(do not modify) lead"),
        *("id", "contact id", "person - id", "deal id", "deal - id", "record id - deal"),
        *("opportunity id", "external id", "crm id", "lead number", "lead no", "hs object id"),
    ),
    "name": (
        *("full name", "lead name", "contact name", "person - name", "person name"),
        *("contact person", "name of contact", "customer name"),
    ),
    FIRST_NAME: ("first name", "given name", "forename", "person - first name", "vorname"),
    LAST_NAME: ("last name", "surname", "family name", "person - last name", "nachname"),
    "company": (
        *("company name", "company / account", "account name", "account", "organization"),
        *("organisation", "organization - name", "organization name", "partner name"),
        *("associated company", "primary associated company", "employer", "firma"),
    ),
    "email": (
        *("e-mail", "email address", "e-mail address", "work email", "primary email"),
        *("person - email - work", "person - email", "contact email", "email from", "mail"),
        *("person - email - other", "email 1"),
    ),
    "phone": (
        *("phone number", "telephone", "telephone number", "business phone", "work phone"),
        *("person - phone - work", "person - phone", "tel", "mobile", "mobile phone"),
        *("mobile phone number", "mobile number", "person - phone - mobile", "cell"),
    ),
    "owner": (
        *("lead owner", "contact owner", "deal owner", "deal - owner", "person - owner"),
        *("record owner", "owner name", "opportunity owner", "assigned to", "assignee"),
        *("responsible person", "responsible", "assigned user", "lead manager"),
        *("salesperson", "sales rep", "sales representative", "rep", "account manager"),
    ),
    OUTCOME: (
        *("outcome", "lead status", "status", "deal - status", "deal status", "won status"),
        *("lifecycle stage", "converted", "is converted", "won", "is won", "lost", "is lost"),
        *("lead outcome", "deal outcome", "final status", "result", "stage", "deal stage"),
        *("status reason", "lead stage", "sales stage", "opportunity stage", "pipeline stage"),
        *("disposition", "lead disposition"),
    ),
    OUTCOME_AT: (
        *("outcome date", "closed on", "closed at", "closed date", "date closed", "close date"),
        *("deal - won time", "won time", "won date", "deal - lost time", "lost time", "lost date"),
        *("converted date", "converted at", "converted on", "conversion date", "date converted"),
        *("actual close date", "closing date", "decided on", "became a customer date"),
        *("closed won date", "closed lost date", "disqualified date", "unqualified date"),
    ),
    REASON: (
        *("reason", "lost reason", "deal - lost reason", "closed lost reason", "loss reason"),
        *("reason lost", "close reason", "outcome reason", "reason for loss", "won reason"),
    ),
    "lead_source": (
        *("source", "original source", "original traffic source", "source channel"),
        *("deal - source channel", "deal - source", "lead origin", "origin"),
    ),
    "industry": ("sector", "branch", "branche", "line of business"),
    "email_opens": ("emails opened", "marketing emails opened", "opens", "email open count"),
    "website_visits": ("number of sessions", "web visits", "sessions", "total visits", "visits"),
    "content_downloads": ("downloads", "number of downloads"),
}
# Near enough to be offered, too far to be taken unasked.
LIKELY: dict[str, tuple[str, ...]] = {
    LEAD_ID: ("number", "no", "nr", "key", "reference", "customer id", "uuid", "ref"),
    "name": ("contact", "lead", "person", "customer", "display name"),
    "company": ("customer", "client", "associated company domain", "company domain name"),
    "owner": ("account owner", "created by", "user", "agent", "owner id"),
    OUTCOME_AT: ("closed", "last stage change", "end date"),
    "location": ("city", "town", "place", "region", "state", "state/region", "country"),
    "lead_source": ("utm source", "channel", "medium", "campaign"),
    "industry": ("category", "vertical"),
    "website_visits": ("number of pageviews", "page views", "pageviews", "page visits"),
    "content_downloads": ("number of form submissions",),
}
OUTCOME_WORDS: dict[str, OutcomeWords] = {
    **dict.fromkeys(("converted", "isconverted", "won", "iswon"), "converted"),
    **dict.fromkeys(("lost", "islost"), "lost"),
    # Times that say by themselves what became of a lead.
    **dict.fromkeys(("wontime", "wondate", "dealwontime"), "converted"),
    **dict.fromkeys(("becameacustomerdate", "closedwondate"), "converted"),
    **dict.fromkeys(("losttime", "lostdate", "deallosttime"), "lost"),
    **dict.fromkeys(("closedlostdate", "disqualifieddate", "unqualifieddate"), "lost"),
}
# Words around the one that matters: "Number of Employees" is the field Employees.
FILLERS = frozenset(
    {
        *("lead", "contact", "deal", "person", "organization", "company", "account", "number"),
        *("no", "nr", "of", "the", "total", "count", "primary", "current"),
    }
)
MIN_LIKENESS = 0.85
# What stands in brackets at the end of a name.
UNIT = re.compile(r"\s*[(\[][^()\[\]]*[)\]]\s*$")
# Short words are like many others: Page is not Age.
MIN_LENGTH_TO_COMPARE = 6
MAX_RIVALS = 50


@dataclass(frozen=True)
class Layout:
    """An export in which some columns mean something else than their names say."""

    name: str
    signature: frozenset[str]
    columns: dict[str, tuple[str, OutcomeWords]]


# Odoo calls the title of a lead its name. Lost leads are archived with a probability of 0; won
# ones have 100.
ODOO = Layout(
    "Odoo",
    frozenset({"contactname", "partnername", "emailfrom"}),
    {
        "id": (LEAD_ID, "status"),
        "name": (LEAVE_OUT, "status"),
        "contactname": ("name", "status"),
        "partnername": ("company", "status"),
        "emailfrom": ("email", "status"),
        "userid": ("owner", "status"),
        "active": (OUTCOME, "active"),
        "probability": (OUTCOME, "probability"),
        "dateclosed": (OUTCOME_AT, "status"),
        "lostreasonid": (REASON, "status"),
        "sourceid": ("lead_source", "status"),
        # Exported for import again.
        "useridname": ("owner", "status"),
        "lostreasonidname": (REASON, "status"),
        "sourceidname": ("lead_source", "status"),
    },
)
# The product's own export of outcomes tells withdrawals too. What it says of a lead's status
# follows from the rest.
OWN = Layout(
    "Leadloop",
    frozenset({"leadid", "actualoutcome", "outcomesource"}),
    {"actualoutcome": (OUTCOME, "exported"), "status": (LEAVE_OUT, "status")},
)
LAYOUTS = (ODOO, OWN)


@dataclass(frozen=True)
class Candidate:
    """A target that a column may have; the least `tier` and then the least `order` comes first.

    `rival` names a column that has the target already, which this one only `fills` or contradicts.
    """

    tier: int
    order: int
    target: str
    confidence: Confidence
    why: str
    words: OutcomeWords = "status"
    rival: str = ""
    fills: bool = False


def rivals(header: Sequence[str], fields: Fields) -> list[tuple[int, int]]:
    """The places of columns that surely say the same by their names, in pairs, up to a bound."""
    names, by_target = Synonyms(fields, layout_of(header)), defaultdict(list)
    for place, name in enumerate(header):
        sure = {c.target for c in names.candidates(name) if name and c.confidence == "sure"}
        for target in sorted(sure.difference(MULTIPLE_TARGETS, [LEAVE_OUT])):
            by_target[target].append(place)
    pairs = (pair for places in by_target.values() for pair in combinations(places, 2))
    return list(islice(pairs, MAX_RIVALS))


def layout_of(header: Collection[str]) -> Layout | None:
    """Recognise the export that a header is of, where names alone would mislead."""
    keys = {header_key(name) for name in header}
    return next((layout for layout in LAYOUTS if layout.signature <= keys), None)


class Synonyms:
    """All names by which columns are known, for the fields of a team."""

    def __init__(self, fields: Fields, layout: Layout | None = None) -> None:
        self.fields, self.layout = fields, layout
        usable = {field.name for field in fields if field.declared} | TARGETS_BESIDE_FIELDS.keys()
        self.by_key: dict[str, list[Candidate]] = {}
        for candidate, name in self._all():
            if candidate.target in usable or candidate.tier < 5:
                self.by_key.setdefault(header_key(name), []).append(candidate)

    def candidates(self, name: str) -> list[Candidate]:
        key = header_key(name)
        told = self.layout.columns.get(key) if self.layout else None
        # What is left out by its name is none of the team's own fields.
        if told and self.layout and not (told[0] == LEAVE_OUT and key in self.fields):
            why = f"as {self.layout.name} exports it"
            return [Candidate(1, 0, told[0], "sure", why, told[1])]
        found = self.by_key.get(key) or self._without_unit(name) or list(self._near(name))
        return sorted(found, key=lambda candidate: (candidate.tier, candidate.order))

    def _all(self) -> Iterator[tuple[Candidate, str]]:
        for target, label in TARGETS_BESIDE_FIELDS.items():
            for name in (target.partition(".")[2] if "." in target else target, label):
                yield Candidate(2, 0, target, "sure", "by its name", _words(name)), name
        for field in self.fields:
            yield Candidate(2, 0, field.name, "sure", "by its name"), field.name
            yield Candidate(3, 0, field.name, "sure", "by its label"), field.label
            if field.salesforce:
                why = "as the fields say of Salesforce"
                yield Candidate(4, 0, field.name, "sure", why), field.salesforce
        for target, names in SYNONYMS.items():
            for order, name in enumerate(names):
                why = "by a usual name"
                yield Candidate(5, order, target, "sure", why, _words(name)), name
        for target, names in LIKELY.items():
            for order, name in enumerate(names):
                yield Candidate(6, order, target, "likely", "by a similar name"), name

    def _without_unit(self, name: str) -> list[Candidate]:
        """Of Age (years) those of Age: whether the unit is the field's, somebody must say."""
        found = self.by_key.get(header_key(UNIT.sub("", name)), [])
        return [
            replace(c, tier=7, confidence="likely", why="by its name, unit aside") for c in found
        ]

    def _near(self, name: str) -> Iterator[Candidate]:
        """A field of the team that the name holds among other words, or nearly spells."""
        core = _core(name)
        for field in self.fields:
            if field.declared and core and core in (_core(field.label), _core(field.name)):
                yield Candidate(7, 0, field.name, "likely", "by the word it holds")
        key, own = header_key(name)[:100], self._own_keys()
        if len(key) >= MIN_LENGTH_TO_COMPARE:
            for near in get_close_matches(key, own, 1, MIN_LIKENESS):
                yield Candidate(8, 0, own[near].name, "likely", "by a similar name")

    def _own_keys(self) -> dict[str, Field]:
        declared = [field for field in self.fields if field.declared]
        by_name = {header_key(field.name): field for field in declared}
        return by_name | {header_key(field.label): field for field in declared}


def _words(name: str) -> OutcomeWords:
    return OUTCOME_WORDS.get(header_key(name), "status")


def _core(name: str) -> str:
    words = "".join(c if c.isalnum() else " " for c in name.casefold()).split()
    return " ".join(word for word in words if word not in FILLERS)
