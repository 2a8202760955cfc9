"""What the mapped import of a file costs beside the least that must be done: `make bench-import`.

The floor reads the same rows with csv, scores each by the champion's card and inserts all at once.
What counts are processor seconds: on a busy machine the clock says little.
"""

import argparse
import csv
import random
import sqlite3
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import flask_migrate

from bench.salesforce import peak_megabytes
from ml.fields.fields_file import Value
from webapp import database, importing
from webapp.app import create_app
from webapp.config import Settings
from webapp.database import read, utc_now, write
from webapp.product import product
from webapp.services import setup
from webapp.services.imports import imports
from webapp.services.imports.matching.mapping import Mapping
from webapp.services.models import registry

SOURCES = ("Webinar", "Referral", "Cold Call", "Organic")
COUNTS = ("age", "email_opens", "website_visits", "content_downloads", "days_since_contact")
WORDS = ("lead_source", "location", "industry")
PEOPLE = ("name", "company", "email", "phone", "owner")
FIRST_DAY = datetime(2026, 1, 1, tzinfo=UTC)


def write_file(path: Path, n_rows: int) -> None:
    """Made-up leads with people and all eight inputs, a third of them with outcome and time."""
    draw = random.Random(0)
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("lead_id", *PEOPLE, *COUNTS, *WORDS, "actual_outcome", "outcome_at"))
        for n in range(n_rows):
            rows.writerow(
                (
                    f"L-{n:07}",
                    *(f"Person {n}", f"Company {n % 3_000}", f"person{n}@example.com"),
                    *(f"+49 30 {draw.randrange(10**6)}", f"rep{n % 20}@example.com"),
                    *(draw.randrange(18, 80) for _ in COUNTS),
                    *(draw.choice(SOURCES), f"City {n % 50}", f"Industry {n % 12}"),
                    *_outcome(n, draw),
                )
            )


def floor(path: Path, database_path: Path) -> float:
    """Processor seconds of reading, scoring and one insert of all rows."""
    begun = time.process_time()
    card = read(registry.in_use).card
    with path.open(newline="") as file, sqlite3.connect(database_path) as connection:
        columns = ("lead_id", *PEOPLE, *COUNTS, *WORDS, "outcome", "outcome_at", "probability")
        connection.execute(f"CREATE TABLE leads ({', '.join(columns)}, PRIMARY KEY (lead_id))")
        scored = (
            (*row.values(), card.score(_inputs(row)).probability) for row in csv.DictReader(file)
        )
        marks = ", ".join("?" * len(columns))
        connection.executemany(f"INSERT INTO leads VALUES ({marks})", scored)
    connection.close()
    return time.process_time() - begun


def imported(path: Path, n_rows: int) -> float:
    """Processor seconds of the import, every column matched without asking."""
    begun = time.process_time()
    with path.open("rb") as stream:
        size, folder = path.stat().st_size, product().settings.data_dir
        kept = imports.keep_file(stream, path.name, folder, max_bytes=size)
    done = importing.import_now(
        kept,
        decided=Mapping(),
        uses_remembered=False,
        skip_bad_rows=False,
        requested_by="bench",
        on_step=lambda step: None,
    )
    assert done.found.n_new_leads == n_rows, done.found
    return time.process_time() - begun


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench-import", description="Cost of an import.")
    parser.add_argument("--rows", type=int, default=100_000)
    n_rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "leads.csv"
        write_file(path, n_rows)
        with create_app(Settings(data_dir=Path(folder))).app_context():
            flask_migrate.upgrade()
            write(lambda s: setup.starter_version(s, None, utc_now()))
            least = floor(path, Path(folder) / "floor.db")
            took = imported(path, n_rows)
            database.db.engine.dispose()
    print(f"{n_rows:,} rows: {took / least:.1f} times the floor")
    print(f"processor seconds: {took:.1f} (floor {least:.1f}); peak: {peak_megabytes():.0f} MB")


def _inputs(row: dict[str, str]) -> dict[str, Value]:
    return {**{name: int(row[name]) for name in COUNTS}, **{name: row[name] for name in WORDS}}


def _outcome(n: int, draw: random.Random) -> tuple[str, str]:
    if n % 3:
        return "", ""
    at = FIRST_DAY + timedelta(minutes=n % 100_000)
    return draw.choice(("true", "false")), at.isoformat()


if __name__ == "__main__":
    main()
