"""A table of factors is read whole or refused whole, with every mistake and its line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ondol.accounting.factor_table import COLUMNS, FactorTableError, read_table
from ondol.accounting.registry import Registry
from ondol.model.errors import InvalidFieldError, NotFoundError
from ondol.model.factor import Factor, Heating, Mix, Scope

HEADER = ",".join(COLUMNS)
GOOD = "own-district,0.08,0.07,0.09,kgCO2e/kWh,lca,average,none,2025,FR,Contract of our network,own,,"


def factor(factor_id: str = "electricity-xx-lca-average", **changes: object) -> Factor:
    values: dict[str, object] = {
        "id": factor_id,
        "value": 100.0,
        "low": 90.0,
        "high": 110.0,
        "unit": "gCO2e/kWh",
        "scope": Scope.LCA,
        "mix": Mix.AVERAGE,
        "heating": Heating.NONE,
        "year": 2024,
        "geography": "XX",
        "source": "a study",
        "licence": "CC0",
    }
    return Factor(**{**values, **changes})  # type: ignore[arg-type]


def messages(text: str) -> list[tuple[int, str]]:
    with pytest.raises(FactorTableError) as caught:
        read_table(text, "own.csv")
    return [(mistake.line, mistake.message) for mistake in caught.value.mistakes]


def test_a_good_table_is_read_with_its_version_and_comments_passed_over() -> None:
    table = read_table(f"# ondol factors 2026-01-02\n# ours\n{HEADER}\n\n{GOOD}\n", "own.csv")
    assert table.version == "2026-01-02"
    assert [row.id for row in table.rows] == ["own-district"]
    assert (table.rows[0].low, table.rows[0].value, table.rows[0].high) == (0.07, 0.08, 0.09)


def test_columns_may_stand_in_any_order_and_note_and_carrier_be_left_out() -> None:
    columns = list(reversed(COLUMNS[:-2]))
    cells = dict(zip(COLUMNS, GOOD.split(","), strict=True))
    table = read_table(",".join(columns) + "\n" + ",".join(cells[column] for column in columns), "own.csv")
    assert table.rows[0].value == 0.08
    assert table.rows[0].note == ""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("Contract of our network", "", "source = '' is not allowed"),
        ("0.08,0.07", "0.06,0.07", "from low 0.07 to high 0.09"),
        ("0.08,0.07", "nan,0.07", "value"),
        ("0.08,0.07", "-0.08,-0.1", "a number from 0"),
        ("0.08,0.07", "eight,0.07", "allowed: a number"),
        ("lca", "cradle", "one of direct, upstream, lca"),
        ("average", "mean", "one of average, marginal, market"),
        ("none,2025", "gross,2025", "one of lhv, hhv, none"),
        ("2025", "25", "from 1990 to 2100"),
        ("2025", "this year", "allowed: a year"),
        ("own-district", "Own District", "a–z, 0–9"),
        (",own,", ",,", "licence = ''"),
        ("Contract of our network", "Contract, of our network", "put quotes round"),
        ("Contract of our network", '"Contract', "not a line of CSV"),
        ("own-district", "heater-own", "the id of what it takes in, or electricity"),
    ],
)
def test_a_bad_cell_is_refused_with_its_line_and_what_is_allowed(old: str, new: str, said: str) -> None:
    found = messages(f"{HEADER}\n{GOOD.replace('own-district', 'first')}\n{GOOD.replace(old, new, 1)}\n")
    assert found[0][0] == 3
    assert said in found[0][1]


def test_all_mistakes_are_told_at_once_and_a_double_id_names_the_first_line() -> None:
    found = messages(f"{HEADER}\n{GOOD}\n{GOOD}\n{GOOD.replace('own-district', 'x').replace('lca', '?')}")
    assert [line for line, _ in found] == [3, 4]
    assert "line 2 has it" in found[0][1]


def test_a_header_with_an_unknown_or_missing_column_is_refused_with_a_hint() -> None:
    assert messages(HEADER.replace("licence", "license") + "\n" + GOOD) == [
        (1, "the column licence is missing"),
        (1, "there is no column license (did you mean licence?)"),
    ]
    assert "there is no header" in messages("# nothing\n")[0][1]


def test_an_efficiency_on_another_calorific_basis_than_its_carrier_is_refused() -> None:
    gas = "carrier-gas,0.215,0.2,0.22,kgCO2e/kWh,lca,average,hhv,2025,FR,s,own,,"
    boiler = "heater-x,0.9,0.8,0.95,kWh/kWh,lca,average,lhv,2025,FR,s,own,,carrier-gas"
    assert messages(f"{HEADER}\n{gas}\n{boiler}")[0] == (
        3,
        "factor[heater-x].heating = 'lhv' is not allowed; allowed: that of its carrier carrier-gas, hhv",
    )


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=200))
def test_any_text_is_read_or_refused_as_a_table(text: str) -> None:
    try:
        read_table(f"{HEADER}\n{text}", "any")
    except FactorTableError as error:
        assert error.mistakes  # noqa: PT017


def test_own_rows_come_before_packaged_ones_and_are_marked() -> None:
    packaged = Registry.of([factor(), factor("carrier-x")], version="1", digest="ab" * 32)
    merged = packaged.merged([factor(value=95.0), factor("own-x")], digest="cd" * 32)
    assert merged.get("electricity-xx-lca-average").value == 95.0
    assert merged.own == ("electricity-xx-lca-average", "own-x")
    assert merged.is_own("own-x")
    assert not merged.is_own("carrier-x")
    assert merged.label == "factors 1 (sha256 abababababab) with 2 own rows (sha256 cdcdcdcdcdcd)"
    assert packaged.label == "factors 1 (sha256 abababababab)"
    assert list(merged.rows) == sorted(merged.rows)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"value": 0.1, "low": 0.1, "high": 0.1, "unit": "kgCO2e/kWh"}, "gCO2e/kWh, as the row that it replaces"),
        ({"scope": Scope.DIRECT}, "lca, as the row that it replaces; or another id"),
        ({"mix": Mix.MARKET}, "average, as the row"),
        ({"heating": Heating.LHV}, "none, as the row"),
    ],
)
def test_an_own_row_on_another_footing_than_the_one_it_replaces_is_refused(
    changes: dict[str, object], said: str
) -> None:
    packaged = Registry.of([factor()], version="1")
    with pytest.raises(InvalidFieldError, match=said):
        packaged.merged([factor(**changes)])


def test_an_own_heater_needs_a_carrier_that_is_there_on_its_own_basis() -> None:
    packaged = Registry.of([factor("carrier-gas", heating=Heating.HHV)], version="1")
    heater = {"value": 0.9, "low": 0.9, "high": 0.9, "unit": "kWh/kWh"}
    with pytest.raises(InvalidFieldError, match="the id of a row that is there"):
        packaged.merged([factor("heater-own", carrier="carrier-coal", **heater)])
    with pytest.raises(InvalidFieldError, match="hhv, as its carrier carrier-gas is counted"):
        packaged.merged([factor("heater-own", carrier="carrier-gas", heating=Heating.LHV, **heater)])
    packaged.merged([factor("heater-own", carrier="carrier-gas", heating=Heating.HHV, **heater)])


def test_an_own_table_on_top_of_another_is_refused_and_so_is_an_id_twice() -> None:
    merged = Registry.of([factor()], version="1").merged([factor("own-x")])
    with pytest.raises(InvalidFieldError, match="one table of own rows"):
        merged.merged([factor("own-y")])
    with pytest.raises(InvalidFieldError, match="used once only"):
        Registry.of([factor(), factor()], version="1")


def test_find_takes_whole_words_of_ids_and_get_names_what_is_close() -> None:
    registry = Registry.of([factor("gas-a"), factor("gas-ab", year=2020), factor("gasoline")], version="1")
    assert [row.id for row in registry.find("gas")] == ["gas-a", "gas-ab"]
    assert [row.id for row in registry.find("gas", year=2020)] == ["gas-ab"]
    assert registry.find("gas", geography="FR") == ()
    with pytest.raises(NotFoundError, match="did you mean gas-ab"):
        registry.get("gas-abc")
