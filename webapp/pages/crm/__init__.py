"""Pages of the CRM sync."""
