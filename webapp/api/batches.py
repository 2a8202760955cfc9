"""Many rows in one request: worked through in short transactions, answered alike when repeated."""

import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from flask import Response, request
from pydantic_core import to_json

from webapp.api import answers, requests
from webapp.api.problems import SOME_FIELDS_ARE_WRONG, Complaint, Refused, problem
from webapp.database import Session, read, utc_now, write
from webapp.observability import figures
from webapp.services.leads import records
from webapp.services.runs import idempotency
from webapp.services.runs.idempotency import Claim

# Others wait for a transaction on SQLite, so it is short; each has a price, so it is not tiny.
ROWS_AT_ONCE = 200
IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,255}", re.ASCII)
KEY_RULE = "1 to 255 visible ASCII characters"


@dataclass(frozen=True)
class Kind:
    """What is done with the rows of one kind of batch.

    `check` takes a row and its place, and gives the row for `work` or what is wrong with it; `work`
    takes a session and right rows, and has a result for each.
    """

    name: str
    place: str
    check: Callable[[Any, str], Any]
    work: Callable[[Session, list[Any]], list[answers.Result]]


def answer(kind: Kind, rows: list[Any]) -> Response:
    """Do the work on all rows; the same request sent again gets the same answer."""
    key = _idempotency_key()
    if key is None:
        return _reply([_part(kind, rows, first) for first in _firsts(0, len(rows))])
    digest = hashlib.sha256(request.get_data()).hexdigest()
    same = idempotency.Request(requests.caller().key, request.path, key, digest)
    claim = write(lambda session: idempotency.claim(session, same, utc_now()))
    if not claim.is_finished:
        with _released_on_failure(claim):
            for first in _firsts(claim.n_rows_done, len(rows)):
                _part(kind, rows, first, claim)
            write(lambda session: idempotency.finish(session, claim, utc_now()))
    response = _reply(read(lambda session: idempotency.parts(session, claim)))
    if claim.is_finished:
        response.headers["Idempotent-Replayed"] = "true"
    return response


def wrong_row(lead_id: Any, errors: list[Complaint]) -> answers.RowError:
    """The result of a row that breaks rules."""
    try:
        shown = records.clean_lead_id(lead_id)
    except ValueError:
        shown = None
    return answers.RowError(lead_id=shown, error=problem(422, SOME_FIELDS_ARE_WRONG, errors))


def _part(kind: Kind, rows: list[Any], first: int, claim: Claim | None = None) -> str:
    some = rows[first : first + ROWS_AT_ONCE]
    # Before the transaction: others wait for that.
    checked = [kind.check(row, f"{kind.place}/{first + i}") for i, row in enumerate(some)]
    right = [row for row in checked if not isinstance(row, answers.RowError)]

    def transaction(session: Session) -> tuple[str, int]:
        worked = iter(kind.work(session, right) if right else ())
        results = [r if isinstance(r, answers.RowError) else next(worked) for r in checked]
        body = to_json(results)[1:-1].decode()
        if claim is not None:
            done = range(first, first + len(some))
            idempotency.keep_part(session, claim, done, body, now=utc_now())
        return body, sum(isinstance(r, answers.RowError) for r in results)

    body, n_refused = write(transaction)
    figures().rows.labels(kind.name, "accepted").inc(len(some) - n_refused)
    figures().rows.labels(kind.name, "refused").inc(n_refused)
    return body


def _firsts(start: int, n_rows: int) -> range:
    return range(start, n_rows, ROWS_AT_ONCE)


@contextmanager
def _released_on_failure(claim: Claim) -> Iterator[None]:
    is_done = False
    try:
        yield
        is_done = True
    finally:
        if not is_done:
            write(lambda session: idempotency.release(session, claim, utc_now()))


def _idempotency_key() -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is None or IDEMPOTENCY_KEY.fullmatch(key):
        return key
    wrong = Complaint(pointer="Idempotency-Key", message=f"must be {KEY_RULE}", rule=KEY_RULE)
    raise Refused(400, "The Idempotency-Key cannot be used.", [wrong])


def _reply(parts: list[str]) -> Response:
    body = '{"results":[' + ",".join(parts) + "]}"
    return Response(body, mimetype="application/json")
