"""By which host we are called, and headers that limit what a browser may do with our answers."""

from urllib.parse import urlsplit

from flask import Flask, Response, request

from webapp.product import product

HTMX_ON_THE_CDN = "https://cdn.jsdelivr.net/npm/htmx.org@4.0.1/dist/htmx.min.js"

# No inline script or style anywhere, and no eval: text that slips through as markup stays dead.
PAGE_POLICY = (
    "default-src 'self'; script-src {scripts}; style-src 'self'; img-src 'self' data:;"
    " connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none';"
    " object-src 'none'"
)
DATA_POLICY = "default-src 'none'; frame-ancestors 'none'"

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
ONE_YEAR_OF_HTTPS = "max-age=31536000"


def init_app(app: Flask) -> None:
    """Refuse requests that name another host, and add the headers to every answer."""
    app.before_request(refuse_other_hosts)
    app.after_request(add_headers)


def refuse_other_hosts() -> Response | None:
    """Answer 400, without a page or link, where the settings name hosts and this is none of them.

    A request without a Host (HTTP/1.0) names none.
    """
    hosts, named = product().settings.hosts, request.headers.get("Host")
    if hosts is None or not named:
        return None
    try:
        # Not Werkzeug's own check: it knows neither capitals nor IPv6.
        host = urlsplit(f"//{named}").hostname
    except ValueError:
        host = None
    if host in hosts:
        return None
    told = (
        "This host is none of Leadloop's. Whoever runs it can add it to LEADLOOP_ALLOWED_HOSTS.\n"
    )
    return Response(told, 400, mimetype="text/plain")


def add_headers(response: Response) -> Response:
    """Set what an answer has not set for itself."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    is_page = response.mimetype == "text/html"
    response.headers.setdefault(
        "Content-Security-Policy", page_policy() if is_page else DATA_POLICY
    )
    if request.is_secure:
        response.headers.setdefault("Strict-Transport-Security", ONE_YEAR_OF_HTTPS)
    return response


def page_policy() -> str:
    """What a page may load: our own files, and htmx from the CDN where the settings say so."""
    from_cdn = product().settings.assets == "cdn"
    return PAGE_POLICY.format(scripts=f"'self' {HTMX_ON_THE_CDN}" if from_cdn else "'self'")
