"""Variable parts of paths: lead ids, which may hold slashes anywhere, and numbers of rows."""

from typing import Any
from urllib.parse import quote

from werkzeug.routing import BaseConverter

# Up to the largest that a database can hold: beyond it there is nothing to look for.
KEY = "<int(max=9223372036854775807):key>"


class LeadIds(BaseConverter):
    """Matches the rest of the path up to a fixed ending of the route."""

    part_isolating = False
    # Line ends too: an id with one is refused with its rule, not as an unknown path.
    regex = r"[\s\S]+"
    # Tried after every rule with fixed parts.
    weight = 200

    def to_url(self, value: Any) -> str:
        """Encode every slash, since some servers and clients fold two into one."""
        return quote(str(value), safe="")
