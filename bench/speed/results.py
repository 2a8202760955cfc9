"""Ratios as rows: of each round, since rounds of one run share what else the machine did."""

import json
from collections.abc import Sequence
from statistics import median
from typing import Any, NamedTuple

from webapp.config import ROOT

RESULTS = ROOT / "bench" / "results" / "speed.json"


class Target(NamedTuple):
    """What a ratio must be: at least or at most so much."""

    sign: str
    bound: float

    def __str__(self) -> str:
        return f"{self.sign} {self.bound:g}"

    def is_met(self, ratio: float) -> bool:
        return ratio >= self.bound if self.sign == ">=" else ratio <= self.bound


def row(name: str, ratios: Sequence[float], target: Target) -> dict[str, Any]:
    """The median ratio of the rounds, with the least and the most."""
    middle = median(ratios)
    return {
        "name": name,
        "ratio": round(middle, 3),
        "min": round(min(ratios), 3),
        "max": round(max(ratios), 3),
        "rounds": len(ratios),
        "target": str(target),
        "met": target.is_met(middle),
    }


def keep(rows: Sequence[dict[str, Any]]) -> None:
    """Put rows in the place of those of the same name, and print them."""
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
    new = {each["name"]: each for each in rows}
    kept = [new.pop(each["name"], each) for each in known] + list(new.values())
    RESULTS.write_text("[\n" + ",\n".join(f"  {json.dumps(each)}" for each in kept) + "\n]\n")
    for each in rows:
        met = "met" if each["met"] else "missed"
        span = f"{each['min']:g} to {each['max']:g}, {each['rounds']} rounds"
        print(f"{each['name']}: {each['ratio']:g} ({span}); target {each['target']}: {met}")
