"""Run simulated orgs whose truth is known through the product's own learning loop.

`python -m bench.worlds [--worlds name ...] [--seeds n] [--processes n]` lives through orgs, day by
day: leads are scored, outcomes follow, and the jobs train, decide, watch and recalibrate as ever,
each org on a database of its own. Two other policies see the same outcomes: `always` puts every new
version live, `holdout` keeps a fifth aside and compares with the figure stored before.
"""

import argparse
import json
import os
import sys
import warnings
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from pathlib import Path

from bench.worlds.org import lived
from bench.worlds.tables import Rows, tables
from bench.worlds.world import WORLDS
from ml.training.families import random_forest

RESULTS = Path(__file__).parents[1] / "results" / "worlds.json"
N_SEEDS = 20
# A third of the product's: more orgs in the same time, and decisions by the same rules.
N_RANDOM_FOREST, N_EXTRA_TREES = 22, 12
BY_NAME = {world.name: world for world in WORLDS}


def rows_of(name: str, seed: int) -> Rows:
    warnings.filterwarnings("ignore", module="sklearn")
    random_forest.N_RANDOM_FOREST, random_forest.N_EXTRA_TREES = N_RANDOM_FOREST, N_EXTRA_TREES
    return lived(BY_NAME[name], seed)


def run(names: Sequence[str], n_seeds: int, n_processes: int) -> Rows:
    """Live through the orgs, as many at a time as there are processes; keep what is done."""
    before: Rows = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
    others = [row for row in before if row["world"] not in names]
    rows: Rows = []
    # An org of each world, then the next of each: a run that is ended early tells of all worlds.
    orgs = [(name, seed) for seed, name in product(range(n_seeds), names)]
    with ProcessPoolExecutor(n_processes) as pool:
        lives = pool.map(rows_of, *zip(*orgs, strict=True))
        for (name, seed), found in zip(orgs, lives, strict=True):
            rows += found
            RESULTS.parent.mkdir(exist_ok=True)
            RESULTS.write_text(json.dumps(others + rows, indent=0) + "\n")
            print(f"{name}: org {seed + 1} of {n_seeds}", file=sys.stderr, flush=True)
    return rows


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="make bench-worlds", description="Simulated orgs.")
    parser.add_argument("--worlds", nargs="+", choices=BY_NAME, default=list(BY_NAME))
    parser.add_argument("--seeds", type=int, default=N_SEEDS, help="orgs of each world")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args(arguments)
    rows = run(options.worlds, options.seeds, options.processes)
    print(tables(rows))
    print(f"\n{len(rows):,} rows written to {RESULTS}")
    return int(not rows)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
