"""Learning curves as tables in Markdown: a data set each, the means, and who is ahead."""

from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd

PRODUCT = "leadloop"


def tables(rows: list[dict[str, Any]]) -> str:
    if not rows:
        return "No data set has enough leads."
    by = ["fields", "split", "dataset", "n", "method"]
    grouped = pd.DataFrame(rows).groupby(by, sort=False)
    means = grouped[["auc", "log_loss", "ece", "lift"]].mean()
    return "\n".join(
        line
        for (fields, split), view in means.groupby(level=["fields", "split"], sort=False)
        for line in _view(view.droplevel(["fields", "split"]), f"fields: {fields}, split: {split}")
    )


def _view(means: pd.DataFrame, title: str) -> Iterator[str]:
    datasets = means.index.unique("dataset")
    for dataset in datasets:
        yield from _table(_at(means, "dataset", dataset), f"{dataset} ({title})", _ranking)
    overall = means.groupby(level=["n", "method"], sort=False).mean()
    title = f"mean of {len(datasets)} data sets ({title})"
    yield from _table(overall, title, _ranking)
    others = f"{title}: calibration error / lift of the best tenth"
    yield from _table(overall, others, lambda row: f"{row.ece:.3f} / {row['lift']:.2f}")
    yield from _lead(means, overall)


def _table(means: pd.DataFrame, title: str, cell: Callable[[pd.Series], str]) -> Iterator[str]:
    sizes, methods = means.index.unique("n"), means.index.unique("method")
    yield f"\n{title}\n"
    yield "| method | " + " | ".join(f"{n:,}" for n in sizes) + " |"
    yield "|---" * (len(sizes) + 1) + "|"
    for method in methods:
        cells = [cell(means.loc[n, method]) if (n, method) in means.index else "" for n in sizes]
        yield f"| {method} | " + " | ".join(cells) + " |"


def _ranking(row: pd.Series) -> str:
    return f"{row.auc:.3f} / {row.log_loss:.3f}"


def _lead(means: pd.DataFrame, overall: pd.DataFrame) -> Iterator[str]:
    if PRODUCT not in means.index.unique("method") or means.index.unique("method").size < 2:
        return
    yield f"\n{PRODUCT} against the best single peer\n"
    yield "| n | AUC | log loss | data set furthest below its own best peer |"
    yield "|---|---|---|---|"
    for n in overall.index.unique("n"):
        auc, loss = (_at(overall, "n", n)[name] for name in ("auc", "log_loss"))
        gain = auc[PRODUCT] - auc.drop(PRODUCT).max()
        saved = loss[PRODUCT] - loss.drop(PRODUCT).min()
        yield f"| {n:,} | {gain:+.4f} | {saved:+.4f} | {_furthest_below(_at(means, 'n', n))} |"


def _furthest_below(means: pd.DataFrame) -> str:
    by_dataset = means["auc"].unstack("method")
    gains = by_dataset[PRODUCT] - by_dataset.drop(columns=PRODUCT).max(axis=1)
    worst = str(gains.idxmin())
    best_peer = by_dataset.drop(columns=PRODUCT).idxmax(axis=1)
    return f"{worst} {gains[worst]:+.4f} ({best_peer[worst]})"


def _at(means: pd.DataFrame, level: str, value: object) -> pd.DataFrame:
    return means[means.index.get_level_values(level) == value].droplevel(level)
