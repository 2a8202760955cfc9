"""The connection to the CRM and what was read from it."""
