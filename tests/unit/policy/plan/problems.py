"""Store problems for tests: small ones by hand, random ones by seed, and the linear programme that they relax to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse import coo_matrix, csr_matrix, hstack

from ondol.policy.plan.problem import J_PER_KWH, StoreProblem

HOUR_S = 3600.0


def one_store(
    *,
    grid,
    demand,
    backup=230.0,
    store=0.0,
    capacity=1e8,
    loss=0.0,
    power=(0.0, 4000.0),
    heat=None,
    rate=(0.0, 10.0),
    burn=False,
    end_value=0.0,
    step_s=HOUR_S,
) -> StoreProblem:
    """One store; grid [g/kWh] and demand [W] per step, the rest plain numbers; steps of an hour."""
    steps = len(grid)
    return StoreProblem(
        step_s=np.full(steps, step_s),
        store_j=np.array([store]),
        capacity_j=np.array([capacity]),
        loss_per_s=np.array([loss]),
        demand_w=np.array([demand], dtype=np.float64),
        electricity_g_per_kwh=np.array([grid], dtype=np.float64),
        backup_g_per_kwh=np.broadcast_to(np.asarray(backup, dtype=np.float64), (1, steps)).copy(),
        end_value_g_per_j=np.array([end_value]),
        power_levels_w=np.array([power]),
        heat_levels_w=np.array([power if heat is None else heat]),
        rate_levels=np.array([rate]),
        burn=np.array([burn]),
    )


def stacked(*problems: StoreProblem) -> StoreProblem:
    """Several stores over the same steps."""
    names = [n for n in StoreProblem.__dataclass_fields__ if n != "step_s"]
    return StoreProblem(
        step_s=problems[0].step_s, **{n: np.concatenate([getattr(p, n) for p in problems]) for n in names}
    )


def random_problem(seed: int, *, stores=1, steps=12, packed=True, rising_backup=False, burn=False) -> StoreProblem:
    """Random stores: from none to a week's, tight or leaky, on gas, heat pump or resistive backup."""
    rng = np.random.default_rng(seed)
    one, share = (stores, 1), np.linspace(0.0, 1.0, 9)
    step_s = np.full(steps, 7200.0)
    step_s[:8], step_s[8:16] = 900.0, 3600.0
    capacity = rng.choice([0.0, 1e6, 2e7, 1e8, 5e8], size=stores) * rng.uniform(0.5, 1.5, stores)
    full_w = rng.uniform(2e3, 2e4, one)
    if packed:
        power = full_w * share
        heat, rate = power * rng.uniform(0.6, 0.98, one), share * rng.integers(4, 40, one)
    else:
        part = np.concatenate([np.zeros(one), np.sort(rng.uniform(0.05, 1.0, (stores, 8)), axis=1)], axis=1)
        power = full_w * part
        heat = np.maximum(power * rng.uniform(0.7, 0.98, one) - rng.uniform(0.0, 800.0, one), 0.0)
        rate = rng.integers(4, 40, one) * part ** rng.uniform(0.5, 1.0, one)
    hour = np.cumsum(step_s) / 3600.0 * 2.0 * np.pi / 24.0
    demand = full_w * rng.uniform(0.0, 1.5, one) * (1.0 + np.sin(hour + rng.uniform(0.0, 6.0, one)))
    demand *= rng.uniform(0.3, 1.0, (stores, steps)) * (rng.random((stores, steps)) > 0.2)
    grid = rng.uniform(20.0, 400.0, one) * (1.0 + 0.7 * np.sin(hour + rng.uniform(0.0, 6.0)))
    grid *= rng.uniform(0.8, 1.2, (1, steps))
    level = rng.choice([30.0, 100.0, 230.0, 300.0], one) * rng.uniform(0.9, 1.1, one)
    backup = grid / rng.uniform(0.9, 4.0, one) if rising_backup else np.repeat(level, steps, axis=1)
    return StoreProblem(
        step_s=step_s,
        store_j=capacity * rng.uniform(0.0, 1.0, stores),
        capacity_j=capacity,
        loss_per_s=rng.choice([0.0, 1e-6, 1e-5, 5e-5], stores),
        demand_w=demand,
        electricity_g_per_kwh=grid,
        backup_g_per_kwh=backup,
        end_value_g_per_j=backup[:, -1] / J_PER_KWH * rng.uniform(0.0, 0.9, stores),
        power_levels_w=power,
        heat_levels_w=heat,
        rate_levels=rate,
        burn=np.full(stores, burn),
    )


def most_work(problem: StoreProblem) -> float:
    """Work of all stores at full power [node-s]."""
    return float((problem.rate_levels[:, -1:] * problem.step_s).sum())


@dataclass
class Answer:
    cost_g: float
    price_g_per_node_s: float  # of the wanted work, where asked for


class Programme:
    """The same problem as a linear programme: per store and step the level, backup, dump and time at each level."""

    def __init__(self, problem: StoreProblem, price: float = 0.0) -> None:
        n, steps = problem.demand_w.shape
        levels = problem.power_levels_w.shape[1]
        kinds = 2 if problem.burn.any() else 1  # with work, and for heat alone
        width = 3 + kinds * levels
        at = np.arange(n * steps * width).reshape(n, steps, width)
        use = at[:, :, 3:].reshape(n, steps, kinds, levels)
        size = at.size
        self.problem, self.at = problem, at
        step = problem.step_s[None, :]
        self.high = np.full(size, np.inf)
        self.high[at[:, :, 0]] = problem.capacity_j[:, None]
        if kinds == 2:
            self.high[use[~problem.burn, :, 1]] = 0.0
        self.work = np.zeros(size)
        self.work[use[:, :, 0]] = problem.rate_levels[:, None, :] * step[..., None]
        self.cost = np.zeros(size)
        self.cost[at[:, :, 1]] = problem.backup_g_per_kwh / J_PER_KWH
        self.cost[at[:, -1, 0]] = -problem.end_value_g_per_j
        spent = problem.electricity_g_per_kwh[..., None] * problem.power_levels_w[:, None, :] * step[..., None]
        self.cost[use] = (spent / J_PER_KWH)[:, :, None, :]
        self.cost -= price * self.work
        # level − keep·level before − heat·time − backup + dumped = −demand, and the shares of time are 1 together
        rows, keep = np.arange(n * steps).reshape(n, steps), 1.0 - problem.loss_per_s[:, None] * step
        heat = np.broadcast_to((problem.heat_levels_w[:, None, :] * step[..., None])[:, :, None, :], use.shape)
        wide = np.broadcast_to(rows[:, :, None, None], use.shape)
        entries = [
            (rows, at[:, :, 0], np.ones((n, steps))),
            (rows, at[:, :, 1], -np.ones((n, steps))),
            (rows, at[:, :, 2], np.ones((n, steps))),
            (rows[:, 1:], at[:, :-1, 0], -keep[:, 1:]),
            (wide, use, -heat),
            (wide + n * steps, use, np.ones(use.shape)),
        ]
        row, column, value = (np.concatenate([e[k].ravel() for e in entries]) for k in range(3))
        self.balance = csr_matrix(coo_matrix((value, (row, column)), shape=(2 * n * steps, size)))
        given = -problem.demand_w * step
        given[:, 0] += problem.store_j * keep[:, 0]
        self.given = np.concatenate([given.ravel(), np.ones(n * steps)])

    def least(self, *, wanted=None, overflow=None, released=None, due=None) -> Answer:
        """Solve; with wanted work, which may be done at an overflow site at its price, and cumulative curves."""
        cost, high, balance, given = self.cost, self.high, self.balance, self.given
        bounds_a, bounds_b = None, None
        if wanted is not None:
            balance = csr_matrix(np.vstack([balance.toarray(), self.work]))
            given = np.append(given, wanted)
            if overflow is not None:
                column = np.zeros((len(given), 1))
                column[-1] = 1.0
                balance = hstack([balance, column]).tocsr()
                cost, high = np.append(cost, overflow), np.append(high, np.inf)
        if released is not None:
            step = np.broadcast_to(np.arange(self.problem.steps)[None, :, None], self.at.shape).ravel()
            until = np.array([self.work * (step <= t) for t in range(self.problem.steps)])
            bounds_a, bounds_b = np.vstack([until, -until]), np.concatenate([released, -due])
        bounds = np.column_stack([np.zeros(len(cost)), high])
        found = linprog(cost, A_ub=bounds_a, b_ub=bounds_b, A_eq=balance, b_eq=given, bounds=bounds, method="highs")
        assert found.status == 0, found.message
        return Answer(found.fun, found.eqlin.marginals[-1])

    def least_without_charging(self) -> float:
        """Solve for one store, the backup running only where the store is empty at the end of the step."""
        steps, size = self.problem.steps, len(self.cost)
        most_j = self.problem.demand_w[0] * self.problem.step_s + 1.0
        rule = np.zeros((2 * steps, size + steps))
        turn = np.arange(steps)
        rule[turn, self.at[0, :, 1]], rule[turn, size + turn] = 1.0, -most_j
        rule[steps + turn, self.at[0, :, 0]], rule[steps + turn, size + turn] = 1.0, self.problem.capacity_j[0]
        limit = np.concatenate([np.zeros(steps), np.full(steps, self.problem.capacity_j[0])])
        equal = hstack([self.balance, csr_matrix((self.balance.shape[0], steps))])
        found = milp(
            np.append(self.cost, np.zeros(steps)),
            constraints=[LinearConstraint(rule, -np.inf, limit), LinearConstraint(equal, self.given, self.given)],
            integrality=np.append(np.zeros(size), np.ones(steps)),
            bounds=Bounds(np.zeros(size + steps), np.append(self.high, np.ones(steps))),
            options={"mip_rel_gap": 1e-7},
        )
        assert found.status == 0, found.message
        return float(found.fun)
