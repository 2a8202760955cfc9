"""Folders of real leads: `fields.toml` and `leads.csv.gz` (or `.csv`), in the order they came."""

import csv
import gzip
from pathlib import Path
from typing import NamedTuple

from ml.fields.fields_file import Fields, load
from ml.fields.types import Value


class RealLeads(NamedTuple):
    """The labelled leads of one folder, in the order of its file."""

    fields: Fields
    lead_ids: list[str]
    records: list[dict[str, Value]]
    converted: list[bool]


def real_leads(folder: Path) -> RealLeads:
    """Read a folder; rows without an outcome are left out."""
    fields = load(folder / "fields.toml")
    leads = RealLeads(fields, [], [], [])
    packed = folder / "leads.csv.gz"
    path, opened = (packed, gzip.open) if packed.exists() else (folder / "leads.csv", open)
    with opened(path, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["actual_outcome"]:
                values = {f.name: f.parse(row[f.name], text=True) for f in fields.declared}
                leads.lead_ids.append(row["lead_id"])
                leads.records.append(values)
                leads.converted.append(row["actual_outcome"] == "true")
    return leads


def folders_in(paths: list[Path]) -> list[Path]:
    """Name the folders of leads: each path itself, or else all that stand in it."""
    found = []
    for path in paths:
        inner = sorted(file.parent for file in path.glob("*/fields.toml"))
        found += [path] if (path / "fields.toml").exists() else inner
    return [folder.resolve() for folder in found]


def builtin_only(leads: RealLeads) -> RealLeads:
    """Leave the eight built-in fields, as if the team had none of its own."""
    return leads._replace(fields=Fields(f for f in leads.fields.declared if f.builtin))
