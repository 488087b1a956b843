"""`ondol admin tariff`: what the installation charges for a core-hour; nothing, unless its operator says so."""

from __future__ import annotations

from dataclasses import asdict, replace

from cyclopts import App

from ondol.cli.listing import AsJson, print_json, print_pairs
from ondol.cli.operator import Data, installation

app = App(name="tariff", help="Prices of a core-hour in EUR, set on the platform's own machine.")


@app.command
def show(*, data: Data = None, as_json: AsJson = False) -> None:
    """Show the prices."""
    from ondol.control.charges import tariff_in

    with installation(data) as (_, store):
        tariff = tariff_in(store)
    if as_json:
        print_json(asdict(tariff))
    else:
        print_pairs((name, f"{price:g} EUR per core-hour") for name, price in asdict(tariff).items())


@app.command(name="set")
def set_(
    *,
    on_demand: float | None = None,
    flex: float | None = None,
    reserved: float | None = None,
    harvest: float | None = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Change prices; those not named stay. A running platform follows within seconds.

    Parameters
    ----------
    on_demand:
        EUR per core-hour of work that starts at once.
    flex:
        EUR per core-hour of work that waits for heat.
    reserved:
        EUR per core-hour on machines kept for the account.
    harvest:
        EUR per core-hour of work that runs only on heat. Work run for heat alone is charged to the heat.
    """
    from ondol.control.charges import set_tariff, tariff_in

    given = {"on_demand": on_demand, "flex": flex, "reserved": reserved, "harvest": harvest}
    with installation(data) as (_, store):
        set_tariff(
            store, replace(tariff_in(store), **{name: price for name, price in given.items() if price is not None})
        )
    show(data=data, as_json=as_json)
