"""Words and blocks: what is written is what is read, and no register is forgotten."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ondol.drivers.modbus.blocks import GAP, MOST_BITS, MOST_WORDS, Block, blocks_of
from ondol.drivers.modbus.words import decode, encode, looks_swapped, step_si
from ondol.drivers.profiles import Register
from ondol.drivers.profiles.profile import WORDS
from ondol.drivers.units import UNITS
from ondol.model.errors import InvalidFieldError

_KINDS = sorted(kind for kind in WORDS if kind != "bool")


def _register(kind: str, number: int = 0, table: str = "holding", unit: str = "", scale: float = 1.0) -> Register:
    return Register(
        name=f"{table}{number}", table=table, number=number, type=kind, unit=UNITS[unit], scale=scale, word_order="big"
    )


@given(
    st.sampled_from(_KINDS), st.sampled_from(["big", "little"]), st.integers(0, 30_000), st.sampled_from([1, 0.1, 10])
)
def test_what_is_written_is_read_within_half_a_step(kind: str, order: str, counts: int, scale: float) -> None:
    register = Register(name="x", table="holding", number=0, type=kind, unit=UNITS["kW"], scale=scale, word_order=order)
    value = counts * scale * 1000.0 + 0.3 * scale
    words = encode("x", register, value)
    assert len(words) == WORDS[kind]
    told = decode(register, words)
    assert told is not None
    assert abs(told - value) <= 0.5000001 * step_si(register, value)


def test_known_words_of_known_values() -> None:
    # 62.5 as IEEE 754 single is 427A0000 (1.953125 × 2⁵); 12,345,678 is 00BC614E
    assert encode("x", _register("float32"), 62.5) == [0x427A, 0x0000]
    assert decode(_register("uint32"), [0x00BC, 0x614E]) == 12_345_678
    assert decode(_register("int16"), [0xFFFF]) == -1
    assert decode(_register("int16", unit="°F"), [212]) == pytest.approx(100.0)


@pytest.mark.parametrize("value", [-1.0, 65_536.0, 1e30])
def test_a_value_that_does_not_fit_is_refused(value: float) -> None:
    with pytest.raises(InvalidFieldError, match="uint16"):
        encode("x", _register("uint16"), value)


def test_codes_for_no_value_and_nan_are_no_value() -> None:
    register = Register(
        name="x", table="input", number=0, type="int16", unit=UNITS["°C"], scale=0.1, not_available=(-32768,)
    )
    assert decode(register, [0x8000]) is None
    assert decode(register, [0x7FFF]) == pytest.approx(3276.7)
    assert decode(_register("float32"), [0x7FC0, 0]) is None
    assert decode(_register("float32"), [0x7F80, 0]) is None  # infinity


def test_a_plausible_value_is_never_called_swapped() -> None:
    for value in (0.0, 20.5, -5.0, 62.5):
        assert looks_swapped(_register("float32"), encode("x", _register("float32"), value), -40, 120) is None
    turned = encode("x", _register("float32"), 62.5)[::-1]
    assert looks_swapped(_register("float32"), turned, -40, 120) == 62.5
    assert looks_swapped(_register("uint16"), [60_000], -40, 120) is None


_numbers = st.lists(
    st.tuples(st.sampled_from(["holding", "input"]), st.integers(0, 600), st.sampled_from(_KINDS)), max_size=60
)


@given(_numbers)
def test_blocks_hold_every_register_and_keep_the_limits(entries: list[tuple[str, int, str]]) -> None:
    registers = [_register(kind, number, table) for table, number, kind in entries]
    blocks = blocks_of(registers)
    assert sorted(one.name for block in blocks for one in block.registers) == sorted(one.name for one in registers)
    for block in blocks:
        assert block.count <= MOST_WORDS
        assert {one.table for one in block.registers} == {block.table}
        assert all(one.number >= block.number and one.last < block.number + block.count for one in block.registers)
        covered = sorted({at for one in block.registers for at in range(one.number, one.last + 1)})
        assert all(later - earlier - 1 <= GAP for earlier, later in itertools.pairwise(covered))
    # splitting ends, and loses nothing
    for block in blocks:
        waiting, alone = [block], []
        while waiting:
            one = waiting.pop()
            if len(one.registers) == 1:
                alone.append(one)
            else:
                waiting.extend(one.halves())
        assert len(alone) == len(block.registers)


def test_neighbours_are_read_together_and_distant_ones_apart() -> None:
    near = [_register("float32", number) for number in (4, 8, 12, 16, 20)]
    assert [(block.number, block.count) for block in blocks_of(near)] == [(4, 18)]
    apart = [_register("uint16", number) for number in (0, 9, 19)]
    assert [(block.number, block.count) for block in blocks_of(apart)] == [(0, 10), (19, 1)]
    bits = [_register("bool", number, "coil") for number in range(0, MOST_BITS + 9, 9)]
    assert [block.count for block in blocks_of(bits)] == [1999, 1]


def test_a_block_is_cut_where_its_gap_is_widest() -> None:
    block = Block(tuple(_register("uint16", number) for number in (0, 1, 6, 7)))
    assert [(half.number, half.count) for half in block.halves()] == [(0, 2), (6, 2)]
    assert math.isclose(step_si(_register("uint16", scale=10.0), 0.0), 10.0)
