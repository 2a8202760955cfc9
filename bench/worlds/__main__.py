"""Run simulated orgs whose truth is known through the product's own learning loop.

`python -m bench.worlds [--worlds name ...] [--seeds n] [--processes n] [--policies name ...]
[--resume]` lives through orgs, day by day: leads are scored, outcomes follow, and the jobs train,
decide, watch and recalibrate as ever, each org on a database of its own. Two other policies see the
same outcomes: `always` puts every new version live, `holdout` keeps a fifth aside and compares with
the figure stored before. Each org is kept when it is done; `--resume` goes on after those.
"""

import argparse
import json
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import product, repeat
from pathlib import Path
from typing import TypeAlias

from bench.worlds.org import POLICIES, lived
from bench.worlds.tables import Rows, tables
from bench.worlds.world import WORLDS
from ml.training.families import random_forest

RESULTS = Path(__file__).parents[1] / "results" / "worlds.json"
N_SEEDS = 20
# A third of the product's: more orgs in the same time, and decisions by the same rules.
N_RANDOM_FOREST, N_EXTRA_TREES = 22, 12
Org: TypeAlias = tuple[str, int]  # a world and a seed
BY_NAME = {world.name: world for world in WORLDS}


def rows_of(name: str, seed: int, policies: Sequence[str]) -> Rows:
    warnings.filterwarnings("ignore", module="sklearn")
    random_forest.N_RANDOM_FOREST, random_forest.N_EXTRA_TREES = N_RANDOM_FOREST, N_EXTRA_TREES
    return lived(BY_NAME[name], seed, policies)


def run(orgs: Sequence[Org], n_processes: int, policies: Sequence[str]) -> Iterator[Rows]:
    """Live through orgs, as many at a time as there are processes."""
    names, seeds = zip(*orgs, strict=True)
    with ProcessPoolExecutor(n_processes) as pool:
        lives = pool.map(rows_of, names, seeds, repeat(policies))
        for (name, seed), found in zip(orgs, lives, strict=True):
            print(f"{name}: org {seed + 1}", file=sys.stderr, flush=True)
            yield found


def kept(names: Sequence[str], *, resume: bool) -> Rows:
    """Read what was found before, of other worlds or, to `resume`, of all."""
    rows: Rows = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
    return [row for row in rows if resume or row["world"] not in names]


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="make bench-worlds", description="Simulated orgs.")
    parser.add_argument("--worlds", nargs="+", choices=BY_NAME, default=list(BY_NAME))
    parser.add_argument("--seeds", type=int, default=N_SEEDS, help="orgs of each world")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--policies", nargs="+", choices=POLICIES, default=POLICIES)
    parser.add_argument("--resume", action="store_true", help="keep orgs that are done")
    options = parser.parse_args(arguments)
    rows = kept(options.worlds, resume=options.resume)
    done = {(row["world"], row["seed"]) for row in rows}
    # An org of each world, then the next of each: a run that is ended early tells of all worlds.
    orgs = [(name, seed) for seed, name in product(range(options.seeds), options.worlds)]
    to_do = [org for org in orgs if org not in done]
    for found in run(to_do, options.processes, options.policies) if to_do else ():
        rows += found
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(rows, indent=0) + "\n")
    print(tables([row for row in rows if (row["world"], row["seed"]) in orgs]))
    print(f"\n{len(rows):,} rows in {RESULTS}")
    return int(not rows)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
