"""What came out in each area, and how each control lies over all areas."""

import json
import math

import polars as pl
import pytest

import synthor
from synthor import InputError, compile_problem, parse_spec
from synthor.measure import Measurement, measure
from synthor.measure.areas import areas_of
from synthor.problem import Problem

SPEC = """
records: 20
variables: {car: {type: boolean}, size: {type: integer, min: 1, max: 3}}
zones: {key: taz, within: {tract: {a: north, b: north, c: south}}}
targets:
  - {name: cars, table: [{taz: a, car: no, count: 4}, {taz: a, car: yes, count: 2}, {taz: b, car: no, count: 2},
                         {taz: b, car: yes, count: 8}, {taz: c, car: no, count: 0}, {taz: c, car: yes, count: 4}]}
  - {name: sizes, tolerance: {points: 5}, table: [{tract: north, size: 1, count: 16}, {tract: north, size: 2+, count: 0},
                          {tract: south, size: 1, count: 0}, {tract: south, size: 2+, count: 4}]}
"""
COUNTS = {("a", False): 5, ("a", True): 1, ("b", False): 2, ("b", True): 8, ("c", False): 1, ("c", True): 3}


def measured() -> tuple[Problem, Measurement]:
    """Records of which `a` has one car too few, `c` one too few, and one of the north is large."""
    problem = compile_problem(parse_spec(SPEC))
    rows = [(zone, car) for (zone, car), count in COUNTS.items() for _ in range(count)]
    tracts = ["south" if zone == "c" else "north" for zone, _ in rows]
    sizes = [2 if at < 3 or zone == "c" else 1 for at, (zone, _) in enumerate(rows)]
    frame = pl.DataFrame({"car": [car for _, car in rows], "size": sizes, "taz": [zone for zone, _ in rows], "tract": tracts})
    return problem, measure(problem, {"records": frame})


def test_each_area_has_its_records_its_error_and_its_worst_cell() -> None:
    zones, tracts = areas_of(*measured())
    assert (zones.name, zones.names, tracts.names) == ("taz", ("a", "b", "c"), ("north", "south"))
    assert (zones.records.tolist(), tracts.records.tolist()) == ([6, 10, 4], [16, 4])
    assert (zones.error.tolist(), tracts.error.tolist()) == ([2, 0, 2], [4, 0])
    assert [zones.off_by(area) for area in range(3)] == [1, 0, 1]
    assert (zones.n_cells, zones.n_met, tracts.n_cells, tracts.n_met) == (6, 2, 4, 2)
    assert zones.by_error.tolist() == [0, 2, 1]


def test_controls_are_told_in_percent_of_what_areas_want() -> None:
    zones, _ = areas_of(*measured())
    no, yes = zones.tables[0].controls()
    assert (no.label, no.areas, no.wanted, no.got) == ("no", 2, 6, 8)  # c wants none
    assert (no.mean, no.sd) == (12.5, 12.5)  # a: 25%, b: 0%
    assert no.rmse == pytest.approx(100 * math.sqrt(2 / 3) / 2)
    assert (yes.label, yes.areas, yes.mean) == ("yes", 3, -25)  # -50%, 0, -25%
    assert yes.sd == pytest.approx(math.sqrt((25**2 + 25**2) / 3))


def test_the_file_tells_a_table_of_areas_in_rows_of_numbers() -> None:
    _, found = measured()
    cars, sizes = json.loads(found.to_json())["targets"]
    assert "cells" not in cars
    assert cars["areas"] == {
        "of": "taz",
        "names": ["a", "b", "c"],
        "labels": [{"car": "no"}, {"car": "yes"}],
        "wanted": [[4, 2], [2, 8], [0, 4]],
        "got": [[5, 1], [2, 8], [1, 3]],
    }
    assert cars["worst"] == {"labels": {"taz": "a", "car": "no"}, "wanted": 4, "got": 5, "met": False}
    assert (sizes["areas"]["low"], sizes["areas"]["high"]) == ([[15, 0], [0, 3]], [[17, 1], [1, 5]])
    assert '"names": ["a", "b", "c"]' in found.to_json()


@pytest.mark.slow
def test_a_frame_has_one_row_a_zone() -> None:
    run = synthor.synthesize(parse_spec(SPEC))
    assert run.zones().rows() == [("a", 6, 0, None, None, None, None), ("b", 10, 0, *[None] * 4), ("c", 4, 0, *[None] * 4)]
    run = synthor.synthesize(parse_spec("{records: 3, variables: {car: {type: boolean}}}"))
    with pytest.raises(InputError, match="the records lie in no zones; give the spec zones"):
        run.zones()


def test_a_frame_names_the_worst_cell() -> None:
    from synthor.library.shown import zones_frame

    assert zones_frame(*measured()).rows()[::2] == [("a", 6, 2, "cars", "no", 4.0, 5), ("c", 4, 2, "cars", "no", 0.0, 1)]
