"""Which hosts may be called: Salesforce's own, and one that the settings name."""

from urllib.parse import SplitResult, urlsplit

SALESFORCE_DOMAINS = (".salesforce.com", ".force.com")


def is_allowed(parts: SplitResult, extra: SplitResult | None) -> bool:
    """Whether an address is one of Salesforce's, or the extra one; never one with a user name.

    A port that is no number raises `ValueError`.
    """
    name = (parts.hostname or "").lower()
    is_extra = extra is not None and parts.netloc.lower() == extra.netloc.lower()
    is_salesforce = name.endswith(SALESFORCE_DOMAINS) and parts.port in {None, 443}
    return parts.username is None and (is_extra or is_salesforce)


def may_connect(host: str, extra_url: str | None) -> bool:
    """Whether a host as it was entered may be called; False also where it cannot be read."""
    try:
        return is_allowed(urlsplit(f"https://{host}"), urlsplit(extra_url) if extra_url else None)
    except ValueError:
        return False
