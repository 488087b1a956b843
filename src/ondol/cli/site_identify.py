"""`ondol site identify`: lets a site tell how its rooms, tanks and units are, and writes it into its fleet file."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict
from pathlib import Path

from ondol.cli.listing import Column, field, note, print_json, print_rows, print_text
from ondol.cli.output import SHOWN, Out
from ondol.storage.whole_files import write_whole


def identify(
    site: str,
    /,
    *,
    fleet: Path,
    days: float = 8.0,
    data: Path | None = None,
    clock: Path | None = None,
    drawn: str | None = None,
    seed: int = 1,
    write: Path | None = None,
    out: Out = SHOWN,
) -> int:
    """Move the set-points of a site within its hosts' bands, and fit its rooms, tanks and lags to what follows.

    The agent of every day leads meanwhile, with all its limits; it must not run beside this. Fitted numbers are shown
    as a change of the fleet file. Exit code 1 where the data could tell of nothing.

    Parameters
    ----------
    site:
        Id of the site.
    fleet:
        The fleet file with its connections and bindings; it is not changed.
    days:
        How long to watch [platform days]; rooms need seven to be fitted and proved.
    data:
        Folder of the site's agent on this machine; it is held meanwhile.
    clock:
        Clock file of 'ondol sim-site', where that stands in for the site.
    drawn:
        Local hours between which hot water is drawn, e.g. 05-24, where tanks shall be fitted on the others alone.
        Draws are found and left out in any case.
    seed:
        Of the random set-points.
    write:
        Write the fleet file with the fitted numbers here.
    """
    from ondol.agent.commission.identify import changes_of
    from ondol.agent.commission.identify import identify as fitted
    from ondol.agent.commission.patch import diff, patched
    from ondol.agent.commission.watch import Watch
    from ondol.cli.desk_clock import desk_clock
    from ondol.cli.site_bench import site_bench
    from ondol.control.surroundings import PackagedSurroundings
    from ondol.model.checks import check_range
    from ondol.model.ids import SiteId
    from ondol.storage.fleet_file import read_fleet

    check_range("--days", days, 0.25, 60.0, "days")
    hours = None if drawn is None else _hours(drawn)
    part = read_fleet(fleet).of_site(SiteId(site))
    sky = PackagedSurroundings(part)
    with site_bench(part, desk_clock(clock), data) as bench:
        recording = Watch(bench, part, seed=seed, tell=lambda text: note(text, out)).run(86_400.0 * days)
    found = fitted(
        recording,
        part,
        sun_w_per_m2=lambda at_s: sky.outdoor(dt.datetime.fromtimestamp(at_s, dt.UTC)).solar_w_m2,
        outdoor_c=lambda at_s: sky.outdoor(dt.datetime.fromtimestamp(at_s, dt.UTC)).temp_c,
        drawn=hours,
    )
    before = fleet.read_text(encoding="utf-8")
    after = patched(before, changes_of(found))
    if out.json:
        print_json({"found": [asdict(one) for one in found], "diff": diff(before, after, str(fleet))})
    else:
        columns = (
            field("WHAT", "entity_id"),
            field("FITTED", "accepted", lambda yes: "yes" if yes else "no"),
            Column("ERROR", lambda row: f"{row['rmse']:.3g} {row['unit']}", right=True),
            field("WHY", "reason"),
        )
        print_rows([asdict(one) for one in found], columns, out=out, key="entity_id")
        print_text(diff(before, after, str(fleet)))
    if write is not None:
        write_whole(write, after.encode())
        note(f"{write} has the fitted numbers", out)
    return 0 if any(one.accepted for one in found) else 1


def _hours(text: str) -> tuple[int, int]:
    from ondol.model.errors import InvalidFieldError

    first, _, last = text.partition("-")
    if not (first.isdigit() and last.isdigit() and 0 <= int(first) < int(last) <= 24):
        raise InvalidFieldError("--drawn", text, "two hours of the day, e.g. 05-24")
    return int(first), int(last)
