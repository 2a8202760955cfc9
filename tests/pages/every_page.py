"""Every page and action of the product, as its routes name them."""

ARGUMENTS = {
    "AnyConverter": "json",
    "KeyConverter": 1,
    "RecordIdConverter": "0065e00000000001",
    "UnicodeConverter": "1.0",
}


def every_page(app):
    """Method, address and endpoint of each."""
    adapter = app.url_map.bind("localhost")
    found = []
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("pages."):
            values = {name: ARGUMENTS[type(c).__name__] for name, c in rule._converters.items()}
            method = "POST" if "POST" in rule.methods else "GET"
            found.append((method, adapter.build(rule.endpoint, values), rule.endpoint))
    return found
