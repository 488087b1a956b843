"""Gradient-boosted trees on the feature table: bends and interplays that straight lines miss."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

import numpy as np

from ondol.thermal.arrays import Floats

BINS = 32
TREES, LEAVES, LEARNING_RATE, LEAST_IN_LEAF = 80, 8, 0.1, 15


@dataclass(frozen=True, slots=True, eq=False)
class Trees:
    """Fitted trees with the bin edges of their columns.

    Parameters
    ----------
    edges : for each column
    model : a fitted `HistGradientBoostingRegressor`
    """

    edges: tuple[Floats, ...]
    model: Any

    def predict(self, table: Floats) -> Floats:
        """Demand of rows of a feature table [W]."""
        with _one_thread():
            return np.asarray(self.model.predict(_binned(table, self.edges)), dtype=np.float64)


def bin_edges(table: Floats) -> tuple[Floats, ...]:
    """Quantiles of each column that part it into at most 32 bins."""
    shares = np.linspace(0.0, 1.0, BINS + 1)[1:-1]
    return tuple(np.unique(np.quantile(column, shares)) for column in table.T)


def fit_trees(table: Floats, demand_w: Floats, weight: Floats, edges: tuple[Floats, ...]) -> Trees:
    """Boost trees on the squared error (Ke et al., LightGBM, NeurIPS 2017, as in scikit-learn); always the same trees.

    The columns are binned here: given weights, scikit-learn 1.9 spends 95 of 116 ms on its own bin edges.

    Parameters
    ----------
    table : feature table without unknowns, shape (hours, 9)
    demand_w, weight : shape (hours,)
    edges : of `bin_edges`
    """
    from sklearn.ensemble import HistGradientBoostingRegressor  # takes 0.8 s, and only who fits needs it

    model = HistGradientBoostingRegressor(
        max_iter=TREES,
        max_leaf_nodes=LEAVES,
        learning_rate=LEARNING_RATE,
        min_samples_leaf=LEAST_IN_LEAF,
        max_bins=BINS + 1,
        early_stopping=False,
        random_state=0,
    )
    with _one_thread():
        return Trees(edges, model.fit(_binned(table, edges), demand_w, sample_weight=weight))


def _one_thread() -> AbstractContextManager[object]:
    """Keep OpenMP to one thread.

    These tables are small, and threads that wait for each other on shared cores take very much longer: on two loaded
    cores a fit of 0.1 s took tens of seconds.
    """
    return cast("AbstractContextManager[object]", _pools().limit(limits=1, user_api="openmp"))


@lru_cache(maxsize=1)
def _pools() -> Any:
    import sklearn.ensemble  # noqa: F401  # so that its threads are among those that are found
    from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]  # scikit-learn's own requirement

    return ThreadpoolController()


def _binned(table: Floats, edges: tuple[Floats, ...]) -> Floats:
    columns = [np.searchsorted(edge, column) for edge, column in zip(edges, table.T, strict=True)]
    return np.stack(columns, axis=1).astype(np.float64)
