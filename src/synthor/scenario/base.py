"""The run that a scenario is one of: its folder, and the beliefs in it."""

import json
from pathlib import Path

from synthor.errors import Finding, InputError
from synthor.files import PRODUCT, read_text
from synthor.prior.model import Prior
from synthor.scenario.form import ScenarioSpec
from synthor.schema.text import some_of
from synthor.spec.model import Spec

PRIOR, MODEL = "prior.json", "model.json"


def check_base(spec: Spec, form: ScenarioSpec, file: Path, prior: str | Path | Prior | None) -> Spec:
    """The spec with the beliefs of the run that a scenario names; itself where it names none, or beliefs are given.

    Args:
        spec: that the scenario is of.
        form: the scenario.
        file: that it was read from; the run's folder is relative to its folder.
        prior: beliefs that are given.

    Raises:
        InputError: there is no such run, or it was made from another spec.
    """
    if form.base is None:
        return spec
    folder = file.parent / form.base
    beliefs = folder / PRIOR
    if not beliefs.is_file():
        missing = f"'{form.base}' holds no {PRIOR}" if folder.is_dir() else f"there is no folder '{form.base}'"
        cure = f"run the spec without the scenario first, --out {folder}, or correct `base:`"
        raise InputError([Finding(where=f"{file}: base", message=missing, cure=cure)])
    _refuse_another(spec, folder, file)
    if prior is not None:
        return spec
    return spec.model_copy(update={"prior": str(beliefs.resolve())})


def base_files(form: ScenarioSpec, file: Path) -> dict[str, Path]:
    """Files of the run that a scenario names: none of them may be written over by that of the scenario."""
    if form.base is None:
        return {}
    names = (MODEL, "manifest.json")
    return {f"base: {name}": file.parent / form.base / name for name in names if (file.parent / form.base / name).is_file()}


def _refuse_another(spec: Spec, folder: Path, file: Path) -> None:
    """Make sure that a run is of a spec with the same variables.

    Raises:
        InputError: it is not.
    """
    if not (folder / MODEL).is_file():
        return
    try:
        made = json.loads(read_text(folder / MODEL, most=PRODUCT))["spec"]
        variables, members = made["variables"], made.get("members", {})
    except (ValueError, KeyError, TypeError, RecursionError):
        cure = "run its spec again"
        raise InputError([Finding(where=str(folder / MODEL), message="is damaged, or no model of a run", cure=cure)]) from None
    own = spec.model_dump(mode="json", exclude_defaults=True)
    other = [name for name in {**variables, **own["variables"]} if variables.get(name) != own["variables"].get(name)]
    if members != own.get("members", {}):
        other.append("members")
    if other:
        message = f"the run in '{folder}' was made from other variables: it differs in {some_of(sorted(other))}"
        cure = "name the folder of a run of this spec, or run it again"
        raise InputError([Finding(where=f"{file}: base", message=message, cure=cure)])
