"""The files in deploy/ name only what there is: commands, settings, paths and figures."""

import re
import shlex
import shutil
import subprocess

import pytest
import yaml
from click.testing import CliRunner

from tests.architecture.source import ROOT
from webapp.config import PREFIX, Settings
from webapp.database import utc_now
from webapp.services.models import monitoring
from webapp.services.runs import workers

DEPLOY = ROOT / "deploy"
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
OURS = ("setup", "web", "worker")
METRIC = re.compile(r"\bleadloop_[a-z_]+")
ALWAYS_CHECKED = ("checked_timestamp_seconds", "verdict")
SETTINGS = {PREFIX + name.upper() for name in Settings.model_fields}


@pytest.fixture(scope="session")
def dialect():
    """Figures have the same names on either database."""
    return "sqlite"


@pytest.fixture
def figures(client, write, salesforce):
    """The text of /metrics, once a CRM is connected and a worker has been at work."""
    salesforce.later()
    write(lambda s: workers.report(s, "worker-1", utc_now()))
    client.get("/health")
    return client.get("/metrics").text


def commands():
    """What the services and units run, without the folder it lies in."""
    dockerfile = (DEPLOY / "Dockerfile").read_text()
    yield re.findall(r'"([^"]+)"', dockerfile.rpartition("\nCMD ")[2])
    yield from (COMPOSE["services"][name]["command"] for name in ("setup", "worker"))
    for unit in (DEPLOY / "systemd").glob("*.service"):
        for line in re.findall(r"^ExecStart(?:Pre)?=(.*)", unit.read_text(), re.M):
            words = shlex.split(line)
            yield [words[0].rpartition("/")[2], *words[1:]]


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_every_command_is_one_of_the_product(command, app):
    if command[0] == "python":
        assert command == ["python", "-m", "sync"]
        return
    assert command[:3] == ["flask", "--app", "wsgi"]
    assert CliRunner().invoke(app.cli, [command[3], "--help"]).exit_code == 0


@pytest.mark.parametrize("file", sorted(DEPLOY.rglob("*")), ids=lambda f: f.name)
def test_every_setting_is_one_of_the_product(file):
    if file.is_file():
        named = set(re.findall(r"\bLEADLOOP_[A-Z_]+", file.read_text()))
        assert named <= SETTINGS


@pytest.mark.parametrize("name", OURS)
def test_our_containers_may_do_as_little_as_they_need(name):
    service = COMPOSE["services"][name]
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "ports" not in service


def test_what_the_image_copies_is_what_its_builder_is_sent():
    sent = set(re.findall(r"^!(\S+)", (ROOT / ".dockerignore").read_text(), re.M))
    lines = re.findall(r"^COPY (?!--)(.+) \S+$", (DEPLOY / "Dockerfile").read_text(), re.M)
    copied = {name for line in lines for name in line.split()}
    assert copied == sent
    assert all((ROOT / name).exists() for name in copied)


def test_every_unit_ends_the_worker_before_its_trainer():
    worker = (DEPLOY / "systemd/leadloop-worker.service").read_text()
    assert "KillMode=mixed" in worker


@pytest.mark.parametrize("file", ["prometheus/leadloop.rules.yml", "grafana/leadloop.json"])
def test_alerts_and_dashboard_show_figures_that_there_are(file, figures):
    named = set(METRIC.findall((DEPLOY / file).read_text()))
    # What the monitors show needs a model that was checked.
    checked = {f"leadloop_model_{name}" for name in (*monitoring.GAUGES, *ALWAYS_CHECKED)}
    assert named
    assert named <= {*METRIC.findall(figures), *checked}


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        ["promtool", "check", "rules", "prometheus/leadloop.rules.yml"],
        ["systemd-analyze", "verify", "systemd/leadloop-web.service"],
        ["systemd-analyze", "verify", "systemd/leadloop-worker.service"],
    ],
    ids=lambda command: command[-1].rpartition("/")[2],
)
def test_the_tool_that_reads_a_file_takes_it(command):
    assert shutil.which(command[0]), f"{command[0]} is missing: apt-get install prometheus systemd"
    ended = subprocess.run(command, cwd=DEPLOY, capture_output=True, text=True, check=False)
    # The checkout lies elsewhere than the units say.
    said = [line for line in ended.stderr.splitlines() if "is not executable" not in line]
    assert said == []
