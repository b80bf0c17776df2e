"""What settings.yaml of a set-up says, and which file is which where there is none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from synthor.errors import Finding, InputError
from synthor.files import SPEC, read_text
from synthor.populationsim.sheets import files_in
from synthor.spec.load import refuse_swelling

SETTINGS = "settings.yaml"
CONTROLS, REPOP_CONTROLS = "controls.csv", "repop_controls.csv"
CROSSWALK, HOUSEHOLDS, PERSONS = "geo_cross_walk", "households", "persons"
LEVELS = {HOUSEHOLDS: "household", PERSONS: "person"}
"""What one row of a seed table is called."""
OF_CONTROLS = "_control_data"
"""What the name of a geography's table ends with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InputTable:
    """A file that settings name.

    Attributes:
        file: its name in the folder of data.
        renamed: what its columns are called in the set-up, by their heads in the file.
    """

    file: str
    renamed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetUp:
    """Where the parts of a set-up lie, and what they are called.

    Attributes:
        folder: that the user named.
        configs: folder of the control file.
        data: folder of the tables.
        controls: the control file's name.
        geographies: from large to small; empty where nothing says.
        tables: what settings call a table; empty without settings.
        total: the control of all households.
        weight: column of the seed households' weights; empty where nothing says.
        key: column that joins persons to households, likewise.
        wanted: columns that settings write out, by seed table.
        seed_geography: whose areas the seed households name.
    """

    folder: Path
    configs: Path
    data: Path
    controls: str
    geographies: tuple[str, ...] = ()
    tables: Mapping[str, InputTable] = field(default_factory=dict)
    total: str = "num_hh"
    weight: str = ""
    key: str = ""
    seed_geography: str = ""
    wanted: Mapping[str, Sequence[str]] = field(default_factory=dict)


def set_up_in(folder: Path) -> SetUp:
    """The set-up of a folder: one with `configs` and `data`, or all in one place.

    Raises:
        InputError: there is no such folder, no control file in it, or its settings cannot be read.
    """
    if not folder.is_dir():
        cure = "name the folder of a PopulationSim set-up"
        raise InputError([Finding(where=str(folder), message="no such folder", cure=cure)])
    inner = folder / "configs"
    configs = inner if inner.is_dir() else folder
    said = _settings(configs / SETTINGS) if (configs / SETTINGS).exists() else {}
    where = str(configs / SETTINGS)
    data = folder / _word(said, "data_dir", where, "data")
    data = data if data.is_dir() else folder
    names = [_word(said, "control_file_name", where, CONTROLS), _word(said, "repop_control_file_name", where, REPOP_CONTROLS)]
    controls = next((name for name in names if (configs / name).is_file()), None)
    if controls is None:
        there = files_in(configs)
        cure = f"it is read from {configs}, which holds {', '.join(there[:6])}" if there else "name the folder that holds it"
        raise InputError([Finding(where=str(configs / names[0]), message="there is no control file", cure=cure)])
    return SetUp(
        folder=folder,
        configs=configs,
        data=data,
        controls=controls,
        geographies=_geographies(said, where),
        tables=_tables(said, where, data),
        total=_word(said, "total_hh_control", where, "num_hh"),
        weight=_word(said, "household_weight_col", where, ""),
        key=_word(said, "household_id_col", where, ""),
        seed_geography=_word(said, "seed_geography", where, ""),
        wanted=_wanted(said),
    )


def _settings(path: Path) -> dict[str, Any]:
    """A settings file as a mapping.

    Raises:
        InputError: it is no YAML, or no mapping.
    """
    text = read_text(path, most=SPEC)
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        refuse_swelling(node, str(path))
        found = loader.construct_document(node) if node is not None else None
    except (yaml.YAMLError, RecursionError, ValueError, LookupError, AttributeError, TypeError) as error:
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None) or "a value cannot be read"
        row = mark.line + 1 if mark else None
        cure = "check indentation, colons and quotes"
        raise InputError([Finding(where=str(path), row=row, message=f"is not YAML: {problem}", cure=cure)]) from None
    if not isinstance(found, dict):
        cure = "it begins with keys such as `geographies:`"
        raise InputError([Finding(where=str(path), message="is no mapping of keys to values", cure=cure)])
    return {str(key): value for key, value in found.items()}


def _word(said: Mapping[str, Any], key: str, where: str, otherwise: str) -> str:
    """A setting that is a word."""
    found = said.get(key)
    if found is None:
        return otherwise
    if not isinstance(found, str | int) or not str(found).strip():
        raise InputError([Finding(where=where, message=f"`{key}` is no name", cure=f"write {key}: NAME")])
    return str(found).strip()


def _geographies(said: Mapping[str, Any], where: str) -> tuple[str, ...]:
    found = said.get("geographies")
    if found is None and not said:
        return ()
    if not isinstance(found, list) or not found or not all(isinstance(name, str | int) for name in found):
        cure = "list them from large to small, as in geographies: [REGION, PUMA, TRACT, TAZ]"
        raise InputError([Finding(where=where, message="`geographies` is no list of names", cure=cure)])
    return tuple(str(name) for name in found)


def _tables(said: Mapping[str, Any], where: str, data: Path) -> dict[str, InputTable]:
    """Tables by name; of several by one name the last that is there, as a run and its repopulation list them."""
    found = dict[str, InputTable]()
    listed = said.get("input_table_list") or []
    if not isinstance(listed, list):
        raise InputError([Finding(where=where, message="`input_table_list` is no list", cure="write `- tablename: ...` lines")])
    for at, entry in enumerate(listed):
        place = f"{where}: input_table_list[{at}]"
        if not isinstance(entry, dict) or not isinstance(entry.get("tablename"), str):
            raise InputError([Finding(where=place, message="has no tablename", cure="write tablename: and filename:")])
        file = _word(entry, "filename", place, "")
        if not file:
            continue
        renamed = {**_renaming(entry, "column_map", place), **_renaming(entry, "rename_columns", place)}
        name = str(entry["tablename"])
        if name not in found or (data / file).is_file():
            found[name] = InputTable(file=file, renamed=renamed)
    return found


def _wanted(said: Mapping[str, Any]) -> dict[str, list[str]]:
    """Columns of the seed that are written out; what is said otherwise than as a list of names says none."""
    output = said.get("output_synthetic_population")
    found = dict[str, list[str]]()
    for table in LEVELS:
        told = output.get(table) if isinstance(output, dict) else None
        names = told.get("columns") if isinstance(told, dict) else None
        found[table] = [str(name) for name in names] if isinstance(names, list) else []
    return found


def _renaming(entry: Mapping[str, Any], key: str, place: str) -> dict[str, str]:
    found = entry.get(key)
    if found is None:
        return {}
    if not isinstance(found, dict) or not all(isinstance(name, str | int) for name in found.values()):
        raise InputError([Finding(where=place, message=f"`{key}` is no mapping of names", cure="write THEIR_NAME: NAME")])
    return {str(old): str(new) for old, new in found.items()}
