"""Salesforce, as far as it is not its adapter's alone."""

from webapp.services.crm.kinds.kind import CrmKind

# What stays as it was when a lead is converted: nobody moves it to the contact or goes on with it.
# Only such fields may be inputs of a lead that we first see together with its outcome.
STABLE = frozenset(
    {
        "LeadSource",
        "Industry",
        "Street",
        "City",
        "State",
        "StateCode",
        "PostalCode",
        "Country",
        "CountryCode",
        "AnnualRevenue",
        "NumberOfEmployees",
        "Company",
        "Title",
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
        "Id",
        "IsConverted",
        "ConvertedDate",
        "ConvertedAccountId",
        "ConvertedContactId",
        "ConvertedOpportunityId",
        "Status",
        "IsDeleted",
        "MasterRecordId",
        "IsUnreadByOwner",
        "SystemModstamp",
        "LastModifiedDate",
        "LastModifiedById",
        "LastViewedDate",
        "LastReferencedDate",
    }
)

SALESFORCE = CrmKind(
    key="salesforce",
    name="Salesforce",
    lead="lead",
    leads="leads",
    owners="owners",
    deal="opportunity",
    deals="opportunities",
    a_deal="an opportunity",
    see_deals="Grant the user View All on opportunities (permission set Lead Scoring Integration).",
    converts_leads=True,
    lead_address="https://{domain}/{id}",
    deal_address="https://{domain}/{id}",
    id_prefixes={"owner_ids": ("005", "00G"), "record_type_ids": ("012",)},
    written=WRITTEN,
    stable=STABLE,
    no_inputs=MOVES_BY_ITSELF.union(WRITTEN),
)
