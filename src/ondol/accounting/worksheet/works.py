"""A declared job: who bears its burden by each view, what its heat avoids, and the basket of functions."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from ondol.accounting.account.heaters import HEAT_PUMP, reference_heater
from ondol.accounting.allocation import AllocationTerms, AllocationView, Burden, allocate_site
from ondol.accounting.avoided import Avoided, ContractShares, Span, UsefulHeat, avoided
from ondol.accounting.basket import Basket, DataCentre, Functions, basket
from ondol.accounting.factor_ids import id_mistakes
from ondol.accounting.heater import Counterfactual, Footing, ReferenceHeater
from ondol.accounting.registry import Registry
from ondol.accounting.worksheet.sheet import Centre, Efficiency, Job, OwnFactor, Reference
from ondol.model.checks import check_range
from ondol.model.errors import InvalidFieldError
from ondol.model.factor import Factor, Mix

_ROUNDING = 1e-9
_YEAR = 2026  # of a declared factor; nothing here looks at it


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFigures:
    """What was worked out of one job.

    Parameters
    ----------
    operational_g, embodied_g, total_g : inventory, without credit for heat [gCO2e]; their sum, which every view shares
    views : A0 to A3
    avoided : in a box of its own; None where no reference is stated
    by_contract : view A6: what the heat side and the compute side may say of it; None without a contract
    basket : against a data centre and a heater; None where none is stated
    """

    name: str
    operational_g: float
    embodied_g: float
    total_g: float
    views: tuple[AllocationView, ...]
    avoided: Avoided | None
    by_contract: tuple[Span, Span] | None
    basket: Basket | None


def job_figures(job: Job, registry: Registry) -> JobFigures:
    """Work a job out.

    Parameters
    ----------
    registry : of the heaters that are named by id

    Raises
    ------
    InvalidFieldError : impossible numbers; another footing or calorific basis on one side than on the other; a window
        that ends after its reference does, or that has no end
    """
    at = f"job[{job.name}]"
    check_range(f"{at}.g_per_kwh", job.g_per_kwh, 0.0, 3000.0, "g/kWh")
    check_range(f"{at}.total_kwh", job.total_kwh, 0.0, 1e15, "kWh")
    check_range(f"{at}.embodied_g", job.embodied_g, 0.0, 1e18, "g")
    check_range(f"{at}.heat_only_kwh", job.heat_only_kwh, 0.0, job.total_kwh, "kWh (at most total_kwh)")
    if job.mix is Mix.MARKET:
        raise InvalidFieldError(
            f"{at}.mix",
            job.mix.value,
            "average or marginal: contracts never stand in a credit for heat, nor in SCI; a [[site]] has them",
        )
    useful = _useful(job)
    operational_g = job.total_kwh * job.g_per_kwh
    total_g = operational_g + job.embodied_g
    made = None if job.reference is None else _avoided(job, job.reference, useful, total_g, registry)
    shares = None if job.reference is None else _shares(job.reference)
    return JobFigures(
        name=job.name,
        operational_g=operational_g,
        embodied_g=job.embodied_g,
        total_g=total_g,
        views=_views(job, total_g),
        avoided=made,
        by_contract=None if made is None or shares is None else shares.of(made.named),
        basket=None if job.data_centre is None else _basket(job, job.data_centre, operational_g, registry),
    )


def _useful(job: Job) -> UsefulHeat | None:
    at = f"job[{job.name}]"
    kwh = job.useful_heat_kwh
    if kwh is None:
        for field in ("standby_kwh", "auxiliary_kwh", "meter_uncertainty"):
            check_range(f"{at}.{field}", getattr(job, field), 0.0, 0.0, "where no heat is metered")
        return None
    check_range(f"{at}.useful_heat_kwh", kwh, 0.0, job.total_kwh, "kWh (at most total_kwh: ERF is never above 1)")
    return UsefulHeat(
        kwh=kwh,
        uncertainty=job.meter_uncertainty,
        standby_kwh=job.standby_kwh,
        auxiliary_kwh=job.auxiliary_kwh,
        auxiliary_g_per_kwh=job.g_per_kwh if job.auxiliary_kwh else 0.0,
    )


def _views(job: Job, total_g: float) -> tuple[AllocationView, ...]:
    terms = AllocationTerms(
        supply_c=job.supply_c,
        return_c=job.return_c,
        reference_c=job.surroundings_c,
        heat_eur_per_kwh=job.heat_eur_per_kwh,
    )
    part = job.heat_only_kwh / job.total_kwh if job.total_kwh > 0.0 else 0.0
    heat = job.useful_heat_kwh
    work = Burden(
        total_g=total_g * (1.0 - part),
        energy_kwh=job.total_kwh * (1.0 - part),
        it_kwh=job.it_kwh * (1.0 - part),
        useful_heat_kwh=None if heat is None else heat * (1.0 - part),
        takings_eur=job.takings_eur,
    )
    if part == 0.0:
        return allocate_site([work], terms=terms)
    filler = Burden(
        total_g=total_g * part,
        energy_kwh=job.total_kwh * part,
        it_kwh=job.it_kwh * part,
        useful_heat_kwh=None if heat is None else heat * part,
    )
    return allocate_site([work], heat_only=filler, terms=terms)


def _avoided(job: Job, reference: Reference, useful: UsefulHeat | None, total_g: float, registry: Registry) -> Avoided:
    at = f"job[{job.name}]"
    if useful is None:
        raise InvalidFieldError(f"{at}.useful_heat_kwh", None, "metered heat: what was not metered avoids nothing")
    if job.end is None:
        raise InvalidFieldError(f"{at}.end", None, "the end of the window, until which the reference has to stand")
    return avoided(
        useful,
        Counterfactual(
            heater=_heater(job, reference, registry),
            evidence=reference.evidence,
            valid_until=_moment(reference.until),
        ),
        _registered(job, HEAT_PUMP, registry),
        end=_moment(job.end),
        burden=Span(g=total_g, low_g=total_g, high_g=total_g),
        footing=Footing(scope=job.scope, mix=job.mix),
    )


def _heater(job: Job, reference: Reference, registry: Registry) -> ReferenceHeater:
    at = f"job[{job.name}].reference"
    own = reference.carrier, reference.efficiency
    if reference.heater:
        if any(own):
            raise InvalidFieldError(f"{at}.heater", reference.heater, "alone, or carrier and efficiency in its place")
        return _registered(job, reference.heater, registry)
    if own[0] is None or own[1] is None:
        raise InvalidFieldError(
            f"{at}.heater", "", "id of a heater (`ondol factors list heater`), or carrier and efficiency"
        )
    carrier = _factor("declared-carrier", own[0])
    for mistake in id_mistakes(carrier):
        raise mistake
    return ReferenceHeater(
        name="the heater of the worksheet",
        carrier=carrier,
        efficiency=_factor("declared-efficiency", own[1]),
        electric=reference.electric,
    )


def _registered(job: Job, heater_id: str, registry: Registry) -> ReferenceHeater:
    """A heater of the registry; an electric one draws what the job draws, or from the grid of the country named."""
    return reference_heater(registry, heater_id, job.country, grid=None if job.country else _grid(job, job.g_per_kwh))


def _grid(job: Job, g_per_kwh: float) -> Factor:
    stated = OwnFactor(
        value=g_per_kwh, source="g_per_kwh of the worksheet", unit="gCO2e/kWh", scope=job.scope, mix=job.mix
    )
    return _factor("declared-grid", stated)


def _factor(key: str, own: OwnFactor) -> Factor:
    return Factor(
        id=key,
        value=own.value,
        low=own.value if own.low is None else own.low,
        high=own.value if own.high is None else own.high,
        unit=own.unit,
        scope=own.scope,
        mix=own.mix,
        heating=own.calorific,
        year=_YEAR,
        geography="world",
        source=own.source,
        licence="declared",
    )


def _shares(reference: Reference) -> ContractShares | None:
    if reference.heat_share is None:
        return None
    heat = reference.heat_share
    return ContractShares(heat=heat, compute=1.0 - heat, contract=reference.contract)


def _basket(job: Job, centre: Centre, operational_g: float, registry: Registry) -> Basket:
    if job.useful_heat_kwh is None:
        raise InvalidFieldError(f"job[{job.name}].useful_heat_kwh", None, "metered heat: it is one of the functions")
    check_range(f"job[{job.name}].data_centre.scop", centre.scop, 1.0, 20.0)
    wanted = 1.0 - job.heat_only_kwh / job.total_kwh if job.total_kwh > 0.0 else 1.0
    share = wanted if centre.useful_share is None else centre.useful_share
    if share > wanted * (1.0 + _ROUNDING):
        raise InvalidFieldError(
            f"job[{job.name}].data_centre.useful_share", share, f"at most {wanted:g}: the rest ran for heat alone"
        )
    if centre.g_per_kwh is not None:
        check_range(f"job[{job.name}].data_centre.g_per_kwh", centre.g_per_kwh, 0.0, 3000.0, "g/kWh")
    if centre.heater:
        heater = _registered(job, centre.heater, registry)
    else:
        scop = Efficiency(value=centre.scop, source=centre.source, scope=job.scope)
        heater = ReferenceHeater(
            name=f"a heat pump of SCOP {centre.scop:g}",
            carrier=_grid(job, job.g_per_kwh),
            efficiency=_factor("declared-scop", scop),
            electric=True,
        )
    return basket(
        Functions(
            it_kwh=job.it_kwh,
            total_kwh=job.total_kwh,
            useful_share=share,
            efficiency_ratio=centre.efficiency_ratio,
            useful_heat_kwh=job.useful_heat_kwh,
            operational=Span(g=operational_g, low_g=operational_g, high_g=operational_g),
        ),
        DataCentre(
            name=f"a data centre of PUE {centre.pue:g}",
            pue=centre.pue,
            electricity=_grid(job, job.g_per_kwh if centre.g_per_kwh is None else centre.g_per_kwh),
            source=centre.source,
        ),
        heater,
        scop=centre.scop,
        footing=Footing(scope=job.scope, mix=job.mix),
    )


def _moment(day: dt.date) -> dt.datetime:
    """The end of a day, in UTC."""
    return dt.datetime.combine(day, dt.time.max, dt.UTC)
