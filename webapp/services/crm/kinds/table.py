"""The CRMs that can be connected, by the kind of the connection."""

from webapp.services.crm.kinds.kind import CrmKind
from webapp.services.crm.kinds.salesforce import SALESFORCE

KINDS = {kind.key: kind for kind in (SALESFORCE,)}


def of(kind: str | None) -> CrmKind:
    """Which CRM is connected; without a connection the one that can be."""
    return SALESFORCE if kind is None else KINDS[kind]


def configured(settings: object) -> CrmKind | None:
    """The CRM that the server's settings connect: they name its domain."""
    return next((kind for kind in KINDS.values() if kind.setting(settings, "domain")), None)
