"""The fields of a lead: their types, the fields file, and its checks."""
