"""The CRMs that can be connected: one file each, and a table of them."""
