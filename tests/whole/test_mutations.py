"""Whatever is done to a spec or its tables, `check` ends soon, with findings or with success, never with a traceback.

`SYNTHOR_MUTATIONS=20000` tries so many, other ones each time; unless it is set, 300 are tried, the same each time.
"""

import csv
import io
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from rich.console import Console

from synthor import InputError, check, compile_problem, load_spec
from synthor.errors import Finding
from synthor.report.terminal import findings_list

N_MUTATIONS = int(os.environ.get("SYNTHOR_MUTATIONS", "300"))
LONGEST_SECONDS = 5.0

VARIABLES = """
records: 1000
variables:
  sex: {type: category, values: [male, female]}
  age: {type: integer, min: 0, max: 99, bins: [0, 16, 25, 65]}
  tenure: {type: category, values: [owned, rented, rent free]}
  works: {type: boolean}
  income: {type: number, min: 0, max: 100000, bins: [0, 20000, 50000], labels: [low, middle, high]}
  home: {type: category, values: ["01001", "01003", "01005"]}
  job: {type: category, values: ["01001", "01003", "01005"]}
"""
FLOWS = (("01001", "01001", 300), ("01001", "01003", 200), ("01003", "01005", 400), ("01005", "01001", 100))


def workbook(rows: list[list[object]]) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    for row in rows:
        sheet.append(row)
    held = io.BytesIO()
    book.save(held)
    return held.getvalue()


SHEET: list[list[object]] = [["Table 2"], ["Sex", "Number", "MOE"], ["Male", 490, 12], ["Female", 510, 14], ["Total", 1000, 0]]
SEEDS: tuple[tuple[str, dict[str, bytes]], ...] = (
    (
        "targets:\n  - {name: a, table: t.csv, margin_of_error: moe, confidence: 0.95}\n"
        "  - {table: u.csv, suppressed: {below: 10, marks: [z]}}\n",
        {
            "t.csv": b"sex,works,count,moe\nmale,yes,250,12\nmale,no,240,12\nfemale,yes,200,11\nfemale,no,310,15\n",
            "u.csv": b"tenure,count\nowned,600\nrented,395\nrent free,z\n",
        },
    ),
    (
        "targets:\n  - table: t.csv\n  - {table: u.csv, layout: {wide: [sex, works]}}\n",
        {
            "t.csv": b'Table 7\n\nAge,Male,Female,Total\nUnder 16,100,90,190\n16 to 24 years,80,70,150\n25-64,260,270,"530"\n'
            b'65 and over,50,80,130\nAll,490,510,"1,000"\nSource: invented\n',
            "u.csv": b"Age,Male,,Female,\n,Yes,No,Yes,No\n0-15,0,100,0,90\n16-24,40,40,30,40\n25-64,200,60,170,100\n"
            b"65+,5,45,5,75\n",
        },
    ),
    (
        "columns: {Number: count, Sex: sex}\nlabels: {sex: {Males: male}}\n"
        "targets: [{table: t.xlsx, margin_of_error: MOE, layout: {sheet: 1}}, {table: u.csv, layout: {only: {geo: AT}}}]\n",
        {
            "t.xlsx": workbook(SHEET),
            "u.csv": b"geo\tworks\tunit\tOBS_VALUE\nAT\tyes\tNR\t450\nAT\tno\tNR\t550\nDE\tyes\tNR\t9\n",
        },
    ),
    (
        "targets:\n  - {table: t.csv, by: [sex], where: age >= 16, layout: {decimal: ','}}\n"
        "  - {table: u.csv, groups: {age: {young: [0, 30], old: [30, 100]}, "
        "tenure: {own: [owned], let: [rented, rent free]}}}\n",
        {
            "t.csv": b"sex;works;share\nmale;yes;60,5%\nmale;no;39,5%\nfemale;yes;45,0%\nfemale;no;55,0%\n",
            "u.csv": b"age,tenure,count\nyoung,own,100\nyoung,let,300\nold,own,450\nold,let,150\n",
        },
    ),
    (
        "targets:\n  - {flows: [home, job], table: t.csv, others: free}\n  - {table: u.csv, rounded_to: 5}\n",
        {
            "t.csv": ("home,job,count\n" + "".join(f"{a},{b},{n}\n" for a, b, n in FLOWS)).encode(),
            "u.csv": b"home,count\n01001,500\n01003,400\n01005,100\nTotal,1000\n",
        },
    ),
    (
        "targets:\n  - {mean: income, by: [works], table: t.csv, tolerance: {relative: 1%}}\n"
        "  - {quantiles: income, values: {0.25: 14000, 0.5: 27000}}\n  - {mean: age, value: 40.5}\n  - {sd: age, value: 20}\n"
        "  - {shares: {tenure: {owned: 60, rented: 30, rent free: 10}}}\n  - counts: {works: {yes: 450, no: 550}}\n"
        "  - table: [{sex: male, home: '01001', share: 0.5}, {sex: female, home: '01003', share: 0.5}]\n"
        "rules: [{never: works = 'yes' and age < 16, why: a law}]\nmodel: {name: none}\n",
        {"t.csv": b'works,mean\nyes,"$41,000"\nno,"9,000"\n'},
    ),
)

CELLS = ["", " ", "*", "..", "-", "c", "<10", ">95", "1-4", "-5", "0", "1e999", "NaN", "inf", "1/0", "=1+1", "'", '"', "a\nb"]
ODD = ["[bold]x[/bold]", "[/]", "\u0661\u0662", "\u00bd", "\u00b2", "12\u00a0345", "1.234,5", "50%", "\x1b[31m", "\ufeff", "\r"]
WORDS = [
    "Total",
    "male",
    "Male [1]",
    "count",
    "share",
    "sex",
    "age",
    "(",
    "\\",
    "{0}",
    "%s",
    "${HOME}",
    "1,000",
    "0-15",
    "15-24",
]
TEXTS = st.sampled_from([*CELLS, *ODD, *WORDS, "9" * 400, "x" * 5000])
PIECES = st.one_of(
    TEXTS, st.text(max_size=3), st.sampled_from([",", ";", "\n", "\n\n", "\t", ": ", "- ", "{", "}", "[", "]", "&a ", "*a"])
)
VALUES: st.SearchStrategy[Any] = st.one_of(
    TEXTS,
    st.integers(-5, 10**13),
    st.floats(),
    st.booleans(),
    st.none(),
    st.sampled_from(
        [[], {}, [[]], {"a": {"b": []}}, ["sex"], ["age", "sex"], {"sex": {"male": 1}}, list(range(300)), {"wide": ["age"]}]
    ),
)
ENCODINGS = ("utf-16", "utf-16-le", "utf-8-sig", "latin-1", "cp1250", "cp037", "utf-32")
Files = dict[str, bytes]
Draw = Callable[[st.SearchStrategy[Any]], Any]


def of(draw: Draw, n: int) -> int:
    return int(draw(st.integers(0, max(n - 1, 0))))


def change_bytes(draw: Draw, spec: str, files: Files) -> str:
    name = draw(st.sampled_from(sorted(files)))
    content = files[name]
    at, other = of(draw, len(content) + 1), of(draw, len(content) + 1)
    changed = [
        content[:at] + bytes([content[at] ^ (1 << other % 8)]) + content[at + 1 :] if at < len(content) else content,
        content[:at] + content[at + other % 9 :],
        content[:at] + draw(PIECES).encode("utf-8", "surrogatepass") + content[at:],
        content[:at],
        content[other:] + content[:other],
        content.decode("latin-1").encode(ENCODINGS[at % len(ENCODINGS)], "replace"),
    ]
    files[name] = draw(st.sampled_from(changed))
    return spec


def change_table(draw: Draw, spec: str, files: Files) -> str:
    """Cells, rows and columns of a table."""
    name = draw(st.sampled_from(sorted(files)))
    sheet = name == "t.xlsx"
    mark = "\t" if b"\t" in files[name] else ";" if b";" in files[name] else ","
    text = files[name].decode("utf-8", "replace").replace("\0", "")
    try:
        rows = [list(map(str, row)) for row in SHEET] if sheet else list(csv.reader(text.splitlines(), delimiter=mark))
    except csv.Error:
        return spec
    if not rows:
        return spec
    i, j = of(draw, len(rows)), of(draw, len(rows))
    a, b = of(draw, len(rows[i])), of(draw, len(rows[j]))
    move = draw(
        st.sampled_from(["cell", "cell", "cell", "swap", "drop", "twice", "exchange", "ragged", "less", "column", "without"])
    )
    if move == "cell" and rows[i]:
        rows[i][a] = draw(TEXTS)
    elif move == "swap" and rows[i] and rows[j]:
        rows[i][a], rows[j][b] = rows[j][b], rows[i][a]
    elif move == "drop":
        del rows[i]
    elif move == "twice":
        rows.insert(j, list(rows[i]))
    elif move == "exchange":
        rows[i], rows[j] = rows[j], rows[i]
    elif move == "ragged":
        rows[i].append(draw(TEXTS))
    elif move == "less":
        rows[i] = rows[i][:a]
    elif move == "column":
        rows = [[*row, *row[a : a + 1]] for row in rows]
    elif move == "without":
        rows = [row[:a] + row[a + 1 :] for row in rows]
    if sheet:
        kept = [["".join(c for c in field if c.isprintable())[:100] for field in row] for row in rows]
        files[name] = workbook(
            [[int(field) if field.isdecimal() and len(field) < 9 else field for field in row] for row in kept]
        )
    else:
        held = io.StringIO()
        csv.writer(held, delimiter=mark, lineterminator="\n").writerows(rows)
        files[name] = held.getvalue().encode("utf-8", "surrogatepass")
    return spec


def change_text(draw: Draw, spec: str, files: Files) -> str:
    at, struck = of(draw, len(spec)), of(draw, 12)
    return str(spec[:at] + draw(PIECES) + spec[at + struck :])


def change_tree(draw: Draw, spec: str, files: Files) -> str:
    """Keys and values of the spec."""
    try:
        tree = yaml.load(spec, yaml.CSafeLoader)
    except (yaml.YAMLError, ValueError):
        return spec
    places: list[tuple[Any, Any]] = []
    open_ends = [tree]
    while open_ends:
        node = open_ends.pop()
        keys = list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
        places += [(node, key) for key in keys]
        open_ends += [node[key] for key in keys]
    if not places:
        return spec
    node, key = places[of(draw, len(places))]
    move = draw(st.sampled_from(["drop", "value", "value", "wrap", "into", "name", "many", "from"]))
    if move == "drop":
        del node[key]
    elif move == "value":
        node[key] = draw(VALUES)
    elif move == "wrap":
        node[key] = [node[key]]
    elif move == "into":
        node[key] = {"table": node[key]}
    elif move == "name" and isinstance(node, dict):
        node[draw(PIECES)] = node.pop(key)
    elif move == "many" and isinstance(node, list):
        node.extend([node[key]] * 50)
    elif move == "from":
        other, another = places[of(draw, len(places))]
        part = other[another] if another in (other if isinstance(other, dict) else ()) else 1
        node[key] = yaml.load(yaml.dump(part, Dumper=yaml.CSafeDumper), yaml.CSafeLoader)
    try:
        return str(yaml.dump(tree, Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True))
    except (yaml.YAMLError, RecursionError):
        return spec


def change_names(draw: Draw, spec: str, files: Files) -> str:
    """Names of files, as they are or as the spec says."""
    name = draw(st.sampled_from(sorted(files)))
    other = draw(
        st.sampled_from(
            ["t.csv", "u.csv", "t.xlsx", "t.parquet", "t.tsv", "..", ".", "", "/", "t", "t.CSV", "a/t.csv", "t\0.csv"]
        )
    )
    if draw(st.booleans()) and other not in ("..", ".", "", "/") and "\0" not in other and "/" not in other:
        files[other] = files.pop(name)
        return spec
    return spec.replace(name, other)


CHANGES = {"bytes": change_bytes, "table": change_table, "text": change_text, "tree": change_tree, "names": change_names}
WEIGHTS = {"bytes": 4, "table": 8, "text": 3, "tree": 4, "names": 1}


def shown_in_full(findings: list[Finding]) -> bool:
    """Whether findings are printed as they are: nothing in them is taken for markup, and nothing reaches the terminal."""
    held = io.StringIO()
    Console(file=held, soft_wrap=True, highlight=False, width=10**6).print(findings_list(findings))
    text = held.getvalue()
    return all(str(finding) in text and str(finding).isprintable() for finding in findings)


@pytest.mark.slow
@pytest.mark.parametrize("kind", CHANGES)
def test_no_mutation_ends_in_a_traceback(kind: str, tmp_path: Path) -> None:
    n = N_MUTATIONS * WEIGHTS[kind] // sum(WEIGHTS.values())

    @settings(
        max_examples=n,
        deadline=None,
        derandomize="SYNTHOR_MUTATIONS" not in os.environ,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def try_one(data: st.DataObject) -> None:
        targets, seed = SEEDS[of(data.draw, len(SEEDS))]
        spec, files = VARIABLES + targets, dict(seed)
        for _ in range(1 + of(data.draw, 3)):
            spec = CHANGES[kind](data.draw, spec, files)
        survives(spec, files, tmp_path)

    try_one()


def survives(spec: str, files: Files, folder: Path) -> None:
    """Check a spec with its files as the command does; anything but findings or success fails."""
    for old in folder.iterdir():
        old.unlink()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    (folder / "spec.yaml").write_bytes(spec.encode("utf-8", "surrogatepass"))
    started = time.process_time()
    try:
        loaded = load_spec(folder / "spec.yaml")
        found = check(loaded)
    except InputError as refused:
        found, loaded = list(refused.findings), None
        assert found
    assert time.process_time() - started < LONGEST_SECONDS
    assert all(finding.where and finding.message for finding in found)
    assert shown_in_full(found)
    errors = [finding for finding in found if finding.severity == "error"]
    if loaded is None:
        return
    try:
        compile_problem(loaded)
        refused_with: list[Finding] = []
    except InputError as refused:
        refused_with = list(refused.findings)
    assert refused_with == errors


@pytest.mark.slow
def test_the_seeds_are_good(tmp_path: Path) -> None:
    for targets, files in SEEDS:
        survives(VARIABLES + targets, files, tmp_path)
        errors = [finding for finding in check(load_spec(tmp_path / "spec.yaml")) if finding.severity == "error"]
        assert not errors
