"""Keeping in step with the CRM, whichever it is."""
