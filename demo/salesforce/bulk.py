"""Many leads with a closed deal each, for runs over an org of a real size."""

from demo.salesforce.org.crm import Crm

PER_TRANSACTION = 2000


def fill(crm: Crm, n: int) -> list[str]:
    """Make n leads, each with a deal, every other one won; 2,000 at a time have the same stamp.

    Leaner than `convert`: there are no accounts, contacts and roles. The answer is the leads' ids.
    """
    leads: list[str] = []
    while len(leads) < n:
        with crm.transaction():
            numbers = range(len(leads), min(n, len(leads) + PER_TRANSACTION))
            leads += [lead_with_deal(crm, number) for number in numbers]
    return leads


def lead_with_deal(crm: Crm, number: int) -> str:
    stage = "Closed Lost" if number % 2 else "Closed Won"
    deal = crm.opportunity(Name=f"Deal {number}", StageName=stage)
    return crm.lead(
        LastName=f"Person {number}",
        Company=f"Company {number % 5000}",
        LeadSource=("Web", "Other", "Partner Referral")[number % 3],
        City=("Berlin", "Oslo", "Rome", None)[number % 4],
        NumberOfEmployees=number % 500,
        IsConverted=True,
        Status="Closed - Converted",
        ConvertedDate=crm.today.isoformat(),
        ConvertedOpportunityId=deal,
    )
