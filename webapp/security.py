"""Response headers that limit what a browser may do with our answers, pages and API alike."""

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
    """Add the headers to every answer of the application."""
    app.after_request(add_headers)


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
