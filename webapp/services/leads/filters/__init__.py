"""The filters of the lead table: one entry each, from the address to SQL."""
