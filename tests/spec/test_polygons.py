"""Polygons of zones: what a GeoJSON file may hold, what is said of those that cannot be used, and outlines for the page."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from synthor import InputError, check, compile_problem, load_spec
from synthor.files import POLYGONS
from synthor.spec.model import Spec

SPEC = """
records: 6
variables: {car: {type: boolean}}
columns: {ZONE_NO: taz}
zones: {key: taz, polygons: zones.geojson%s}
targets:
  - table: [{ZONE_NO: 1, car: yes, count: 1}, {ZONE_NO: 1, car: no, count: 1}, {ZONE_NO: 2, car: yes, count: 1},
            {ZONE_NO: 2, car: no, count: 1}, {ZONE_NO: 3, car: yes, count: 1}, {ZONE_NO: 3, car: no, count: 1}]
"""
Corners = Sequence[Sequence[float]]
UNIT = [[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]


def moved(ring: Corners, x: float, y: float = 0.0, size: float = 1.0) -> list[list[float]]:
    return [[size * a + x, size * b + y] for a, b in ring]


def feature(zone: Any, *rings: Sequence[Any], name: str = "taz", kind: str = "Polygon") -> dict[str, Any]:
    return {"type": "Feature", "properties": {name: zone}, "geometry": {"type": kind, "coordinates": list(rings)}}


THREE = [feature(zone, moved(UNIT, zone)) for zone in (1, 2, 3)]


def place(folder: Path, content: Any, more: str = "") -> Spec:
    """A spec beside a file of polygons: a text as it is, features in a collection."""
    text = content if isinstance(content, str) else json.dumps({"type": "FeatureCollection", "features": content})
    (folder / "zones.geojson").write_text(text, encoding="utf-8")
    (folder / "spec.yaml").write_text(SPEC % more, encoding="utf-8")
    return load_spec(folder / "spec.yaml")


def said(spec: Spec) -> list[str]:
    return [finding.message for finding in check(spec)]


def drawn(spec: Spec) -> dict[str, str]:
    zones = compile_problem(spec).spec.zones
    assert zones is not None
    assert isinstance(zones.polygons, dict)
    return {str(name): path for name, path in zones.polygons.items()}


def corners(path: str) -> list[list[tuple[int, int]]]:
    """The corners of each ring of an outline."""
    found = []
    for ring in path.split("z")[:-1]:
        numbers = [int(number) for number in re.findall(r"-?\d+", ring)]
        x = y = 0
        found.append([(x := x + dx, y := y + dy) for dx, dy in zip(numbers[::2], numbers[1::2], strict=True)])
    return found


def area(path: str) -> float:
    """What is inside an outline, holes left out; negative where it turns the other way."""
    return sum((a * d - c * b) / 2 for ring in corners(path) for (a, b), (c, d) in zip(ring, [*ring[1:], ring[0]], strict=True))


def test_zones_are_found_by_the_name_of_their_key_and_stand_beside_each_other(tmp_path: Path) -> None:
    spec = place(tmp_path, THREE)
    assert said(spec) == []
    found = drawn(spec)
    assert list(found) == ["1", "2", "3"]
    assert all(len(ring) == 4 for path in found.values() for ring in corners(path))
    assert max(x for path in found.values() for ring in corners(path) for x, _ in ring) == 4096
    assert area(found["1"]) == pytest.approx(area(found["3"]), rel=0.01)


@pytest.mark.parametrize(
    ("name", "more"), [("TAZ", ""), ("Zone No", ""), ("zone_no", ""), ("GEOID", ", id: GEOID"), ("taz", ", id: taz")]
)
def test_the_name_of_a_zone_is_in_a_property_that_the_spec_names(tmp_path: Path, name: str, more: str) -> None:
    features = [feature(zone, moved(UNIT, float(zone)), name=name) for zone in ("1", 2, 3.0)]
    assert list(drawn(place(tmp_path, features, more))) == ["1", "2", "3"]


def test_multipolygons_holes_and_parts_in_several_features_are_one_outline(tmp_path: Path) -> None:
    hole = moved(UNIT, 1.25, 0.25, 0.5)
    for ring in (hole, hole[::-1]):  # older files turn rings as they like
        features = [
            feature(1, moved(UNIT, 1), ring),
            feature(2, [moved(UNIT, 2)], [moved(UNIT, 4)], kind="MultiPolygon"),
            feature(3, moved(UNIT, 3)),
            feature(3, moved(UNIT, 3)[::-1]),
        ]
        found = drawn(place(tmp_path, features))
        square = area(found["2"]) / 2
        assert [len(corners(found[zone])) for zone in "123"] == [2, 2, 2]
        assert area(found["1"]) == pytest.approx(0.75 * square, rel=0.01)
        assert area(found["3"]) == pytest.approx(2 * square, rel=0.01)  # both turn alike, so that neither empties the other


def test_neighbours_keep_their_border_in_common_however_it_is_simplified(tmp_path: Path) -> None:
    border = [[1 + 0.00002 * (at % 7) * (at % 3), at / 500] for at in range(501)]
    left: Corners = [[0, 0], *border, [0, 1], [0, 0]]
    right: Corners = [[2, 0], *border, [2, 1], [2, 0]]
    found = drawn(place(tmp_path, [feature(1, left), feature(2, right[::-1]), feature(3, moved(UNIT, 2))]))
    shared = [{corner for ring in corners(found[zone]) for corner in ring if 1900 > corner[0] > 1300} for zone in "12"]
    assert shared[0] == shared[1]
    assert 2 <= len(shared[0]) < 9


def test_many_corners_are_thinned_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synthor.spec.outlines.MOST_POINTS", 60)
    jagged = [[x / 100, 0.2 * (x % 2)] for x in range(200)]
    features = [feature(zone, [*moved(jagged, 0, zone), [2, zone + 1], [0, zone + 1]]) for zone in (1, 2, 3)]
    found = drawn(place(tmp_path, features))
    assert sum(len(ring) for path in found.values() for ring in corners(path)) <= 60
    assert all(found.values())


def test_degrees_are_drawn_as_wide_as_they_are_and_other_coordinates_as_they_come(tmp_path: Path) -> None:
    at_sixty = [feature(zone, moved(UNIT, zone, 59.5)) for zone in (1, 2, 3)]
    in_metres = [feature(zone, moved(UNIT, 1000 * zone, 5000, 1000.0)) for zone in (1, 2, 3)]

    def shape(features: list[dict[str, Any]]) -> float:
        ring = corners(drawn(place(tmp_path, features))["1"])[0]
        return (max(x for x, _ in ring) - min(x for x, _ in ring)) / (max(y for _, y in ring) - min(y for _, y in ring))

    assert shape(at_sixty) == pytest.approx(0.5, rel=0.01)
    assert shape(in_metres) == pytest.approx(1.0, rel=0.01)
    collection = {"type": "FeatureCollection", "features": at_sixty, "crs": {"properties": {"name": "EPSG:25832"}}}
    spec = place(tmp_path, json.dumps(collection))
    ring = corners(drawn(spec)["1"])[0]
    assert max(x for x, _ in ring) == pytest.approx(4096 / 3, abs=2)


def test_zones_on_both_sides_of_the_180th_meridian_stay_together(tmp_path: Path) -> None:
    features = [feature(1, moved(UNIT, 178)), feature(2, moved(UNIT, 179)), feature(3, moved(UNIT, -180))]
    found = drawn(place(tmp_path, features))
    assert [min(x for x, _ in corners(found[zone])[0]) for zone in "123"] == [0, 1365, 2731]


def test_a_zone_too_small_to_be_seen_is_drawn_as_a_dot(tmp_path: Path) -> None:
    found = drawn(place(tmp_path, [feature(1, moved(UNIT, 0, 0, 1e-9)), feature(2, moved(UNIT, 5)), feature(3, [[3, 3]])]))
    assert area(found["1"]) == area(found["3"]) == 4


def test_zones_without_polygons_and_polygons_without_zones_are_told_and_left_out(tmp_path: Path) -> None:
    features = [*THREE[:2], *(feature(zone, UNIT) for zone in range(90, 98)), {"type": "Feature", "properties": None}]
    spec = place(tmp_path, features)
    assert said(spec) == [
        "8 polygons are of no zone of the tables (90, 91, 92, 93, 94 and 3 more)",
        "1 zone of 3 has no polygon (3)",
    ]
    assert list(drawn(spec)) == ["1", "2"]


@pytest.mark.slow
def test_a_run_keeps_outlines_and_needs_the_file_no_more(tmp_path: Path) -> None:
    import synthor

    spec = place(tmp_path, THREE)
    run = synthor.synthesize(spec)
    assert run.inputs["zones.geojson"] == tmp_path / "zones.geojson"
    run.write(tmp_path / "out")
    (tmp_path / "zones.geojson").unlink()
    again = synthor.open(tmp_path / "out")
    assert again.spec.zones is not None
    assert again.spec.zones.polygons == drawn(place(tmp_path, THREE))


def test_a_spec_made_in_python_is_written_with_its_files_named_from_there(tmp_path: Path) -> None:
    import synthor

    (tmp_path / "lies.csv").write_text("ZONE_NO,tract\n1,a\n2,a\n3,b\n", encoding="utf-8")
    spec = place(tmp_path, THREE, ", within: {tract: lies.csv}")
    synthor.synthesize(spec.placed_in(tmp_path)).write(tmp_path / "deep" / "out")
    again = load_spec(tmp_path / "deep" / "out" / "spec.yaml")
    assert again.zones is not None
    assert again.zones.files == ("../../lies.csv", "../../zones.geojson")
    assert said(again) == []


WRONG: dict[str, tuple[Any, str, str]] = {
    "broken": ('{"type": "FeatureCollection",\n "features": [}', "is no JSON: Expecting value", "save it as GeoJSON"),
    "endless": ("[" * 100_000, "is no JSON", "save it as GeoJSON"),
    "not a number": ('{"type": "FeatureCollection", "features": [NaN]}', "holds NaN", "save it as GeoJSON"),
    "a list": ("[]", "is no FeatureCollection: it has no type", "into a FeatureCollection"),
    "one feature": (json.dumps(THREE[0]), "its type is 'Feature'", "into a FeatureCollection"),
    "TopoJSON": ('{"type": "Topology"}', "is TopoJSON", "mapshaper"),
    "no list": ('{"type": "FeatureCollection", "features": {}}', "its features are no list", "into a FeatureCollection"),
    "no feature": ([1], "is no Feature", "save the file as GeoJSON anew"),
    "empty": ([], "no feature has a property 'taz'", "id: NAME"),
    "another property": ([feature(1, UNIT, name="tax")], "no feature has a property 'taz'", "did you mean 'tax'?"),
    "points": ([feature(1, name="taz", kind="Point")], "is a Point", "outlines of zones, not points"),
    "no ring": ([feature(1, [1, 2])], "no rings of [x, y]", "write a ring as"),
    "words": ([feature(1, [["a", "b"]])], "no rings of [x, y]", "write a ring as"),
    "infinite": ('{"type": "FeatureCollection", "features": [' + json.dumps(feature(1, UNIT)).replace("1,", "1e999,") + "]}",
                 "no rings of [x, y]", "write a ring as"),
    "vast": ([feature(1, moved(UNIT, 1e300, -1e308))], "no rings of [x, y]", "write a ring as"),
    "no geometry": ([{"properties": {"taz": 1}, "geometry": None}], "both a 'taz' and a polygon", "outlines of the zones"),
    "other names": ([feature("01", UNIT)], "no polygon has the name of a zone: there 01, in the tables 1, 2, 3", "id: NAME"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_files_that_are_no_polygons_are_told_with_a_cure(tmp_path: Path, name: str) -> None:
    content, message, cure = WRONG[name]
    spec = place(tmp_path, content)
    (found,) = check(spec)
    assert found.where.startswith("zones.geojson")
    assert message in found.message
    assert cure in found.cure
    with pytest.raises(InputError):
        compile_problem(spec)


def test_many_wrong_features_are_told_in_a_few_lines(tmp_path: Path) -> None:
    found = said(place(tmp_path, [feature(zone, kind="Point") for zone in range(9)]))
    assert len(found) == 6
    assert found[-1] == "4 more features are no polygon, too"


def test_other_errors_are_told_along(tmp_path: Path) -> None:
    (tmp_path / "zones.geojson").write_text("{", encoding="utf-8")
    (tmp_path / "spec.yaml").write_text(f"{SPEC % ''}rules: [{{never: nothing = 1}}]", encoding="utf-8")
    assert len(said(load_spec(tmp_path / "spec.yaml"))) == 2


@pytest.mark.parametrize(
    ("file", "message"), [("zones.shp", "is no GeoJSON, by its name"), ("no.geojson", "no such file"), (".", "cannot be read")]
)
def test_a_file_of_another_kind_or_none_is_told(tmp_path: Path, file: str, message: str) -> None:
    place(tmp_path, THREE)
    (tmp_path / "spec.yaml").write_text((SPEC % "").replace("zones.geojson", file), encoding="utf-8")
    (found,) = check(load_spec(tmp_path / "spec.yaml"))
    assert message in found.message
    assert found.cure


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    spec = place(tmp_path, THREE)
    with open(tmp_path / "zones.geojson", "r+b") as file:
        file.truncate(POLYGONS + 1)
    (found,) = check(spec)
    assert "67.1 MB is the most that is read of polygons" in found.message
    assert "simplify it" in found.cure


def test_a_spec_names_an_id_only_for_a_file() -> None:
    with pytest.raises(InputError, match="id names a property of the polygons' file"):
        Spec(records=1, variables={"car": {"type": "boolean"}}, zones={"key": "taz", "id": "GEOID"})


@pytest.mark.parametrize("outline", ["", "z", "M0 0z", "M0 0lz", "M0 0l1 1z<", "M0 0l1e9 1z", "javascript:alert(1)"])
def test_outlines_in_a_spec_are_such(outline: str) -> None:
    with pytest.raises(InputError, match="is no outline; name a GeoJSON file"):
        Spec(
            records=1, variables={"car": {"type": "boolean"}}, zones={"key": "taz", "names": ["a"], "polygons": {"a": outline}}
        )
