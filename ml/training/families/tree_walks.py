"""Many leads walked through served trees at once, in a tenth of the time."""

from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np

from ml.scorecard.trees import LEAF, Trees
from ml.training.encode import Bools, Floats, Ints, Record

MAX_WALKS = 200_000  # of a lead through a tree, at once


def moves_of(trees: Trees, records: Sequence[Record]) -> Floats:
    """Sum up by input how far questions move what trees say; shape (n_leads, n_inputs)."""
    rows = np.array([trees.row(record) for record in records])
    is_absent = np.array([[name not in record for name in trees.fields] for record in records])
    return moves(trees, rows, is_absent)


def moves(trees: Trees, rows: Floats, is_absent: Bools) -> Floats:
    """Walk leads, laid out as served, through all trees, as `Trees.moves` does.

    `is_absent`, shape (n_leads, n_inputs), tells whose fields were not collected: there they go
    both ways, as the leads learned from did, which moves nothing. Gives shape (n_leads, n_inputs).
    """
    nodes = _Nodes.of(trees)
    at_once = max(1, MAX_WALKS // len(trees.roots))
    parts = [slice(first, first + at_once) for first in range(0, len(rows), at_once)]
    found = [_moves_at_once(nodes, rows[part], is_absent[part]) for part in parts]
    return np.concatenate([np.empty((0, len(trees.inputs))), *found])


class _Nodes(NamedTuple):
    """What a walk asks of the nodes of trees, as arrays; `owner` is the input asked about."""

    roots: Ints
    column: Ints
    threshold: Floats
    second: Ints
    value: Floats
    n: Ints
    owner: Ints

    @classmethod
    def of(cls, trees: Trees) -> Self:
        owners = [place for place, each in enumerate(trees.inputs) for _ in each.columns]
        columns = [column for each in trees.inputs for column in each.columns]
        owner = np.empty(len(owners), dtype=np.int64)
        owner[columns] = owners
        return cls(
            roots=np.array(trees.roots),
            column=np.array(trees.column),
            threshold=np.array(trees.threshold),
            second=np.array(trees.second),
            value=np.array(trees.values_of_nodes),
            n=np.array(trees.n),
            owner=owner,
        )


def _moves_at_once(nodes: _Nodes, rows: Floats, is_absent: Bools) -> Floats:
    total = np.zeros(is_absent.size)
    lead = np.tile(np.arange(len(rows)), len(nodes.roots))
    node, weight = np.repeat(nodes.roots, len(rows)), np.ones(len(lead))
    while len(lead):
        goes_on = nodes.column[node] != LEAF
        lead, node, weight = (each[goes_on] for each in (lead, node, weight))
        asked, second = nodes.column[node], nodes.second[node]
        place = lead * is_absent.shape[1] + nodes.owner[asked]
        is_first, both_ways = rows[lead, asked] <= nodes.threshold[node], is_absent.ravel()[place]
        step = nodes.value[np.where(is_first, node + 1, second)] - nodes.value[node]
        total += np.bincount(place, np.where(both_ways, 0.0, weight * step), len(total))
        first = np.where(both_ways, nodes.n[node + 1] / nodes.n[node], is_first)
        ways = ((node + 1, first), (second, 1 - first))
        lead = np.concatenate([lead[chance > 0] for _, chance in ways])
        weight = np.concatenate([(weight * chance)[chance > 0] for _, chance in ways])
        node = np.concatenate([child[chance > 0] for child, chance in ways])
    return total.reshape(is_absent.shape)
