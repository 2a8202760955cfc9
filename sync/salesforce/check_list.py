"""The check list of a connection: what an org needs, item by item, with what to do about each."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from ml.sentences import Figure, gettext
from sync.crm.faults import Fault, Kind
from sync.crm.protocol import DEALS, LEADS, Look
from sync.salesforce import access, cases, soql
from sync.salesforce.access import OBJECTS, PEOPLE_FIELDS, USER_PREFIX, unseen
from sync.salesforce.client import Client, Row
from webapp.services.crm.field_sources import unwritable
from webapp.services.crm.kinds.exchange import ORG_SHARE, Check
from webapp.services.crm.kinds.salesforce import SALESFORCE

RIGHTS = gettext(
    "the permission set licence Salesforce API Integration and the "
    "permission set Lead Scoring Integration to the integration user."
)
ASSIGN = gettext("Assign %(RIGHTS)s", RIGHTS=RIGHTS)
DEPLOY = gettext("Deploy the folder salesforce/ again. %(ASSIGN)s", ASSIGN=ASSIGN)
# A signed login is valid for three minutes, by Salesforce's clock.
MAX_CLOCK_DIFFERENCE = timedelta(minutes=1)
BUSY_ORG = 0.5


class CheckList:
    """Looks at one org; `items` are to be called in their order, each with its name."""

    def __init__(
        self,
        client: Client,
        needs: Mapping[str, Mapping[str, str]],
        now: datetime,
        *,
        writes_scores: bool,
    ) -> None:
        self._client, self._needs, self._now = client, needs, now
        self._writes_scores = writes_scores
        self._lead_fields: Sequence[Row] | None = None
        self._leads: Sequence[Row] = ()
        self.items: Mapping[str, Look] = {
            "Login": self._login,
            "Clock": self._clock,
            "Leads": self._visible_leads,
            "Lead fields": self._needed_fields,
            "People fields": self._people_fields,
            "Owners": self._owners,
            "Opportunities": self._opportunities,
            "Contact roles": self._contact_roles,
            "Score fields": self._score_fields,
            "API calls": self._calls,
        }

    def _login(self, name: str) -> Check:
        try:
            self._lead_fields = self._client.describe(OBJECTS[LEADS])
        except Fault as fault:
            # Who is told that there are no leads is logged in.
            if fault.case not in {cases.WRONG_PATH, cases.OBJECT_MISSING, cases.NO_ACCESS}:
                raise
        return Check(name, True, gettext("Leadloop can log in."))

    def _clock(self, name: str) -> Check:
        theirs = self._client.meter.server_time or self._now
        apart = abs(self._now - theirs)
        if apart <= MAX_CLOCK_DIFFERENCE:
            return Check(name, True, gettext("It agrees with Salesforce's."))
        sentence = gettext(
            "%(total_seconds)s seconds from Salesforce's.",
            total_seconds=Figure(f"{apart.total_seconds():,.0f}"),
        )
        return _warning(
            name, sentence, gettext("Set this server's clock by NTP: logins by JWT may fail.")
        )

    def _visible_leads(self, name: str) -> Check:
        self._described()
        self._leads = self._sample(LEADS, "Id", "OwnerId", "Owner.Email")
        if self._leads:
            return Check(name, True, gettext("They can be read."))
        return _warning(
            name,
            gettext("None can be seen."),
            gettext("If the org has leads, assign %(RIGHTS)s", RIGHTS=RIGHTS),
        )

    def _needed_fields(self, name: str) -> Check:
        return self._fields(name, LEADS, self._described())

    def _people_fields(self, name: str) -> Check:
        hidden = unseen(PEOPLE_FIELDS, self._described())
        if not hidden:
            return Check(
                name,
                True,
                gettext("%(PEOPLE_FIELDS)s can be read.", PEOPLE_FIELDS=", ".join(PEOPLE_FIELDS)),
            )
        sentence = gettext(
            "%(hidden)s cannot be seen. Leads arrive without them; known values stay.",
            hidden=", ".join(hidden),
        )
        return _warning(name, sentence, gettext("%(ASSIGN)s Or leave it as it is.", ASSIGN=ASSIGN))

    def _owners(self, name: str) -> Check:
        users = [row for row in self._leads if str(row.get("OwnerId")).startswith(USER_PREFIX)]
        if not users or any((row.get("Owner") or {}).get("Email") for row in users):
            return Check(name, True, gettext("Their e-mail addresses can be read."))
        sentence = gettext(
            "No e-mail address can be seen, so no owner is matched with an account here."
        )
        return _warning(name, sentence, gettext("Grant the integration user View All Users."))

    def _opportunities(self, name: str) -> Check:
        try:
            described = self._client.describe(OBJECTS[DEALS])
        except Fault as fault:
            raise _hidden(OBJECTS[DEALS], fault) from None
        found = self._fields(name, DEALS, described)
        if not found.is_good or self._sample(DEALS, "Id"):
            return found
        return _warning(
            name,
            gettext("None can be seen."),
            gettext("If the org has some, assign %(RIGHTS)s", RIGHTS=RIGHTS),
        )

    def _contact_roles(self, name: str) -> Check:
        try:
            self._client.describe("OpportunityContactRole")
        except Fault as fault:
            if fault.kind is not Kind.CONFIG:
                raise
            sentence = gettext(
                "They cannot be seen, so no deal is found for leads converted without one."
            )
            return _warning(name, sentence, ASSIGN)
        return Check(name, True, gettext("They can be read."))

    def _score_fields(self, name: str) -> Check:
        missing = unwritable(SALESFORCE, self._described())
        if not missing:
            return Check(name, True, gettext("All five can be written."))
        sentence = gettext("Missing or read-only: %(missing)s.", missing=", ".join(missing))
        return Check(name, False, sentence, is_optional=not self._writes_scores, remedy=DEPLOY)

    def _calls(self, name: str) -> Check:
        meter = self._client.meter
        if not meter.n_limit or meter.n_used is None:
            return Check(name, True, gettext("The org does not say how many it has used."))
        sentence = gettext(
            "%(n_used)s of %(n_limit)s used in the last 24 hours.",
            n_used=Figure(f"{meter.n_used:,}"),
            n_limit=Figure(f"{meter.n_limit:,}"),
        )
        if meter.n_used < BUSY_ORG * meter.n_limit:
            return Check(name, True, sentence)
        return _warning(
            name,
            sentence,
            gettext(
                "Leadloop stops at %(ORG_SHARE)s %%. System Overview shows who uses them.",
                ORG_SHARE=Figure(f"{ORG_SHARE * 100:.0f}"),
            ),
        )

    def _sample(self, obj: str, *fields: str) -> list[Row]:
        return self._client.query(soql.sample(OBJECTS[obj], fields)).rows

    def _described(self) -> Sequence[Row]:
        if self._lead_fields is None:
            raise Fault(cases.OBJECT_MISSING, OBJECTS[LEADS])
        return self._lead_fields

    def _fields(self, name: str, obj: str, described: Sequence[Row]) -> Check:
        if missing := access.missing(obj, self._needs[obj], described):
            raise Fault(cases.FIELD_MISSING, "; ".join(missing))
        without = access.WITHOUT[obj]
        if hidden := unseen(without, described):
            effects = [
                gettext("%(n)s cannot be seen: %(without)s", n=n, without=without[n])
                for n in hidden
            ]
            return _warning(
                name,
                f"{'. '.join(effects)}.",
                gettext("%(ASSIGN)s Or leave it as it is.", ASSIGN=ASSIGN),
            )
        return Check(name, True, gettext("All that Leadloop needs can be read."))


def _warning(name: str, sentence: str, remedy: str) -> Check:
    return Check(name, False, sentence, is_optional=True, remedy=remedy)


def _hidden(obj: str, fault: Fault) -> Fault:
    """An object that the user may not see answers as if there were none."""
    return Fault(cases.OBJECT_MISSING, obj) if fault.kind is Kind.CONFIG else fault
