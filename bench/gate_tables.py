"""What gates did, as tables in Markdown."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

HEADER = (
    "| gate | promotions a stream | wrong | of undeserved attempts | AUC at start | at end "
    "| worst tenth | log loss |"
)


def tables(rows: list[dict[str, Any]]) -> str:
    if not rows:
        return "No data set has enough leads."
    frame = pd.DataFrame(rows)
    names = frame["dataset"].unique()
    parts = [(name, frame[frame["dataset"] == name]) for name in names]
    if len(names) > 1:
        parts.append((f"all {len(names)} data sets", frame))
    return "\n".join(line for name, part in parts for line in _starts(name, part))


def _starts(name: str, rows: pd.DataFrame) -> Iterator[str]:
    for outcomes in rows["outcomes"].unique():
        for start in rows["start"].unique():
            of_start = rows[(rows["outcomes"] == outcomes) & (rows["start"] == start)]
            if len(of_start):
                yield from _gates(f"{name}, outcomes {outcomes}, {start} start", of_start)


def _gates(title: str, rows: pd.DataFrame) -> Iterator[str]:
    n_streams = len(rows.drop_duplicates(["dataset", "stream"]))
    yield f"\n{title} ({n_streams} streams)\n\n{HEADER}\n{'|---' * 8}|"
    for gate in rows["gate"].unique():
        yield _line(gate, rows[rows["gate"] == gate])


def _line(gate: str, rows: pd.DataFrame) -> str:
    promotions, wrong, undeserved = (
        int(rows[name].sum()) for name in ("promotions", "wrong", "undeserved")
    )
    share = f"{wrong / undeserved:.1%}" if undeserved else "-"
    cells = [
        gate,
        f"{promotions / len(rows):.2f}",
        f"{wrong} of {promotions}",
        f"{share} of {undeserved}",
        *(f"{rows[name].mean():.3f}" for name in ("auc_at_start", "auc_at_end")),
        f"{rows['auc_at_end'].quantile(0.1):.3f}",
        f"{rows['log_loss_at_end'].mean():.3f}",
    ]
    return "| " + " | ".join(cells) + " |"
