"""The numbers of rows that stand in addresses, in the path or behind a question mark."""

from flask import request
from werkzeug.exceptions import BadRequest
from werkzeug.routing import BaseConverter, IntegerConverter, Map

# Beyond it no database holds a row, and asking for one is an error there.
MAX_KEY = 2**63 - 1


class KeyConverter(IntegerConverter):
    """A row's number in a path; one that no database can hold is no address of ours."""

    def __init__(self, url_map: Map) -> None:
        super().__init__(url_map, min=1, max=MAX_KEY)


class RecordIdConverter(BaseConverter):
    """The id of a CRM's record in a path."""

    regex = "[A-Za-z0-9_-]{1,64}"


def key_argument(name: str) -> int | None:
    """A row's number given as an argument, None where none is; a damaged one is refused."""
    text = request.args.get(name)
    if not text:
        return None
    try:
        key = int(text)
    except ValueError:
        raise BadRequest from None
    if not 0 < key <= MAX_KEY:
        raise BadRequest
    return key
