"""What is wrong at a site in one step, as the agent sees it; instruments and actuators tell their own."""

from __future__ import annotations

from collections.abc import Sequence

from ondol.agent.backup import MISSED_S
from ondol.agent.orders import AlarmNote
from ondol.agent.sink_step import SinkResult
from ondol.agent.site_step import UnitWish
from ondol.model.alarm import Severity
from ondol.model.ids import SiteId

_UNIT_SEVERITY = {
    "over-temperature": Severity.DANGER,
    "surface-hot": Severity.DANGER,
    "loop-hot": Severity.FAULT,
    "return-hot": Severity.WARNING,
    "flow-lost": Severity.FAULT,
    "meter-stalled": Severity.FAULT,
    "unit-silent": Severity.FAULT,
}


def alarms_of(site_id: SiteId, wishes: Sequence[UnitWish], sinks: Sequence[SinkResult]) -> tuple[AlarmNote, ...]:
    """List all that is wrong now, by entity and code."""
    notes = [
        AlarmNote(
            entity_id=wish.layout.unit.id,
            code=wish.verdict.code,
            severity=_UNIT_SEVERITY[wish.verdict.code],
            text=f"{wish.layout.unit.id}: {wish.verdict.reason}",
        )
        for wish in wishes
        if wish.verdict.code
    ]
    bound = [wish.layout.unit.id for wish in wishes if wish.site_limited]
    if bound:
        text = f"The site's electrical limit holds back {', '.join(bound)}."
        notes.append(AlarmNote(entity_id=site_id, code="site-limit", severity=Severity.INFO, text=text))
    for sink in sinks:
        notes += _of_sink(sink)
    return tuple(sorted(notes, key=lambda note: (note.entity_id, note.code)))


def _of_sink(result: SinkResult) -> list[AlarmNote]:
    sink, request, notes = result.layout.sink, result.layout.request, []
    if result.frost:
        helper = "the backup runs" if sink.backup_kind != "none" else "there is no backup: heat it another way"
        text = f"{sink.name} or its loop has {result.coldest_c:.1f} °C and could freeze: all heat is on, {helper}."
        notes.append(AlarmNote(entity_id=sink.id, code="freeze", severity=Severity.DANGER, text=text))
    if request is not None and result.missed_s >= MISSED_S:
        for_min = result.missed_s / 60.0
        text = f"{sink.name} has been below the guaranteed {request.guaranteed_c:.1f} °C for {for_min:.0f} min."
        notes.append(AlarmNote(entity_id=sink.id, code="guarantee-missed", severity=Severity.WARNING, text=text))
    hygiene = result.hygiene
    if hygiene is not None and hygiene.missed:
        text = f"{sink.name} has missed its {hygiene.reason}. Do not shower with this water before it has been heated."
        notes.append(AlarmNote(entity_id=sink.id, code="hygiene-missed", severity=Severity.DANGER, text=text))
    elif hygiene is not None and hygiene.late:
        means = "the backup helps" if sink.backup_kind != "none" else "there is no backup: heat it another way"
        text = f"{sink.name}: the latest start of the {hygiene.reason} has passed; {means}."
        notes.append(AlarmNote(entity_id=sink.id, code="hygiene-due", severity=Severity.WARNING, text=text))
    return notes
