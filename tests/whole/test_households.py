"""A spec of households with their persons, from tables to files: what follows from members agrees with them, always."""

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from synthor import InputError, Run, check, compile_problem, load_spec, parse_spec, synthesize
from synthor.cli import main  # noqa: F401  adds the verbs
from synthor.cli.app import app
from synthor.fit.model import Model, fit
from synthor.fit.status import Status
from synthor.measure import Tally, measure
from synthor.prior.beliefs import resolve
from synthor.prior.model import Dependency, Marginal, Prior, RuleBelief
from synthor.report.page import render
from synthor.run import Population, remeasure
from synthor.sample.stream import sample
from synthor.store.folder import RunFolder
from synthor.values import possible

TOWN = """
unit: household
records: 300
variables:
  type: {type: category, values: [alone, couple, family, other]}
  tenure: {type: category, values: [owned, rented]}
  persons: {from: count(person), bins: [1, 2, 3, 4]}
  children: {from: "count(person, age < 18)", bins: [0, 1, 2]}
  head_age: {from: head.age, bins: [15, 30, 50, 65]}
  partner_sex: {from: partner.sex}
  eldest: {from: max(person.age)}
  old: {from: "any(person, age >= 65)"}
members:
  person:
    number: {min: 1, max: 8}
    role: relationship
    roles: {head: 1, partner: {max: 1}}
    pairs: {couple: [head, partner]}
    variables:
      relationship: {type: category, values: [head, partner, child, other relative]}
      age: {type: integer, min: 0, max: 99, bins: [0, 15, 25, 45, 65]}
      sex: {type: category, values: [male, female]}
    members:
      trip:
        ordered: true
        number: {max: 4}
        variables: {mode: {type: category, values: [foot, car]}}
  vehicle:
    number: {max: 3}
    variables: {fuel: {type: category, values: [petrol, electric]}}
targets:
  - {counts: {type: {alone: 90, couple: 90, family: 90, other: 30}}}
  - {counts: {persons: {"1": 90, "2": 99, "3": 60, "4+": 51}}}
  - {counts: {children: {"0": 210, "1": 50, "2+": 40}}}
  - {rows: person, count: 702}
  - {table: [{age: 0-14, sex: male, count: 60}, {age: 0-14, sex: female, count: 57}, {age: 15-64, sex: male, count: 225},
             {age: 15-64, sex: female, count: 228}, {age: 65+, sex: male, count: 60}, {age: 65+, sex: female, count: 72}]}
  - {table: [{age: 0-17, tenure: owned, count: 90}, {age: 0-17, tenure: rented, count: 51},
             {age: 18+, tenure: owned, count: 360}, {age: 18+, tenure: rented, count: 201}]}
  - {counts: {relationship: {head: 300, partner: 180, child: 190, other relative: 32}}}
  - {pairs: couple, table: [{head.age: 15-39, partner.age: 15-39, count: 60}, {head.age: 15-39, partner.age: 40+, count: 6},
                            {head.age: 40+, partner.age: 15-39, count: 9}, {head.age: 40+, partner.age: 40+, count: 105}]}
  - {mean: age, by: [sex], table: [{sex: male, mean: 38.0}, {sex: female, mean: 40.5}]}
  - {table: [{mode: foot, sex: male, count: 200}, {mode: foot, sex: female, count: 260}, {mode: car, sex: male, count: 300},
             {mode: car, sex: female, count: 240}]}
  - {counts: {fuel: {petrol: 220, electric: 30}}}
rules:
  - {never: "child.age > head.age - 12"}
  - {never: "type = 'alone' and persons > 1"}
"""


@pytest.fixture(scope="module")
def model() -> Model:
    return fit(compile_problem(parse_spec(TOWN)), Prior(), pool_size=4_000)


@pytest.fixture(scope="module")
def records(model: Model) -> dict[str, pl.DataFrame]:
    return sample(model).chunk(0)


@pytest.mark.slow
def test_tables_of_all_levels_are_met_from_a_spec_alone(model: Model, records: dict[str, pl.DataFrame]) -> None:
    assert model.status is Status.CONVERGED
    found = measure(model.problem, records)
    assert found.met, found.verdict
    assert records["person"].height == 702


@pytest.mark.slow
def test_what_follows_from_members_is_what_they_are(records: dict[str, pl.DataFrame]) -> None:
    role = pl.col("relationship").cast(pl.String)
    told = records["person"].group_by("household_id").agg(
        pl.len().alias("persons"),
        (pl.col("age") < 18).sum().alias("children"),
        pl.col("age").filter(role == "head").first().alias("head_age"),
        pl.col("sex").cast(pl.String).filter(role == "partner").first().alias("partner_sex"),
        pl.col("age").max().alias("eldest"),
        (pl.col("age") >= 65).any().alias("old"),
    )  # fmt: skip
    both = records["household"].join(told, on="household_id", suffix="_told")
    assert both.height == 300
    for name in ("persons", "children", "head_age", "eldest", "old"):
        assert (both[name].cast(pl.Int64) == both[f"{name}_told"].cast(pl.Int64)).all(), name
    assert (both["partner_sex"].cast(pl.String).replace("none", None).eq_missing(both["partner_sex_told"])).all()


def _changed(table: str, column: str, value: pl.Expr) -> Callable[[dict[str, pl.DataFrame]], dict[str, pl.DataFrame]]:
    def change(records: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
        frame = records[table]
        return {**records, table: frame.with_columns(value.cast(frame.schema[column]).alias(column))}

    return change


def _moved(records: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """The head of the last household lives in the one before: all tables of persons are as they were."""
    last, before = records["household"]["household_id"].to_list()[:-3:-1]
    person = records["person"]
    moved = (pl.col("household_id") == last) & (pl.col("relationship").cast(pl.String) == "head")
    key = pl.when(moved).then(pl.lit(before).cast(person.schema["household_id"])).otherwise(pl.col("household_id"))
    moved_in = person.with_columns(key.alias("household_id")).sort("household_id", maintain_order=True)
    own = moved_in.with_row_index("place").select("person_id", "place")
    return {**records, "person": moved_in, "trip": records["trip"].join(own, on="person_id").sort("place").drop("place")}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "told"),
    [
        (_moved, "count(head) <> 1"),
        (_changed("household", "persons", 9 - pl.col("persons").cast(pl.Int64)), "persons <> count(person)"),
        (_changed("household", "children", (pl.col("children") == 0).cast(pl.Int64)), "children <> count(person, age < 18)"),
        (_changed("household", "head_age", 80 - pl.col("head_age").cast(pl.Int64) // 2), "head_age <> head.age"),
        (_changed("household", "old", ~pl.col("old").cast(pl.Boolean)), "old <> any(person, age >= 65)"),
        (_changed("household", "partner_sex", pl.lit("male")), "partner_sex <> partner.sex"),
        (_changed("person", "household_id", pl.col("household_id").first()), "count(person) > 8"),
        (_changed("trip", "person_id", pl.col("person_id").first()), "count(trip) > 4"),
    ],
)
def test_records_that_somebody_changed_are_told_where_members_are_not_as_the_spec_says(
    change: Callable[[dict[str, pl.DataFrame]], dict[str, pl.DataFrame]],
    told: str,
    model: Model,
    records: dict[str, pl.DataFrame],
) -> None:
    found = measure(model.problem, change(records))
    assert not found.met and found.verdict.startswith("Not met")
    assert found.violations[told] > 0 and found.n_broken > 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda records: {name: records[name] for name in ("household", "vehicle", "trip")}, "none of 'person'"),
        (lambda records: records | {"household": records["household"].drop("household_id")}, "'household_id' is missing"),
        (lambda records: records | {"person": records["person"].drop("household_id")}, "'household_id' is missing"),
        (_changed("household", "household_id", pl.col("household_id").first()), "there twice"),
        (_changed("person", "person_id", pl.col("person_id").shift(1)), "it is empty"),
        (_changed("person", "household_id", pl.col("household_id") + 300), "have not"),
        (_changed("person", "household_id", pl.col("household_id").reverse()), "not in the order"),
        (
            lambda records: records | {"person": records["person"].with_columns(pl.col("household_id").cast(pl.String))},
            "holds text",
        ),
    ],
)
def test_keys_that_do_not_fit_are_refused_with_the_table_and_the_cure(
    change: Callable[[dict[str, pl.DataFrame]], dict[str, pl.DataFrame]],
    told: str,
    model: Model,
    records: dict[str, pl.DataFrame],
) -> None:
    with pytest.raises(InputError, match=told):
        measure(model.problem, change(records))


@pytest.mark.slow
def test_a_unit_is_counted_once_whatever_is_wrong_with_its_members(model: Model, records: dict[str, pl.DataFrame]) -> None:
    found = measure(model.problem, records | {name: records[name].head(0) for name in ("person", "trip")})
    assert found.n_broken == 300 and not found.met


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [pl.UInt64, pl.Float64, pl.String, pl.Int32])
def test_keys_of_any_type_are_read(dtype: pl.DataType, model: Model, records: dict[str, pl.DataFrame]) -> None:
    key = pl.col("household_id")
    own = key.cast(pl.UInt64) + pl.lit(2**63, dtype=pl.UInt64) if dtype == pl.UInt64 else key.cast(dtype)
    changed = {name: table.with_columns(own.alias("household_id")) for name, table in records.items() if name != "trip"}
    assert measure(model.problem, records | changed).met
    if dtype in (pl.Float64, pl.Int32):  # as some tool may write one table of them
        assert measure(model.problem, records | {"person": changed["person"]}).met


@pytest.mark.slow
def test_a_folder_of_records_is_measured_against_a_spec_a_level_at_a_time(
    tmp_path: Path, records: dict[str, pl.DataFrame]
) -> None:
    spec = tmp_path / "spec.yaml"
    spec.write_text(TOWN)
    for name, table in records.items():
        table.write_csv(tmp_path / f"{name}.csv")
    found = CliRunner().invoke(app, ["measure", str(spec), str(tmp_path)])
    assert found.exit_code == 0 and "Met: 300 units" in found.output, found.output
    found = CliRunner().invoke(app, ["measure", str(spec), str(tmp_path / "person.csv")])
    assert "name the folder that holds household.parquet" in str(found.exception)
    (tmp_path / "trip.csv").unlink()
    found = CliRunner().invoke(app, ["measure", str(spec), str(tmp_path)])
    assert "trip.parquet or trip.csv" in str(found.exception)


@pytest.mark.slow
@pytest.mark.long
def test_the_page_shows_a_few_households_with_their_members(model: Model, tmp_path: Path) -> None:
    run = Population(model=model, sample=sample(model))
    run.write(tmp_path / "town")
    page = (tmp_path / "town" / "report.html").read_text(encoding="utf-8")
    section = page[page.index('<h2 id="units">') : page.index('<h2 id="values">')]
    shown = [int(key) for key in re.findall(r"<h3>household (\d+)</h3>", section)]
    assert len(shown) == 8 and shown == sorted(shown)
    homes, persons = (pl.read_parquet(tmp_path / "town" / f"{name}.parquet") for name in ("household", "person"))
    sizes = homes.filter(pl.col("household_id").is_in(shown))["persons"].sum()
    assert section.count('<td class="n">') == sizes  # the age of each of theirs
    ages = persons.filter(pl.col("household_id") == shown[0])["age"].to_list()
    assert all(f'<td class="n">{age}</td>' in section for age in ages)
    assert "foot; " in section  # the trips of a person, in one line
    remeasure(RunFolder(tmp_path / "town"))
    assert section in (tmp_path / "town" / "report.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_labels_of_members_are_shown_as_text() -> None:
    spec = parse_spec("""
unit: home
records: 20
variables: {kind: {type: category, values: ["<b>flat</b>"]}}
members: {person: {number: 2, variables: {job: {type: category, values: ["<script>alert(1)</script>"]}}}}
targets: [{rows: person, count: 40}]
""")
    run = synthesize(spec)
    tally = Tally(run.sample.problem)
    tally.add(run.sample.chunk(0))
    page = render(run.model, tally.measurement(), (), examples=tally.examples)
    assert "<script>" not in page and "<b>" not in page and "&lt;script&gt;alert(1)" in page


@pytest.mark.slow
def test_no_candidate_breaks_a_rule(model: Model) -> None:
    problem = model.problem
    assert possible(problem.refined, problem.schema.refine(model.pool.units)).all()
    assert 0 < model.pool.acceptance <= 1


@pytest.mark.slow
@pytest.mark.long
def test_a_model_file_makes_the_same_units_again(model: Model, records: dict[str, pl.DataFrame]) -> None:
    again = sample(Model.from_json(model.to_json())).chunk(0)
    assert all(again[name].equals(table) for name, table in records.items())


@pytest.mark.long
def test_a_belief_about_couples_is_seen_in_couples_and_makes_no_more_of_them() -> None:
    problem = compile_problem(parse_spec(TOWN))
    rows = [[60, 38, 2, 0, 0], [5, 90, 5, 0, 0], [0, 5, 90, 5, 0], [0, 0, 5, 90, 5], [0, 0, 0, 5, 95]]
    told = Prior(dependencies=[Dependency(given="head.age", of="partner.age", rows=rows, confidence=0.95)])
    model = fit(problem, told, pool_size=4_000)
    assert model.status is Status.CONVERGED
    drawn = sample(model).chunk(0)
    assert measure(problem, drawn).met
    role, age = pl.col("relationship").cast(pl.String), pl.col("age")
    couples = drawn["person"].group_by("household_id").agg(
        age.filter(role == "head").first().alias("head"), age.filter(role == "partner").first().alias("partner")
    ).drop_nulls()  # fmt: skip
    assert couples.height == 180
    plain = sample(fit(problem, Prior(), pool_size=4_000)).chunk(0)["person"].group_by("household_id").agg(
        age.filter(role == "head").first().alias("head"), age.filter(role == "partner").first().alias("partner")
    ).drop_nulls()  # fmt: skip

    def gap(table: pl.DataFrame) -> float:
        return float((table["head"] - table["partner"]).abs().mean())  # type: ignore[arg-type]

    assert gap(couples) < 0.75 * gap(plain)


@pytest.mark.long
def test_beliefs_that_contradict_each_other_and_the_targets_give_way_and_leave_candidates() -> None:
    """They are sure of the opposite of what tables say of couples, and of things about children that cannot all be."""
    rows = [[1, 1, 3, 15, 80], [1, 1, 3, 15, 80], [2, 8, 60, 20, 10], [5, 60, 20, 10, 5], [80, 10, 4, 3, 3]]
    either = [[95, 5], [5, 95], [95, 5], [5, 95], [95, 5]]
    told = [
        ("partner.age", "head.age", rows),
        ("child.age", "head.age", rows),
        ("child.age", "partner.age", [row[::-1] for row in rows]),
        ("child.sex", "head.age", either),
    ]
    prior = Prior(dependencies=[Dependency(of=of, given=given, rows=rows, confidence=0.99) for of, given, rows in told])
    problem = compile_problem(parse_spec(TOWN))
    model = fit(problem, prior, pool_size=2_000)
    assert model.status is Status.CONVERGED
    assert model.effective_sample_size > 150
    assert measure(problem, sample(model).chunk(0)).met


EARNINGS = """
unit: household
records: 600
random_seed: 3
variables:
  tenure:   {type: category, values: [owned, rented]}
  earnings: {from: sum(person.earns), bins: [0, 1, 20000, 40000]}
  worked:   {from: "mean(person.hours, earns > 0)", decimals: 0, bins: [0, 20, 35]}
  of_kids:  {from: sum(child.pocket), bins: [0, 10, 30]}
members:
  person:
    number: {max: 5}
    role: relationship
    roles: {head: {max: 1}}
    variables:
      relationship: {type: category, values: [head, child]}
      earns:  {type: integer, min: 0, max: 200000, bins: [0, 1, 15000, 30000]}
      hours:  {type: number, decimals: 1, min: 0, max: 80, bins: [0, 30]}
      pocket: {type: number, decimals: 2, min: 0, max: 50, bins: [0, 20]}
targets:
  - {table: [{tenure: owned, earnings: "0", count: 60}, {tenure: owned, earnings: 1-19999, count: 90},
             {tenure: owned, earnings: 20000-39999, count: 110}, {tenure: owned, earnings: 40000+, count: 140},
             {tenure: rented, earnings: "0", count: 60}, {tenure: rented, earnings: 1-19999, count: 70},
             {tenure: rented, earnings: 20000-39999, count: 50}, {tenure: rented, earnings: 40000+, count: 20}]}
  - {rows: person, count: 1400}
  - {counts: {relationship: {head: 560, child: 840}}}
  - {counts: {worked: {0 to 19: 130, 20 to 34: 190, 35 to 80: 160, none: 120}}}
  - {counts: {of_kids: {0 to 10: 250, 10 to 30: 200, 30 to 250: 150}}}
  - {shares: {earns: {"0": 55, 1-14999: 15, 15000-29999: 20, 30000+: 10}}}
"""


@pytest.mark.slow
def test_sums_and_means_of_members_come_out_in_their_bins() -> None:
    problem = compile_problem(parse_spec(EARNINGS))
    made = sample(fit(problem, Prior(), pool_size=2_000))
    records = made.chunk(0)
    measured = measure(problem, records)
    assert measured.met, measured
    homes, persons = records["household"], records["person"]
    earns = persons.group_by("household_id").agg(
        pl.col("earns").sum().alias("sum"),
        pl.col("hours").filter(pl.col("earns") > 0).mean().alias("mean"),
        pl.col("pocket").filter(pl.col("relationship") == "child").sum().alias("pocket"),
    )
    both = homes.join(earns, on="household_id", how="left").with_columns(pl.col("sum", "pocket").fill_null(0))
    assert both["earnings"].equals(both["sum"].rename("earnings"))
    assert ((both["of_kids"] - both["pocket"]).abs() < 1e-9).all()
    assert both["worked"].is_null().equals(both["mean"].is_null().rename("worked"))
    assert ((both["worked"] - both["mean"]).abs() <= 0.5).all()
    moved = persons.with_columns(pl.when(pl.int_range(pl.len()) == 0).then(199_999).otherwise("earns").alias("earns"))
    assert measure(problem, records | {"person": moved}).violations["earnings <> sum(person.earns)"] == 1


@pytest.mark.slow
@pytest.mark.parametrize("follows", ["max(person.x)", "min(person.x)", "head.x"])
def test_what_is_rounded_lies_in_the_bin_that_was_counted(follows: str) -> None:
    spec = f"""
unit: home
records: 60
variables: {{x_of: {{from: {follows}, decimals: 0, bins: [0, 35, 65]}}}}
members:
  person:
    number: {{min: 1, max: 3}}
    role: who
    roles: {{head: 1}}
    variables:
      who: {{type: category, values: [head, other]}}
      x: {{type: number, decimals: 1, min: 0, max: 99, bins: [0, 18, 70]}}
targets: [{{counts: {{x_of: {{0 to 34: 20, 35 to 64: 20, 65 to 99: 20}}}}}}]
"""
    problem = compile_problem(parse_spec(spec))
    for seed in range(3):  # 34.6 is 35
        assert measure(problem, sample(fit(problem, Prior(), pool_size=300), random_seed=seed).chunk(0)).met


TRIPS = """
unit: household
records: 200
random_seed: 3
context: households
variables:
  persons:  {from: count(person), bins: [1, 2, 3]}
  cars:     {type: category, values: ["0", "1+"]}
  most_trips: {from: max(person.trips), bins: [0, 1, 4]}
  all_trips: {from: count(trip), bins: [0, 1, 5, 10]}
members:
  person:
    number: {min: 1, max: 5}
    role: relationship
    roles: {head: 1}
    variables:
      relationship: {type: category, values: [head, other]}
      age:   {type: integer, min: 0, max: 99, bins: [0, 18, 65]}
      trips: {from: count(trip), bins: [0, 1, 3]}
      km:    {from: sum(trip.km), bins: [0, 1, 10, 50]}
      mode_car: {from: "any(trip, mode = 'car')"}
    members:
      trip:
        number: {max: 8}
        ordered: true
        variables:
          mode: {type: category, values: [car, foot, bus]}
          km: {type: number, decimals: 1, min: 0.5, max: 100, bins: [0.5, 3, 20]}
rules:
  - {never: "trips > 6 and age < 18"}
  - {never: "person.km > 60 and age >= 65"}
targets:
  - {counts: {persons: {"1": 70, "2": 70, "3+": 60}}}
  - {rows: person, count: 430}
  - {counts: {cars: {"0": 60, "1+": 140}}}
  - {shares: {age: {0-17: 20, 18-64: 60, 65+: 20}}}
  - rows: person
    table: [{age: 0-17, trips: "0", count: 18}, {age: 0-17, trips: 1-2, count: 50}, {age: 0-17, trips: 3+, count: 18},
            {age: 18-64, trips: "0", count: 38}, {age: 18-64, trips: 1-2, count: 100}, {age: 18-64, trips: 3+, count: 120},
            {age: 65+, trips: "0", count: 30}, {age: 65+, trips: 1-2, count: 36}, {age: 65+, trips: 3+, count: 20}]
  - {rows: trip, count: 1120}
  - {shares: {mode: {car: 50, foot: 35, bus: 15}}}
  - {counts: {mode_car: {no: 190, yes: 240}}}
  - {rows: person, counts: {km: {"0 to 1": 90, "1 to 10": 140, "10 to 50": 140, "50 to 800": 60}}}
"""


@pytest.mark.parametrize(
    ("follows", "place", "told"),
    [
        ("all_trips: {from: \"sum(person.age, relationship = 'hed')\"", "variables.all_trips", "did you mean 'head'"),
        ('all_trips: {from: "count(person, nope > 3)"', "variables.all_trips", "no variable is called 'nope'"),
        ('all_trips: {from: "mean(person.age, relationship)"', "variables.all_trips", "alone is no condition"),
        ("all_trips: {from: sum(person.trips)", "variables.all_trips", "of what follows itself"),
        ('all_trips: {from: "count(person, age > head.age)"', "variables.all_trips", "'head.age', which another row has"),
        ('all_trips: {from: "count(person, age > km)"', "variables.all_trips", "more than the bins of its variables"),
        ('km:    {from: "sum(trip.km, mood = 3)"', "members.person.variables.km", "did you mean 'mode'"),
    ],
)
def test_what_cannot_follow_is_told_with_its_place(follows: str, place: str, told: str) -> None:
    before = "km:    {from: sum(trip.km)" if follows.startswith("km") else "all_trips: {from: count(trip)"
    found = check(parse_spec(TRIPS.replace(before, follows).replace("bins: [0, 1, 5, 10]", "bins: [0, 1, 4]")))
    assert [finding.where for finding in found if finding.severity == "error"] == [place]
    assert told in str(found[-1])


@pytest.mark.slow
def test_what_persons_have_follows_from_their_trips() -> None:
    problem = compile_problem(parse_spec(TRIPS))
    records = sample(fit(problem, Prior(), pool_size=1_000)).chunk(0)
    measured = measure(problem, records)
    assert measured.met, measured
    homes, persons, trips = (records[name] for name in ("household", "person", "trip"))
    made = trips.group_by("person_id").agg(
        pl.len().alias("n"), pl.col("km").sum().round(1).alias("sum"), (pl.col("mode") == "car").any().alias("car")
    )
    both = persons.join(made, on="person_id", how="left").with_columns(
        pl.col("n", "sum").fill_null(0), pl.col("car").fill_null(False)
    )
    assert (both["trips"] == both["n"]).all()
    assert ((both["km"] - both["sum"]).abs() < 1e-6).all()
    assert (both["mode_car"] == both["car"]).all()
    assert not both.filter((pl.col("n") > 6) & (pl.col("age") < 18) | (pl.col("sum") > 60) & (pl.col("age") >= 65)).height
    told = both.group_by("household_id").agg(pl.col("n").max().alias("most"), pl.col("n").sum().alias("all"))
    of_homes = homes.join(told, on="household_id")
    assert (of_homes["most_trips"] == of_homes["most"]).all()
    assert (of_homes["all_trips"] == of_homes["all"]).all()


@pytest.mark.long
def test_the_page_on_members_is_right(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "members.md").read_text(encoding="utf-8")
    for kind, name in (("yaml", "spec.yaml"), ("json", "beliefs.json")):
        (tmp_path / name).write_text(page.split(f"```{kind}\n")[1].split("```")[0], encoding="utf-8")
    done = CliRunner().invoke(app, ["run", str(tmp_path / "spec.yaml"), "--out", str(tmp_path / "out"), "--format", "csv"])
    assert done.exit_code == 0, done.output
    assert "Met: 1,000 units" in done.output
    homes, persons = (pl.read_csv(tmp_path / "out" / f"{name}.csv") for name in ("household", "person"))
    assert homes.columns == ["household_id", "type", "tenure", "persons", "children"]
    assert persons.columns == ["person_id", "household_id", "relationship", "age", "sex", "income"]
    assert (homes.height, persons.height) == (1000, 2340)
    assert persons.group_by("household_id").len()["len"].sort().equals(homes["persons"].cast(pl.UInt32).sort().rename("len"))
    shown = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "head.age" in shown
    assert "total, counts" in shown  # of persons


@pytest.mark.long
def test_means_of_households_and_of_some_persons_are_met_with_the_tables() -> None:
    income = "  income: {type: number, min: 0, max: 100000, bins: [0, 20000, 50000]}\n  persons: {from"
    means = "  - {mean: income, value: 35000}\n  - {mean: age, where: \"relationship = 'head'\", value: 50}\nrules:"
    text = TOWN.replace("  persons: {from", income, 1).replace("rules:", means, 1)
    problem = compile_problem(parse_spec(text))
    assert measure(problem, sample(fit(problem, Prior(), pool_size=4_000)).chunk(0)).met


ELDERS = """
unit: household
records: 2000
variables:
  rooms: {type: integer, min: 1, max: 40, bins: [1, 2, 3, 4]}
members:
  person:
    number: {min: 1, max: 4}
    variables:
      age: {type: integer, min: 0, max: 110, bins: [0, 20, 40, 60, 70, 80]}
      hours: {type: integer, min: 0, max: 112, bins: [0, 1, 20, 40]}
targets:
  - {counts: {rooms: {"1": 500, "2": 700, "3": 600, "4+": 200}}}
  - {rows: person, count: 4000}
  - {counts: {age: {0-19: 1000, 20-39: 1200, 40-59: 1000, 60-69: 380, 70-79: 260, 80+: 160}}}
  - {counts: {hours: {"0": 1800, 1-19: 700, 20-39: 1000, 40+: 500}}}
"""


@pytest.mark.slow
@pytest.mark.parametrize("more", ["", "  - {mean: age, value: 39}\n", "  - {table: [{age: 85+, count: 75}]}\n"])
def test_values_of_members_fall_off_in_a_thin_end_bin_as_those_of_units_do(more: str) -> None:
    problem = compile_problem(parse_spec(ELDERS + more))
    made = sample(fit(problem, Prior(), pool_size=4_000)).chunk(0)
    assert measure(problem, made).met
    ages, hours = made["person"]["age"], made["person"]["hours"]
    assert ((ages >= 80) & (ages < 85)).sum() > 160 * 0.3  # evenly a sixth
    assert (ages >= 100).sum() < 160 * 0.1  # evenly they would be a third
    assert ((hours >= 40) & (hours < 60)).sum() > 500 * 0.4  # evenly a quarter
    assert (made["household"]["rooms"] < 8).sum() > 1800 + 200 * 0.6


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("{mean: head_age, value: 50}", "'head_age' follows from head.age"),
        ("{total: persons, value: 702}", "'persons' follows from count\\(person\\)"),
        ("{mean: head.age, value: 50}", "belongs to a person"),
        ("{mean: age, pairs: couple, value: 50}", "means, totals and deviations of pairs"),
    ],
)
def test_sums_over_other_rows_than_those_counted_are_refused(target: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        compile_problem(parse_spec(TOWN.replace("rules:", f"  - {target}\nrules:", 1)))


@pytest.mark.parametrize(("total", "most"), [pytest.param(11_500, 400, marks=pytest.mark.long), (20_000, 400), (11_500, 120)])
@pytest.mark.slow
def test_a_total_of_lines_is_met_where_a_rule_bounds_their_sum_in_each_order(total: int, most: int) -> None:
    text = f"""
unit: order
records: 200
variables:
  channel: {{type: category, values: [web, shop]}}
  lines: {{from: count(line), bins: [1, 2, 3, 5]}}
members:
  line:
    number: {{min: 1, max: 6}}
    variables:
      product: {{type: category, values: [book, toy, food]}}
      price: {{type: number, min: 0, max: 200, bins: [0, 10, 50]}}
targets:
  - {{counts: {{lines: {{"1": 60, "2": 60, "3-4": 60, "5+": 20}}}}}}
  - {{counts: {{product: {{book: 200, toy: 60, food: 200}}}}}}
  - {{total: price, value: {total}}}
rules:
  - {{never: "sum(line.price) > {most}"}}
"""
    problem = compile_problem(parse_spec(text))
    made = sample(fit(problem, Prior(), pool_size=4_000)).chunk(0)
    assert measure(problem, made).met
    sums = made["line"].group_by("order_id").agg(pl.col("price").sum())["price"]
    assert sums.max() <= most + 1e-9  # type: ignore[operator]


HOMES = """
unit: household
records: 60
variables:
  area: {type: category, values: [n, s]}
  income: {type: number, min: 0, max: 100, bins: [0, 50]}
  eldest: {from: max(person.age), bins: [0, 30, 60]}
members:
  person:
    number: {min: 1, max: 5}
    role: relationship
    roles: {head: 1, partner: {max: 1}}
    pairs: {couple: [head, partner]}
    variables:
      relationship: {type: category, values: [head, partner, child]}
      age: {type: integer, min: 0, max: 90, bins: [0, 18, 65]}
targets:
  - {counts: {area: {n: 25, s: 35}}}
"""


@pytest.mark.slow
@pytest.mark.parametrize("mean", ["", "  - {mean: income, value: 40}\n"])
@pytest.mark.parametrize("rule", ["income > eldest", "income > eldest and area = 'n'", "income > max(person.age)"])
def test_rules_on_numbers_that_follow_are_kept_by_the_values_written(rule: str, mean: str) -> None:
    problem = compile_problem(parse_spec(f'{HOMES}{mean}rules:\n  - {{never: "{rule}"}}\n'))
    made = sample(fit(problem, Prior(), pool_size=4_000)).chunk(0)
    assert measure(problem, made).met
    homes, persons = made["household"], made["person"]
    eldest = persons.group_by("household_id", maintain_order=True).agg(pl.col("age").max())["age"]
    assert (homes["eldest"] == eldest).all()
    broken = homes["income"] > eldest
    assert not (broken & (homes["area"] == "n")).any() if "area" in rule else not broken.any()


@pytest.mark.long
def test_rules_of_members_on_the_numbers_of_their_unit_draw_these_again() -> None:
    run = synthesize(parse_spec(f'{HOMES}rules:\n  - {{never: "age > income + 50"}}\n'))
    assert run.measurement.met
    averaged = synthesize(parse_spec(f'{HOMES}  - {{mean: income, value: 40}}\nrules:\n  - {{never: "age > income + 50"}}\n'))
    assert not averaged.measurement.n_broken  # its mean may be off then, and is told


@pytest.mark.slow
def test_each_kind_of_members_has_numbers_of_its_own_roles() -> None:
    car = """  vehicle:
    number: {max: 4}
    role: use
    roles: {main: 1}
    variables: {use: {type: category, values: [main, other]}}
"""
    run = synthesize(parse_spec(HOMES.replace("targets:", f"{car}targets:", 1)))
    assert run.measurement.met
    cars = run.tables["vehicle"]
    first = cars.filter(pl.col("use") == "main")["household_id"].value_counts()
    assert (first.height, set(first["count"])) == (run.tables["household"].height, {1})
    assert max(cars["household_id"].value_counts()["count"].to_list()) <= 4


@pytest.mark.long
def test_beliefs_about_members_do_not_hide_why_tables_contradict_each_other() -> None:
    told = Prior(dependencies=[Dependency(given="age", of="relationship", rows=[[0, 0, 100], [50, 40, 10], [60, 35, 5]])])
    couples = "  - {name: couples, pairs: couple, table: [{area: n, count: 26}, {area: s, count: 5}]}\n"
    run = synthesize(parse_spec(HOMES + couples), prior=told)
    assert not run.measurement.met
    assert "26 for area = n" in " ".join(line for one in run.measurement.explanations for line in one.lines)


@pytest.mark.slow
def test_believed_shares_of_a_role_are_those_of_its_members_and_tables_go_before_them() -> None:
    spec = HOMES.replace("records: 60", "records: 600").replace("{n: 25, s: 35}", "{n: 250, s: 350}")
    told = [
        Marginal(of="head.age", percent=[0, 70, 30]),
        Marginal(of="age", percent=[60, 30, 10]),
        Marginal(of="relationship", percent=[50, 10, 40]),
    ]
    run = synthesize(parse_spec(spec), prior=Prior(marginals=told))
    persons = run.sample.chunk(0)["person"].with_columns(pl.col("relationship").cast(pl.String))
    head = persons.filter(pl.col("relationship") == "head")["age"].to_numpy()
    others = persons.filter(pl.col("relationship") != "head")["age"].to_numpy()
    assert not run.model.dropped and run.model.beliefs.sentence == "Beliefs used: 3 marginals."
    assert (head < 18).mean() == 0 and abs((head >= 65).mean() - 0.3) < 0.06
    assert abs((others < 18).mean() - 0.6) < 0.06
    roles = persons["relationship"].to_list()
    assert roles.count("child") > 2 * roles.count("partner")

    table = "  - {counts: {age: {0-17: 600, 18-64: 500, 65+: 100}}}\n"
    met = synthesize(parse_spec(spec + table), prior=Prior(marginals=told))
    assert met.measurement.met
    head = met.sample.chunk(0)["person"].filter(pl.col("relationship").cast(pl.String) == "head")["age"].to_numpy()
    assert (head < 18).mean() < 0.02


def test_believed_shares_that_fit_no_member_are_dropped_with_the_reason() -> None:
    told = [Marginal(of="head.agge", percent=[1, 1, 1]), Marginal(of="head.age", percent=[1, 1])]
    found = resolve(Prior(marginals=told), compile_problem(parse_spec(HOMES)))
    assert not found.of_members
    assert "did you mean 'head.age'" in found.dropped[0].reason and "expected 3" in found.dropped[1].reason


@cache
def homes_alone() -> Run:
    """Homes of which nothing is believed."""
    return synthesize(parse_spec(HOMES))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("never", "broken"),
    [
        ("child.age > head.age - 15", "child"),
        ("head.age < 18", "head"),
        ("age < 18 and relationship = 'partner'", "partner"),
        ("income > eldest", "income"),
    ],
)
def test_believed_rules_may_look_at_members_like_those_of_a_spec(never: str, broken: str) -> None:
    prior = Prior(rules=[RuleBelief(never=never)])
    run = synthesize(parse_spec(HOMES), prior=prior)
    assert not run.model.dropped and run.measurement.met and run.measurement.violations[never] == 0
    without = homes_alone()
    problem = without.model.problem.with_rules(run.model.beliefs.rules)
    assert measure(problem, without.sample.chunk(0)).violations[never] > 0, broken


@pytest.mark.parametrize(
    ("never", "why"),
    [
        ("relationship = 'partner'", "forbids it"),
        ("area = 'n' and relationship = 'partner'", "forbids it"),
        ("age >= 0", "forbids every record"),
        ("head.colour = 'red'", "head.colour"),
    ],
)
def test_believed_rules_on_members_that_cannot_hold_are_dropped_with_the_reason(never: str, why: str) -> None:
    table = "  - table: [{area: n, relationship: head, count: 25}, {area: n, relationship: partner, count: 20}, "
    table += "{area: n, relationship: child, count: 5}, {area: s, relationship: head, count: 35}, "
    table += "{area: s, relationship: partner, count: 5}, {area: s, relationship: child, count: 5}]\n"
    found = resolve(Prior(rules=[RuleBelief(never=never)]), compile_problem(parse_spec(HOMES + table)))
    assert not found.rules and why in found.dropped[0].reason


def test_wide_tables_of_a_member_are_known_where_roles_have_the_same_labels(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("area,head,partner,child\nn,25,10,10\ns,35,10,10\n", encoding="utf-8")
    (tmp_path / "spec.yaml").write_text(f"{HOMES}  - {{table: t.csv}}\n", encoding="utf-8")
    assert compile_problem(load_spec(tmp_path / "spec.yaml")).targets[-1].level == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rules", "told"),
    [
        (["head.age < 18", "head.age > 90"], ""),  # two rules on one variable, of which nothing else is known
        (["head.age < 18", "head.age >= 18"], "no combination of categories is allowed by all rules"),
    ],
)
def test_rules_on_one_variable_of_a_member_are_kept_or_refused_in_words(rules: list[str], told: str) -> None:
    spec = parse_spec(
        "unit: household\nrecords: 20\nvariables: {tenure: {type: category, values: [owned, rented]}}\n"
        "members: {person: {number: {min: 1, max: 3}, role: role, roles: {head: 1}, variables: {"
        "role: {type: category, values: [head, other]}, age: {type: integer, min: 0, max: 99, bins: [0, 18]}}}}\n"
        f"targets: [{{counts: {{tenure: {{owned: 10, rented: 10}}}}}}]\nrules: {[{'never': rule} for rule in rules]}\n"
    )
    if told:
        with pytest.raises(InputError, match=told):
            fit(compile_problem(spec), Prior())
        return
    run = synthesize(spec)
    assert run.measurement.met
    heads = run.tables["person"].filter(pl.col("role") == "head")["age"]
    assert heads.is_between(18, 90).all()


OLDEST = "partner.age > head.age"


@pytest.mark.parametrize(
    ("never", "passed_over"),
    [
        (f"{OLDEST} or child.age > head.age", OLDEST),  # of couples without children, too
        (f"child.age > head.age or {OLDEST}", OLDEST),
        ("type = 'alone' and (child.age >= 0 or persons > 1)", "persons > 1"),
        ("child.age > 60 or child.age > head.age", ""),
        ("child.age > 60 and (type = 'couple' or child.sex = 'male')", ""),  # a child there must be anyway
        ("type = 'alone' or persons > 4", ""),
    ],
)
def test_alternatives_of_which_one_would_be_passed_over_are_refused(never: str, passed_over: str) -> None:
    spec = parse_spec(TOWN.replace("rules:", f'rules:\n  - {{never: "{never}"}}', 1))
    told = [str(finding) for finding in check(spec) if "for each side of `or`" in str(finding)]
    assert bool(told) == bool(passed_over)
    assert all(f"`{passed_over}` would be looked at only where there is 'child'" in line for line in told)
