"""The fields of a lead: how they are declared, changed and retired, and what uses them."""
