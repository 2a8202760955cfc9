"""`POST /hooks/crm`: the CRM may say that there is news; nothing else is believed of it."""

import hmac
from hashlib import sha256

from flask import Blueprint, Response, request

from webapp.api import answers, requests
from webapp.api.document.contract import describe
from webapp.api.problems import Refused
from webapp.database import read, utc_now, write
from webapp.product import product
from webapp.services.crm import connections

bp = Blueprint("hooks", __name__)

SIGNATURE = "X-Leadloop-Signature"
NO_SECRET = "No hook is set up: set LEADLOOP_{crm}_HOOK_SECRET."  # noqa: S105 - a sentence
WRONG_SIGNATURE = f"{SIGNATURE} must be the HMAC-SHA256 of the body by the hook's secret, in hex."


@bp.post("/hooks/crm")
@describe("Say that the CRM has news", answers={202: answers.Hint}, problems=(401, 404, 413, 503))
def crm() -> Response:
    """Read the CRM early: at most once in 30 seconds, however often this is called.

    The header `X-Leadloop-Signature` is the HMAC-SHA256 of the body by the hook's secret, in hex.
    The body may be anything; it is not read.
    """
    kind = read(connections.kind)
    secret = kind.setting(product().settings, "hook_secret")
    if secret is None:
        raise Refused(404, NO_SECRET.format(crm=kind.key.upper()))
    expected = hmac.new(secret.get_secret_value().encode(), request.get_data(), sha256).hexdigest()
    given = request.headers.get(SIGNATURE, "")
    if not hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace")):
        raise Refused(401, WRONG_SIGNATURE)
    is_new = write(lambda session: connections.hint(session, utc_now()))
    return requests.reply(answers.Hint(is_new=is_new), 202)
