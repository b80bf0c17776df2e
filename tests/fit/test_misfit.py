"""Why a run does not meet its targets: contradictions, cells that no record can fall into, and strain."""

import dataclasses
import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from chunks import scattered
from forked import synthor
from synthor import Prior, compile_problem, parse_spec
from synthor.errors import InputError
from synthor.fit.diagnose import Clash, Contradiction
from synthor.fit.model import Model
from synthor.fit.obstacles import keepers
from synthor.fit.status import Status
from synthor.loop import synthesize
from synthor.measure import Explanation, measure
from synthor.prior.model import Dependency, Proposal
from synthor.problem import Problem
from synthor.problem.rulings import BROKEN
from synthor.report.misfit import explain_misfit, strain_tables
from synthor.report.terminal import measurement_table
from synthor.run import Population, draw
from synthor.schema import Units

JOBS = """
records: 10000
variables:
  age: {type: integer, min: 0, max: 99, bins: [0, 16, 25, 65]}
  sex: {type: category, values: [male, female]}
  works: {type: boolean}
targets:
  - name: age by sex
    table:
      - {age: 0-15, sex: male, count: 1007}
      - {age: 16-24, sex: male, count: 1203}
      - {age: 25-64, sex: male, count: 1500}
      - {age: 65+, sex: male, count: 500}
      - {age: 0-15, sex: female, count: 1990}
      - {age: 16-24, sex: female, count: 1300}
      - {age: 25-64, sex: female, count: 1500}
      - {age: 65+, sex: female, count: 1000}
  - {name: young workers, where: age >= 16 and age < 25, table: [{works: "yes", count: 600}, {works: "no", count: 1903}]}
  - {name: old workers, where: age >= 25, table: [{works: "yes", count: 3300}, {works: "no", count: 1200}]}
  - {counts: {works: {yes: 4210, no: 5790}}}
rules: [{never: "age < 16 and works = 'yes'", why: no child works}]
"""
DEGREES = """
records: 1000
variables:
  age: {type: integer, min: 0, max: 99, bins: [0, 16, 25, 65]}
  degree: {type: category, values: [none, school, university]}
  works: {type: boolean}
targets:
  - name: degree by age
    table:
      - {age: 0-15, degree: none, count: 190}
      - {age: 0-15, degree: university, count: 10}
      - {age: 16-24, degree: school, count: 300}
      - {age: 25-64, degree: university, count: 300}
      - {age: 65+, degree: none, count: 200}
  - {counts: {works: {yes: 400, no: 600}}}
rules:
  - {never: "degree = 'university' and works = 'no' and age < 20", why: graduates under 20 all work}
  - {never: "age < 16 and works = 'yes'", why: no child works}
"""
PULLED = """
records: 1000
variables: {sex: {type: category, values: [male, female]}, works: {type: boolean}, car: {type: boolean}}
targets:
  - name: works by sex
    table: [{sex: male, works: "yes", count: 100}, {sex: male, works: "no", count: 400},
            {sex: female, works: "yes", count: 400}, {sex: female, works: "no", count: 100}]
  - {counts: {car: {yes: 120, no: 880}}}
"""


def told(run: Population, kind: str) -> list[Explanation]:
    return [explanation for explanation in run.measurement.explanations if explanation.kind == kind]


@pytest.fixture(scope="module")
def jobs() -> Population:
    return synthesize(parse_spec(JOBS))


@pytest.mark.slow
def test_a_contradiction_is_told_with_the_numbers_of_the_tables_and_the_rule_that_makes_it(jobs: Population) -> None:
    (found,) = told(jobs, "contradiction")
    assert found.sentence.endswith("holds: no population can do it.")
    assert "as long as the spec's rule never `age < 16 and works = 'yes'` (no child works) holds" in found.sentence
    lines = " / ".join(found.lines)
    assert "'young workers' (of the records with `age >= 16 and age < 25`) wants 600 for works = yes" in lines
    assert "'old workers' (of the records with `age >= 25`) wants 3,300 for works = yes" in lines
    assert "'works' wants 4,210 for works = yes" in lines
    assert found.promise == "Any one of these changes would be enough:"
    assert set(found.changes) == {
        "'works': works = no 310 more, 6,100 instead of 5,790; works = yes 310 less, 3,900 instead of 4,210",
        "'young workers': works = no 310 less, 1,593 instead of 1,903; works = yes 310 more, 910 instead of 600",
        "'old workers': works = no 310 less, 890 instead of 1,200; works = yes 310 more, 3,610 instead of 3,300",
    }
    assert found.cure == "Correct these tables or give them a tolerance, or strike the rule in the spec."
    assert found.details["proven"] is True


@pytest.mark.long
def test_a_contradiction_without_a_rule_names_none() -> None:
    found = synthesize(parse_spec(JOBS.replace("4210, no: 5790", "7210, no: 2790").partition("rules:")[0]))
    (contradiction,) = told(found, "contradiction")
    assert "rule" not in contradiction.sentence + contradiction.cure
    assert "no population can do it" in contradiction.sentence


@pytest.mark.slow
def test_a_cell_that_rules_forbid_together_names_them_and_the_cure() -> None:
    (found,) = told(synthesize(parse_spec(DEGREES)), "unsupported")
    assert found.sentence == "'degree by age' wants 10 for age = 0-15, degree = university, but no record can be there:"
    assert found.lines == (
        "the spec's rule never `degree = 'university' and works = 'no' and age < 20` (graduates under 20 all work) and the "
        "spec's rule never `age < 16 and works = 'yes'` (no child works) leave nothing there together",
    )
    assert found.cure == "Correct 'degree by age', or strike one of these rules in the spec."
    assert [obstacle["why"] for obstacle in found.details["kept_empty_by"][0]] == [
        "graduates under 20 all work",
        "no child works",
    ]


@pytest.mark.slow
def test_empty_cells_of_another_table_are_named_as_what_leaves_nothing() -> None:
    zero = '{name: works by age, table: [{age: 0-15, works: "no", count: 200}, {age: 16-24, works: "yes", count: 300},'
    zero += ' {age: 25-64, works: "no", count: 300}, {age: 65+, works: "no", count: 200}]}'
    spec = DEGREES.replace("{counts: {works: {yes: 400, no: 600}}}", zero).replace("age < 16 and works = 'yes'", "age < 0")
    spec = spec.replace('{never: "age < 0", why: no child works}', "{never: \"age > 98 and works = 'yes'\"}")
    (found,) = told(synthesize(parse_spec(spec)), "unsupported")
    assert "the cells of 'works by age' that want 0 leave nothing there together" in found.lines[0]
    assert "correct 'works by age'" in found.cure


def test_strain_says_what_was_believed_and_what_the_table_says() -> None:
    believed = Dependency(given="sex", of="works", rows=[[20, 80], [80, 20]])
    run = synthesize(parse_spec(PULLED), prior=Prior(dependencies=[believed]))
    strained = told(run, "target")[0]
    assert strained.notable
    assert "'works by sex' pulls by 0.83 nats" in strained.sentence
    assert "the table has 40% and the believed table says 10%" in strained.sentence
    assert told(run, "belief")[0].sentence.startswith("The belief 'works given sex' gave way by 0.83 nats")


def test_strain_of_a_one_way_table_is_measured_against_the_proposals_as_they_were_written() -> None:
    even = {"sex": {"male": 50, "female": 50}, "works": {"yes": 50, "no": 50}}
    plan = [Proposal(name="all", share=1, values={**even, "car": {"yes": 34, "no": 66}})]
    run = synthesize(parse_spec(PULLED), prior=Prior(proposals=plan))
    car = next(explanation for explanation in told(run, "target") if explanation.details["name"] == "car")
    assert "where the table has 12% and the proposals say 34%" in car.sentence
    assert car.details["strain"] == pytest.approx(0.12 * np.log(0.12 / 0.34) + 0.88 * np.log(0.88 / 0.66), rel=0.05)


def test_what_independence_says_is_nobody_s_belief_and_is_not_told_unasked() -> None:
    run = synthesize(parse_spec(PULLED))
    assert [explanation.notable for explanation in run.measurement.explanations] == [False]
    assert strain_tables(run.model)[0].rows[0].by == "nobody: independence"


@pytest.mark.slow
def test_explanations_are_the_same_from_a_model_that_was_read_again(jobs: Population) -> None:
    again = Model.from_json(jobs.model.to_json())
    for before, after in zip(explain_misfit(jobs.model), explain_misfit(again), strict=True):
        assert (before.sentence, before.lines, before.cure) == (after.sentence, after.lines, after.cure)
    degrees = synthesize(parse_spec(DEGREES)).model
    assert explain_misfit(Model.from_json(degrees.to_json()))[0].lines == explain_misfit(degrees)[0].lines


@pytest.mark.long
def test_two_separate_contradictions_are_both_told() -> None:
    rows = {"a": "x", "b": "y", "c": "z"}
    tables = []
    for one in ("p", "q"):
        for (i, j), same in {("a", "b"): 490, ("a", "c"): 490, ("b", "c"): 10}.items():
            cells = [{f"{one}{i}": v, f"{one}{j}": w, "count": same if v == w else 500 - same} for v in "01" for w in "01"]
            tables.append({"name": f"{one} {i}{j}", "table": cells})
    names = [f"{one}{letter}" for one in ("p", "q") for letter in rows]
    variables = {name: {"type": "category", "values": ["0", "1"]} for name in names}
    run = synthesize(parse_spec(json.dumps({"records": 1000, "variables": variables, "targets": tables})))
    sets = [{clash["target"] for clash in found.details["clashes"]} for found in told(run, "contradiction")]
    assert sorted(map(sorted, sets)) == [["p ab", "p ac", "p bc"], ["q ab", "q ac", "q bc"]]


CATEGORIES = st.lists(st.sampled_from([0, 1, 2]), min_size=1, max_size=2, unique=True)
NAMES = ("a", "b", "c")
PART = st.tuples(st.sampled_from(NAMES), CATEGORIES)
RULES = st.lists(
    st.lists(PART, min_size=2, max_size=3, unique_by=lambda part: part[0]),
    min_size=1,
    max_size=6,
)
ZEROS = st.lists(st.integers(0, 8), max_size=6, unique=True)


def small(rules: list[list[tuple[str, list[int]]]], zeros: list[int]) -> Problem:
    """Three variables of three categories each, one table over the first alone, one over the others with empty cells."""
    texts = [" and ".join(f"{name} in ({', '.join(repr(str(v)) for v in values)})" for name, values in rule) for rule in rules]
    cells = [divmod(flat, 3) for flat in range(9) if flat not in zeros]
    spec: dict[str, Any] = {
        "records": 9 * len(cells),
        "variables": {name: {"type": "category", "values": ["0", "1", "2"]} for name in NAMES},
        "targets": [
            {"counts": {"a": {"0": 3 * len(cells), "1": 3 * len(cells), "2": 3 * len(cells)}}},
            {"name": "b by c", "table": [{"b": str(b), "c": str(c), "count": 9} for b, c in cells]},
        ],
        "rules": [{"never": text} for text in dict.fromkeys(texts)],
    }
    return compile_problem(parse_spec(json.dumps(spec)))


@settings(max_examples=60, deadline=None)
@given(RULES, ZEROS)
@pytest.mark.slow
def test_what_keeps_a_cell_empty_is_found_and_nothing_else(rules: list[list[tuple[str, list[int]]]], zeros: list[int]) -> None:
    try:
        problem = small(rules, zeros)
    except InputError as error:  # a rule that forbids a cell by itself is told by check
        assert "forbids" in str(error)
        return
    everything = np.array(list(itertools.product(range(3), repeat=3)), np.int32)
    empty = problem.targets[1].wanted <= 0

    def left(cell: int, obstacles: list[str]) -> bool:
        """Whether a record can be there, by going through all of them."""
        some = problem.with_only(tuple(rule for rule in problem.rules if rule.text in obstacles))
        free = (some.rulings.state(Units.flat(everything)) < BROKEN) & (everything[:, 0] == cell)
        if "b by c" in obstacles:
            free &= ~empty[3 * everything[:, 1] + everything[:, 2]]
        return bool(free.any())

    every = [rule.text for rule in problem.rules] + ["b by c"]
    for cell in range(3):
        sets = [[obstacle.text for obstacle in together] for together in keepers(problem, problem.targets[0], cell)]
        assert bool(sets) == (not left(cell, every))
        for together in sets:
            assert not left(cell, together)
            assert all(left(cell, [other for other in together if other != one]) for one in together)
        assert left(cell, [one for one in every if not any(one in together for together in sets)])


@pytest.mark.slow
def test_reasons_that_others_wrote_are_escaped_on_the_page(tmp_path: Path) -> None:
    hostile = DEGREES.replace("no child works", "<script>alert(1)</script>")
    synthesize(parse_spec(hostile)).write(tmp_path / "out")
    page = (tmp_path / "out" / "report.html").read_text()
    assert "<script" not in page
    assert page.count("&lt;script&gt;alert(1)") == 2  # in the explanation and in the list of rules


def test_values_inside_bins_count_when_rules_are_looked_at_together() -> None:
    text = """
    records: 10
    variables: {x: {type: integer, min: 0, max: 9, bins: [0, 5]}, y: {type: boolean}}
    targets: [{counts: {x: {0-4: 4, 5+: 6}}}, {counts: {y: {yes: 5, no: 5}}}]
    rules: [{never: x < 2}, {never: x >= 2 and x < 4}, {never: x = 4}, {never: x > 8}]
    """
    problem = compile_problem(parse_spec(text))
    (together,) = keepers(problem, problem.targets[0], 0)
    assert [obstacle.text for obstacle in together] == ["x < 2", "x >= 2 and x < 4", "x = 4"]


@pytest.mark.slow
def test_a_run_tells_in_the_terminal_the_file_and_the_page_why_it_misses(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(DEGREES)
    done = synthor("run", tmp_path / "spec.yaml", "--out", tmp_path / "out")
    assert done.returncode == 1
    sentence = "'degree by age' wants 10 for age = 0-15, degree = university, but no record can be there:"
    assert sentence in done.stdout
    document = json.loads((tmp_path / "out" / "measurement.json").read_text())
    assert document["explanations"][0]["sentence"] == sentence
    page = (tmp_path / "out" / "report.html").read_text()
    assert "What stands in the way" in page
    assert "graduates under 20 all work" in page


TOTALS = """
records: 10
variables: {car: {type: boolean}, x: {type: number, min: 0, max: 9000000, bins: [0, 10]}}
targets:
  - {counts: {car: {yes: 4, no: 6}}}
  - {counts: {car: {yes: 4, no: 6}}}
  - {name: everything, total: x, value: 86123457}
"""


def test_two_tables_of_the_same_variable_are_told_apart_by_numbers() -> None:
    named = [target.name for target in compile_problem(parse_spec(TOTALS)).counts]
    assert named == ["car", "car (2)"]
    taken = TOTALS.replace("{counts: {car: {yes: 4, no: 6}}}", "{name: car, counts: {car: {yes: 4, no: 6}}}", 1)
    assert [target.name for target in compile_problem(parse_spec(taken)).counts] == ["car", "car (2)"]
    both = TOTALS.replace("{counts:", "{name: car, counts:")
    with pytest.raises(InputError, match="2 targets are called 'car'"):
        compile_problem(parse_spec(both))


def test_a_total_is_shown_with_all_digits_that_were_published(tmp_path: Path) -> None:
    records = pl.DataFrame({"car": [True] * 4 + [False] * 6, "x": [4_600_000.4] * 10})
    found = measure(compile_problem(parse_spec(TOTALS)), {"records": records})
    assert "'everything' is 46,000,004 instead of 86,123,457" in found.verdict
    console = Console(width=200)
    with console.capture() as shown:
        console.print(measurement_table(found))
    assert "total: 46,000,004 instead of 86,123,457" in shown.get()


def test_a_mean_of_no_record_is_called_so_everywhere() -> None:
    text = TOTALS.replace("total: x, value: 86123457", "mean: x, where: car, value: 5").replace(
        "yes: 4, no: 6", "yes: 0, no: 10"
    )
    records = pl.DataFrame({"car": [False] * 10, "x": [1.0] * 10})
    found = measure(compile_problem(parse_spec(text)), {"records": records})
    assert "'everything' is no record instead of 5" in found.verdict
    console = Console(width=200)
    with console.capture() as shown:
        console.print(measurement_table(found))
    assert "mean: no record instead of 5" in shown.get()
    assert "nan" not in shown.get() + found.to_json()
    assert json.loads(found.to_json())["targets"][-1]["cells"][0]["got"] is None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("tolerance: {pionts: 3}", "targets[0].tolerance.pionts, row 3: unknown key 'pionts'; did you mean 'points'?"),
        ("layout: {sheat: 3}", "targets[0].layout.sheat, row 3: unknown key 'sheat'; did you mean 'sheet'?"),
        ("suppressed: {belw: 3}", "targets[0].suppressed.belw, row 3: unknown key 'belw'; did you mean 'below'?"),
    ],
)
def test_a_mistyped_key_gets_a_suggestion_of_its_own_level(entry: str, said: str) -> None:
    text = f"records: 1\nvariables: {{car: {{type: boolean}}}}\ntargets: [{{counts: {{car: {{yes: 1}}}}, {entry}}}]\n"
    with pytest.raises(InputError) as raised:
        parse_spec(text)
    assert [str(finding) for finding in raised.value.findings] == [f"spec: {said}"]


@pytest.mark.slow
def test_a_mistyped_key_of_the_sample_gets_a_suggestion_and_an_empty_sample_a_plain_message(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unknown key 'wieght'; did you mean 'weight'"):
        parse_spec("{records: 1, variables: {car: {type: boolean}}, sample: {file: a.csv, wieght: w}}")
    (tmp_path / "a.csv").write_text("car,x\n")
    spec = parse_spec(TOTALS + "sample: {file: a.csv}\n").placed_in(tmp_path)
    with pytest.raises(InputError, match="holds no record, only a header; give a file with one record a row"):
        synthesize(spec)


CARS = """
records: 10
variables: {car: {type: boolean}, tenure: {type: category, values: [owned, rented]}}
targets: [{counts: {car: {yes: 6, no: 4}}}, {counts: {tenure: {owned: 5, rented: 5}}}]
"""


def blamed(text: str) -> Population:
    """Records of a model whose fit is said to have failed, with a contradiction and a cell that nobody falls into."""
    model = synthesize(parse_spec(text)).model
    clash = Clash(target="car", cell="car = yes", wanted=6.0, error=1.0, low=6.0, high=6.0, rises=True, counts=True)
    failed = dataclasses.replace(
        model,
        status=Status.UNSUPPORTED,
        contradictions=(Contradiction(clashes=(clash,)),),
        lacking=((0, 0),),
        unsupported=("car: car = yes",),
    )
    return draw(failed)


def test_nothing_is_blamed_where_the_records_meet_everything(tmp_path: Path) -> None:
    run = blamed(CARS)
    measurement = run.write(tmp_path / "out")
    assert measurement.met
    assert measurement.status == "mended"
    assert [told.kind for told in measurement.explanations if told.kind in ("contradiction", "unsupported")] == []
    assert not [note for note in measurement.notes if "No units were found" in note]
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["status"] == "mended"
    page = (tmp_path / "out" / "report.html").read_text()
    assert "cannot" not in page and "No units were found" not in page and "some were changed" in page


def test_the_blame_stays_where_the_records_do_not_meet_everything() -> None:
    run = blamed(CARS.replace("records: 10", "records: 11").replace("yes: 6", "yes: 7").replace("rented: 5", "rented: 6"))
    units = scattered(run.sample)
    units = dataclasses.replace(units, counts=units.counts - (np.arange(len(units.counts)) == 0))
    measurement = dataclasses.replace(run, sample=dataclasses.replace(run.sample, arrangement=units)).measurement
    assert not measurement.met
    assert measurement.status == "unsupported"
    assert {told.kind for told in measurement.explanations} >= {"contradiction", "unsupported"}
