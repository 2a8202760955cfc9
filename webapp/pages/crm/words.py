"""The words of the connected CRM, for templates and for what pages say."""

from flask import Flask, g
from werkzeug.local import LocalProxy

from webapp.database import Session, read
from webapp.services.crm import connections
from webapp.services.crm.kinds.kind import CrmKind
from webapp.services.crm.kinds.table import KINDS


def init_app(app: Flask) -> None:
    """Give the templates `crm`, the CRM that is connected or could be, and `kinds`, all of them."""
    app.jinja_env.globals |= {"crm": LocalProxy(crm), "kinds": KINDS}


def note_crm(session: Session) -> None:
    """Look up which CRM it is for the rest of the request, where a session is at hand anyway."""
    g.crm = connections.kind(session)


def crm() -> CrmKind:
    """The CRM that is connected, or could be; asked for once in a request."""
    if "crm" not in g:
        g.crm = read(connections.kind)
    found: CrmKind = g.crm
    return found
