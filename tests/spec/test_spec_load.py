from pathlib import Path

import pytest
import yaml

from synthor import InputError, Spec, load_spec, parse_spec
from synthor.errors import Finding
from synthor.spec.variables import Category
from violations import published, violations

ROOT = Path(__file__).parents[2]
VALID = """
records: 10
variables:
  car: {type: boolean}
  tenure: {type: category, values: [owned, rented]}
"""


def findings(text: str) -> tuple[Finding, ...]:
    with pytest.raises(InputError) as caught:
        parse_spec(text, source="spec.yaml")
    return caught.value.findings


def finding(text: str) -> Finding:
    (only,) = findings(text)
    return only


def labels(text: str) -> list[str]:
    declared = parse_spec(f"records: 1\nvariables: {{x: {{type: category, values: {text}}}}}").variables["x"]
    assert isinstance(declared, Category)
    return declared.values


# --- What YAML means here -------------------------------------------------------------------------------------------------


def test_words_stay_words() -> None:
    assert labels("[no, yes, on, off, y, n, none, 2020-01-01, 12:30, <15k]") == [
        "no", "yes", "on", "off", "y", "n", "none", "2020-01-01", "12:30", "<15k",
    ]  # fmt: skip


def test_codes_keep_their_leading_zeros() -> None:
    assert labels("[01, 08, 010, 1.5, 7]") == ["01", "08", "010", "1.5", "7"]


def test_keys_are_always_words() -> None:
    (target,) = parse_spec(VALID + "targets: [{counts: {car: {yes: 3, no: 7}}}]").targets
    assert target.counts == {"car": {"yes": 3.0, "no": 7.0}}
    (target,) = parse_spec(VALID + "targets: [{counts: {zone: {01: 3, 1: 4, true: 2, null: 1}}}]").targets
    assert target.counts == {"zone": {"01": 3.0, "1": 4.0, "true": 2.0, "null": 1.0}}


def test_numbers_are_numbers() -> None:
    spec = parse_spec("records: 12\nvariables: {x: {type: number, min: -1.5e3, max: +2., bins: [-1.5e3, .5]}}")
    assert spec.records == 12
    assert spec.variables["x"].build("x").labels == ("-1500 to 0.5", "0.5 to 2")


def test_a_mark_at_the_start_of_the_file_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_bytes(b"\xef\xbb\xbf" + VALID.strip().encode())
    assert load_spec(tmp_path / "spec.yaml").records == 10


def test_an_anchor_may_be_used_twice() -> None:
    spec = parse_spec("records: 1\nvariables:\n  a: &yes_no {type: boolean}\n  b: *yes_no\n")
    assert list(spec.variables) == ["a", "b"]


def test_files_are_looked_for_beside_the_spec(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(VALID)
    assert load_spec(tmp_path / "spec.yaml").folder == tmp_path
    assert load_spec(str(tmp_path / "spec.yaml")).model_dump() == parse_spec(VALID).model_dump()


# --- What is refused, and how ---------------------------------------------------------------------------------------------


def test_a_repeated_key_is_refused_with_both_rows() -> None:
    found = finding("records: 10\nvariables:\n  car: {type: boolean}\n  bus: {type: boolean}\n  car: {type: boolean}\n")
    assert (found.where, found.row, found.label) == ("spec.yaml: variables.car", 5, "car")
    assert "first in row 3" in found.message


def test_a_label_written_twice_is_refused() -> None:
    found = finding(VALID + "targets:\n- counts:\n    tenure:\n      owned: 4\n      rented: 3\n      owned: 3\n")
    assert (found.where, found.row) == ("spec.yaml: targets[0].counts.tenure.owned", 11)


@pytest.mark.parametrize(
    ("text", "where", "row", "cure"),
    [
        ("recrods: 5", "recrods", 6, "records"),
        ("targets:\n  - {tabel: x.csv}", "targets[0].tabel", 7, "table"),
        ("targets:\n  - {table: x.csv}\n  - {table: y.csv, nmae: z}", "targets[1].nmae", 8, "name"),
        ("rules:\n  - never: car\n    wyh: because", "rules[0].wyh", 8, "why"),
        ("model:\n  name: none\n  nam: x", "model.nam", 8, "name"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_one(text: str, where: str, row: int, cure: str) -> None:
    found = finding(VALID + text)
    assert (found.where, found.row) == (f"spec.yaml: {where}", row)
    assert found.message.startswith("unknown key")
    assert found.cure == f"did you mean '{cure}'?"


@pytest.mark.parametrize(
    ("text", "key", "places"),
    [
        ("targets:\n  - {table: x.csv, labels: {car: {Y: true}}}", "labels", "at the top of the spec, for all of it"),
        ("targets:\n  - {table: x.csv, layout: {name: z}}", "name", "in a target"),
        ("targets:\n  - {table: x.csv, wide: [car]}", "wide", "in a target's `layout`"),
        (
            "targets:\n  - {table: x.csv, columns: {c: car}}",
            "columns",
            "at the top of the spec, for all of it or in a target's `layout`",
        ),
        ("tolerance: {points: 1}", "tolerance", "in a target"),
    ],
)
def test_a_key_at_a_wrong_place_is_told_where_it_belongs(text: str, key: str, places: str) -> None:
    found = finding(VALID + text)
    assert (found.message, found.cure) == (f"unknown key '{key}'", f"`{key}:` stands {places}")


def test_an_unknown_key_of_a_variable_is_compared_with_those_of_its_type() -> None:
    found = finding("records: 1\nvariables:\n  x:\n    type: integer\n    min: 0\n    max: 3\n    binz: [0]\n")
    assert (found.row, found.cure) == (7, "did you mean 'bins'?")


def test_a_missing_key_is_named() -> None:
    found = finding("variables: {car: {type: boolean}}")
    assert (found.where, found.row, found.message) == ("spec.yaml", 1, "'records' is missing")
    found = finding("records: 1\nvariables:\n  x: {type: integer, min: 0}\n")
    assert (found.where, found.row, found.message) == ("spec.yaml: variables.x", 3, "'max' is missing")


def test_a_missing_or_unknown_type_is_named() -> None:
    found = finding("records: 1\nvariables: {x: {type: categroy}}")
    assert (found.message, found.cure) == ("unknown type 'categroy'", "did you mean 'category'?")
    found = finding("records: 1\nvariables: {x: {values: [a]}}")
    assert (found.message, found.cure) == ("'type' is missing", "use one of category, boolean, integer, number, identifier")


@pytest.mark.parametrize(
    ("text", "where", "row"),
    [
        ("records: many\nvariables: {car: {type: boolean}}", "records", 1),
        ("records: 2.5\nvariables: {car: {type: boolean}}", "records", 1),
        ("records: 0\nvariables: {car: {type: boolean}}", "records", 1),
        ("records: .inf\nvariables: {car: {type: boolean}}", "records", 1),
        ("records: 1\nvariables: 5", "variables", 2),
        ("records: 1\nvariables: {}", "variables", 2),
        ("records: 1\nvariables: {car: 5}", "variables.car", 2),
        ("records: 1\nrandom_seed: -1\nvariables: {car: {type: boolean}}", "random_seed", 2),
        (VALID + "targets: 5", "targets", 6),
        (VALID + "targets:\n- 5", "targets[0]", 7),
        (VALID + "targets:\n- {table: 5}", "targets[0].table", 7),
        (VALID + "targets:\n- table:\n  - {car: [1], count: 2}", "targets[0].table[0].car", 8),
        (VALID + "targets:\n- counts:\n    car: {yes: many}", "targets[0].counts.car.yes", 8),
        (VALID + "rules: [{never: 5}]", "rules[0].never", 6),
        (VALID + "rules: [{never: ''}]", "rules[0].never", 6),
        (VALID + "model: {name: some model}", "model.name", 6),
    ],
)
def test_a_wrong_type_is_said_once_and_where(text: str, where: str, row: int) -> None:
    found = finding(text)
    assert (found.where, found.row) == (f"spec.yaml: {where}", row)


def test_what_is_of_another_type_is_said_in_words_with_what_to_write() -> None:
    text = VALID + "targets:\n- {counts: {car: {yes: 1}}, by: car, name: [q], tolerance: [1]}"
    assert [str(found).partition(", row 7: ")[2] for found in findings(text)] == [
        "a text is expected, a list was found; write one text, without brackets",
        "a list is expected, 'car' was found; write [car]",
        "keys and values are expected, a list was found; write {key: value, ...}",
    ]


def test_all_problems_are_reported_together_in_the_order_of_the_file() -> None:
    found = findings("""
records: none
variables:
  a b: {type: boolean}
  x: {type: integer, min: 5, max: 1}
  x: {type: integer, mni: 5, max: 1}
targets:
  - {table: x.csv, counts: {x: {1: 2}}}
  - {}
  - {shares: {x: {1: 1}, y: {1: 1}}}
titel: cars
""")
    assert [(entry.where.removeprefix("spec.yaml: "), entry.row) for entry in found] == [
        ("records", 2),
        ("variables.a b", 4),
        ("variables.x", 6),
        ("variables.x", 6),
        ("variables.x.mni", 6),
        ("targets[0]", 8),
        ("targets[1]", 9),
        ("targets[2]", 10),
        ("titel", 11),
    ]
    assert "has table and counts" in found[5].message
    assert "has none" in found[6].message
    assert "one variable, not 2" in found[7].message


@pytest.mark.parametrize("name", ["a b", "1st", "", "income/year", "größe", "count", "Share", "record_id", "weight", "5"])
def test_a_name_that_is_no_identifier_or_reserved_is_refused(name: str) -> None:
    found = finding(f"records: 1\nvariables:\n  ok: {{type: boolean}}\n  '{name}': {{type: boolean}}\n")
    assert (found.row, found.message) == (4, f"'{name}' cannot name a variable")
    assert "letters, digits and _" in found.cure
    with pytest.raises(InputError, match="cannot name a variable"):
        Spec(records=1, variables={name: {"type": "boolean"}})


def test_a_missing_file_is_an_input_error(tmp_path: Path) -> None:
    for path in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(InputError) as caught:
            load_spec(path)
        (found,) = caught.value.findings
        assert found.where == str(path)
        assert found.message.startswith("cannot be read")
        assert found.cure


def test_a_file_in_another_encoding_is_refused_with_the_byte(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_bytes("title: é".encode("latin-1"))
    with pytest.raises(InputError, match=r"is not UTF-8 text \(byte 7\); save it as UTF-8"):
        load_spec(tmp_path / "spec.yaml")


@pytest.mark.parametrize("text", ["", "# nothing but a comment", "- a\n- b", "just words", "5", "!!set {a, b}", "---\n..."])
def test_what_is_no_mapping_is_refused(text: str) -> None:
    found = finding(text)
    assert found.message == "is not a mapping of keys to values"
    assert "records" in found.cure


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("records: 3\n\tvariables: 3", 2),
        ("records: 3\nvariables: {a", 2),
        ("a: 1\n---\nb: 2", 2),
        ("title: 'x", 1),
        ("records: 3\ntitle: \x01", 2),
        ("records: 3\n? [a]\n: 5", 2),
        ("records: *nobody", 1),
        ("records: !!python/object:os.system 5", 1),
        ('records: 3\ntitle: "\\ud83d"', 2),
        ("records: !!bool maybe", None),
        ("records: !!int ''", None),
        ("records: !!timestamp never", None),
        ("records: 1" + "0" * 5000, None),
        ("[" * 5000, None),
    ],
)
def test_what_is_no_yaml_is_refused_with_its_row(text: str, row: int | None) -> None:
    found = finding(text)
    assert found.message.startswith("is not YAML: ")
    assert found.row == row


@pytest.mark.parametrize(
    "text",
    [
        "&a [*a]",
        "&a {records: *a}",
        "records: 1\nvariables: &a {x: *a}",
        "records: 1\nvariables: &a [*a]",
        VALID + "targets: &a [*a]",
        VALID + "targets: &a [{table: *a}]",
        VALID + "targets: [{counts: &a {car: *a}}]",
        VALID + "other: &a {b: *a}",
    ],
)
def test_an_anchor_that_contains_itself_is_an_input_error(text: str) -> None:
    assert findings(text)


# --- The published schema -------------------------------------------------------------------------------------------------


def test_the_schema_accepts_the_example() -> None:
    schema = published()
    written = yaml.load((ROOT / "examples" / "households" / "spec.yaml").read_text(encoding="utf-8"), yaml.CSafeLoader)
    assert violations(written, schema, schema) == []
    assert load_spec(ROOT / "examples" / "households" / "spec.yaml").records == written["records"]


@pytest.mark.parametrize(
    "text",
    [
        "variables: {car: {type: boolean}}",
        "{records: many, variables: {car: {type: boolean}}}",
        "{records: 1, variables: {car: {type: bool}}}",
        "{records: 1, variables: {a b: {type: boolean}}}",
        "{records: 1, variables: {x: {type: integer, min: 1}}}",
        "{records: 1, variables: {x: {type: integer, min: 1, max: 2, binz: [1]}}}",
        "{records: 1, variables: {car: {type: boolean}}, targets: [{tabel: x.csv}]}",
        "{records: 1, variables: {car: {type: boolean}}, rules: [{why: x}]}",
        "{records: 1, variables: {car: {type: boolean}}, model: {name: some}}",
        "{records: 1, variables: {car: {type: boolean}}, titel: x}",
    ],
)
def test_the_schema_refuses_what_the_loader_refuses(text: str) -> None:
    schema = published()
    assert violations(yaml.load(text, yaml.CSafeLoader), schema, schema)
    assert findings(text)


def test_the_schema_accepts_every_form_that_the_loader_accepts() -> None:
    text = """
records: 10
variables:
  zone: {type: category, values: [1, 2, b]}
  size: {type: integer, min: 1, max: 3, labels: [1, 2, many]}
  income: {type: number, min: 0, max: 9.5, bins: [0, 5]}
targets:
  - {table: a.csv}
  - {table: [{zone: 1, size: b, share: 0.5}]}
  - {counts: {zone: {b: 3}}}
  - {shares: {zone: {b: 30.5}}, name: zones}
rules: [{never: size = 1, why: x}]
prior: p.json
model: {name: "replay:a.json"}
"""
    schema = published()
    assert violations(yaml.load(text, yaml.CSafeLoader), schema, schema) == []
    assert parse_spec(text).title == ""


def bomb(levels: int) -> str:
    """Lists of ten times the list before, by aliases."""
    lines = ["a0: &a0 [x, x]", *(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, levels))]
    return "\n".join(lines)


WIDE = "targets:\n  - {table: &t [" + "{sex: a, count: 1}, " * 800 + "]}\n" + "  - {table: *t}\n" * 800


@pytest.mark.parametrize(
    "swelling",
    [
        bomb(12),
        WIDE,
        f"labels: {{sex: &l {{{', '.join(f'k{i}: a' for i in range(999))}}}}}\n"
        + "columns: {"
        + ", ".join(f"c{i}: *l" for i in range(999))
        + "}",
    ],
)
def test_aliases_that_stand_for_very_many_values_are_refused(swelling: str) -> None:
    with pytest.raises(InputError, match=r"its aliases \(such as \*name\) repeat [0-9,]+ values, and 1,000,000 are the most"):
        parse_spec(f"records: 3\nvariables: {{sex: {{type: category, values: [a, b]}}}}\n{swelling}")


def test_aliases_as_people_use_them_are_read() -> None:
    text = "{records: 3, variables: {a: &v {type: category, values: [x, y]}, b: *v, c: *v}"
    text += ", targets: [{counts: {a: &c {x: 1, y: 2}}}"
    spec = parse_spec(text + ", {counts: {b: *c}}]}")
    assert list(spec.variables) == ["a", "b", "c"]
    assert spec.targets[1].counts == {"b": {"x": 1, "y": 2}}


@pytest.mark.parametrize(
    "inner", ["&a {sex: *a}", "&a [*a]", "[" * 900 + "]" * 900, "{a: " * 5000 + "1" + "}" * 5000, "- " * 5000]
)
@pytest.mark.parametrize("key", ["labels", "targets"])
def test_what_holds_itself_or_is_nested_without_end_is_refused(inner: str, key: str) -> None:
    with pytest.raises(InputError):
        parse_spec(f"records: 3\nvariables: {{sex: {{type: boolean}}}}\n{key}: {inner}\n")
