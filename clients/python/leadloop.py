"""Score leads and report outcomes from Python.

Copy this file into your project; besides Python 3.10 or newer it needs `requests`. Calls that fail
because of the network, or because the server is busy, are repeated; nothing is done twice.

    with Leadloop("https://leads.example.com", key) as leadloop:
        answer = leadloop.score({"lead_id": "L-1", "lead_source": "Referral", "email_opens": 8})
        print(answer["conversion_score"], answer["grade"])
        leadloop.report("L-1", True)
"""

import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, TypeAlias
from urllib.parse import quote

import requests

BATCH_ROWS = 500
BUSY = {409, 429, 502, 503, 504}
MAX_WAIT_SECONDS = 30.0

Row: TypeAlias = Mapping[str, Any]
Outcome: TypeAlias = bool | str


class LeadloopError(Exception):
    """A call was refused.

    `status` is the HTTP status, `detail` a sentence, and `errors` names every wrong value with its
    `pointer`, `message` and `rule`.
    """

    def __init__(self, status: int, detail: str, errors: list[dict[str, Any]]) -> None:
        super().__init__(f"{status}: {detail}")
        self.status, self.detail, self.errors = status, detail, errors


class Leadloop:
    """One Leadloop server, by its address and an API key.

    `timeout_seconds` bounds each try, and `max_tries` how often a call is made in all.
    """

    def __init__(
        self, url: str, key: str, *, timeout_seconds: float = 30.0, max_tries: int = 5
    ) -> None:
        self.url, self.timeout_seconds, self.max_tries = url.rstrip("/"), timeout_seconds, max_tries
        self._http = requests.Session()
        self._http.headers["Authorization"] = f"Bearer {key}"

    def __enter__(self) -> "Leadloop":
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def score(self, lead: Row) -> dict[str, Any]:
        """Create or update a lead, and give its score with the reasons.

        A field that is left out keeps what is known; None makes it unknown.
        """
        return self._call("POST", "/score", lead)

    def score_many(self, leads: Iterable[Row]) -> Iterator[dict[str, Any]]:
        """Score any number of leads; give one result a lead, in their order.

        A lead that is wrong has `{"lead_id", "error"}` in its place and stops no other.
        """
        return self._in_batches("/score/batch", "leads", leads)

    def report(
        self,
        lead_id: str,
        outcome: Outcome,
        *,
        occurred_at: str | None = None,
        reason: str | None = None,
        wait: bool = False,
        expected_status: str | None = None,
    ) -> dict[str, Any]:
        """Report what became of a lead: True (converted), False (lost) or "never_worked".

        `occurred_at` is a date or a time with its offset, in ISO 8601. With `wait`, the outcome of
        a lead that is not known yet is kept until the lead comes. With `expected_status` nothing is
        recorded, and the error says why, where the lead has another status by now; it is refused
        together with `wait`.
        """
        event = {"outcome": outcome, "occurred_at": occurred_at, "reason": reason}
        event["expected_status"] = expected_status
        told = {name: value for name, value in event.items() if value is not None}
        return self._call("PUT", _feedback(lead_id) + ("?wait=true" if wait else ""), told)

    def report_many(self, outcomes: Iterable[Row]) -> Iterator[dict[str, Any]]:
        """Report any number of outcomes, each with `lead_id` and `outcome`; give one result each.

        The outcome of a lead that is not known yet waits for it.
        """
        return self._in_batches("/feedback/batch", "outcomes", outcomes)

    def withdraw(self, lead_id: str) -> dict[str, Any]:
        """Take back the outcome of a lead that this key has reported last."""
        return self._call("DELETE", _feedback(lead_id))

    def info(self) -> dict[str, Any]:
        """Give the live model, its figures, and how far the next training is."""
        return self._call("GET", "/info")

    def _in_batches(self, path: str, name: str, rows: Iterable[Row]) -> Iterator[dict[str, Any]]:
        rest = iter(rows)
        while batch := list(islice(rest, BATCH_ROWS)):
            # The same key at every try: the server answers a repeated batch without doing it again.
            yield from self._call("POST", path, {name: batch}, key=str(uuid.uuid4()))["results"]

    def _call(
        self, method: str, path: str, body: Row | None = None, *, key: str | None = None
    ) -> dict[str, Any]:
        headers = {"Idempotency-Key": key} if key else {}
        for n_tries in range(1, self.max_tries + 1):
            # A withdrawal that came through, but whose answer was lost, must not come twice.
            is_last = n_tries == self.max_tries or method == "DELETE"
            try:
                answer = self._http.request(
                    method,
                    self.url + path,
                    json=body,
                    headers=headers,
                    timeout=self.timeout_seconds,
                )
            except (requests.ConnectionError, requests.Timeout):
                if is_last:
                    raise
                time.sleep(_pause_seconds(n_tries))
                continue
            if answer.status_code not in BUSY or is_last:
                return _content(answer)
            time.sleep(_pause_seconds(n_tries, answer.headers.get("Retry-After")))
        raise AssertionError("max_tries must be at least 1")


def _feedback(lead_id: str) -> str:
    return f"/feedback/{quote(lead_id, safe='')}"


def _pause_seconds(n_tries: int, retry_after: str | None = None) -> float:
    asked = float(retry_after) if retry_after and retry_after.isdigit() else 0.0
    return min(max(asked, 0.5 * 2.0 ** (n_tries - 1)), MAX_WAIT_SECONDS)


def _content(answer: requests.Response) -> dict[str, Any]:
    try:
        content: dict[str, Any] = answer.json()
    except ValueError:
        sentence = f"The server did not answer in JSON ({answer.reason})."
        raise LeadloopError(answer.status_code, sentence, []) from None
    if answer.ok:
        return content
    raise LeadloopError(answer.status_code, content["detail"], content.get("errors", []))
