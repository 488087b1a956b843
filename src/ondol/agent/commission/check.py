"""What is wired wrong at a site, from the recording of a trial: pure, so that a recording can be judged again."""

from __future__ import annotations

from dataclasses import replace

from ondol.agent.commission.check_backup import check_backup
from ondol.agent.commission.check_energy import check_energy
from ondol.agent.commission.check_power import check_power
from ondol.agent.commission.check_response import check_response
from ondol.agent.commission.check_static import check_static
from ondol.agent.commission.check_water import check_water
from ondol.agent.commission.finding import Finding, Verdict
from ondol.agent.commission.recording import Recording
from ondol.agent.layout import lay_out
from ondol.model.fleet import Fleet
from ondol.model.points import PointKey
from ondol.thermal.arrays import Floats

_ONLY_WRITTEN = frozenset({"power_cap", "switch", "backup", "setpoint"})


def check_recording(recording: Recording, fleet: Fleet, *, expected_outdoor_c: float | None = None) -> Verdict:
    """Judge every instrument and actuator of a site.

    Parameters
    ----------
    recording : of a trial of this site
    fleet : its part of the fleet, with the bindings that should have spoken
    expected_outdoor_c : by the site's climate and the season, within 18 K; None where it is not known [°C]
    """
    layout = lay_out(fleet, fleet.sites[0].id)
    bound = frozenset(
        binding.key for binding in fleet.bindings if binding.connection_id and binding.point not in _ONLY_WRITTEN
    )
    verdict = check_static(recording, layout, bound, expected_outdoor_c)
    # what is wrong by its mere value would be wrong in every later test: those go without it
    usable = replace(recording, values=_without(recording, verdict))
    verdict += check_power(usable, layout)
    verdict += check_water(usable, layout, fleet)
    verdict += check_energy(usable, layout, verdict)
    verdict += check_response(usable, layout, verdict)
    verdict += check_backup(usable, layout, verdict)
    return Verdict(_once(verdict), verdict.unjudged)


def _without(recording: Recording, verdict: Verdict) -> dict[PointKey, Floats]:
    return {key: series for key, series in recording.values.items() if not verdict.has(str(key))}


def _once(verdict: Verdict) -> tuple[Finding, ...]:
    """One finding of a kind for a point, the surest."""
    best: dict[tuple[str, str], Finding] = {}
    for finding in sorted(verdict.findings, key=lambda one: -one.confidence):
        best.setdefault((finding.where, finding.code), finding)
    return tuple(sorted(best.values(), key=lambda one: one.where))
