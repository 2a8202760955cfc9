"""The words of the connected CRM, for templates and for what pages say."""

from flask import Flask, g
from werkzeug.local import LocalProxy

from webapp.database import read
from webapp.services.crm import connections
from webapp.services.crm.kinds.kind import CrmKind
from webapp.services.crm.kinds.table import KINDS


def init_app(app: Flask) -> None:
    """Give the templates `crm`, the CRM that is connected or could be, and `kinds`, all of them."""
    app.jinja_env.globals |= {"crm": LocalProxy(crm), "kinds": KINDS}


def crm() -> CrmKind:
    """The CRM that is connected, or could be; asked for once in a request."""
    if "crm" not in g:
        g.crm = read(connections.kind)
    found: CrmKind = g.crm
    return found
