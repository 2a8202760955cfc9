"""The Salesforce CLI takes the metadata that is shipped, and knows each command of the guide.

`make test-clients` installs Node for it; the CLI and its pinned packages come from npm's registry.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from webapp.config import ROOT

PROGRAMS = Path(sys.executable).parent
CLI = "@salesforce/cli@2.150.6"
GUIDE = ROOT / "docs/salesforce-setup.md"
COMMAND = re.compile(r"^ *(sf .+)$", re.MULTILINE)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def dialect():
    """The CLI sees no database."""
    return "sqlite"


@pytest.fixture(scope="module")
def sf(tmp_path_factory):
    """Run a command of the CLI on a copy of the folder; its answer as JSON."""
    folder = tmp_path_factory.mktemp("salesforce-cli")
    project = shutil.copytree(ROOT / "salesforce", folder / "salesforce")
    environment = {
        **os.environ,
        "PATH": f"{PROGRAMS}:{os.environ['PATH']}",
        "HOME": str(folder),
        "SF_AUTOUPDATE_DISABLE": "true",
        "SF_DISABLE_TELEMETRY": "true",
    }

    def run(*command):
        done = subprocess.run(
            command, cwd=project, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    quiet = ("--no-audit", "--no-fund", "--ignore-scripts")
    run(PROGRAMS / "npm", "install", *quiet, "--prefix", folder, CLI)
    return lambda *command: json.loads(run(folder / "node_modules/.bin/sf", *command, "--json"))


def test_the_shipped_folder_is_converted_for_a_deployment(sf, tmp_path):
    sf("project", "convert", "source", "--output-dir", tmp_path)
    converted = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*")}
    shown = "permissionsets/Lead_Scoring_Integration.permissionset"
    assert converted == {"objects/Lead.object", shown, "package.xml"}


def test_a_manifest_names_all_that_is_shipped(sf, tmp_path):
    sf("project", "generate", "manifest", "--source-dir", "force-app", "--output-dir", tmp_path)
    named = re.findall(r"<members>(.*?)</members>", (tmp_path / "package.xml").read_text())
    shipped = (ROOT / "salesforce/force-app").rglob("*-meta.xml")
    assert {name.rpartition(".")[2] for name in named} == {f.name.split(".")[0] for f in shipped}


def test_the_cli_knows_each_command_of_the_guide_and_its_flags(sf):
    known = {command["id"]: command["flags"] for command in sf("commands")}
    commands = [shlex.split(line)[1:] for line in COMMAND.findall(GUIDE.read_text())]
    assert len(commands) >= 8
    for command in commands:
        n_words = next(n for n, word in enumerate(command) if word.startswith("--"))
        flags = known[":".join(command[:n_words])]
        given = {word.removeprefix("--") for word in command[n_words:] if word.startswith("--")}
        assert given <= flags.keys(), command
