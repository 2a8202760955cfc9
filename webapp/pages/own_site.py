"""Whether a change comes from a page of ours, by what browsers say of themselves."""

from urllib.parse import urlsplit

from flask import request

from webapp.product import product

OURS = {"same-origin", "none"}


def is_ours() -> bool:
    """Whether the browser says that this request comes from our own site, or says nothing.

    Sec-Fetch-Site is what the browser knows itself; Origin stands in where it does not send that.
    A token of one's own does not help a form of another site.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in OURS
    origin = request.headers.get("Origin")
    if origin is None:
        return True
    public = urlsplit(product().settings.public_url or "").netloc
    return urlsplit(origin).netloc.lower() in {request.host.lower(), public.lower()} - {""}
