"""The state of the org, and what people do in it."""
