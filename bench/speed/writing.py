"""`POST /score` and `PUT /feedback` beside their floors and peers, 16 connections each.

Servers take turns in each round, so that what else the machine does meets all of them.
"""

import argparse
import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.speed import load, made_up, results
from bench.speed.load import Round, Sent
from bench.speed.results import Target
from bench.speed.servers import N_LEADS, Server, serving

SCORE, FEEDBACK = "score", "feedback"
SECONDS, WARM_UP_SECONDS, ROUNDS = 3.0, 1.5, 5


@dataclass(frozen=True)
class Compared:
    """One row of the results: the product's figure by that of another server."""

    name: str
    other: str
    figure: str
    target: Target


TABLES = {
    SCORE: (
        Compared("POST /score by row floor", "row", "per_second", Target(">=", 0.8)),
        Compared("POST /score by group-commit floor", "group", "per_second", Target(">=", 0.4)),
        Compared("POST /score p99 by row floor", "row", "p99_seconds", Target("<=", 0.2)),
        Compared("POST /score by naive build", "naive", "per_second", Target(">=", 6)),
        Compared("POST /score by original recipe", "original", "per_second", Target(">=", 6)),
    ),
    FEEDBACK: (
        Compared("PUT /feedback by row floor", "row", "per_second", Target(">=", 0.8)),
        Compared("PUT /feedback by group-commit floor", "group", "per_second", Target(">=", 0.4)),
    ),
}


def score_requests(token: str) -> Iterator[Sent]:
    """Known leads with new values each time."""

    def make(number: int) -> Sent:
        passed, place = divmod(number * 7919, N_LEADS)
        lead_id, values = made_up.lead(place, version=passed)
        body = json.dumps({"lead_id": lead_id, **values})
        return Sent(load.request("POST", "/score", token, body), f'"lead_id":"{lead_id}"'.encode())

    return load.cycle(make)


def feedback_requests(token: str) -> Iterator[Sent]:
    """Outcomes that change each time a lead comes again."""

    def make(number: int) -> Sent:
        passed, place = divmod(number, N_LEADS)
        lead_id, outcome = f"L-{place:07}", ("true", "false")[passed % 2]
        path = f"/feedback/{lead_id}?outcome={outcome}"
        return Sent(load.request("PUT", path, token), f'"outcome":{outcome}'.encode())

    return load.cycle(make)


REQUESTS = {SCORE: score_requests, FEEDBACK: feedback_requests}


def rounds(
    what: str, servers: dict[str, Server], n_rounds: int, seconds: float
) -> dict[str, list[Round]]:
    """Time all servers in turn; wrong answers end the run."""
    requests = {kind: REQUESTS[what](server.token) for kind, server in servers.items()}
    for kind, server in servers.items():
        load.run(server.port, requests[kind], WARM_UP_SECONDS)
    found: dict[str, list[Round]] = {kind: [] for kind in servers}
    for number in range(n_rounds):
        order = list(servers) if number % 2 else list(servers)[::-1]
        for kind in order:
            found[kind].append(load.run(servers[kind].port, requests[kind], seconds))
    n_wrong = {kind: sum(each.n_wrong for each in some) for kind, some in found.items()}
    assert not any(n_wrong.values()), f"wrong answers: {n_wrong}"
    return found


def compare(what: str, n_rounds: int, seconds: float) -> None:
    """Time one kind of request and keep its rows."""
    table = TABLES[what]
    kinds = ("product", *dict.fromkeys(each.other for each in table))
    with tempfile.TemporaryDirectory() as folder, serving(kinds, Path(folder)) as servers:
        found = rounds(what, servers, n_rounds, seconds)
    for kind, some in found.items():
        rates = ", ".join(f"{each.per_second:.0f}" for each in some)
        slowest = ", ".join(f"{1000 * each.p99_seconds:.0f}" for each in some)
        print(f"{kind}: {rates} a second; p99 {slowest} ms")
    results.keep(
        [
            results.row(
                each.name,
                [
                    getattr(ours, each.figure) / getattr(theirs, each.figure)
                    for ours, theirs in zip(found["product"], found[each.other], strict=True)
                ],
                each.target,
            )
            for each in table
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench-score", description="Speed of writes.")
    parser.add_argument("what", choices=REQUESTS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    asked = parser.parse_args()
    compare(asked.what, asked.rounds, asked.seconds)


if __name__ == "__main__":
    main()
