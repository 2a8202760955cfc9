"""Salesforce, as far as it is not its adapter's alone."""

from webapp.services.crm.kinds.kind import CrmKind

SALESFORCE = CrmKind(
    key="salesforce",
    name="Salesforce",
    deal="opportunity",
    deals="opportunities",
    lead_address="https://{domain}/{id}",
    deal_address="https://{domain}/{id}",
)
