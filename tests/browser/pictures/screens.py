"""Pictures of every page and state: `make screens` writes them to docs/images/screens.

The demo is set up in a folder of its own; the pictures are taken once its model has trained. They
are made at both widths and in both schemes; those at 1280 pixels in light are kept with the source.
"""

import os
import re
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from playwright.sync_api import Browser, Error, Page, sync_playwright

from tests.browser import chromium

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "docs/images/screens"
PORT = os.environ.get("LEADLOOP_PORT", "8913")
HOST = f"http://127.0.0.1:{PORT}"
WIDTHS = (1280, 375)
SCHEMES = ("light", "dark")
HEIGHT, MAX_HEIGHT = 900, 1_300
TRAINED_WITHIN_SECONDS = 300
# Name of the picture: address.
PAGES = {
    "my-day": "/",
    "leads": "/leads",
    "leads-lost": "/leads?status=lost&sort=outcome",
    "leads-filtered": "/leads?grade=A,B&moved=up",
    "leads-none": "/leads?q=nobody",
    "lead-new": "/leads/new",
    "recent-actions": "/leads/bulk/recent",
    "models": "/models",
    "model-starter": "/models/1.0",
    "model-learned": "/models/1.1",
    "sync": "/sync",
    "import": "/imports",
    "score-reports": "/score-reports",
    "settings": "/settings",
    "settings-fields": "/settings/fields",
    "settings-field": "/settings/fields/days_since_contact",
    "settings-lost-reasons": "/settings/lost-reasons",
    "settings-keys": "/settings/keys",
    "settings-users": "/settings/users",
    "settings-webhooks": "/settings/webhooks",
    "settings-audit-log": "/settings/audit-log",
    "conversion-rate": "/setup/conversion-rate",
    "not-found": "/nothing",
}


def main() -> None:
    """Set the demo up, wait until it has trained, and take all pictures."""
    with (
        tempfile.TemporaryDirectory() as folder,
        demo(folder) as password,
        sync_playwright() as playwright,
    ):
        found = chromium.installed()
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        state = signed_in(browser, password)
        for scheme in SCHEMES:
            for width in WIDTHS:
                shoot_all(browser, state, width, scheme)
        browser.close()
    n_pictures = len(list(FOLDER.rglob("*.png")))
    sys.stdout.write(f"{n_pictures} pictures in {FOLDER.relative_to(ROOT)}\n")


@contextmanager
def demo(folder: str) -> Iterator[str]:
    """A Leadloop of its own with the demo; gives the first administrator's password."""
    environment = {**os.environ, "LEADLOOP_DATA_DIR": folder, "LEADLOOP_PORT": PORT}
    environment |= {"LEADLOOP_LOG_LEVEL": "error"}
    flask = [sys.executable, "-m", "flask", "--app", "wsgi"]
    subprocess.run([*flask, "setup"], env=environment, cwd=ROOT, check=True)
    access = "".join(path.read_text() for path in Path(folder).glob("first-*"))
    found = re.search(r"password\W+(\S+)", access)
    if found is None:
        sys.exit(f"The set-up left no password in {folder}")
    running = subprocess.Popen([sys.executable, "supervisor.py"], env=environment, cwd=ROOT)
    try:
        yield found[1]
    finally:
        running.terminate()
        running.wait()


def signed_in(browser: Browser, password: str) -> str:
    """Sign in, choose a password where that is asked for, and wait for the model; the state."""
    context = browser.new_context(base_url=HOST)
    context.route("https://**", lambda route: route.abort())
    page = context.new_page()
    reach(page)
    page.get_by_label("E-mail").fill("admin@example.com")
    page.get_by_label("Password").first.fill(password)
    page.get_by_role("button", name="Sign in").click()
    boxes = page.locator("main input[type=password]").all()
    if boxes:
        chosen = secrets.token_urlsafe(20)
        for box in boxes:
            box.fill(chosen)
        page.get_by_role("button", name="Set password").click()
    wait_for_training(page)
    path = Path(tempfile.mkdtemp()) / "state.json"
    context.storage_state(path=path)
    context.close()
    return str(path)


def reach(page: Page) -> None:
    """Wait until the server answers."""
    for _ in range(60):
        with suppress(Error):
            page.goto("/sign-in")
            return
        time.sleep(1)
    sys.exit(f"Nothing answers at {HOST}")


def wait_for_training(page: Page) -> None:
    """Wait until a version was promoted and one refused, or as many as come in time."""
    until = time.monotonic() + TRAINED_WITHIN_SECONDS
    while time.monotonic() < until:
        page.goto("/models")
        told = page.locator(".decisions").inner_text()
        if "promoted on" in told and "refused on" in told:
            return
        time.sleep(5)
    sys.stderr.write("No version was promoted and another refused in time.\n")


def shoot_all(browser: Browser, state: str, width: int, scheme: str) -> None:
    """Take every picture at one width and scheme."""
    folder = FOLDER / f"{width}-{scheme}"
    folder.mkdir(parents=True, exist_ok=True)
    context = browser.new_context(
        base_url=HOST,
        storage_state=state,
        viewport={"width": width, "height": HEIGHT},
        color_scheme=scheme,  # type: ignore[arg-type]
        reduced_motion="reduce",
    )
    context.route("https://**", lambda route: route.abort())
    page = context.new_page()
    for name, address in PAGES.items():
        page.goto(address)
        shoot(page, folder / f"{name}.png")
    shoot_states(page, folder)
    context.close()


def shoot_states(page: Page, folder: Path) -> None:
    """The lead that scores best, with its menus, and the table with a selection and its help."""
    page.goto("/leads")
    page.locator("tbody .leads-who a").first.click()
    shoot(page, folder / "lead.png")
    for key, name in (("w", "lead-score-is-wrong"), ("o", "lead-override")):
        page.keyboard.press(key)
        shoot(page, folder / f"{name}.png")
        page.keyboard.press("Escape")
    page.goto("/leads")
    for box in page.locator(".leads-tick input").all()[1:4]:
        box.check()
    shoot(page, folder / "leads-selected.png")
    page.goto("/leads")
    page.keyboard.press("?")
    shoot(page, folder / "leads-keys.png")
    page.context.clear_cookies()
    page.goto("/sign-in")
    shoot(page, folder / "sign-in.png")


def shoot(page: Page, path: Path) -> None:
    """A picture of the page from its top, as high as it is up to a bound."""
    page.wait_for_load_state()
    height = min(page.evaluate("document.documentElement.scrollHeight"), MAX_HEIGHT)
    size = page.viewport_size or {"width": 0, "height": 0}
    page.set_viewport_size({"width": size["width"], "height": max(height, HEIGHT)})
    page.screenshot(path=path)
    page.set_viewport_size({"width": size["width"], "height": HEIGHT})


if __name__ == "__main__":
    main()
