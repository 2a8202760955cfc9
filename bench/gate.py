"""Promotion gates on streams of real leads whose truth is known.

`python -m bench.gate FOLDER... [--streams n] [--outcomes real]` learns a challenger after every 50
of 500 labels; each gate decides for itself. A model's true worth is its AUC on leads outside the
stream. Streams start from a weak champion (25 other labels) and from a strong one (1,500); with
outcomes shuffled no promotion is deserved.
"""

import argparse
import json
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from bench.gate_tables import tables
from bench.real_leads import RealLeads, folders_in, real_leads
from bench.streams import Model, Round, shuffled, streams
from ml.gate.gate import GateRule, decide
from ml.training.encode import Bools
from ml.training.evidence import gathered

RESULTS = Path(__file__).parent / "results" / "gate.json"
N_STREAMS = 20
OUTCOMES = ("real", "shuffled")
RULE = GateRule()


@dataclass(frozen=True)
class Row:
    """What became of one stream behind one gate.

    An attempt is undeserved where the true AUC would gain less than the gate asks for, a promotion
    wrong where it falls.
    """

    dataset: str
    outcomes: str
    start: str
    gate: str
    stream: int
    attempts: int
    undeserved: int
    promotions: int
    wrong: int
    auc_at_start: float
    auc_at_end: float
    log_loss_at_end: float


class Situation(NamedTuple):
    """What a gate may know, and the truth, which only the oracle looks at."""

    champion: Model
    since: int
    round: Round
    converted: Bools


def own(now: Situation) -> bool:
    evidence = slice(now.since, now.round.n)
    compared = gathered(
        now.converted[evidence],
        now.champion.scores[evidence],
        now.round.out_of_fold[now.since :],
        n_learned=now.round.n,
    )
    return decide(compared, RULE).promote


def oracle(now: Situation) -> bool:
    """The plain two-point rule, told the truth."""
    return now.round.challenger.auc - now.champion.auc >= RULE.min_gain


def holdout(now: Situation) -> bool:
    """The usual way: the AUC on a fifth of the labels against the one stored with the champion."""
    return now.round.held_out.stored_auc - now.champion.stored_auc >= RULE.min_gain


GATES: dict[str, Callable[[Situation], bool]] = {
    "leadloop": own,
    "oracle": oracle,
    "holdout": holdout,
    "always": lambda now: True,
    "never": lambda now: False,
}


def behind(gate: str, rounds: list[Round], first: Model, converted: Bools) -> dict[str, Any]:
    """Replay one stream behind one gate, whose promotions are carried out in between."""
    champion, since = first, 0
    undeserved, promotions, wrong = 0, 0, 0
    for each in rounds:
        challenger = each.held_out if gate == "holdout" else each.challenger
        gain = challenger.auc - champion.auc
        undeserved += gain < RULE.min_gain
        if GATES[gate](Situation(champion, since, each, converted)):
            promotions, wrong = promotions + 1, wrong + (gain < 0)
            champion, since = challenger, each.n
    return {
        "attempts": len(rounds),
        "undeserved": undeserved,
        "promotions": promotions,
        "wrong": wrong,
        "auc_at_start": round(first.auc, 5),
        "auc_at_end": round(champion.auc, 5),
        "log_loss_at_end": round(champion.log_loss, 5),
    }


def replay(dataset: str, leads: RealLeads, n_streams: int, kinds: list[str]) -> Iterator[Row]:
    for outcomes in kinds:
        told = shuffled(leads) if outcomes == "shuffled" else leads
        for number, (stream, starts) in enumerate(streams(told, n_streams)):
            rounds = stream.rounds()
            for (start, first), gate in product(starts.items(), GATES):
                counted = behind(gate, rounds, first, stream.converted)
                yield Row(dataset, outcomes, start, gate, number, **counted)
            print(f"{dataset}, outcomes {outcomes}: stream {number + 1}", file=sys.stderr)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="make bench-gate", description="Promotion gates.")
    parser.add_argument("folders", type=Path, nargs="+", help="of leads, or of such folders")
    parser.add_argument("--streams", type=int, default=N_STREAMS, help="drawn from each folder")
    parser.add_argument("--outcomes", nargs="+", choices=OUTCOMES, default=list(OUTCOMES))
    options = parser.parse_args(arguments)
    warnings.filterwarnings("ignore", module="sklearn")
    rows: list[dict[str, Any]] = []
    for folder in folders_in(options.folders):
        leads = real_leads(folder)
        replayed = replay(folder.name, leads, options.streams, options.outcomes)
        rows += [asdict(row) for row in replayed]
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(rows, indent=0) + "\n")
    print(tables(rows))
    print(f"\n{len(rows):,} rows written to {RESULTS}")
    return int(not rows)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
