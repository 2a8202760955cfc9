"""Whether a page looks right by width and colour scheme, without loading it again for each."""

import json

from axe_playwright_python.base import AxeResults
from axe_playwright_python.sync_playwright import Axe

WIDTHS = (375, 1280)
SCHEMES = ("dark", "light")
ALL_BUT_CONTRAST = {
    "resultTypes": ["violations"],
    "preload": False,
    "rules": {"color-contrast": {"enabled": False}},
}
CONTRAST = {"resultTypes": ["violations"], "preload": False, "runOnly": ["color-contrast"]}
# Most of the time goes into contrast. It is the same for texts of one kind that have the same
# colours, size and backgrounds all the way up, so that two of each such look stand for all.
TEXTS_OF_EACH_LOOK = """
    const backgrounds = new Map([[null, ""]]);
    const background = element => {
        if (!backgrounds.has(element)) {
            const style = getComputedStyle(element);
            const own = [style.backgroundColor, style.backgroundImage, style.opacity];
            backgrounds.set(element, background(element.parentElement) + own);
        }
        return backgrounds.get(element);
    };
    const look = element => {
        const style = getComputedStyle(element);
        const kind = [element.tagName, element.className, !!element.closest(":disabled")];
        const text = [style.color, style.fontSize, style.fontWeight, style.textShadow];
        return [...kind, ...text, background(element)].join();
    };
    const hasText = element => element.matches("input, select, textarea")
        || [...element.childNodes].some(n => n.nodeType === Node.TEXT_NODE && n.data.trim());
    const isShown = element => element.checkVisibility({visibilityProperty: true})
        && element.getBoundingClientRect().width > 1;
    const byLook = new Map();
    for (const element of document.querySelectorAll("body *"))
        if (hasText(element) && isShown(element)) {
            const key = look(element);
            byLook.set(key, [...(byLook.get(key) ?? []), element].slice(0, 2));
        }
    const texts = [...byLook.values()].flat();
"""
IS_ACCESSIBLE = f"""async isWhole => {{
    {TEXTS_OF_EACH_LOOK}
    const contrast = await axe.run({{include: texts}}, {json.dumps(CONTRAST)});
    if (!isWhole) return contrast;
    const others = await axe.run({json.dumps(ALL_BUT_CONTRAST)});
    return {{...others, violations: [...others.violations, ...contrast.violations]}};
}}"""


def assert_looks_right(page):
    """Check at both widths that nothing is wider than the screen and all is accessible."""
    # What is looked for may be there before the styles are.
    page.wait_for_load_state()
    for width in WIDTHS:
        assert_fits(page, width)
        for scheme in SCHEMES:
            assert_is_accessible(page, scheme)


def assert_fits(page, width):
    """Check that nothing is wider than a screen, and leave the page at that width."""
    page.set_viewport_size({"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width, (page.url, width)


def assert_is_accessible(page, scheme):
    """Check a page at the width that it has; in another scheme than light only colours differ."""
    if page.evaluate("typeof axe") == "undefined":
        page.evaluate(Axe().axe_script)
    page.emulate_media(color_scheme=scheme)
    result = AxeResults(page.evaluate(IS_ACCESSIBLE, scheme == "light"))
    found = f"{page.url}, {page.viewport_size}, {scheme}: {result.generate_report()}"
    assert result.violations_count == 0, found


def assert_within_reach(page, control):
    """Check at both widths that a control lies within the screen."""
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        box = control.bounding_box()
        assert 0 <= box["x"] <= width - box["width"], (page.url, width)
