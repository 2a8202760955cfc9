"""Start Leadloop on a made-up org: what `make run SALESFORCE=demo` does.

Both begin anew each time, in a folder of their own within the data folder.
"""

import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

from demo.salesforce import company
from demo.salesforce.fake import FakeSalesforce
from webapp import config, server
from webapp.app import create_app
from webapp.database import utc_now, write
from webapp.product import product
from webapp.services.crm import connections, field_sources
from webapp.services.crm.field_sources import STABLE, FieldSource
from webapp.services.crm.outcome_rules import CrmRules

ROOT = Path(__file__).parents[2]
FOLDER = "salesforce-demo"
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


def main() -> int:
    data_dir = config.load().data_dir.absolute() / FOLDER
    world = company.filled(leads=3000, seed=1, port=0)
    with world.fake as fake:
        os.environ |= environment(fake, data_dir)
        data_dir.mkdir(parents=True, exist_ok=True)
        if reason := server.obstacle(config.load()):
            raise SystemExit(reason)
        shutil.rmtree(data_dir)
        if not set_up():
            return 1
        connect()
        return run_beside(world)


def environment(fake: FakeSalesforce, data_dir: Path) -> dict[str, str]:
    """The settings of a Leadloop that has nothing but this org."""
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
        write(lambda session: field_sources.save(session, sources(), ACTOR, utc_now()))
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
    going_on.start()
    try:
        return running.wait()
    finally:
        stopping.set()
        going_on.join()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
    except (config.ConfigurationError, OSError) as error:
        sys.exit(str(error))
