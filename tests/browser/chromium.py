"""The Chromium that browser tests drive, and its installation.

`python -m tests.browser.chromium` installs one where none is found.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

# The shell draws pages without the windows around them, in a third of the processor time.
SHELL = "chromium-headless-shell"
INSTALLED = (SHELL, "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ON_A_MAC = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
FONTS = "fonts-dejavu-core"


def installed() -> str | None:
    """The path that CHROMIUM_PATH names, or of the first browser found on this machine."""
    named = os.environ.get("CHROMIUM_PATH")
    return named or next(filter(None, map(shutil.which, (*INSTALLED, ON_A_MAC))), None)


def fetched() -> str | None:
    """The path of the browser that Playwright has downloaded for itself."""
    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


def main() -> None:
    """Install Chromium unless there is one: as a package where that is possible."""
    if installed() or fetched():
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print("Installing Chromium for the browser tests", flush=True)
        run("apt-get", "update", "-qq")
        for package in (SHELL, "chromium"):
            if installed() is None:
                run("apt-get", "install", "-y", "-qq", "--no-install-recommends", package, FONTS)
    if installed() is None:
        run(sys.executable, "-m", "playwright", "install", "chromium")
    if installed() is None and fetched() is None:
        sys.exit(
            "The browser tests need Chromium: install it (Debian: apt-get install chromium,"
            " as root), or name one: CHROMIUM_PATH=/path/to/chromium make test"
        )


def run(*command: str) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=False)


if __name__ == "__main__":
    main()
