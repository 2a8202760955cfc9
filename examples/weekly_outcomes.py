"""Report the outcomes of a file to Leadloop: run it every week from cron.

    LEADLOOP_URL=https://leads.example.com LEADLOOP_KEY=ll_... \
        python examples/weekly_outcomes.py closed_deals.csv

Copy clients/python/leadloop.py beside it. The file has the columns lead_id, outcome (won,
lost, ...), and if you like closed_on and reason; it is CSV in UTF-8 with commas. Reporting the same
file twice changes nothing.
"""

import csv
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from leadloop import Leadloop


def outcomes(path: str) -> Iterator[dict[str, Any]]:
    """Give each row that has an outcome as `POST /feedback/batch` takes it."""
    with Path(path).open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file)
        if not {"lead_id", "outcome"} <= {*(rows.fieldnames or ())}:
            sys.exit("The first line must name lead_id and outcome, with a comma between.")
        for row in rows:
            event = {
                "lead_id": row["lead_id"],
                "outcome": row["outcome"],
                "occurred_at": row.get("closed_on"),
                "reason": row.get("reason"),
            }
            if event["outcome"]:
                yield {name: value for name, value in event.items() if value}


def _told(error: dict[str, Any]) -> str:
    wrong = [f"{e['pointer']} {e['message']}" for e in error.get("errors", [])]
    return "; ".join(wrong) or str(error["detail"])


def main(path: str) -> int:
    """Report the file, print what was refused, and return 1 where anything was."""
    with Leadloop(os.environ["LEADLOOP_URL"], os.environ["LEADLOOP_KEY"]) as leadloop:
        results = list(leadloop.report_many(outcomes(path)))
    refused = [result for result in results if "error" in result]
    n_waiting = sum(result.get("waiting", False) for result in results)
    print(
        f"{len(results) - len(refused)} outcomes reported, {n_waiting} of them wait for their lead,"
        f" {len(refused)} refused"
    )
    for result in refused:
        print(f"  {result['lead_id']}: {_told(result['error'])}")
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
