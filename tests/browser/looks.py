"""Whether a page looks right by width and colour scheme, without loading it again for each."""

import json

from axe_playwright_python.base import AxeResults
from axe_playwright_python.sync_playwright import Axe

WIDTHS = (375, 1280)
ALL_RULES = {"resultTypes": ["violations"], "preload": False}
# In another scheme only colours differ.
BY_SCHEME = {"dark": ALL_RULES | {"runOnly": ["color-contrast"]}, "light": ALL_RULES}


def assert_looks_right(page):
    """Check at both widths that nothing is wider than the screen and all is accessible."""
    for width in WIDTHS:
        assert_fits(page, width)
        for scheme in BY_SCHEME:
            assert_is_accessible(page, scheme)


def assert_fits(page, width):
    """Check that nothing is wider than a screen, and leave the page at that width."""
    page.set_viewport_size({"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width, (page.url, width)


def assert_is_accessible(page, scheme):
    """Check a page at the width that it has."""
    if page.evaluate("typeof axe") == "undefined":
        page.evaluate(Axe().axe_script)
    page.emulate_media(color_scheme=scheme)
    result = AxeResults(page.evaluate(f"axe.run({json.dumps(BY_SCHEME[scheme])})"))
    found = f"{page.url}, {page.viewport_size}, {scheme}: {result.generate_report()}"
    assert result.violations_count == 0, found


def assert_within_reach(page, control):
    """Check at both widths that a control lies within the screen."""
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        box = control.bounding_box()
        assert 0 <= box["x"] <= width - box["width"], (page.url, width)
