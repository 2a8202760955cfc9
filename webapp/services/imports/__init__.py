"""Import files: read, checked, taken in."""
