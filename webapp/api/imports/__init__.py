"""Files taken in."""
