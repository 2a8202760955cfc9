"""The fields of a lead."""
