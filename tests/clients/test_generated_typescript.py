"""A client that openapi-typescript makes from the document, against the running product.

`make test-clients` installs Node for it; the packages come from npm's registry.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.factories import make_key

PROGRAMS = Path(sys.executable).parent
SOURCES = Path(__file__).with_name("typescript")
STRICT = ("--strict", "--noEmit", "--skipLibCheck", "--module", "nodenext", "--target", "es2022")


@pytest.fixture(scope="session")
def dialect():
    """The client sees no database."""
    return "sqlite"


@pytest.mark.slow
def test_it_scores_a_lead_a_batch_and_says_what_became_of_one(server_url, write, tmp_path):
    folder = shutil.copytree(SOURCES, tmp_path / "client")

    def run(*command, **variables):
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "PATH": f"{PROGRAMS}:{os.environ['PATH']}", **variables},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run(PROGRAMS / "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts")
    bin_ = folder / "node_modules/.bin"
    run(bin_ / "openapi-typescript", f"{server_url}/openapi.json", "-o", "leadloop.d.ts")
    run(bin_ / "tsc", *STRICT, "--allowImportingTsExtensions", "use.ts")
    key = write(lambda s: make_key(s, "score", "feedback"))
    said = json.loads(run(PROGRAMS / "node", "use.ts", LEADLOOP_URL=server_url, LEADLOOP_KEY=key))
    assert 0 < said["probability"] < 1
    assert said["results"][0] in "ABCD"
    assert said["results"][1] == 422
    assert (said["outcome"], said["said"]) == (True, [False])
