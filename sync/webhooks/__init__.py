"""Webhooks on their way out: one call at a time to each endpoint, many endpoints at once."""
