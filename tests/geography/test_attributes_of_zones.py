"""Attributes of zones: records differ by the kind of place they lie in as is believed, and every table stays exact."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import synthor
from synthor import InputError, Run, check, compile_problem, parse_spec, synthesize
from synthor.engine.choice import workers
from synthor.prior.model import Prior
from synthor.prior.scene import all_pairs, plain_scene
from synthor.report.explain import explain
from synthor.scenario.apply import applied
from synthor.spec.model import Spec

SIZES = {"1": 0.5, "2": 0.3, "3+": 0.2}
KINDS = {"setting": {"a": "urban", "b": "rural", "c": "urban"}}
BELIEF = {"dependencies": [{"given": "setting", "of": "car", "rows": [[90, 10], [10, 90]], "confidence": 0.9}]}


def place(records: Mapping[str, int], attributes: object, **changed: object) -> dict[str, Any]:
    """Zones with so many records each, all with the same shares of sizes; half of all have a car."""
    rows = [
        {"taz": zone, "size": size, "count": round(share * n)} for zone, n in records.items() for size, share in SIZES.items()
    ]
    n = sum(records.values())
    return {
        "records": n,
        "random_seed": 3,
        "variables": {
            "size": {"type": "integer", "min": 1, "max": 9, "bins": [1, 2, 3]},
            "car": {"type": "boolean"},
        },
        "zones": {"key": "taz", "attributes": attributes},
        "targets": [{"name": "sizes", "table": rows}, {"name": "cars", "counts": {"car": {"yes": n // 2, "no": n - n // 2}}}],
        **changed,
    }


def made(spec: Mapping[str, Any], beliefs: Mapping[str, Any] = BELIEF) -> Run:
    return synthesize(Spec.collected(spec), prior=Prior.model_validate(beliefs))


def with_car(run: Run, by: str) -> dict[Any, float]:
    """Share of records with a car, by what their place is."""
    return dict(run.records.group_by(by).agg(pl.col("car").mean()).rows())


def agrees(run: Run, told: Mapping[str, Mapping[str, str]]) -> bool:
    """Whether each record's attributes are those of its zone."""
    unit = run.problem.schema.unit.name
    zones = run.tables[unit][run.problem.zones.names[0]].to_list() if run.problem.zones is not None else []
    words = {True: "yes", False: "no"}
    return all(
        [kinds[zone] for zone in zones] == [words.get(value, value) for value in run.tables[unit][name].to_list()]
        for name, kinds in told.items()
    )


@pytest.mark.slow
def test_zones_with_equal_tables_differ_as_is_believed_of_their_kinds(tmp_path: Path) -> None:
    run = made(place({"a": 1000, "b": 1000, "c": 200}, KINDS))
    assert run.verdict.startswith("Met: "), run.verdict
    shares = with_car(run, "taz")
    assert shares["a"] < 0.25
    assert shares["b"] > 0.75
    assert abs(shares["a"] - shares["c"]) < 0.1  # 200 records of the same kind: three standard errors
    assert agrees(run, KINDS)
    assert made(place({"a": 1000, "b": 1000, "c": 200}, KINDS)).records.equals(run.records)
    run.write(tmp_path / "out")
    again = synthor.open(tmp_path / "out")
    assert again.records.equals(run.records)
    assert again.measurement.verdict == run.measurement.verdict


def test_without_a_belief_kinds_are_alike_but_for_what_tables_say() -> None:
    run = made(place({"a": 1000, "b": 1000, "c": 200}, KINDS), {})
    shares = with_car(run, "setting")
    assert abs(shares["urban"] - shares["rural"]) < 0.07


def test_the_region_knows_each_table_of_zones_by_kind() -> None:
    region = compile_problem(Spec.collected(place({"a": 100, "b": 50, "c": 20}, KINDS))).region
    sizes = region.targets[0]
    assert [variable.name for variable in sizes.variables] == ["setting", "size"]
    assert sizes.wanted.tolist() == [60, 36, 24, 25, 15, 10]
    known = region.marginal(region.schema.unit.position("setting"))
    assert known is not None
    assert known.tolist() == pytest.approx([120 / 170, 50 / 170])


@pytest.mark.slow
def test_several_attributes_of_which_some_kinds_have_one_zone_or_no_record() -> None:
    told = {
        "setting": {"a": "urban", "b": "rural", "c": "urban", "d": "suburban", "e": "remote"},
        "campus": {"a": "yes", "b": "no", "c": "no", "d": "no", "e": "no"},
        "income": {"a": "3", "b": "1", "c": "2", "d": "10", "e": "1"},
    }
    belief = {
        "dependencies": [
            {"given": "campus", "of": "car", "rows": [[20, 80], [95, 5]], "confidence": 0.9},
            {"given": "income", "of": "size", "rows": [[25, 25, 50], [40, 30, 30], [50, 30, 20], [80, 15, 5]]},
        ]
    }
    run = made(place({"a": 400, "b": 400, "c": 200, "d": 100, "e": 0}, told), belief)
    assert run.verdict.startswith("Met: "), run.verdict
    assert agrees(run, told)
    assert run.problem.variables["income"].labels == ("1", "2", "3", "10")
    assert "remote" in run.problem.variables["setting"].labels
    shares = with_car(run, "campus")
    assert shares[True] < shares[False] - 0.3


def hamlets() -> tuple[dict[str, Any], dict[str, dict[str, str]]]:
    """Zones of households with their persons, all with the same tables, and what these zones are."""
    zones, each = [f"z{zone}" for zone in range(6)], 60
    ages = {"0-17": 20, "18+": 100}
    rows = [{"taz": zone, "size": size, "count": int(share * each)} for zone in zones for size, share in SIZES.items()]
    persons = [{"taz": zone, "age": age, "count": count} for zone in zones for age, count in ages.items()]
    told = {"setting": {zone: "urban" if at % 2 else "rural" for at, zone in enumerate(zones)}}
    spec = {
        "unit": "household",
        "records": len(zones) * each,
        "random_seed": 1,
        "variables": {
            "size": {"type": "integer", "min": 1, "max": 5, "bins": [1, 2, 3], "from": "count(person)"},
            "car": {"type": "boolean"},
        },
        "members": {
            "person": {
                "number": {"min": 1, "max": 5},
                "variables": {
                    "age": {"type": "integer", "min": 0, "max": 90, "bins": [0, 18]},
                    "works": {"type": "boolean"},
                },
            }
        },
        "zones": {"key": "taz", "attributes": told},
        "targets": [{"table": rows}, {"rows": "person", "table": persons}, {"counts": {"car": {"yes": 180, "no": 180}}}],
    }
    return spec, told


@pytest.mark.slow
def test_households_with_their_persons_differ_by_the_kind_of_their_zone() -> None:
    spec, told = hamlets()
    belief = {
        "dependencies": [
            {"given": "setting", "of": "car", "rows": [[15, 85], [85, 15]], "confidence": 0.9},
            {"given": "setting", "of": "works", "rows": [[70, 30], [20, 80]], "confidence": 0.9},
        ]
    }
    run = made(spec, belief)
    assert run.verdict.startswith("Met: "), run.verdict
    assert agrees(run, told)
    households = run.tables["household"]
    shares = dict(households.group_by("setting").agg(pl.col("car").mean()).rows())
    assert shares["rural"] > shares["urban"] + 0.4
    people = run.tables["person"].join(households, on="household_id")
    work = dict(people.group_by("setting").agg(pl.col("works").mean()).rows())
    assert work["urban"] > work["rural"] + 0.2
    with workers(2):
        assert made(spec, belief).tables["person"].equals(run.tables["person"])


FILE = "TAZ,setting,campus,tract,x\na,urban,yes,n,1\nb,rural,no,s,2\nc,urban,no,n,3\n"


@pytest.mark.parametrize(
    ("zones", "columns"),
    [
        ({"attributes": "zones.csv"}, {"x": None}),
        ({"attributes": {"setting": "zones.csv", "campus": "zones.csv"}}, {}),
        ({"attributes": {"setting": "kinds.csv", "campus": {"a": "yes", "b": "no", "c": "no"}}}, {"place": "setting"}),
    ],
)
def test_attributes_are_read_from_a_file_with_crosswalks_beside_them(
    tmp_path: Path, zones: dict[str, object], columns: dict[str, str | None]
) -> None:
    (tmp_path / "zones.csv").write_text(FILE)
    (tmp_path / "kinds.csv").write_text("tract,place\nn,urban\ns,rural\n")
    written = place({"a": 100, "b": 100, "c": 20}, None, columns=columns)
    written["zones"] = {"key": "taz", "within": {"tract": "zones.csv"}, **zones}
    spec = Spec.collected(written).placed_in(tmp_path)
    run = synthesize(spec, prior=Prior.model_validate(BELIEF))
    assert run.verdict.startswith("Met: ")
    assert agrees(run, {**KINDS, "campus": {"a": "yes", "b": "no", "c": "no"}})
    assert run.records.columns == ["size", "car", "setting", "campus", "taz", "tract"]
    assert "zones.csv" in synthor.prior.elicit.sources(spec)
    assert not check(spec)


@pytest.mark.slow
def test_in_python_attributes_may_be_a_frame() -> None:
    frame = pl.DataFrame({"taz": ["a", "b", "c"], "setting": ["urban", "rural", "urban"], "campus": [True, False, False]})
    for given in (frame, {"setting": frame, "campus": frame}):
        run = made(place({"a": 100, "b": 100, "c": 20}, given))
        assert agrees(run, {**KINDS, "campus": {"a": "yes", "b": "no", "c": "no"}})


def test_numbers_are_told_in_bins_and_declared_attributes_are_taken_from_there() -> None:
    spec = place({"a": 100, "b": 100, "c": 20}, {"rent": {"a": "950", "b": "700.5", "c": 800}})
    rent = {"type": "number", "min": 0, "max": 2000, "bins": [0, 800], "labels": ["cheap", "dear"], "about": "Median rent."}
    spec["variables"] = {"rent": rent, **spec["variables"]}
    run = made(spec, {})
    assert dict(run.records.select("taz", "rent").unique().rows()) == {"a": "dear", "b": "cheap", "c": "dear"}
    assert run.problem.variables["rent"].about == "Median rent."


def test_rules_universes_and_targets_speak_of_attributes() -> None:
    spec = place({"a": 100, "b": 100, "c": 20}, KINDS)
    spec["rules"] = [{"never": "setting = 'urban' and size > 2 and car"}]
    spec["targets"] = [
        spec["targets"][0],
        {"table": [{"setting": s, "car": c, "count": n} for s, c, n in (
            ("urban", "yes", 30), ("urban", "no", 90), ("rural", "yes", 80), ("rural", "no", 20))]},
        {"where": "setting = 'rural' and car", "counts": {"size": {"1": 50, "2": 20, "3+": 10}}},
    ]  # fmt: skip
    run = made(spec)
    assert run.verdict.startswith("Met: "), run.verdict
    records = run.records
    assert not records.filter((pl.col("setting") == "urban") & (pl.col("size") > 2) & pl.col("car")).height


def test_tables_by_kind_are_set_against_those_of_zones() -> None:
    spec = place({"a": 100, "b": 100, "c": 20}, KINDS)
    counts = {("urban", "1"): 70, ("urban", "2"): 26, ("urban", "3+"): 24}
    counts |= {("rural", "1"): 40, ("rural", "2"): 40, ("rural", "3+"): 20}
    rows = [{"setting": setting, "size": size, "count": n} for (setting, size), n in counts.items()]
    spec["targets"].append({"name": "kinds", "table": rows})
    found = [str(finding) for finding in check(Spec.collected(spec))]
    assert len(found) == 1
    assert "'sizes (added up by setting)'" in found[0]
    assert "kinds" in found[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("taz,setting\na,urban\nb,rural\n", "does not say the setting of c; add a row for each of them"),
        ("taz,setting\na,urban\nb,rural\nc,\n", "row 4: taz 'c' has no setting; fill it in"),
        ("taz,setting\na,urban\nb,rural\nc,urban\nc,rural\n", "row 5: taz 'c' has setting 'urban' and setting 'rural'"),
        ("taz,setting\n1,urban\n2,rural\n", "tells the setting of no taz of the tables: there 1, 2, in the tables a, b, c"),
        ("zone,setting\na,urban\n", "has no column 'taz', so it does not say whose attributes"),
        ("taz,setting\n", "the table has no rows"),
        ("taz,Area (km2)\na,1\nb,1\nc,1\n", "'Area (km2)' cannot name an attribute; call it by letters"),
        ("taz,records_id\na,1\nb,1\nc,1\n", "'records_id' is a key, too"),
        ("taz,car\na,yes\nb,no\nc,maybe\n", "taz 'c' has car 'maybe', which is none of its values"),
        ("taz,setting,setting\na,1,1\nb,1,1\nc,1,1\n", "has two columns 'setting'"),
        ("taz,\na,1\nb,1\nc,1\n", "has a column without a name"),
        (",setting\na,urban\n", "has no column 'taz'"),
    ],
)
def test_wrong_files_are_told_with_place_and_cure(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "zones.csv").write_text(text)
    spec = Spec.collected(place({"a": 100, "b": 100, "c": 20}, "zones.csv")).placed_in(tmp_path)
    found = [str(finding) for finding in check(spec)]
    assert any(said in finding for finding in found), found
    assert all(finding.startswith(("zones.csv", "zones.attributes")) for finding in found)


def test_other_zones_are_left_out_and_told() -> None:
    spec = place({"a": 100, "b": 100, "c": 20}, {"setting": {**KINDS["setting"], "x": "rural", "y": "remote"}})
    problem = compile_problem(Spec.collected(spec))
    assert problem.warnings == ("zones.attributes.setting: taz x, y are in none of the tables; nothing is made of them",)
    assert problem.variables["setting"].labels == ("urban", "rural")


def test_many_values_are_refused_with_bins_to_declare() -> None:
    zones = {f"z{place}": 10 for place in range(20)}
    rents = {zone: str(500 + 10 * at) for at, zone in enumerate(zones)}
    spec = place(zones, {"rent": rents})
    with pytest.raises(InputError) as refused:
        compile_problem(Spec.collected(spec))
    cure = "rent: {type: integer, min: 500, max: 690, bins: [500, 550, 600, 650]}"
    assert cure in str(refused.value)
    spec["variables"]["rent"] = parse_spec(f"{{records: 1, variables: {{{cure}}}}}").variables["rent"].model_dump()
    assert compile_problem(Spec.collected(spec)).variables["rent"].size == 4
    with pytest.raises(InputError, match="12 at most; put them into fewer groups"):
        compile_problem(Spec.collected(place(zones, {"name": {zone: f"the {zone}" for zone in zones}})))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"attributes": {"taz": {"a": "1"}}}, "'taz' is what areas are called, too"),
        ({"attributes": "nowhere.csv"}, "nowhere.csv"),
        ({"attributes": {"setting": {"a": "urban"}}}, ".setting: does not say the setting of b, c; add b: ..., c: ..."),
    ],
)
def test_what_a_spec_itself_says_wrongly_is_told(changed: dict[str, object], said: str) -> None:
    spec = place({"a": 100, "b": 100, "c": 20}, None)
    spec["zones"] |= changed
    found = [str(finding) for finding in check(Spec.collected(spec))]
    assert any(said in finding for finding in found), found


def test_a_table_of_zones_has_no_column_of_their_kind() -> None:
    spec = place({"a": 100, "b": 100, "c": 20}, KINDS)
    for row in spec["targets"][0]["table"]:
        row["setting"] = KINDS["setting"][row["taz"]]
    found = [str(finding) for finding in check(Spec.collected(spec))]
    assert any("has columns of taz and of setting; each taz has one setting" in finding for finding in found), found
    spec["columns"] = {"setting": None}
    assert not check(Spec.collected(spec))


def test_a_model_is_asked_for_kinds_of_zones_and_never_for_zones() -> None:
    region = compile_problem(Spec.collected(place({"a": 100, "b": 100, "c": 20}, KINDS))).region
    assert [str(pair) for pair in all_pairs(region)] == ["car given setting", "car given size"]
    scene = plain_scene(region)
    told = scene.by_name["setting"]
    assert told.variable.about == "What kind of place the zone (taz) is that it lies in; all in one zone have the same."
    assert "taz" not in scene.by_name
    assert scene.share("setting").tolist() == pytest.approx([120 / 220, 100 / 220])


def test_rules_are_set_against_tables_of_zones_by_kind() -> None:
    spec = place({"a": 100, "b": 100, "c": 20}, KINDS, rules=[{"never": "setting = 'rural' and size > 2"}])
    assert [str(finding) for finding in check(Spec.collected(spec))] == [
        "sizes (added up by setting): 20 wanted in cell (rural, 3+), but the rule `setting = 'rural' and size > 2` forbids it; "
        "correct the table or strike the rule"
    ]
    spec["rules"] = [{"never": "setting = 'rural' and car"}, {"never": "setting = 'rural' and not car"}]
    with pytest.raises(InputError, match=r"100 are to lie in zones of one kind \(setting rural\)"):
        made(spec)


@pytest.mark.slow
def test_real_records_may_say_nothing_of_what_zones_are() -> None:
    run = made(place({"a": 100, "b": 100, "c": 20}, KINDS))
    real = run.records.select("size", "car")
    assert run.evaluate(real).views["records"].n_pairs == 1
    assert (
        run.evaluate(run.records.select("size", "car", "setting")).views["records"].n_pairs == 2
    )  # a table of zones tells the third
    again = made(place({"a": 100, "b": 100, "c": 20}, KINDS, sample={"file": real}), {})
    assert with_car(again, "size")


def test_a_spec_in_words_tells_what_zones_are() -> None:
    spec = Spec.collected(place({"a": 100, "b": 100, "c": 20}, KINDS))
    told = {section.heading: section.lines for section in explain(spec, compile_problem(spec))}
    assert told["What zones are (1)"] == (
        "setting is the same for all in one taz: urban in 2, rural in 1.",
        "Beliefs are of kinds of zones (setting), never of each taz.",
    )
    assert told["What no table says"] == (
        "No table holds these together, so they will be independent of each other: setting with car and size with car.",
    )


@pytest.mark.slow
def test_a_scenario_speaks_of_kinds_of_zones_and_tables_by_kind_follow(tmp_path: Path) -> None:
    spec = place({"a": 100, "b": 100, "c": 20}, KINDS)
    counts = {("urban", "yes"): 40, ("urban", "no"): 80, ("rural", "yes"): 70, ("rural", "no"): 30}
    rows = [{"setting": setting, "car": car, "count": n} for (setting, car), n in counts.items()]
    spec["targets"].append({"name": "kinds", "table": rows})
    changes = [{"target": "sizes", "where": "setting = 'urban' and size = 1", "change": "+20%"}]
    (tmp_path / "growth.yaml").write_text(json.dumps({"changes": changes}))
    beliefs = Prior.model_validate(BELIEF)
    changed = applied(Spec.collected(spec), tmp_path / "growth.yaml", prior=beliefs)
    assert changed.records == 232
    run = synthesize(changed, prior=beliefs)
    assert run.verdict.startswith("Met: ")
    assert run.records["setting"].value_counts(sort=True)["count"].to_list() == [132, 100]


@pytest.mark.slow
def test_a_spec_made_in_python_names_the_file_of_attributes_rightly_where_it_is_written(tmp_path: Path) -> None:
    (tmp_path / "zones.csv").write_text("taz,setting\na,urban\nb,rural\nc,urban\n")
    for given in ("zones.csv", {"setting": "zones.csv"}):
        spec = Spec.collected(place({"a": 100, "b": 100, "c": 20}, given)).placed_in(tmp_path)
        run = synthesize(spec, prior=Prior())
        out = tmp_path / f"out {type(given).__name__}"
        run.write(out)
        assert "../zones.csv" in (out / "spec.yaml").read_text()
        assert synthesize(out / "spec.yaml").records.equals(run.records)
