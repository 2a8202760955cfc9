"""A file as a table, whatever its packing, encoding and dialect: within bounds."""
