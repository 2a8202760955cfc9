"""Answers that real Salesforce orgs gave, as a package for Salesforce developers recorded them."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".venv" / "recordings" / "cumulusci"
COUNTS = "utils/salesforce/tests/cassettes/TestCountSObjects.test_count_sobjects_"
PLACES = {
    "describe": "tests/shared_cassettes/GET_sobjects_{}_describe.yaml",
    "update": "tasks/bulkdata/tests/cassettes/TestUpdatesIntegrationTests.test_updates_task.yaml",
    "no object": f"{COUNTS}_errors.yaml",
    "count": f"{COUNTS}simple.yaml",
    "not found": "utils/http/tests/cassettes/TestCompositeParallelSalesforce.test_errors.yaml",
}


@dataclass(frozen=True)
class Exchange:
    """One request and what a real org answered."""

    method: str
    target: str
    sent: Any
    status: int
    answer: Any

    @property
    def path(self) -> str:
        """Below the version: `query/?q=...`."""
        parts = urlsplit(self.target)
        path = parts.path.partition("/services/data/")[2].partition("/")[2]
        return f"{path}?{parts.query}" if parts.query else path

    @property
    def parts(self) -> list[dict[str, Any]]:
        """The answers to the parts of a composite request."""
        return list(self.answer["compositeResponse"])


def describe(sobject: str) -> dict[str, Any]:
    """The recorded describe of an object."""
    recorded: dict[str, Any] = read(PLACES["describe"].format(sobject))[0].answer
    return recorded


def exchange(name: str, method: str) -> Exchange:
    """The last recorded exchange of this method in a recording."""
    return [each for each in read(PLACES[name]) if each.method == method][-1]


@cache
def read(place: str) -> list[Exchange]:
    content = yaml.safe_load((FOLDER / place).read_text())
    entries = content.get("interactions", [content])
    return [exchange_of(entry) for entry in entries if "request" in entry]


def exchange_of(entry: dict[str, Any]) -> Exchange:
    request, response = entry["request"], entry["response"]
    return Exchange(
        method=request["method"],
        target=request["uri"],
        sent=json.loads(request["body"]) if request["body"] else None,
        status=response["status"]["code"],
        answer=json.loads(response["body"]["string"]),
    )
