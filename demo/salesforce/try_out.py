"""Start Leadloop on a made-up org: what `make run SALESFORCE=demo` does.

Both begin anew each time. Leadloop keeps its data in the folder `salesforce-demo` below
`LEADLOOP_DATA_DIR`, and listens at `LEADLOOP_PORT`: with another of each, demos run side by side.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

from demo.salesforce import company, truth
from demo.salesforce.fake import FakeSalesforce
from webapp import config, server
from webapp.app import create_app
from webapp.database import utc_now, write
from webapp.product import product
from webapp.services.crm import connections, saved_mapping
from webapp.services.crm.field_sources import STABLE, FieldSource
from webapp.services.crm.outcome_rules import CrmRules

ROOT = Path(__file__).parents[2]
FOLDER = "salesforce-demo"
DEFAULT = ROOT / "data" / FOLDER
# Stands in each folder that a demo has made.
MARK = "made-by-salesforce-demo"
ACTOR = "cli"
# Where the made-up org has each field: (field, field of Lead, transform).
MAPPING = (
    ("age", "Age__c", "as_is"),
    ("location", "City", "as_is"),
    ("industry", "Industry", "as_is"),
    ("email_opens", "Email_Opens__c", "as_is"),
    ("website_visits", "Website_Visits__c", "as_is"),
    ("content_downloads", "Content_Downloads__c", "as_is"),
    ("days_since_contact", "LastActivityDate", "days_since"),
    ("lead_source", "LeadSource", "as_is"),
)
RULES = CrmRules(disqualified=("Closed - Not Converted",))


class NotOurFolder(RuntimeError):
    """The demo's folder holds something else, and nothing in it was touched."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"{folder} was not made by a demo, so it was left alone. Move it away, or name another"
            " folder with LEADLOOP_DATA_DIR."
        )


def main(*, leads: int = 3000, seed: int = 1) -> int:
    folder = config.load().data_dir.absolute() / FOLDER
    check_ours(folder)
    world = company.filled(leads=leads, seed=seed, port=0)
    with world.fake as fake:
        os.environ |= environment(fake, folder)
        folder.mkdir(parents=True, exist_ok=True)
        if reason := server.obstacle(config.load()):
            raise SystemExit(reason)
        empty(folder)
        if not set_up():
            return 1
        connect()
        return run_beside(world)


def check_ours(folder: Path) -> None:
    """Raise `NotOurFolder` for a folder that no demo has made."""
    is_ours = folder == DEFAULT or (folder / MARK).exists()
    if folder.exists() and not is_ours and any(folder.iterdir()):
        raise NotOurFolder(folder)


def empty(folder: Path) -> None:
    """Delete what the last demo has left, and mark the folder as a demo's."""
    shutil.rmtree(folder)
    folder.mkdir(mode=0o700)
    (folder / MARK).touch()


def environment(fake: FakeSalesforce, data_dir: Path) -> dict[str, str]:
    """The settings of a Leadloop that has nothing but this org, whatever else is set."""
    return {
        "LEADLOOP_DATA_DIR": str(data_dir),
        "LEADLOOP_DATABASE_URL": f"sqlite:///{data_dir}/leadloop.sqlite3",
        "LEADLOOP_DEMO": "false",
        "LEADLOOP_SYNC_EVERY_MINUTES": "1",
    } | company.settings(fake)


def set_up() -> bool:
    """Whether setup succeeded; in a group of its own, so that a Ctrl-C is ours to handle."""
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "setup"]
    return subprocess.run(command, cwd=ROOT, process_group=0, check=False).returncode == 0


def connect() -> None:
    """Choose what an administrator chooses on the pages: the fields, and what counts as lost."""
    with create_app().app_context():
        settings = product().settings
        write(lambda session: connections.ensure(session, settings, utc_now()))
        write(lambda session: saved_mapping.save(session, sources(), ACTOR, utc_now()))
        write(lambda session: connections.save_rules(session, RULES, ACTOR, utc_now()))


def sources() -> list[FieldSource]:
    return [
        FieldSource(name, field, transform, is_stable=field in STABLE)
        for name, field, transform in MAPPING
    ]


def run_beside(world: company.World) -> int:
    """Run web and worker while the org goes on, until somebody stops them."""
    running = subprocess.Popen([sys.executable, "supervisor.py"], cwd=ROOT)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, frame: running.send_signal(number))
    stopping = threading.Event()
    going_on = threading.Thread(
        target=company.go_on, args=(world, stopping), kwargs={"speed": 1800}
    )
    telling = threading.Thread(target=tell_truth, args=(world, stopping))
    for thread in (going_on, telling):
        thread.start()
    try:
        return running.wait()
    finally:
        stopping.set()
        for thread in (going_on, telling):
            thread.join()


def tell_truth(world: company.World, stopping: threading.Event) -> None:
    """Print how good the queue is, now and again."""
    with create_app().app_context():
        truth.tell(world.fates, stopping)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m demo.salesforce.try_out")
    parser.add_argument("--seed", type=int, default=1, help="another number, another company")
    try:
        sys.exit(main(seed=parser.parse_args().seed))
    except KeyboardInterrupt:
        sys.exit(130)
    except (config.ConfigurationError, NotOurFolder, OSError) as error:
        sys.exit(str(error))
