"""Files that others fetch, install or load must be exactly the ones we chose."""

import base64
import hashlib
import re

import pytest
import yaml

from tests.architecture.source import ROOT

LOCKS = [f"requirements{part}.txt" for part in ("", "-bench", "-dev", "-install", "-recordings")]
VENDORED = ROOT / "webapp/static/vendor/htmx-4.0.1.min.js"


@pytest.mark.parametrize("name", LOCKS)
def test_every_requirement_is_one_version_with_hashes(name):
    lines = re.sub(r"\\\n", "", (ROOT / name).read_text()).splitlines()
    pins = [line for line in lines if line and not line.lstrip().startswith("#")]
    wrong = [p for p in pins if not re.match(r"[\w.-]+(\[\w+\])?==\S+ .*--hash=sha256:", p)]
    assert pins
    assert wrong == []


@pytest.mark.parametrize("name", LOCKS)
def test_requirements_name_no_place_to_install_from(name):
    assert not re.search(r"https?:|file:|--index|--find-links| @ |\.whl", (ROOT / name).read_text())


def test_htmx_from_the_cdn_is_the_vendored_file():
    digest = base64.b64encode(hashlib.sha384(VENDORED.read_bytes()).digest()).decode()
    pages = [path.read_text() for path in (ROOT / "webapp/templates").rglob("*.html")]
    hashes = {h for page in pages for h in re.findall(r'integrity="sha384-([^"]+)"', page)}
    assert hashes == {digest}


def test_pre_commit_runs_the_checks_of_make():
    recipe = re.search(r"^check:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.M)[1]
    commands = [line.strip().replace("$(BIN)", ".venv/bin") for line in recipe.splitlines()]
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    hooks = [hook for repo in config["repos"] for hook in repo["hooks"]]
    assert [hook["entry"] for hook in hooks] == commands
    assert {repo["repo"] for repo in config["repos"]} == {"local"}
