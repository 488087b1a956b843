"""Given scaling policies as clients send them, when they are read, then they are shown again key for key."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ondol.server.api.scaling_wire import DAYS, InvalidScalingError, read_scaling, scaling_out

ALWAYS = {"type": "Always", "name": "ever"}
WEEKLY = {
    "type": "Weekly",
    "days": ["monday", "friday"],
    "startTimeUtc": "19:30:00",
    "endTimeUtc": "06:00:00",
    "name": "nights",
}
QUEUE = {
    "type": "ManagedTasksQueue",
    "minTotalSlots": 0,
    "maxTotalSlots": 10,
    "minIdleSlots": 1,
    "minIdleTimeSeconds": 60,
    "scalingFactor": 0.5,
    "name": "queue",
    "enabledPeriods": [WEEKLY],
}
FIXED = {"type": "Fixed", "slotsCount": 19, "name": "fixed", "enabledPeriods": [ALWAYS]}

counts = st.integers(0, 1000)
texts = st.text(max_size=20)
times = st.times().map(lambda t: t.strftime("%H:%M:%S"))
weekly = st.fixed_dictionaries(
    {
        "type": st.just("Weekly"),
        "days": st.lists(st.sampled_from(DAYS), min_size=1, unique=True),
        "startTimeUtc": times,
        "endTimeUtc": times,
        "name": texts,
    }
)
periods = st.lists(weekly | st.fixed_dictionaries({"type": st.just("Always"), "name": texts}), max_size=3)
policy = st.fixed_dictionaries(
    {"type": st.just("Fixed"), "slotsCount": counts, "name": texts, "enabledPeriods": periods}
) | st.fixed_dictionaries(
    {
        "type": st.just("ManagedTasksQueue"),
        "minTotalSlots": counts,
        "maxTotalSlots": counts.map(lambda n: n + 1000),
        "minIdleSlots": counts,
        "minIdleTimeSeconds": counts,
        "scalingFactor": st.floats(0, 1),
        "name": texts,
        "enabledPeriods": periods,
    }
)


@given(st.lists(policy, max_size=4, unique_by=lambda one: one["name"]))
def test_what_was_sent_is_shown_again(policies: list[dict[str, object]]) -> None:
    assert scaling_out(read_scaling({"policies": policies}), "")["policies"] == policies


def test_keys_are_shown_in_the_order_in_which_clients_send_them() -> None:
    shown = scaling_out(read_scaling({"policies": [QUEUE, FIXED]}), "")
    assert json.dumps(shown["policies"]) == json.dumps([QUEUE, FIXED])


def test_keys_in_any_case_and_numbered_weekdays_are_read() -> None:
    csharp = {
        "Policies": [
            {
                "SlotsCount": 512,
                "Type": "Fixed",
                "Name": "nights",
                "EnabledPeriods": [
                    {
                        "Days": [0, 6],
                        "StartTimeUtc": "06:00:00.0000000",
                        "EndTimeUtc": "23:59:59.9999999",
                        "Type": "Weekly",
                        "Name": None,
                    }
                ],
            }
        ],
        "ActivePolicy": None,
    }
    (read,) = read_scaling(csharp)
    assert (read.least, read.periods[0].days) == (512, (6, 5))
    shown = scaling_out((read,), "nights")
    assert shown["policies"][0]["enabledPeriods"][0]["days"] == ["sunday", "saturday"]
    assert shown["activePolicyName"] == "nights"


@pytest.mark.parametrize(
    ("policies", "at_fault"),
    [
        ([FIXED | {"type": "Wrong"}], ["policies[0]"]),
        ([QUEUE, FIXED | {"slotsCount": -1}], ["policies[1]"]),
        ([FIXED | {"enabledPeriods": [ALWAYS | {"type": "Wrong"}]}], ["policies[0]"]),
        ([QUEUE | {"maxTotalSlots": None}], ["policies[0]"]),
        ([QUEUE | {"minTotalSlots": 11}], ["policies[0]"]),
        ([QUEUE | {"scalingFactor": 1.5}, FIXED, "text"], ["policies[0]", "policies[2]"]),
        ([QUEUE | {"enabledPeriods": [WEEKLY | {"days": []}]}], ["policies[0]"]),
        ([FIXED, FIXED], ["policies[1]"]),
        ([FIXED | {"enabledPeriods": [WEEKLY | {"startTimeUtc": "25:00"}]}], ["policies[0]"]),
        (["text"], ["policies[0]"]),
    ],
)  # fmt: skip
def test_each_policy_at_fault_is_named(policies: list[object], at_fault: list[str]) -> None:
    with pytest.raises(InvalidScalingError) as told:
        read_scaling({"policies": policies})
    assert told.value.errors == {key: ["The input was not valid."] for key in at_fault}
