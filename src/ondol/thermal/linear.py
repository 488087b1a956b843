"""Exact means of linear systems over a step; the balance of a step is then closed by construction.

For ``dx/dt = A x + f`` with constant f, the mean of x over a step h is ``φ1(hA) x0 + h φ2(hA) f`` with
``φ1(z) = (e^z − 1)/z`` and ``φ2(z) = (e^z − 1 − z)/z²``. Every model here takes the mean from these and the
end of the step from ``x1 = x0 + h (A x̄ + f)``: exact, and what flowed equals what is stored to rounding.
(Hochbruck & Ostermann, Exponential integrators, Acta Numerica 19, 2010, section 2.)
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import expm

from ondol.thermal.arrays import Floats

_SERIES_BELOW = 1e-2


def phi1(z: Floats) -> Floats:
    """φ1(z) = (e^z − 1)/z, with φ1(0) = 1."""
    safe = np.where(z == 0.0, 1.0, z)
    return np.where(z == 0.0, 1.0, np.expm1(safe) / safe)


def phi2(z: Floats) -> Floats:
    """φ2(z) = (φ1(z) − 1)/z, with φ2(0) = 1/2; a series near 0, where the difference would lose digits."""
    near = np.abs(z) < _SERIES_BELOW
    safe = np.where(near, 1.0, z)
    small = np.where(near, z, 0.0)
    series = 0.5 + small / 6 * (1 + small / 4 * (1 + small / 5 * (1 + small / 6 * (1 + small / 7))))
    return np.where(near, series, (phi1(safe) - 1.0) / safe)


def mean_first_order(start: Floats, drive: Floats, rate: Floats, dt_s: float) -> Floats:
    """Mean over the step of ``dx/dt = drive − rate·x``.

    Parameters
    ----------
    start : value at the start of the step
    drive : constant term, per second
    rate : decay rate in 1/s, 0 or more
    dt_s : step in s
    """
    z = -rate * dt_s
    return phi1(z) * start + dt_s * phi2(z) * drive


def mean_operators_network(conductance: Floats, capacity: Floats, dt_s: float) -> tuple[Floats, Floats]:
    """Mean operators of a passive network ``C dx/dt = −G x + q``: ``x̄ = M0 x0 + M1 q``.

    A passive network is symmetric after scaling with √C, so a symmetric eigenproblem solves it: exact and
    stable at any step, however stiff.

    Parameters
    ----------
    conductance : G, shape (n, k, k), symmetric, W/K
    capacity : C, shape (n, k), above 0, J/K
    dt_s : step in s

    Returns
    -------
    M0 (dimensionless) and M1 (K/W), both of shape (n, k, k)
    """
    root = np.sqrt(capacity)
    rates, vectors = np.linalg.eigh(conductance / (root[:, :, None] * root[:, None, :]))
    z = -np.maximum(rates, 0.0) * dt_s
    right = vectors.transpose(0, 2, 1)
    mean = (vectors * phi1(z)[:, None, :]) @ right
    forced = (vectors * (dt_s * phi2(z))[:, None, :]) @ right
    return mean * root[:, None, :] / root[:, :, None], forced / (root[:, :, None] * root[:, None, :])


def mean_operators(matrix: Floats, dt_s: float) -> tuple[Floats, Floats]:
    """Mean operators of any linear system ``dx/dt = A x + f``: ``x̄ = M0 x0 + M1 f``.

    One matrix exponential of the block matrix [[hA, I, 0], [0, 0, I], [0, 0, 0]] holds φ1 and φ2
    (Al-Mohy & Higham, SIAM J. Sci. Comput. 33, 2011, theorem 2.1).

    Parameters
    ----------
    matrix : A, shape (k, k), 1/s
    dt_s : step in s
    """
    k = matrix.shape[0]
    block = np.zeros((3 * k, 3 * k))
    block[:k, :k] = matrix * dt_s
    block[:k, k : 2 * k] = np.eye(k)
    block[k : 2 * k, 2 * k :] = np.eye(k)
    power = expm(block)
    return power[:k, k : 2 * k], power[:k, 2 * k :] * dt_s
