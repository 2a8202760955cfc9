"""What people do in the org: make leads, work deals, convert, merge, delete, change the set-up.

Each call is one transaction of its own; within `transaction` or `late_commit` several are one.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from demo.salesforce.org.clock import Clock
from demo.salesforce.org.org import Org
from demo.salesforce.org.schema import SField, sfield
from demo.salesforce.org.table import Row

LEAD_STATUSES = (
    ("Open - Not Contacted", False),
    ("Working - Contacted", False),
    ("Closed - Converted", True),
    ("Closed - Not Converted", False),
)
STAGES = (  # name, probability, is closed, is won
    ("Prospecting", 10, False, False),
    ("Qualification", 10, False, False),
    ("Needs Analysis", 20, False, False),
    ("Value Proposition", 50, False, False),
    ("Id. Decision Makers", 60, False, False),
    ("Perception Analysis", 70, False, False),
    ("Proposal/Price Quote", 75, False, False),
    ("Negotiation/Review", 90, False, False),
    ("Closed Won", 100, True, True),
    ("Closed Lost", 0, True, False),
)


class Crm:
    """Records are named by their ids; fields by the names that Salesforce gives them."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.org = Org(clock)
        self.time_zone: tzinfo = UTC
        self._removed: dict[str, SField] = {}
        with self.org.transaction():
            self._set_up()

    def _set_up(self) -> None:
        self.integration_user = self.user("Leadloop Integration", Username="leadloop@example.com")
        self.rep = self.user("Rita Rep")
        self.org.default_user = self.rep
        self.assignment_queue = self.queue("Assigned by rule")
        self.organization = self.org.create(
            "Organization", Name="Example Ltd", InstanceName="FAKE1", OrganizationType="Enterprise"
        )
        for n, (name, is_converted) in enumerate(LEAD_STATUSES, 1):
            label = {"MasterLabel": name, "ApiName": name, "SortOrder": n, "IsDefault": n == 1}
            self.org.create("LeadStatus", **label, IsConverted=is_converted)
        for n, (name, probability, is_closed, is_won) in enumerate(STAGES, 1):
            label = {"MasterLabel": name, "ApiName": name, "SortOrder": n, "IsActive": True}
            kind = {"IsClosed": is_closed, "IsWon": is_won}
            self.org.create("OpportunityStage", **label, **kind, DefaultProbability=probability)

    # Time

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything within has the same stamp and appears at once."""
        with self.org.transaction():
            yield

    @contextmanager
    def late_commit(self, seconds: float) -> Iterator[None]:
        """Everything within is stamped now, and appears when the clock is so much later."""
        with self.org.transaction(seconds):
            yield

    @contextmanager
    def acting_as(self, user: str) -> Iterator[None]:
        """Changes within are this user's."""
        actor = self.org.actor
        before, actor.user = actor.user, user
        try:
            yield
        finally:
            actor.user = before

    def set_time_zone(self, name: str) -> None:
        """Where the org is: its dates are days there."""
        self.time_zone = ZoneInfo(name)
        self.org.change_unstamped(self.organization, TimeZoneSidKey=name)

    # Records

    def get(self, record_id: str) -> Row:
        """Every field of a committed record, whether or not the integration user may see it."""
        sobject = self.org.objects[self.org.name_of(record_id) or ""]
        row = self.org.row(record_id)
        empty = {f.name: False if f.type == "boolean" else None for f in sobject.fields.values()}
        return empty | row

    def lead(self, **fields: Any) -> str:
        made = {
            "LastName": "Ng",
            "Company": "Acme",
            "Status": LEAD_STATUSES[0][0],
            "OwnerId": self.rep,
        } | fields
        return self.org.create("Lead", **made, Name=full_name(made))

    def leads(self, n: int, **fields: Any) -> list[str]:
        """Leads made by one bulk load: all have the same stamp."""
        with self.org.transaction():
            return [self.lead(**{"LastName": f"Ng {i}"} | fields) for i in range(1, n + 1)]

    def opportunity(self, **fields: Any) -> str:
        made = {
            "Name": "Acme deal",
            "StageName": STAGES[0][0],
            "CloseDate": (self.today + timedelta(days=30)).isoformat(),
            "OwnerId": self.rep,
        } | fields
        return self.org.create("Opportunity", **made | self._by_stage(made["StageName"]))

    def contact(self, **fields: Any) -> str:
        made = {"LastName": "Ng", "OwnerId": self.rep} | fields
        return self.org.create("Contact", **made, Name=full_name(made))

    def contact_role(self, opportunity: str, contact: str, **fields: Any) -> str:
        roles = {"OpportunityId": opportunity, "ContactId": contact}
        return self.org.create("OpportunityContactRole", **roles | fields)

    def user(self, name: str, **fields: Any) -> str:
        email = name.lower().replace(" ", ".") + "@example.com"
        made = {"Name": name, "Username": email, "Email": email, "IsActive": True}
        return self.org.create("User", **made | fields)

    def queue(self, name: str) -> str:
        """A queue, which may own leads as a user may."""
        return self.org.create("Group", Name=name, Type="Queue")

    def update(self, record_id: str, **fields: Any) -> None:
        """What a person's edit does."""
        changed = self.org.row(record_id) | fields
        if "StageName" in fields:
            fields |= self._by_stage(fields["StageName"])
        if {"FirstName", "LastName"} & set(fields):
            fields["Name"] = full_name(changed)
        self.org.change(record_id, **fields)

    def touch(self, record_id: str) -> None:
        """A change by the system: SystemModstamp moves, LastModifiedDate does not."""
        row = self.org.row(record_id)
        kept = {name: row[name] for name in ("LastModifiedDate", "LastModifiedById")}
        self.org.change(record_id, **kept)

    def calculate(self, record_id: str, **fields: Any) -> None:
        """What formulas and roll-ups give after a change elsewhere: no stamp moves."""
        self.org.change_unstamped(record_id, **fields)

    # Conversion and deals

    def convert(self, lead: str, opportunity: str | bool = True, *, role: bool = True) -> str:
        """Convert a lead: with a new opportunity, onto an existing one by its id, or with none.

        The answer is the opportunity's id, or "" without one.
        """
        row = self.org.row(lead)
        with self.org.transaction():
            account = self.org.create("Account", Name=row.get("Company"), OwnerId=row["OwnerId"])
            names = {n: row[n] for n in ("FirstName", "LastName", "Email") if n in row}
            contact = self.contact(AccountId=account, **names)
            deal = self._deal_of(row, account, opportunity)
            if deal and role:
                self.contact_role(deal, contact, IsPrimary=True)
            self.org.change(
                lead,
                IsConverted=True,
                Status=self._converted_status,
                ConvertedDate=self.today.isoformat(),
                ConvertedAccountId=account,
                ConvertedContactId=contact,
                ConvertedOpportunityId=deal or None,
            )
        return deal

    def _deal_of(self, lead: Row, account: str, opportunity: str | bool) -> str:
        if isinstance(opportunity, str):
            return opportunity
        if not opportunity:
            return ""
        name = f"{lead.get('Company') or lead['Name']}-"
        source = lead.get("LeadSource")
        return self.opportunity(Name=name, AccountId=account, LeadSource=source)

    def close(self, opportunity: str, *, won: bool) -> None:
        """Win or lose a deal: the first stage of that type."""
        self.update(opportunity, StageName=self._stage_of_type(is_closed=True, is_won=won))

    def reopen(self, opportunity: str) -> None:
        self.update(opportunity, StageName=self._stage_of_type(is_closed=False, is_won=False))

    # Deleting and merging

    def delete(self, record_id: str) -> None:
        """Into the recycle bin, a deal together with its contact roles."""
        with self.org.transaction():
            for each in (record_id, *self._roles_of(record_id)):
                self.org.change(each, IsDeleted=True)

    def undelete(self, record_id: str) -> None:
        with self.org.transaction():
            for each in (record_id, *self._roles_of(record_id)):
                self.org.change(each, IsDeleted=False)

    def purge(self, record_id: str) -> None:
        """Gone for good: no query shows it any more, `getDeleted` does for 15 days."""
        self.org.purge(record_id)

    def merge(self, winner: str, *losers: str) -> None:
        """The losers are deleted and name the winner, which holds no link back."""
        with self.org.transaction():
            self.org.change(winner)
            for loser in losers:
                self.org.change(loser, IsDeleted=True, MasterRecordId=winner)

    # Set-up

    def hide(self, *record_ids: str) -> None:
        """Sharing: the integration user does not see these, nor the roles of a hidden deal."""
        self.org.hidden.update(record_ids)

    def show(self, *record_ids: str) -> None:
        self.org.hidden.difference_update(record_ids)

    def rename_stage(self, old: str, new: str) -> None:
        """The name changes on every deal, and no stamp moves."""
        self.org.change_unstamped(self._stage(old)["Id"], MasterLabel=new, ApiName=new)
        for row in self._deals_in(old):
            self.org.change_unstamped(row["Id"], StageName=new)

    def change_stage_type(self, name: str, *, is_closed: bool, is_won: bool) -> None:
        """What an administrator's change of a stage does to its deals: no stamp moves."""
        kind = {"IsClosed": is_closed, "IsWon": is_won}
        self.org.change_unstamped(self._stage(name)["Id"], **kind)
        for row in self._deals_in(name):
            self.org.change_unstamped(row["Id"], **kind)

    def add_field(self, line: str, sobject: str = "Lead") -> None:
        """Declare a field of an object, in the form of the tables in `objects`."""
        self.org.objects[sobject.lower()].add(sfield(line))

    def use_currencies(self, own: str, **rates: float) -> None:
        """Have amounts in several currencies, with what one of the integration user's is worth."""
        self.org.own_currency, self.org.rates = own, {own: 1.0} | rates
        names = ", ".join(self.org.rates)
        for sobject in ("Lead", "Opportunity"):
            self.add_field(
                f"CurrencyIsoCode | picklist 3 | UCFSD | Currency | only {names}", sobject
            )

    def set_access(self, field: str, access: str, sobject: str = "Lead") -> None:
        """Make a field "full", "read-only", "hidden" (field-level security) or "missing"."""
        fields = self.org.objects[sobject.lower()].fields
        found = fields.pop(field.lower(), None) or self._removed[field]
        self._removed[field] = found
        if access != "missing":
            can_write = access == "full"
            shown = replace(found, is_visible=access != "hidden", updateable=can_write)
            fields[field.lower()] = shown

    def allow_person_accounts(self) -> None:
        """Leads may be without a Company."""
        fields = self.org.objects["lead"].fields
        fields["company"] = replace(fields["company"], nillable=True)

    @property
    def today(self) -> date:
        """The date where the org is."""
        return self.clock.now.astimezone(self.time_zone).date()

    @property
    def _converted_status(self) -> str:
        rows = self.org.tables["leadstatus"].rows.values()
        return next(str(row["MasterLabel"]) for row in rows if row.get("IsConverted"))

    def _stages(self) -> list[Row]:
        rows = self.org.tables["opportunitystage"].rows.values()
        return sorted(rows, key=lambda row: row["SortOrder"])

    def _stage(self, name: str) -> Row:
        return next(row for row in self._stages() if row["MasterLabel"] == name)

    def _stage_of_type(self, *, is_closed: bool, is_won: bool) -> str:
        wanted = (is_closed, is_won)
        kinds = ((bool(row.get("IsClosed")), bool(row.get("IsWon"))) for row in self._stages())
        names = (str(row["MasterLabel"]) for row in self._stages())
        return next(name for name, kind in zip(names, kinds, strict=True) if kind == wanted)

    def _by_stage(self, name: str) -> Row:
        stage = self._stage(name)
        return {
            "IsClosed": stage.get("IsClosed", False),
            "IsWon": stage.get("IsWon", False),
            "Probability": float(stage["DefaultProbability"]),
        }

    def _deals_in(self, stage: str) -> list[Row]:
        rows = self.org.tables["opportunity"].rows.values()
        return [row for row in rows if row["StageName"] == stage]

    def _roles_of(self, record_id: str) -> tuple[str, ...]:
        roles = self.org.tables["opportunitycontactrole"]
        return roles.with_value("OpportunityId", record_id) or ()


def full_name(row: Row) -> str:
    return " ".join(row[part] for part in ("FirstName", "LastName") if row.get(part))
