"""Learning curves on real leads: how well each method ranks and predicts after n outcomes.

`python -m bench.learning FOLDER... [--fields own builtin] [--split random rolling]` teaches all
methods the same leads, at least five of each outcome, and measures on the same unseen ones. random:
30 %, at most 3,000, are drawn for measuring, anew in each repeat. rolling: at five cuts of the
file, n leads before a cut teach and the 1,500 behind it measure. --add keeps what earlier runs
measured of other methods or leads, which see the same leads in every run.
"""

import argparse
import json
import sys
import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.learning_tables import tables
from bench.methods import LEFT_OUT, METHODS, Method, Sample, available
from bench.real_leads import RealLeads, builtin_only, folders_in, real_leads
from ml.training.encode import Floats
from ml.training.evaluate import delong, log_loss
from ml.training.metrics import calibration_curve, calibration_error, lift

RESULTS = Path(__file__).parent / "results" / "learning.json"
SIZES = (50, 100, 200, 500, 1_000, 5_000)
N_REPEATS = 10
TEST_SHARE, MAX_TESTED = 0.3, 3_000
N_CUTS, N_BEHIND = 5, 1_500
MIN_OF_EACH_IN_A_SAMPLE = 5
MAX_DRAWS = 1_000

Places = NDArray[np.intp]


@dataclass(frozen=True)
class Row:
    """One method's figures on one set of unseen leads, after learning from n others."""

    dataset: str
    fields: str
    split: str
    n: int
    method: str
    repeat: int
    auc: float
    log_loss: float
    ece: float
    lift: float


class View(NamedTuple):
    """A data set as it is looked at: with which fields, split in which way."""

    dataset: str
    fields: str
    split: str


def curves(
    leads: RealLeads, view: View, methods: dict[str, Method], *, sizes: list[int], n_repeats: int
) -> Iterator[Row]:
    converted = np.array(leads.converted)
    splits = rolling_splits if view.split == "rolling" else random_splits
    for n in sizes:
        for repeat, (train, test) in splits(converted, n, n_repeats):
            records = [leads.records[place] for place in train]
            sample = Sample(records, converted[train], leads.fields, seed=repeat)
            unseen = [leads.records[place] for place in test]
            for name, method in methods.items():
                scores = method(sample)(unseen)
                yield Row(*view, n, name, repeat, *figures(converted[test], scores))


def random_splits(
    converted: NDArray[np.bool_], n: int, n_repeats: int
) -> Iterator[tuple[int, tuple[Places, Places]]]:
    """Draw leads to measure on, and n others to learn from; nothing where there are too few."""
    n_test = min(MAX_TESTED, int(TEST_SHARE * len(converted)))
    for repeat in range(n_repeats):
        draw = np.random.default_rng(repeat)
        order = draw.permutation(len(converted))
        test, rest = order[:n_test], order[n_test:]
        samples = (draw.permutation(rest)[:n] for _ in range(MAX_DRAWS))
        found = next((s for s in samples if _is_enough(converted[s])), None)
        if found is not None and len(rest) >= n:
            yield repeat, (found, test)


def rolling_splits(
    converted: NDArray[np.bool_], n: int, n_repeats: int
) -> Iterator[tuple[int, tuple[Places, Places]]]:
    """Cut the file at five places, however many repeats are asked for."""
    if len(converted) < n + N_BEHIND:
        return
    cuts = np.linspace(n, len(converted) - N_BEHIND, N_CUTS).astype(int)
    for repeat, cut in enumerate(np.unique(cuts)):
        train, test = np.arange(cut - n, cut), np.arange(cut, cut + N_BEHIND)
        if _is_enough(converted[train]) and _is_enough(converted[test]):
            yield repeat, (train, test)


def figures(converted: NDArray[np.bool_], scores: Floats) -> tuple[float, float, float, float]:
    """AUC, log loss, expected calibration error and the lift of the best tenth."""
    return (
        round(float(delong(converted, scores)[0][0]), 5),
        round(log_loss(converted, scores), 5),
        round(calibration_error(calibration_curve(converted, scores)), 5),
        round(lift(converted, scores, 0.1), 4),
    )


def views(folder: Path, fields: list[str], splits: list[str]) -> Iterator[tuple[View, RealLeads]]:
    """Look at a folder in every way asked for; without built-in fields there is no such view."""
    leads = real_leads(folder)
    for name in fields:
        seen = builtin_only(leads) if name == "builtin" else leads
        for split in splits:
            if seen.fields.model:
                yield View(folder.name, name, split), seen


def main(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    for name, reason in LEFT_OUT.items():
        print(f"{name} is left out: {reason}")
    warnings.filterwarnings("ignore", module="sklearn")
    methods, rows = available(options.methods), list[Row]()
    earlier = json.loads(RESULTS.read_text()) if options.add and RESULTS.exists() else []
    for folder in folders_in(options.folders):
        for view, leads in views(folder, options.fields, options.split):
            sizes, n_repeats = options.sizes, options.repeats
            for row in curves(leads, view, methods, sizes=sizes, n_repeats=n_repeats):
                rows.append(row)
                print(*asdict(row).values(), file=sys.stderr, flush=True)
            RESULTS.parent.mkdir(exist_ok=True)
            RESULTS.write_text(json.dumps(together(earlier, rows), indent=0) + "\n")
    found = together(earlier, rows)
    print(tables(found))
    print(f"\n{len(found):,} rows written to {RESULTS}")
    return int(not rows)


def together(earlier: list[dict[str, Any]], rows: list[Row]) -> list[dict[str, Any]]:
    """Put new rows in place of earlier ones of the same leads and method; sort by method."""

    def key(row: dict[str, Any]) -> tuple[Any, ...]:
        return tuple(row[name] for name in ("dataset", "fields", "split", "n", "method", "repeat"))

    new = {key(row): row for row in map(asdict, rows)}
    found = [row for row in earlier if key(row) not in new] + list(new.values())
    return sorted(found, key=lambda row: list(METHODS).index(row["method"]))


def _is_enough(converted: NDArray[np.bool_]) -> bool:
    return bool(min(converted.sum(), (~converted).sum()) >= MIN_OF_EACH_IN_A_SAMPLE)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make bench-learning", description="Learning curves.")
    parser.add_argument("folders", type=Path, nargs="+", help="of leads, or of such folders")
    parser.add_argument("--fields", nargs="+", choices=["own", "builtin"], default=["own"])
    parser.add_argument("--split", nargs="+", choices=["random", "rolling"], default=["random"])
    parser.add_argument("--sizes", nargs="+", type=int, default=list(SIZES))
    parser.add_argument("--repeats", type=int, default=N_REPEATS)
    parser.add_argument("--methods", nargs="+", choices=list(METHODS), default=[])
    parser.add_argument("--add", action="store_true", help="to the rows of earlier runs")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
