"""Forms, also those on pages of other sites, which carry their key in a hidden field.

Everybody can read it, so it is good only from the sites it was made for, a number of times a
minute, for sending leads; the answer tells only the score.
"""

from collections import Counter
from collections.abc import Callable
from urllib.parse import parse_qsl, urlsplit

from flask import Response, g, request

from webapp.api.problems import Complaint, Refused, WrongValues, pointer
from webapp.database import utc_now, write
from webapp.product import product
from webapp.services.accounts import api_keys
from webapp.tables import ApiKey

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
KINDS = (URLENCODED, MULTIPART)
KEY, REDIRECT = "form_key", "redirect_to"
MAX_ERRORS = 20
TWICE = "stands in the form more than once: send it once"
ONCE_RULE = "a name that stands in the form once"
TEXT_RULE = "text; files are not taken"
REDIRECT_RULE = "an address of a site that the form key was made for"
# What a script may send, and for how many seconds its browser may remember that.
PREFLIGHT = {
    "Access-Control-Allow-Methods": "POST",
    "Access-Control-Allow-Headers": "Authorization, Content-Type",
    "Access-Control-Max-Age": "600",
}


def lead_values(passed_over: Callable[[str], bool]) -> dict[str, str]:
    """What the form says of the lead, each name once and no file; else 400 or 422.

    Names that are passed over, because the lead has no such value, may stand there as they like.
    """
    pairs = _pairs()
    counts = Counter(name for name, _ in pairs)
    wrong = [(name, TWICE, ONCE_RULE) for name, n in counts.items() if n > 1]
    wrong += [(name, f"must be {TEXT_RULE}", TEXT_RULE) for name in request.files]
    if wrong := [one for one in wrong if not passed_over(one[0])]:
        raise WrongValues(
            Complaint(pointer=pointer("", name), message=message, rule=rule)
            for name, message, rule in wrong[:MAX_ERRORS]
        )
    sent = {**dict.fromkeys(request.files, ""), **dict(pairs)}
    return {name: value for name, value in sent.items() if name not in {KEY, REDIRECT}}


def key_text() -> str:
    """The key in the form's hidden field; empty where there is none."""
    if request.mimetype not in KINDS:
        return ""
    try:
        return dict(_pairs()).get(KEY, "")
    except Refused:
        return ""  # nobody who has no key is told what is wrong with a form


def admit(key: ApiKey) -> None:
    """Let a form key be used from its own sites and not too often; else 403 or 429."""
    if request.headers.get("Origin") not in key.origins:
        raise Refused(403, "This form key is good only on the pages of the sites it was made for.")
    now, most = utc_now(), product().settings.form_posts_per_minute
    if not write(lambda session: api_keys.count_post(session, key.key, now, most)):
        wait_seconds = {"Retry-After": str(60 - now.second)}
        raise Refused(
            429, "This form was sent too often. Wait a minute, then try again.", (), wait_seconds
        )


def share(response: Response) -> None:
    """Let a script of a site that the key was made for read the answer."""
    key, origin = g.get("api_key"), request.headers["Origin"]
    response.vary.add("Origin")
    if key is not None and origin in key.origins:
        response.access_control_allow_origin = origin


def preflight(response: Response) -> None:
    """Allow a script of another site to send a lead with a key in its header."""
    response.vary.add("Origin")
    response.access_control_allow_origin = request.headers["Origin"]
    response.headers.update(PREFLIGHT)


def redirect_target(key: ApiKey) -> str | None:
    """Where the browser goes next, if the form says so: only to a site of the key; else 422."""
    target = dict(_pairs()).get(REDIRECT) if request.mimetype in KINDS else None
    if not target:
        return None
    if _origin(target) not in key.origins or not target.isprintable():
        message = f"must be {REDIRECT_RULE}"
        raise WrongValues([Complaint(pointer=f"/{REDIRECT}", message=message, rule=REDIRECT_RULE)])
    return target


def _origin(address: str) -> str:
    """The site of an address; empty where it is none."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc}".lower()


def _pairs() -> list[tuple[str, str]]:
    if request.mimetype == MULTIPART:
        return list(request.form.items(multi=True))
    try:
        return parse_qsl(request.get_data().decode(), keep_blank_values=True, errors="strict")
    except ValueError:
        raise Refused(400, "The body is not a form in UTF-8.") from None
