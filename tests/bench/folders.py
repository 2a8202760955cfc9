"""Folders of made-up leads in import format."""

import csv
import gzip

from tests.ml.leads import make_examples

FIELDS = """
[[field]]
name = "region"
type = "category"
label = "Region"

[[field]]
name = "trial"
type = "boolean"
label = "Trial"

[[field]]
name = "email_opens"
type = "count"
label = "Email opens"
"""
COLUMNS = ("region", "trial", "email_opens")


def folder_of_leads(folder, n_leads=120):
    """Fill a folder with labelled leads and an open one."""
    examples = make_examples(n_leads)
    (folder / "fields.toml").write_text(FIELDS)
    with gzip.open(folder / "leads.csv.gz", "wt", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["lead_id", *COLUMNS, "actual_outcome"])
        writer.writerow(["open", "region 1", "true", 3, ""])
        for place, record in enumerate(examples.records):
            outcome = str(examples.converted[place]).lower()
            writer.writerow([place, *(_cell(record[name]) for name in COLUMNS), outcome])
    return folder


def _cell(value):
    return str(value).lower() if isinstance(value, bool) else value
