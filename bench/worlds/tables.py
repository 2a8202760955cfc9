"""What became of the claims and the models, as tables in Markdown."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from bench.worlds.world import WORLDS

Rows = list[dict[str, Any]]

HEADER = (
    "| world | outcomes | attempts | promotions | wrong | AUC claimed | AUC on later leads "
    "| within the 90 % interval | calibration error | recalibrations, worse "
    "| bad models gone | days | outcomes |"
)
WITHIN = 100  # outcomes
STEADY = {world.name for world in WORLDS if world.is_steady}
TINY_WORLD, NOISY_WORLD = "tiny-field", "noise-duplicates"


def tables(rows: Rows) -> str:
    """One table a policy, a line a world; then what must hold of the product."""
    return "\n".join(line for part in (_policies(rows), _targets(rows)) for line in part)


def _policies(rows: Rows) -> Iterator[str]:
    for policy in _values(rows, "policy"):
        of_policy = [row for row in rows if row["policy"] == policy]
        n_seeds = len(_values(of_policy, "seed"))
        yield f"\n{policy} ({n_seeds} seeds)\n\n{HEADER}\n{'|---' * 13}|"
        for world in _values(of_policy, "world"):
            yield _line(world, [row for row in of_policy if row["world"] == world])
        yield _line("all", of_policy)


def _line(name: str, rows: Rows) -> str:
    claims = _claims(rows)
    steady = [claim for claim in claims if not claim["has_changed"]]
    promotions, wrong = _total(rows, "promotions"), _total(rows, "wrong")
    spells = [spell for row in rows for spell in row["bad"]]
    gone = [spell for spell in spells if spell["is_over"]]
    cells = [
        name,
        f"{np.mean([row['outcomes'] for row in rows]):.0f}",
        f"{np.mean([row['attempts'] for row in rows]):.1f}",
        str(promotions),
        str(wrong),
        _mean([claim["auc"] for claim in claims]),
        _mean([claim["prospective"] for claim in claims]),
        _share([_covers(claim) for claim in steady]),
        _mean([row["calibration_error"] for row in rows]),
        f"{_total(rows, 'recalibrations')}, {_total(rows, 'worse_recalibrations')}",
        f"{len(gone)} of {len(spells)}",
        _median([spell["days"] for spell in gone]),
        _median([spell["n_outcomes"] for spell in gone]),
    ]
    return "| " + " | ".join(cells) + " |"


def _targets(rows: Rows) -> Iterator[str]:
    """What the product has to show, with the figure for each."""
    rows = [row for row in rows if row["policy"] == "leadloop"]
    yield "\n| what has to hold of leadloop | wanted | found |\n|---|---|---|"
    for about, wanted, found in _figures(rows):
        yield f"| {about} | {wanted} | {found} |"


def _figures(rows: Rows) -> Iterator[tuple[str, str, str]]:
    steady = [claim for claim in _claims(rows) if not claim["has_changed"]]
    yield "claims that hold where nothing changes", "85 %", _share([_covers(c) for c in steady])
    failed = [spell for row in rows for spell in row["failed"]]
    for counted, about in (("n_matured", "of leads since then"), ("n_outcomes", "of all")):
        said = _soon(failed, counted)
        yield f"failed claims said or replaced within {WITHIN} outcomes {about}", "80 %", said
    yield "looks at claims that hold that call them in doubt or failed", "few", _alarms(rows)
    promotions, wrong = _total(rows, "promotions"), _total(rows, "wrong")
    yield "wrong promotions", "at most 2 %", _share([True] * wrong + [False] * (promotions - wrong))
    bad = [spell for row in rows for spell in row["bad"]]
    yield f"bad models gone within {WITHIN} outcomes", "all", _soon(bad, "n_outcomes")
    still = [row["calibration_error"] for row in rows if row["world"] in STEADY]
    yield "mean calibration error where nothing changes", "0.03", _mean(still)
    yield "mean calibration error", "0.03", _mean([row["calibration_error"] for row in rows])
    n, worse = _total(rows, "recalibrations"), _total(rows, "worse_recalibrations")
    yield "recalibrations that make calibration worse", "none", f"{worse} of {n}"
    noisy = [row for row in rows if row["world"] == NOISY_WORLD]
    yield (
        "orgs of noise and duplicates that promote anything",
        "1 in 50",
        _share([row["promotions"] > 0 for row in noisy]),
    )
    tiny = [row["tiny_error"] for row in rows if row["world"] == TINY_WORLD]
    yield "scores too high for leads with the tiny field, by", "0.03", _mean(tiny)
    noticed = [row for row in rows if row["world"] in {"constant", "unit"}]
    yield (
        "changed numbers that the monitors notice",
        "all",
        _share([row["noticed_days"] is not None for row in noticed]),
    )


def _soon(spells: list[dict[str, Any]], counted: str) -> str:
    """The share that ended soon; those that the end of the world has cut short do not count."""
    decided = [spell for spell in spells if spell["is_over"] or spell[counted] > WITHIN]
    return _share([spell["is_over"] and spell[counted] <= WITHIN for spell in decided])


def _alarms(rows: Rows) -> str:
    n, false = _total(rows, "looks_at_right"), _total(rows, "false_alarms")
    return f"{false / n:.1%} ({false:,} of {n:,})" if n else "-"


def _claims(rows: Rows) -> list[dict[str, Any]]:
    return [claim for row in rows for claim in row["claims"]]


def _covers(claim: dict[str, Any]) -> bool:
    return bool(claim["low"] <= claim["prospective"] <= claim["high"])


def _values(rows: Rows, name: str) -> list[Any]:
    return list(dict.fromkeys(row[name] for row in rows))


def _total(rows: Rows, name: str) -> int:
    return sum(row[name] for row in rows)


def _share(held: list[bool]) -> str:
    return f"{sum(held) / len(held):.0%} ({sum(held)} of {len(held)})" if held else "-"


def _mean(values: list[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{np.mean(known):.3f}" if known else "-"


def _median(values: list[float]) -> str:
    return f"{np.median(values):.0f}" if values else "-"
